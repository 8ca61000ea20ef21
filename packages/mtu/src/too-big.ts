import { type At, isDrop, Packet } from '@brunel/base'
import { Address, Icmp, Ipv4, Ipv6 } from '@brunel/wire'
import type { TunnelMtu } from './units.js'

/** Addresses of the tunnel interface, which its errors come from; undefined: this family is not told. */
export interface ErrorSources {
  readonly ipv4: Uint8Array | undefined
  readonly ipv6: Uint8Array | undefined
}

const QUOTED_IPV4 = 576 // RFC 1812 §4.3.2.3: the whole error SHOULD stay within
const QUOTED_IPV6 = 1280 // RFC 4443 §3.2: the minimum IPv6 MTU
const TTL = 64
const INTERNETWORK_CONTROL = 0xc0 // RFC 1812 §4.3.2.5: precedence 6
const ICMP_V4 = 1
const ICMP_V6 = 58

/** RFC 1812 §4.3.2.7: never about a source that is no single host: this network, loopback, multicast, class E. */
const isHostV4 = (p: Packet, at: number): boolean => {
  const first = p.view.getUint8(at)
  return first !== 0 && first !== 127 && first < 224
}

/** RFC 1812 §4.3.2.7, RFC 1122 §3.2.2. */
function mayTellV4(p: Packet, ip: At<'ipv4'>): boolean {
  // Multicast, class E and limited broadcast.
  if (p.view.getUint8(Ipv4.destinationAt(ip)) >= 224) return false
  if (!isHostV4(p, Ipv4.sourceAt(ip)) || Ipv4.fragmentOffset(p, ip) > 0) return false
  if (Ipv4.protocol(p, ip) !== ICMP_V4) return true
  const at = Ipv4.payloadAt(p, ip)
  return at < p.end && !Icmp.isError(4, p.view.getUint8(at))
}

/** RFC 4443 §2.4 (e): (e.3) excepts Packet Too Big for a multicast destination. */
function mayTellV6(p: Packet, ip: At<'ipv6'>): boolean {
  const source = p.bytes.slice(Ipv6.sourceAt(ip), Ipv6.sourceAt(ip) + 16)
  if (Address.isMulticast(source) || source.every(octet => octet === 0)) return false
  const upper = Ipv6.upper()
  // A chain that cannot be walked, or a later fragment of ICMPv6, might be an error.
  if (Ipv6.walk(p, ip, upper) !== undefined) return false
  if (upper.protocol !== ICMP_V6) return true
  return upper.fragmentOffset === 0 && upper.at < p.end && !Icmp.isError(6, p.view.getUint8(upper.at))
}

function withHeadroom(header: number, message: Uint8Array): Packet {
  const bytes = new Uint8Array(header + message.length)
  bytes.set(message, header)
  return new Packet(bytes, header)
}

function tooBigV4(p: Packet, mtu: TunnelMtu, from: Uint8Array): Uint8Array | undefined {
  const ip = Ipv4.open(p, 0)
  if (isDrop(ip) || !mayTellV4(p, ip)) return undefined
  const quote = p.bytes.slice(0, Math.min(Ipv4.endAt(p, ip), QUOTED_IPV4 - Ipv4.HEADER - Icmp.HEADER))
  const error = withHeadroom(Ipv4.HEADER, Icmp.emitV4({ type: 'too-big', mtu, quote }))
  const destination = p.bytes.slice(Ipv4.sourceAt(ip), Ipv4.sourceAt(ip) + 4)
  Ipv4.push(error, {
    source: from,
    destination,
    protocol: ICMP_V4,
    ttl: TTL,
    tos: INTERNETWORK_CONTROL,
    identification: 0,
    dontFragment: true,
  })
  return error.bytes
}

function tooBigV6(p: Packet, mtu: TunnelMtu, from: Uint8Array): Uint8Array | undefined {
  const ip = Ipv6.open(p, 0)
  if (isDrop(ip) || !mayTellV6(p, ip)) return undefined
  const quote = p.bytes.slice(0, Math.min(Ipv6.endAt(p, ip), QUOTED_IPV6 - Ipv6.HEADER - Icmp.HEADER))
  const ends = { source: from, destination: p.bytes.slice(Ipv6.sourceAt(ip), Ipv6.sourceAt(ip) + 16) }
  const error = withHeadroom(Ipv6.HEADER, Icmp.emitV6({ type: 'too-big', mtu, quote }, ends))
  Ipv6.push(error, { ...ends, nextHeader: ICMP_V6, hopLimit: TTL, trafficClass: 0, flowLabel: 0 })
  return error.bytes
}

/**
 * The whole IP packet that tells the source of `packet` that it is larger than `mtu`: ICMP 3/4 with the next-hop MTU
 * (RFC 1191 §4) or ICMPv6 Packet Too Big (RFC 4443 §3.2). undefined where the RFCs forbid an answer or we have no
 * address to answer from. The rate is the caller's to limit (`RateLimiter`).
 */
export function tooBig(packet: Uint8Array, mtu: TunnelMtu, from: ErrorSources): Uint8Array | undefined {
  const p = new Packet(packet)
  const version = (packet[0] ?? 0) >>> 4
  if (version === 4) return from.ipv4 && tooBigV4(p, mtu, from.ipv4)
  return version === 6 && from.ipv6 ? tooBigV6(p, mtu, from.ipv6) : undefined
}
