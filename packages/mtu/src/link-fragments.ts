import { type Drop, isDrop, Packet } from '@brunel/base'
import { Ipv6 } from '@brunel/wire'
import { piecesOf } from './fragment.js'
import type { TunnelMtu, WireMtu } from './units.js'

/**
 * What a cable carries in one piece a tunnel may not: then the two ends of the tunnel cut and join, and neither sender
 * nor receiver knows (RFC 791 §3.2: intranet fragmentation; RFC 8200 §5: at a layer below). The pieces are fragments as
 * the hosts themselves might make them, so that a far end of any kind can join them. DF is about the paths that routers
 * forward to; it stays as it is, for the packet that is joined again.
 */
export function linkFragments(
  packet: Uint8Array,
  mtu: TunnelMtu | WireMtu,
  identification: number,
): readonly Uint8Array[] | Drop {
  return (packet[0] ?? 0) >>> 4 === 6 ? piecesOfV6(packet, mtu, identification) : piecesOf(packet, mtu)
}

/** RFC 8200 §4.5. */
const FRAGMENT_HEADER = 8

const { hopByHop, routing, fragment } = Ipv6.NEXT_HEADER
/** In front of a fragment header, or one itself: nothing of a link has them. */
const BEFORE_FRAGMENT: readonly number[] = [hopByHop, routing, fragment]

/**
 *     | IPv6 header | fragment header | first part |   | IPv6 header | fragment header | second part |   …
 */
function piecesOfV6(
  packet: Uint8Array,
  mtu: TunnelMtu | WireMtu,
  identification: number,
): Uint8Array[] | Drop {
  const p = new Packet(packet)
  const ip = Ipv6.open(p, 0)
  if (isDrop(ip)) return ip
  const end = Ipv6.endAt(p, ip)
  if (end <= mtu) return [packet.slice(0, end)]
  const next = Ipv6.nextHeader(p, ip)
  // All but the last piece hold a multiple of 8 octets.
  const room = (mtu - Ipv6.HEADER - FRAGMENT_HEADER) & ~7
  if (BEFORE_FRAGMENT.includes(next) || room < 8) return 'tunnel-too-big'
  const pieces: Uint8Array[] = []
  for (let at = Ipv6.HEADER; at < end; at += room) {
    const data = packet.subarray(at, Math.min(end, at + room))
    const piece = new Packet(new Uint8Array(Ipv6.HEADER + FRAGMENT_HEADER + data.length))
    piece.bytes.set(packet.subarray(0, Ipv6.HEADER))
    piece.bytes.set(data, Ipv6.HEADER + FRAGMENT_HEADER)
    piece.view.setUint16(4, FRAGMENT_HEADER + data.length)
    piece.view.setUint8(6, fragment)
    piece.view.setUint8(Ipv6.HEADER, next)
    piece.view.setUint16(Ipv6.HEADER + 2, (at - Ipv6.HEADER) | (at + room < end ? 1 : 0))
    piece.view.setUint32(Ipv6.HEADER + 4, identification >>> 0)
    pieces.push(piece.bytes)
  }
  return pieces
}
