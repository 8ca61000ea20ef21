import { type Drop, isDrop, Packet } from '@brunel/base'
import { Ipv4, Ipv6 } from '@brunel/wire'
import { IPV6_MINIMUM, type TunnelMtu, type WireMtu } from './units.js'

/** What `checkSize` says of an IPv4 packet that must be fragmented before GRE. A number, for drops are strings. */
export const FRAGMENT = 1

/**
 * Whether the inner packet at `at` fits the tunnel: undefined; `FRAGMENT` for IPv4 with DF clear (the payload is
 * fragmented, not the delivery packet: RFC 7588 §3.3.1.1); else a drop, and on 'tunnel-too-big' the source is told
 * (`tooBig`). IPv6 is off while the tunnel cannot carry 1280 octets: RFC 7676 §3.2.
 */
export function checkSize(p: Packet, at: number, mtu: TunnelMtu): Drop | typeof FRAGMENT | undefined {
  if (p.end <= at) return 'ip-truncated'
  switch (p.view.getUint8(at) >>> 4) {
    case 4: {
      const ip = Ipv4.open(p, at)
      if (isDrop(ip)) return ip
      if (Ipv4.totalLength(p, ip) <= mtu) return undefined
      return Ipv4.dontFragment(p, ip) ? 'tunnel-too-big' : FRAGMENT
    }
    case 6: {
      const ip = Ipv6.open(p, at)
      if (isDrop(ip)) return ip
      if (mtu < IPV6_MINIMUM) return 'tunnel-ipv6-below-1280'
      return Ipv6.payloadLength(p, ip) + Ipv6.HEADER <= mtu ? undefined : 'tunnel-too-big'
    }
    default:
      return 'ip-version'
  }
}

const DONT_FRAGMENT = 0x4000 // RFC 791 §3.1
const COPIED = 0x80 // RFC 791 §3.1: the option is copied into all fragments
const END_OF_OPTIONS = 0
const NO_OPERATION = 1

/** The options that later fragments carry, padded to whole words. */
function copiedOptions(options: Uint8Array): Uint8Array {
  const kept: number[] = []
  for (let at = 0; at < options.length; ) {
    const kind = options[at]!
    if (kind === END_OF_OPTIONS) break
    const length = kind === NO_OPERATION ? 1 : (options[at + 1] ?? 0)
    if (length < 1 || (kind !== NO_OPERATION && length < 2) || at + length > options.length) break
    if (kind & COPIED) kept.push(...options.subarray(at, at + length))
    at += length
  }
  while (kept.length % 4 !== 0) kept.push(END_OF_OPTIONS)
  return Uint8Array.from(kept)
}

interface Piece {
  /** Header octets, length and flags still those of the whole. */
  readonly header: Uint8Array
  readonly data: Uint8Array
  readonly offset: number
  readonly more: boolean
}

function assemble(piece: Piece): Uint8Array {
  const bytes = new Uint8Array(piece.header.length + piece.data.length)
  bytes.set(piece.header)
  bytes.set(piece.data, piece.header.length)
  const p = new Packet(bytes)
  p.view.setUint8(0, 0x40 | (piece.header.length / 4))
  p.view.setUint16(2, bytes.length)
  p.view.setUint16(6, (p.view.getUint16(6) & DONT_FRAGMENT) | (piece.more ? 0x2000 : 0) | (piece.offset / 8))
  const ip = Ipv4.open(p, 0)
  if (!isDrop(ip)) Ipv4.setChecksum(p, ip)
  return bytes
}

/**
 * Fragments an IPv4 packet with DF clear into pieces of at most `mtu` octets, RFC 791 §3.2; a fragment is fragmented
 * further. A drop where DF is set or not even 8 octets fit. Allocates: a slow path on purpose.
 */
export function fragment(packet: Uint8Array, mtu: TunnelMtu): Uint8Array[] | Drop {
  const p = new Packet(packet)
  const ip = Ipv4.open(p, 0)
  if (isDrop(ip)) return ip
  if (Ipv4.totalLength(p, ip) > mtu && Ipv4.dontFragment(p, ip)) return 'tunnel-too-big'
  return piecesOf(packet, mtu)
}

/** Whatever DF says: its bit is that of the packet in all pieces. */
export function piecesOf(packet: Uint8Array, mtu: TunnelMtu | WireMtu): Uint8Array[] | Drop {
  const p = new Packet(packet)
  const ip = Ipv4.open(p, 0)
  if (isDrop(ip)) return ip
  const end = Ipv4.endAt(p, ip)
  if (end <= mtu) return [packet.slice(0, end)]
  const first = packet.slice(0, Ipv4.payloadAt(p, ip))
  const later = Uint8Array.of(...first.slice(0, Ipv4.HEADER), ...copiedOptions(first.slice(Ipv4.HEADER)))
  if (Math.max(first.length, later.length) + 8 > mtu) return 'tunnel-too-big'
  const pieces: Uint8Array[] = []
  for (let at = first.length; at < end; ) {
    const header = at === first.length ? first : later
    // All but the last piece hold a multiple of 8 octets.
    const last = end - at <= mtu - header.length
    const next = last ? end : at + (mtu - header.length - ((mtu - header.length) % 8))
    const offset = Ipv4.fragmentOffset(p, ip) + at - first.length
    pieces.push(
      assemble({ header, data: packet.slice(at, next), offset, more: !last || Ipv4.moreFragments(p, ip) }),
    )
    at = next
  }
  return pieces
}
