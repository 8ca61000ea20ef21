import type { Drop } from '@brunel/base'
import { linkFragments, type WireMtu } from '@brunel/mtu'

/** RFC 6864 §4.1: where it says nothing, and the kernel would give each piece another one. */
const NO_IDENTIFICATION = 0

/**
 * What a packet becomes on a LAN that does not carry it in one piece: its sender's LAN does, or its sender cut it itself
 * and the kernel joined it. The routers of the LAN join fragments as any host does (RFC 791 §3.2, RFC 8200 §4.5).
 */
export class LanPieces {
  #identification = NO_IDENTIFICATION

  of(packet: Uint8Array, mtu: WireMtu): readonly Uint8Array[] | Drop {
    if (packet.length <= mtu) return [packet]
    this.#identification = (this.#identification % 0xffff) + 1
    return linkFragments(this.#identified(packet), mtu, this.#identification)
  }

  #identified(packet: Uint8Array): Uint8Array {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
    if (packet[0]! >>> 4 !== 4 || packet.length < 20 || view.getUint16(4) !== NO_IDENTIFICATION) return packet
    const copy = packet.slice()
    new DataView(copy.buffer).setUint16(4, this.#identification)
    return copy
  }
}
