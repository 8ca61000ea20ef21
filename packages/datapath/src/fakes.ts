import { type Endpoint, type Instant, instant, type Millis } from '@brunel/base'
import { Address } from '@brunel/wire'
import { writeAddressRow } from './address-row.js'
import { type Batch, ROW, ROW_FIELDS } from './batch.js'
import type { Clock, Sealer, TooBig, Tun, Underlay } from './ports.js'
import { dropped, STATUS } from './row-status.js'

/**
 * The ports in memory, for tests and simulations. They keep the contracts of `ports.ts`, which the compliance suite
 * (`./compliance`) demands of them and of the real ones alike.
 */

const octetsOf = (batch: Batch, row: number): Uint8Array => {
  const offset = batch.rows[row + ROW.offset] as number
  return batch.bytes.slice(offset, offset + (batch.rows[row + ROW.length] as number))
}

export class FakeClock implements Clock {
  time: Instant = instant(1000)

  now(): Instant {
    return this.time
  }

  advance(ms: number): void {
    this.time = instant(this.time + ms)
  }
}

export class FakeTun implements Tun {
  /** What the host sent into its interfaces. */
  readonly waiting: { readonly tun: number; readonly bytes: Uint8Array }[] = []
  readonly written: { readonly tun: number; readonly bytes: Uint8Array }[] = []
  /** Interfaces that refuse what is written to them. */
  readonly refusing = new Set<number>()

  read(batch: Batch, target: number, _timeout: Millis): number {
    const { rows, slotLength, headroom } = batch.shape
    let n = 0
    for (; n < Math.min(target, rows) && this.waiting.length > 0; n++) {
      const { tun, bytes } = this.waiting.shift() as (typeof this.waiting)[number]
      const at = n * ROW_FIELDS
      batch.bytes.set(bytes.subarray(0, slotLength - headroom), n * slotLength + headroom)
      batch.rows[at + ROW.offset] = n * slotLength + headroom
      batch.rows[at + ROW.length] = Math.min(bytes.length, slotLength - headroom)
      batch.rows[at + ROW.tun] = tun
      batch.rows[at + ROW.status] = STATUS.alive
    }
    return n
  }

  write(batch: Batch, n: number): void {
    for (let i = 0; i < n; i++) {
      const row = i * ROW_FIELDS
      if (batch.rows[row + ROW.status] !== STATUS.alive) continue
      const tun = batch.rows[row + ROW.tun] as number
      if (this.refusing.has(tun)) batch.rows[row + ROW.status] = dropped('tunnel-write')
      else this.written.push({ tun, bytes: octetsOf(batch, row) })
    }
  }
}

export interface Datagram {
  /** One of `SOCKET`. */
  readonly socket: number
  readonly bytes: Uint8Array
  readonly remote: Endpoint
  readonly local: Endpoint
  readonly tos: number
}

/** FNV-1a over family, address and port. */
export function hashOf(remote: Endpoint): number {
  const address = Address.parse(remote.address) ?? new Uint8Array()
  let hash = 0x811c9dc5
  for (const octet of [address.length === 4 ? 4 : 6, ...address, remote.port >>> 8, remote.port & 0xff]) {
    hash = Math.imul(hash ^ octet, 0x01000193)
  }
  return hash | 0
}

export class FakeUnderlay implements Underlay {
  readonly arriving: Datagram[] = []
  readonly sent: { readonly path: number; readonly tos: number; readonly bytes: Uint8Array }[] = []
  readonly news: TooBig[] = []
  /** Paths that refuse what is sent by them. */
  readonly refusing = new Set<number>()

  receive(batch: Batch, target: number, _timeout: Millis): number {
    let [n, offset] = [0, batch.shape.headroom]
    while (n < Math.min(target, batch.shape.rows) && this.arriving.length > 0) {
      const datagram = this.arriving[0] as Datagram
      if (offset + datagram.bytes.length > batch.bytes.length) break
      this.arriving.shift()
      batch.bytes.set(datagram.bytes, offset)
      const at = n * ROW_FIELDS
      batch.rows[at + ROW.offset] = offset
      batch.rows[at + ROW.length] = datagram.bytes.length
      batch.rows[at + ROW.status] = STATUS.alive
      batch.rows[at + ROW.path] = datagram.socket
      batch.rows[at + ROW.tos] = datagram.tos
      batch.rows[at + ROW.from] = n
      batch.rows[at + ROW.fromHash] = hashOf(datagram.remote)
      writeAddressRow(batch, n, datagram.remote, datagram.local)
      offset += datagram.bytes.length
      n += 1
    }
    return n
  }

  send(batch: Batch, n: number): void {
    for (let i = 0; i < n; i++) {
      const row = i * ROW_FIELDS
      if (batch.rows[row + ROW.status] !== STATUS.alive) continue
      const path = batch.rows[row + ROW.path] as number
      if (this.refusing.has(path)) batch.rows[row + ROW.status] = dropped('underlay-send')
      else this.sent.push({ path, tos: batch.rows[row + ROW.tos] as number, bytes: octetsOf(batch, row) })
    }
  }

  tooBig(): readonly TooBig[] {
    return this.news.splice(0, 64)
  }
}

/** A toy: XOR with the key and a hash of all octets as ICV. It tells a changed octet, nothing more. */
export class FakeSealer implements Sealer {
  /** Key by index of the SA. */
  readonly keys = new Map<number, number>()
  readonly #front: number
  readonly #icvLength: number
  readonly #esn: boolean

  /** `front`: octets of ESP header and IV. */
  constructor(front: number, icvLength: number, esn: boolean) {
    this.#front = front
    this.#icvLength = icvLength
    this.#esn = esn
  }

  seal(batch: Batch, n: number): void {
    this.#each(batch, n, (row, key) => {
      this.#mask(batch, row, key)
      const at = this.#icvAt(batch, row)
      for (let i = 0; i < this.#icvLength; i++) batch.bytes[at + i] = this.#icv(batch, row, key) >>> (i % 4)
    })
  }

  open(batch: Batch, n: number): void {
    this.#each(batch, n, (row, key) => {
      const at = this.#icvAt(batch, row)
      const icv = this.#icv(batch, row, key)
      for (let i = 0; i < this.#icvLength; i++) {
        if (batch.bytes[at + i] !== ((icv >>> (i % 4)) & 0xff))
          batch.rows[row + ROW.status] = STATUS.integrity
      }
      if (batch.rows[row + ROW.status] === STATUS.alive) this.#mask(batch, row, key)
    })
  }

  #each(batch: Batch, n: number, f: (row: number, key: number) => void): void {
    for (let i = 0; i < n; i++) {
      const row = i * ROW_FIELDS
      if (batch.rows[row + ROW.status] !== STATUS.alive) continue
      const key = this.keys.get(batch.rows[row + ROW.sa] as number)
      if (key === undefined) batch.rows[row + ROW.status] = STATUS.integrity
      else f(row, key)
    }
  }

  #icvAt(batch: Batch, row: number): number {
    return (
      (batch.rows[row + ROW.offset] as number) + (batch.rows[row + ROW.length] as number) - this.#icvLength
    )
  }

  #mask(batch: Batch, row: number, key: number): void {
    const end = this.#icvAt(batch, row)
    for (let at = (batch.rows[row + ROW.offset] as number) + this.#front; at < end; at++) {
      batch.bytes[at] = (batch.bytes[at] as number) ^ key
    }
  }

  #icv(batch: Batch, row: number, key: number): number {
    let hash = 0x811c9dc5 ^ key ^ (this.#esn ? (batch.rows[row + ROW.seqHigh] as number) : 0)
    const end = this.#icvAt(batch, row)
    for (let at = batch.rows[row + ROW.offset] as number; at < end; at++) {
      hash = Math.imul(hash ^ (batch.bytes[at] as number), 0x01000193)
    }
    return hash
  }
}
