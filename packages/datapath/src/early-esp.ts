import type { Instant } from '@brunel/base'
import { ADDRESS_ROW, type Batch, ROW, ROW_FIELDS } from './batch.js'

/** Packets of all SPIs together. Fewer: a fast sender loses some while IKE computes. More: memory that a peer commands. */
const MOST_HELD = 32
/** Milliseconds. Less: a router busy with other set-ups is too late for them. More: nobody waits for them any more. */
const PATIENCE = 500

interface Held {
  readonly spi: number
  readonly since: Instant
  readonly bytes: Uint8Array
  readonly path: number
  readonly tos: number
  readonly address: Uint8Array
  readonly fromHash: number
}

/**
 * ESP that is here before the keys of its SA. The responder of an exchange may send on the new SA right behind its
 * answer (RFC 7296 §2.8), and the pump sees such a packet before IKE has read the answer. It waits for `inbound-add` and
 * then joins a batch in front of all that came later: the peer's GRE may be numbered (RFC 2890 §2.2).
 */
export class EarlyEsp {
  readonly #expected = new Set<number>()
  #held: Held[] = []
  #due = false

  /** Some of what is held waits for nothing any more. */
  get due(): boolean {
    return this.#due
  }

  expect(spi: number): void {
    this.#expected.add(spi | 0)
  }

  /** The SA is here, or never will be. */
  settled(spi: number): void {
    if (!this.#expected.delete(spi | 0)) return
    this.#due ||= this.#holds(spi | 0)
  }

  /** Whether packets with this SPI, as int32, must wait. Behind one that waits all do. */
  concerns(spi: number): boolean {
    if (this.#expected.size === 0 && this.#held.length === 0) return false
    return this.#expected.has(spi) || this.#holds(spi)
  }

  /** Asked for every packet while anything is expected: no closure. */
  #holds(spi: number): boolean {
    for (let i = 0; i < this.#held.length; i++) if (this.#held[i]?.spi === spi) return true
    return false
  }

  /** False: there is no room. `row`: index of the packet's first field. */
  hold(spi: number, batch: Batch, row: number, now: Instant): boolean {
    if (this.#held.length >= MOST_HELD) return false
    const { rows, bytes, addresses } = batch
    const offset = rows[row + ROW.offset] as number
    const from = (rows[row + ROW.from] as number) * ADDRESS_ROW
    this.#held.push({
      spi,
      since: now,
      bytes: bytes.slice(offset, offset + (rows[row + ROW.length] as number)),
      path: rows[row + ROW.path] as number,
      tos: rows[row + ROW.tos] as number,
      address: addresses.slice(from, from + ADDRESS_ROW),
      fromHash: rows[row + ROW.fromHash] as number,
    })
    return true
  }

  /**
   * Puts what waits no more in front of the `n` rows of a batch; returns how many. What finds no room there is `due` and
   * has the next batch for itself.
   */
  join(batch: Batch, n: number, now: Instant): number {
    if (this.#held.length === 0) return 0
    const fitting: Held[] = []
    const staying: Held[] = []
    let end = endOf(batch, n)
    this.#due = false
    for (const held of this.#held) {
      const waits = this.#expected.has(held.spi) && now - held.since < PATIENCE
      const room = n + fitting.length < batch.shape.rows && end + held.bytes.length <= batch.bytes.length
      if (!waits && room && !this.#due) {
        end += held.bytes.length
        fitting.push(held)
      } else {
        this.#due ||= !waits
        staying.push(held)
      }
    }
    this.#held = staying
    if (fitting.length > 0) putInFront(batch, n, fitting)
    return fitting.length
  }
}

/** The first octet behind all packets of the batch. */
function endOf({ rows, shape }: Batch, n: number): number {
  let end = shape.headroom
  for (let row = 0; row < n * ROW_FIELDS; row += ROW_FIELDS) {
    end = Math.max(end, (rows[row + ROW.offset] as number) + (rows[row + ROW.length] as number))
  }
  return end
}

/** Address rows in use lie below `n`, so that the last ones are free. */
function putInFront(batch: Batch, n: number, packets: readonly Held[]): void {
  const { rows, bytes, addresses, shape } = batch
  let offset = endOf(batch, n)
  rows.copyWithin(packets.length * ROW_FIELDS, 0, n * ROW_FIELDS)
  for (const [i, held] of packets.entries()) {
    const row = i * ROW_FIELDS
    const from = shape.rows - 1 - i
    bytes.set(held.bytes, offset)
    addresses.set(held.address, from * ADDRESS_ROW)
    rows.fill(0, row, row + ROW_FIELDS)
    rows[row + ROW.offset] = offset
    rows[row + ROW.length] = held.bytes.length
    rows[row + ROW.sa] = -1
    rows[row + ROW.tun] = -1
    rows[row + ROW.path] = held.path
    rows[row + ROW.tos] = held.tos
    rows[row + ROW.from] = from
    rows[row + ROW.fromHash] = held.fromHash
    offset += held.bytes.length
  }
}
