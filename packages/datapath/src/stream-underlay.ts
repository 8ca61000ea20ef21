import { type Millis, millis } from '@brunel/base'
import type { Batch } from './batch.js'
import type { TooBig, Underlay } from './ports.js'
import { StreamInbox } from './stream-inbox.js'
import { StreamOutbox, type StreamWays } from './stream-outbox.js'

/** What a pump needs of the thread that holds the TCP connections. */
export interface StreamDoor extends StreamWays {
  /** Whether any path leads into a connection; asked once a batch. */
  inUse(): boolean
  /** Moves what waits into the inbox; one look where nothing does. */
  collect(inbox: StreamInbox): void
  /** So many octets of runs are done with: there is room for more. */
  taken(octets: number): void
  /** This connection carries nothing but nonsense. */
  corrupt(stream: number): void
}

const AT_ONCE = millis(0)

/**
 * The underlay of datagrams with TCP connections beside it. While no connection has anything to do with a batch, the
 * batch passes as if this were not here: nothing is done for each packet.
 */
export class StreamUnderlay implements Underlay {
  readonly #datagrams: Underlay
  readonly #door: StreamDoor
  /** Called where commands may have come: before the pump looks at what arrived. */
  readonly #arrived: () => void
  readonly #inbox = new StreamInbox()
  readonly #outbox: StreamOutbox
  /** Rows of the batch that the inbox filled last. */
  #filled = 0

  constructor(datagrams: Underlay, door: StreamDoor, arrived: () => void = () => undefined) {
    this.#datagrams = datagrams
    this.#door = door
    this.#arrived = arrived
    this.#outbox = new StreamOutbox(door)
  }

  /** Connections and sockets in turn, so that neither waits for the other. */
  receive(batch: Batch, target: number, timeout: Millis): number {
    const before = this.#filled
    this.#filled = 0
    if (before > 0)
      for (const stream of this.#inbox.judge(batch, before)) {
        this.#inbox.forget(stream)
        this.#door.corrupt(stream)
      }
    this.#door.collect(this.#inbox)
    if (this.#inbox.isEmpty) return this.#datagrams.receive(batch, target, timeout)
    const n = before > 0 ? this.#datagrams.receive(batch, target, AT_ONCE) : 0
    if (n > 0) return n
    const { rows, octets } = this.#inbox.fill(batch)
    this.#door.taken(octets)
    this.#filled = rows
    this.#arrived()
    return rows
  }

  send(batch: Batch, n: number): void {
    if (!this.#door.inUse()) return this.#datagrams.send(batch, n)
    this.#outbox.take(batch, n)
    this.#datagrams.send(batch, n)
    this.#outbox.release(batch)
  }

  tooBig(): readonly TooBig[] {
    return this.#datagrams.tooBig()
  }
}
