import { connect, type Socket } from 'node:net'
import type { Drop, Endpoint } from '@brunel/base'
import { isDrop } from '@brunel/base'
import { STREAM_PREFIX, StreamIntake, type StreamRun, streamedIke } from '@brunel/datapath'

/** A peer that does not answer a SYN is given up. Longer: the next attempt comes late. */
const CONNECT_MS = 5000
/** What was sent last has this long to leave after a close. */
const LINGER_MS = 2000
/** TCP's own, which finds dead connections that nobody uses. It says nothing of the IKE peer (RFC 8229 §10). */
const KEEPALIVE_MS = 60_000
/** Octets that a peer leaves unread. More: a peer that reads nothing fills our memory. */
const MOST_UNREAD = 1024 * 1024

export interface ConnectionEvents {
  readonly onOpen: (connection: StreamConnection) => void
  /** The prefix has come. */
  readonly onPrefix: (connection: StreamConnection) => void
  readonly onRuns: (connection: StreamConnection, runs: readonly StreamRun[]) => void
  readonly onRefused: (connection: StreamConnection, drop: Drop) => void
  /** It ended without our asking. */
  readonly onClosed: (connection: StreamConnection, why: string) => void
}

/** One TCP connection that carries IKE and ESP. */
export class StreamConnection {
  readonly stream: number
  readonly remote: Endpoint
  readonly #socket: Socket
  readonly #events: ConnectionEvents
  #local: Endpoint
  #intake: StreamIntake | undefined
  #why = 'closed by the other end'
  #over = false

  private constructor(
    stream: number,
    socket: Socket,
    ends: { readonly local: Endpoint; readonly remote: Endpoint },
    events: ConnectionEvents,
  ) {
    this.stream = stream
    this.remote = ends.remote
    this.#local = ends.local
    this.#socket = socket
    this.#events = events
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEPALIVE_MS)
    socket.on('data', chunk => this.#data(chunk))
    socket.on('error', error => {
      this.#why = (error as NodeJS.ErrnoException).code ?? error.message
    })
    socket.on('close', () => this.#closed())
  }

  static accepted(stream: number, socket: Socket, events: ConnectionEvents): StreamConnection {
    const ends = { local: localOf(socket), remote: remoteOf(socket) }
    const made = new StreamConnection(stream, socket, ends, events)
    made.#intake = new StreamIntake(stream, ends, true)
    return made
  }

  static open(
    stream: number,
    ends: { readonly local: Endpoint; readonly remote: Endpoint },
    events: ConnectionEvents,
  ): StreamConnection {
    const { address, port } = ends.remote
    const wildcard = ends.local.address === '0.0.0.0' || ends.local.address === '::'
    const from = wildcard ? {} : { localAddress: ends.local.address }
    const socket = connect({ host: address, port, ...from })
    const made = new StreamConnection(stream, socket, ends, events)
    socket.setTimeout(CONNECT_MS, () => {
      made.#why = 'no answer'
      socket.destroy()
    })
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.write(STREAM_PREFIX) // RFC 8229 §6: first, and before any message
      made.#local = localOf(socket)
      made.#intake = new StreamIntake(stream, made, false)
      events.onOpen(made)
    })
    return made
  }

  get local(): Endpoint {
    return this.#local
  }

  sendIke(message: Uint8Array): void {
    const whole = streamedIke(message)
    if (whole === undefined || this.#intake === undefined || this.#over) return
    if (this.#socket.writableLength > MOST_UNREAD) return this.#end('the other end reads nothing')
    this.#socket.write(whole)
  }

  /** Messages with their lengths in front; `done` when they are the kernel's. */
  send(bytes: Uint8Array, done: () => void): void {
    if (this.#over) return done()
    this.#socket.write(bytes, done)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** We do not want it any more; nobody is told. */
  close(): void {
    if (this.#over) return
    this.#over = true
    this.#socket.end()
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref()
  }

  /** Of no use: closed at once, and counted. */
  refuse(drop: Drop): void {
    if (this.#over) return
    this.#over = true
    this.#socket.destroy()
    this.#events.onRefused(this, drop)
  }

  #data(chunk: Uint8Array): void {
    if (this.#over || this.#intake === undefined) return
    const before = this.#intake.isOpen
    const runs = this.#intake.take(chunk)
    if (isDrop(runs)) return this.refuse(runs)
    if (!before && this.#intake.isOpen) this.#events.onPrefix(this)
    if (runs.length > 0) this.#events.onRuns(this, runs)
  }

  #end(why: string): void {
    this.#why = why
    this.#socket.destroy()
  }

  #closed(): void {
    if (this.#over) return
    this.#over = true
    this.#events.onClosed(this, this.#why)
  }
}

/** IPv4 through a socket of both families, and without the zone of a link. */
const canonical = (address: string | undefined): string =>
  (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')

export const remoteOf = (socket: Socket): Endpoint => ({
  address: canonical(socket.remoteAddress),
  port: socket.remotePort ?? 0,
})

const localOf = (socket: Socket): Endpoint => ({
  address: canonical(socket.localAddress),
  port: socket.localPort ?? 0,
})
