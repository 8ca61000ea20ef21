import { type Drop, isDrop, Packet } from '@brunel/base'
import { refuseOwnDelivery } from '@brunel/gre'
import { IPV6_MINIMUM, linkFragments, type TunnelMtu, tunnelMtu } from '@brunel/mtu'
import { type Batch, type BatchShape, ROW, ROW_FIELDS } from './batch.js'
import { InnerPacket } from './inner-packet.js'
import { STATUS } from './row-status.js'
import type { Tunnel } from './tunnels.js'

/** Packets. Fewer: what all relays of a router send at once is cut short. More: memory for what will be late anyway. */
const MOST_WAITING = 4096

/** Behind a packet in its slot: a block of padding, RFC 4303 §2.4, and the longest ICV. Fewer: `underlay-room`. */
const TRAILER = 64

interface Waiting {
  readonly tun: number
  readonly bytes: Uint8Array
}

/**
 * What a relay sends into tunnels: it joins the next batch, in front of what came from the TUNs, so that a saturated
 * tunnel keeps no Hello waiting. From there on its rows are like all others.
 *
 * The far LAN's cable would carry what is larger than the tunnel's MTU: it crosses in pieces, which the far relay joins.
 */
export class RelayOutbox {
  readonly #shape: BatchShape
  readonly #drop: (drop: Drop) => void
  readonly #inner = new InnerPacket()
  #waiting: Waiting[] = []
  #due = false
  /** Of IPv6 fragments; the same one comes again long after its pieces have met. */
  #identification = 0

  constructor(shape: BatchShape, drop: (drop: Drop) => void) {
    this.#shape = shape
    this.#drop = drop
  }

  get empty(): boolean {
    return this.#waiting.length === 0
  }

  /** The last batch was full: the next one must not be filled by others. */
  get due(): boolean {
    return this.#due
  }

  add(tun: number, tunnel: Tunnel | undefined, packet: Uint8Array): void {
    const pieces =
      tunnel === undefined
        ? 'tunnel-down'
        : (this.#refusal(packet, tunnel) ?? this.#fitting(packet, tunnel.mtu))
    if (isDrop(pieces)) return this.#drop(pieces)
    if (this.#waiting.length + pieces.length > MOST_WAITING) return this.#drop('relay-queue-full')
    for (const bytes of pieces) this.#waiting.push({ tun, bytes })
  }

  /** The tunnel goes; another may have its index at once. */
  forget(tun: number): void {
    for (const waiting of this.#waiting) if (waiting.tun === tun) this.#drop('tunnel-down')
    this.#waiting = this.#waiting.filter(waiting => waiting.tun !== tun)
    this.#due &&= !this.empty
  }

  /** Puts what waits in front of the `n` rows of a batch, whose slots they lie in; returns how many. */
  join({ rows, bytes }: Batch, n: number): number {
    if (this.#waiting.length === 0) return 0
    const { slotLength, headroom } = this.#shape
    // The other half stays free for fragments.
    const joining = this.#waiting.splice(0, (this.#shape.rows - n) >>> 1)
    this.#due = joining.length === 0
    rows.copyWithin(joining.length * ROW_FIELDS, 0, n * ROW_FIELDS)
    for (const [i, packet] of joining.entries()) {
      const row = i * ROW_FIELDS
      const offset = (n + i) * slotLength + headroom
      bytes.set(packet.bytes, offset)
      rows.fill(0, row, row + ROW_FIELDS)
      rows[row + ROW.offset] = offset
      rows[row + ROW.length] = packet.bytes.length
      rows[row + ROW.status] = STATUS.alive
      rows[row + ROW.sa] = -1
      rows[row + ROW.path] = -1
      rows[row + ROW.tun] = packet.tun
    }
    return joining.length
  }

  /** What is refused whole is one drop; its pieces would be as many as they are. */
  #refusal(packet: Uint8Array, { mtu, remote }: Tunnel): Drop | undefined {
    const p = new Packet(packet)
    const malformed = this.#inner.open(p)
    if (malformed !== undefined) return malformed
    if (this.#inner.family === 6 && mtu < IPV6_MINIMUM) return 'tunnel-ipv6-below-1280'
    return remote && refuseOwnDelivery(p, remote)
  }

  #fitting(packet: Uint8Array, mtu: TunnelMtu): readonly Uint8Array[] | Drop {
    const room = this.#shape.slotLength - this.#shape.headroom - TRAILER
    const most = tunnelMtu(Math.min(mtu, room))
    if (packet.length <= most) return [packet]
    this.#identification = (this.#identification + 1) >>> 0
    return linkFragments(packet, most, this.#identification)
  }
}
