import { TcpEncapsulation } from '@brunel/wire'
import { type Batch, ROW, ROW_FIELDS } from './batch.js'
import { dropped, STATUS } from './row-status.js'

/** The TCP connections that paths may lead into. */
export interface StreamWays {
  /** The connection of a path; 0: it leads elsewhere. */
  streamOf(path: number): number
  /** Octets that it takes; undefined: there is no such connection. */
  room(stream: number): number | undefined
  /** The octets are handed over. */
  post(stream: number, bytes: Uint8Array): void
}

interface Parcel {
  readonly rows: number[]
  octets: number
  readonly room: number
}

/**
 * Takes the rows out of a batch that leave by TCP connections, and posts one piece of stream for each connection. The
 * rows are out of the underlay's sight until `release` gives them back as sent.
 */
export class StreamOutbox {
  readonly #ways: StreamWays
  #taken: readonly number[] = []

  constructor(ways: StreamWays) {
    this.#ways = ways
  }

  take(batch: Batch, n: number): void {
    const parcels = new Map<number, Parcel>()
    const { rows } = batch
    for (let i = 0; i < n; i++) {
      const row = i * ROW_FIELDS
      if (rows[row + ROW.status] !== STATUS.alive) continue
      const stream = this.#ways.streamOf(rows[row + ROW.path] as number)
      if (stream !== 0) rows[row + ROW.status] = this.#place(batch, row, parcels, stream)
    }
    this.#taken = [...parcels.values()].flatMap(parcel => parcel.rows)
    for (const [stream, parcel] of parcels)
      if (parcel.rows.length > 0) this.#ways.post(stream, packed(batch, parcel))
  }

  release(batch: Batch): void {
    for (const row of this.#taken) batch.rows[row + ROW.status] = STATUS.alive
    this.#taken = []
  }

  /** The status of the row. A connection that is slow or broken loses packets, as any line does, and holds none back. */
  #place(batch: Batch, row: number, parcels: Map<number, Parcel>, stream: number): number {
    const room = parcels.get(stream)?.room ?? this.#ways.room(stream)
    if (room === undefined) return dropped('tcp-down')
    const parcel = parcels.get(stream) ?? { rows: [], octets: 0, room }
    parcels.set(stream, parcel)
    const octets = TcpEncapsulation.LENGTH + (batch.rows[row + ROW.length] as number)
    if (parcel.octets + octets > room) return dropped('tcp-queue-full')
    parcel.rows.push(row)
    parcel.octets += octets
    return STATUS.consumed
  }
}

/** RFC 8229 §3.2: each ESP packet behind its length. */
function packed(batch: Batch, { rows, octets }: Parcel): Uint8Array {
  const whole = new Uint8Array(octets)
  let at = 0
  for (const row of rows) {
    const offset = batch.rows[row + ROW.offset] as number
    const length = batch.rows[row + ROW.length] as number
    TcpEncapsulation.pushLength(whole, at, length)
    whole.set(batch.bytes.subarray(offset, offset + length), at + TcpEncapsulation.LENGTH)
    at += TcpEncapsulation.LENGTH + length
  }
  return whole
}
