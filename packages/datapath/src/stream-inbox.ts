import { type Drop, dropIndex } from '@brunel/base'
import { TcpEncapsulation } from '@brunel/wire'
import { ADDRESS_ROW, type Batch, ROW, ROW_FIELDS, SOCKET } from './batch.js'

/** Whole messages of one TCP connection, lengths still in front, as the reader of the stream cut them. */
export interface StreamRun {
  readonly stream: number
  /** One address row, as `writeAddressRow` makes it. */
  readonly addresses: Uint8Array
  /** Of the source, to notice a changed one without reading it. */
  readonly hash: number
  readonly bytes: Uint8Array
}

/** Senseless messages in a row after which a connection is closed. Fewer: SPIs that are not known yet look like it. */
const CORRUPT_AFTER = 64

/** What no sound stream carries again and again: RFC 8229 §6. */
const SENSELESS = new Set(
  (
    [
      'esp-truncated',
      'esp-spi-reserved',
      'esp-unknown-spi',
      'esp-integrity',
      'ike-truncated',
      'ike-length',
      'ike-version',
      'ike-spi',
    ] satisfies Drop[]
  ).map(drop => 1 + dropIndex(drop)),
)

/**
 * What came by TCP connections, on its way into batches of the inbound pump: there a message is a row like any
 * datagram. It copies a run as a whole and points rows into it.
 */
export class StreamInbox {
  readonly #runs: StreamRun[] = []
  /** Octets of the first run that are in a batch already. */
  #done = 0
  /** Connection of each address row of the last batch. */
  #streams: number[] = []
  readonly #senseless = new Map<number, number>()

  get isEmpty(): boolean {
    return this.#runs.length === 0
  }

  push(run: StreamRun): void {
    this.#runs.push(run)
  }

  forget(stream: number): void {
    this.#senseless.delete(stream)
  }

  /** Fills rows of the batch; returns how many, and how many octets of runs are done with. */
  fill(batch: Batch): { readonly rows: number; readonly octets: number } {
    let at = batch.shape.headroom
    let [n, octets] = [0, 0]
    this.#streams = []
    for (let run = this.#runs[0]; run !== undefined; run = this.#runs[0]) {
      const rest = this.#done === 0 ? run.bytes : run.bytes.subarray(this.#done)
      if (n === batch.shape.rows || at + rest.length > batch.bytes.length) break
      const from = this.#streams.push(run.stream) - 1
      batch.addresses.set(run.addresses, from * ADDRESS_ROW)
      batch.bytes.set(rest, at)
      const [rows, taken] = pointInto(batch, { n, at, from, hash: run.hash, length: rest.length })
      n = rows
      at += taken
      octets += taken
      this.#done += taken
      if (this.#done < run.bytes.length) break
      this.#runs.shift()
      this.#done = 0
    }
    return { rows: n, octets }
  }

  /** After the batch went through the pump: connections that carry nothing but nonsense. */
  judge(batch: Batch, n: number): readonly number[] {
    const corrupt: number[] = []
    for (let i = 0; i < n; i++) {
      const row = i * ROW_FIELDS
      const stream = this.#streams[batch.rows[row + ROW.from] as number]
      if (stream === undefined) continue
      const senseless = SENSELESS.has(batch.rows[row + ROW.status] as number)
      if (!senseless) this.#senseless.delete(stream)
      else {
        const times = (this.#senseless.get(stream) ?? 0) + 1
        this.#senseless.set(stream, times)
        if (times === CORRUPT_AFTER) corrupt.push(stream)
      }
    }
    return corrupt
  }
}

/** Rows for the messages that lie in the batch from `at`; returns the rows in use, and the octets they cover. */
function pointInto(
  batch: Batch,
  run: {
    readonly n: number
    readonly at: number
    readonly from: number
    readonly hash: number
    length: number
  },
): readonly [number, number] {
  const { rows, bytes, shape } = batch
  let { n, at } = run
  const end = at + run.length
  for (; n < shape.rows && at < end; n++) {
    const length = TcpEncapsulation.lengthAt(bytes, at)
    const row = n * ROW_FIELDS
    rows.fill(0, row, row + ROW_FIELDS)
    rows[row + ROW.offset] = at + TcpEncapsulation.LENGTH
    rows[row + ROW.length] = length - TcpEncapsulation.LENGTH
    rows[row + ROW.sa] = -1
    rows[row + ROW.tun] = -1
    rows[row + ROW.path] = SOCKET.tcp
    rows[row + ROW.from] = run.from
    rows[row + ROW.fromHash] = run.hash
    at += length
  }
  return [n, at - run.at]
}
