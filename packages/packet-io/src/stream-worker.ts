/**
 * The thread of the TCP connections (RFC 9329). It cuts what comes into messages for the inbound pump, and writes what
 * the outbound pump and IKE give it. It runs only where somebody listens or connects.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { type Drop, type Instant, instant } from '@brunel/base'
import { Admission, type DatapathEvent, DEFAULT_LIMITS, type StreamRun } from '@brunel/datapath'
import { native, pumpNumber } from './native.js'
import { StreamCells } from './stream-cells.js'
import { type ConnectionEvents, remoteOf, StreamConnection } from './stream-connection.js'
import type { FromPump, Parcel, StreamCommand, StreamWorkerData } from './stream-messages.js'

/** Octets on their way to the inbound pump from which on connections are not read. More: memory. Less: they run dry. */
const MOST_INBOX = 2 * 1024 * 1024
const RESUME_BELOW = MOST_INBOX / 2
/** How often it is looked whether the pump has caught up. Longer: the line idles. */
const CATCH_UP_MS = 2
/** How often overdue connections are looked for, and refusals told. */
const SWEEP_MS = 250
/** For packets that are under way when a connection is left. Shorter: a busy machine loses them. Longer: it is open for nothing. */
const LAST_MS = 2000
/** Last words may leave before the thread ends. */
const STOP_MS = 500

const data = workerData as StreamWorkerData
const cells = new StreamCells(data.cells)
const inboundPump = pumpNumber(data.instance, 'inbound')
const connections = new Map<number, StreamConnection>()
const admission = new Admission(DEFAULT_LIMITS)
const refusals = new Map<Drop, { remote: string; times: number }>()
const paused = new Set<StreamConnection>()
/** Connections that IKE knows: ours, and those that a peer proved itself on. The end of a stranger's is no news. */
const known = new Set<number>()
let accepted = -1
let server: Server | undefined
let catchUp: NodeJS.Timeout | undefined

const now = (): Instant => instant(performance.now())
const emit = (event: DatapathEvent): void => parentPort?.postMessage(event)

function refused(drop: Drop, remote: string): void {
  const known = refusals.get(drop)
  refusals.set(drop, { remote, times: (known?.times ?? 0) + 1 })
}

function forget({ stream }: StreamConnection): void {
  admission.settled(stream)
  connections.delete(stream)
  known.delete(stream)
  cells.close(stream)
}

function ended(connection: StreamConnection, why: string): void {
  const { stream } = connection
  if (known.has(stream)) emit({ on: 'stream-closed', stream, why })
  forget(connection)
}

const events: ConnectionEvents = {
  onOpen: connection => {
    const { stream, local, remote } = connection
    cells.open(stream)
    emit({ on: 'stream-opened', stream, local, remote })
  },
  onPrefix: connection => {
    cells.open(connection.stream)
    admission.opened(now(), connection.stream)
  },
  onRuns: deliver,
  onRefused: (connection, drop) => {
    refused(drop, connection.remote.address)
    ended(connection, drop)
  },
  onClosed: ended,
}

/** To the inbound pump. Where it cannot keep up, the sender is held back by TCP itself: nothing is dropped here. */
function deliver(connection: StreamConnection, runs: readonly StreamRun[]): void {
  for (const run of runs) {
    data.inbound.postMessage(run, [run.bytes.buffer as ArrayBuffer])
    cells.post(run.bytes.length)
  }
  native.wake(inboundPump)
  if (cells.inboxOctets <= MOST_INBOX) return
  connection.pause()
  paused.add(connection)
  catchUp ??= setInterval(() => {
    if (cells.inboxOctets > RESUME_BELOW) return
    for (const one of paused) one.resume()
    paused.clear()
    clearInterval(catchUp)
    catchUp = undefined
  }, CATCH_UP_MS)
}

function accept(socket: Socket): void {
  socket.on('error', () => socket.destroy())
  const { address } = remoteOf(socket)
  do accepted = (accepted + 2) & 0xffff
  while (connections.has(accepted))
  const drop = admission.accept(now(), accepted, address)
  if (drop !== undefined) {
    socket.destroy()
    return refused(drop, address)
  }
  connections.set(accepted, StreamConnection.accepted(accepted, socket, events))
}

/** Both families by one socket; where the machine has no IPv6, IPv4 alone. */
function listen(port: number, host = '::'): void {
  server?.close()
  const listening = createServer(accept)
  server = listening
  listening.on('error', (error: NodeJS.ErrnoException) => {
    if (host === '::' && (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL'))
      return listen(port, '0.0.0.0')
    emit({ on: 'stream-listening', port, refused: error.code ?? error.message })
  })
  listening.listen(port, host, () => emit({ on: 'stream-listening', port, refused: undefined }))
}

/** What is told at a limited rate, and who has had his time. */
function sweep(): void {
  for (const { stream, drop } of admission.overdue(now())) connections.get(stream)?.refuse(drop)
  for (const [drop, { remote, times }] of refusals) emit({ on: 'stream-refused', drop, remote, times })
  refusals.clear()
}

function command(what: StreamCommand): void {
  switch (what.do) {
    case 'listen':
      return listen(what.port)
    case 'open':
      known.add(what.stream)
      connections.set(what.stream, StreamConnection.open(what.stream, what, events))
      return
    case 'send':
      return connections.get(what.stream)?.sendIke(what.bytes)
    case 'bound':
      if (connections.has(what.stream)) known.add(what.stream)
      return admission.settled(what.stream)
    case 'close':
      return leave(what.stream)
    case 'stop':
      return stop()
  }
}

/**
 * No IKE SA is on it any more. ESP is, for a moment: a pump that has not heard of its other SA yet still sends here, and
 * so does the other end until it has our answer.
 */
function leave(stream: number): void {
  const connection = connections.get(stream)
  if (connection === undefined) return
  known.delete(stream)
  setTimeout(() => {
    if (connections.get(stream) !== connection) return
    forget(connection)
    connection.close()
  }, LAST_MS)
}

function stop(): void {
  server?.close()
  clearInterval(sweeping)
  clearInterval(catchUp)
  for (const connection of connections.values()) connection.close()
  setTimeout(() => process.exit(0), connections.size === 0 ? 0 : STOP_MS)
}

function fromPump(message: FromPump): void {
  if ('corrupt' in message) return connections.get(message.corrupt)?.refuse('tcp-corrupt')
  const { stream, bytes }: Parcel = message
  connections.get(stream)?.send(bytes, () => cells.enqueue(stream, -bytes.length))
}

const sweeping = setInterval(sweep, SWEEP_MS)
data.inbound.on('message', fromPump)
data.outbound.on('message', fromPump)
parentPort?.on('message', command)
