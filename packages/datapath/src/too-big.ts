import { type Instant, millis, type Packet, RateLimiter } from '@brunel/base'
import { tooBig } from '@brunel/mtu'
import { Address } from '@brunel/wire'
import { type Batch, ROW, ROW_FIELDS } from './batch.js'
import type { Tun } from './ports.js'
import type { Tunnel } from './tunnels.js'

/** Errors a second and at once, of a whole pump: RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f). */
const ERRORS_PER_SECOND = 100
const MAX_WAITING = 32

const octets = (packet: Uint8Array, at: number, length: number): Uint8Array | undefined => {
  const address = packet.slice(at, at + length)
  return address.length === length && !Address.isMulticast(address) ? address : undefined
}

/**
 * ICMP "too big" back into the TUN the packet came from. It is sent from the far end's address, or from the
 * destination where we know none: the kernel takes nothing from an interface that claims to come from itself.
 */
export class TooBigErrors {
  readonly #limiter = new RateLimiter(millis(1000 / ERRORS_PER_SECOND), ERRORS_PER_SECOND)
  readonly #waiting: { readonly tun: number; readonly bytes: Uint8Array }[] = []

  /** Makes the error while the packet is still whole. */
  add(p: Packet, tunnel: Tunnel, now: Instant): void {
    if (this.#waiting.length === MAX_WAITING || !this.#limiter.allow(now)) return
    const packet = p.bytes.slice(p.start, p.end)
    const far = tunnel.farAddresses
    const from = { ipv4: far.ipv4 ?? octets(packet, 16, 4), ipv6: far.ipv6 ?? octets(packet, 24, 16) }
    const bytes = tooBig(packet, tunnel.mtu, from)
    if (bytes !== undefined) this.#waiting.push({ tun: tunnel.spec.tun, bytes })
  }

  /** Sends what waits in the rows of a batch that is done with. */
  flush(batch: Batch, tun: Tun): void {
    if (this.#waiting.length === 0) return
    const { rows, shape } = batch
    this.#waiting.forEach(({ tun, bytes }, i) => {
      const offset = i * shape.slotLength + shape.headroom
      const row = i * ROW_FIELDS
      batch.bytes.set(bytes, offset)
      rows[row + ROW.offset] = offset
      rows[row + ROW.length] = bytes.length
      rows[row + ROW.status] = 0
      rows[row + ROW.tun] = tun
    })
    tun.write(batch, this.#waiting.length)
    this.#waiting.length = 0
  }
}
