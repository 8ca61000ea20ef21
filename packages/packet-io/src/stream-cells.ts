/**
 * What the pumps and the thread of the TCP connections share. int32 cells:
 *
 *     paths in connections | messages for the inbound pump | octets of them | path -> connection | connection -> queue
 */
const PATHS_IN_USE = 0
const POSTED = 1
const INBOX_OCTETS = 2
const FIRST_PATH = 3
/** Of the addon's table. */
const PATHS = 16384
const FIRST_STREAM = FIRST_PATH + PATHS
const STREAMS = 65536

/** Of a connection's queue: 0 where there is no such connection, else octets + 1. */
const CLOSED = 0

export class StreamCells {
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer((FIRST_STREAM + STREAMS) * 4)) {
    this.memory = memory
    this.#cells = new Int32Array(memory)
  }

  // ---- paths: the main thread writes ----

  /** The connection that packets of a path leave by; 0: none, they are datagrams. */
  lead(path: number, stream: number): void {
    const before = Atomics.exchange(this.#cells, FIRST_PATH + path, stream)
    Atomics.add(this.#cells, PATHS_IN_USE, (stream === 0 ? 0 : 1) - (before === 0 ? 0 : 1))
  }

  get inUse(): boolean {
    return Atomics.load(this.#cells, PATHS_IN_USE) > 0
  }

  streamOf(path: number): number {
    return Atomics.load(this.#cells, FIRST_PATH + path)
  }

  // ---- queues: the thread of the connections opens and closes ----

  open(stream: number): void {
    Atomics.store(this.#cells, FIRST_STREAM + stream, 1)
  }

  close(stream: number): void {
    Atomics.store(this.#cells, FIRST_STREAM + stream, CLOSED)
  }

  /** Octets that wait; undefined: there is no such connection. */
  queued(stream: number): number | undefined {
    const cell = Atomics.load(this.#cells, FIRST_STREAM + stream)
    return cell === CLOSED ? undefined : cell - 1
  }

  /** So many octets more or less wait. Of a connection that was closed meanwhile nothing does. */
  enqueue(stream: number, octets: number): void {
    const at = FIRST_STREAM + stream
    for (;;) {
      const before = Atomics.load(this.#cells, at)
      if (before === CLOSED) return
      if (Atomics.compareExchange(this.#cells, at, before, before + octets) === before) return
    }
  }

  // ---- runs on their way to the inbound pump ----

  get posted(): number {
    return Atomics.load(this.#cells, POSTED)
  }

  get inboxOctets(): number {
    return Atomics.load(this.#cells, INBOX_OCTETS)
  }

  post(octets: number): void {
    Atomics.add(this.#cells, INBOX_OCTETS, octets)
    Atomics.add(this.#cells, POSTED, 1)
  }

  taken(octets: number): void {
    Atomics.sub(this.#cells, INBOX_OCTETS, octets)
  }
}
