import type { At, Drop, Packet } from '@brunel/base'
import * as Address from './address.js'
import * as Checksum from './checksum.js'

/**
 * RFC 8200 §3
 *
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |Version| Traffic Class |           Flow Label                  |
 *    |         Payload Length        |  Next Header  |   Hop Limit   |
 *    |                         Source Address (16)                   |
 *    |                      Destination Address (16)                 |
 */

export const HEADER = 40
export const NEXT_HEADER = {
  hopByHop: 0,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmp: 58,
  none: 59,
  destination: 60,
  ospf: 89,
  mobility: 135,
  hip: 139,
  shim6: 140,
} as const

/** A longer chain is no traffic we know of; the bound keeps the walk constant-time. */
const MAX_EXTENSIONS = 8

/** A header to push. Whoever pushes keeps one record a tunnel and changes the fields that vary. */
export interface Header {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  nextHeader: number
  hopLimit: number
  trafficClass: number
  flowLabel: number
}

/** Where the extension headers end. The caller owns it, so that a walk allocates nothing. */
export interface Upper {
  /** The last next header: of the upper layer, or 59. */
  protocol: number
  at: number
  /** In octets; with one above 0 the upper layer header is in another packet. */
  fragmentOffset: number
  moreFragments: boolean
  /** Offset of the octet that names `protocol`. */
  nextHeaderAt: number
}

export const upper = (): Upper => ({
  protocol: 0,
  at: 0,
  fragmentOffset: 0,
  moreFragments: false,
  nextHeaderAt: 0,
})

/** Octets behind the payload length are not part of the packet; `endAt` says where it ends. */
export function open(p: Packet, at: number): At<'ipv6'> | Drop {
  if (p.end - at < HEADER)
    return p.end > at && p.view.getUint8(at) >>> 4 !== 6 ? 'ip-version' : 'ip-truncated'
  if (p.view.getUint8(at) >>> 4 !== 6) return 'ip-version'
  if (p.view.getUint16(at + 4) > p.end - at - HEADER) return 'ip-truncated'
  return at as At<'ipv6'>
}

export const trafficClass = (p: Packet, ip: At<'ipv6'>): number => (p.view.getUint16(ip) >>> 4) & 0xff
export const flowLabel = (p: Packet, ip: At<'ipv6'>): number => p.view.getUint32(ip) & 0xfffff
export const payloadLength = (p: Packet, ip: At<'ipv6'>): number => p.view.getUint16(ip + 4)
export const nextHeader = (p: Packet, ip: At<'ipv6'>): number => p.view.getUint8(ip + 6)
export const hopLimit = (p: Packet, ip: At<'ipv6'>): number => p.view.getUint8(ip + 7)
/** Offset of the 16 octets of the source address. */
export const sourceAt = (ip: At<'ipv6'>): number => ip + 8
export const destinationAt = (ip: At<'ipv6'>): number => ip + 24
export const payloadAt = (ip: At<'ipv6'>): number => ip + HEADER
export const endAt = (p: Packet, ip: At<'ipv6'>): number => ip + HEADER + p.view.getUint16(ip + 4)

export function setTrafficClass(p: Packet, ip: At<'ipv6'>, value: number): void {
  p.view.setUint16(ip, 0x6000 | (value << 4) | (p.view.getUint16(ip) & 15))
}
export const setHopLimit = (p: Packet, ip: At<'ipv6'>, value: number): void => p.view.setUint8(ip + 7, value)
export const setNextHeader = (p: Packet, ip: At<'ipv6'>, value: number): void =>
  p.view.setUint8(ip + 6, value)
export const setPayloadLength = (p: Packet, ip: At<'ipv6'>, value: number): void =>
  p.view.setUint16(ip + 4, value)

const isExtension = (protocol: number): boolean => {
  switch (protocol) {
    case NEXT_HEADER.hopByHop:
    case NEXT_HEADER.routing:
    case NEXT_HEADER.fragment:
    case NEXT_HEADER.ah:
    case NEXT_HEADER.destination:
    case NEXT_HEADER.mobility:
    case NEXT_HEADER.hip:
    case NEXT_HEADER.shim6:
      return true
    default:
      return false
  }
}

/** Lengths: AH in words less 2 (RFC 4302 §2.2), fragment always 8, all others in 8 octets less 1 (RFC 8200 §4.3). */
function extensionLength(p: Packet, at: number, protocol: number): number {
  const length = p.view.getUint8(at + 1)
  if (protocol === NEXT_HEADER.fragment) return 8
  return protocol === NEXT_HEADER.ah ? (length + 2) * 4 : (length + 1) * 8
}

/** Walks to the last next header, RFC 8200 §4.1; the answer is written into `into`. */
export function walk(p: Packet, ip: At<'ipv6'>, into: Upper): Drop | undefined {
  const end = endAt(p, ip)
  into.protocol = nextHeader(p, ip)
  into.nextHeaderAt = ip + 6
  into.at = ip + HEADER
  into.fragmentOffset = 0
  into.moreFragments = false
  for (let count = 0; isExtension(into.protocol); count++) {
    if (count === MAX_EXTENSIONS || end - into.at < 8) return 'ip-extension-headers'
    const length = extensionLength(p, into.at, into.protocol)
    if (length > end - into.at) return 'ip-extension-headers'
    if (into.protocol === NEXT_HEADER.fragment) {
      into.fragmentOffset = p.view.getUint16(into.at + 2) & 0xfff8
      into.moreFragments = (p.view.getUint8(into.at + 3) & 1) !== 0
    }
    into.nextHeaderAt = into.at
    into.protocol = p.view.getUint8(into.at)
    into.at += length
    // RFC 8200 §4.5: what follows in a later fragment is the middle of something.
    if (into.fragmentOffset > 0) return undefined
  }
  return undefined
}

/** Puts a header in front of the whole packet. */
export function push(p: Packet, header: Readonly<Header>): At<'ipv6'> | Drop {
  const length = p.end - p.start
  if (length > 0xffff) return 'tunnel-too-big'
  const at = p.prepend(HEADER)
  if (at < 0) return 'underlay-room'
  p.view.setUint32(at, (0x60000000 | (header.trafficClass << 20) | header.flowLabel) >>> 0)
  p.view.setUint16(at + 4, length)
  p.view.setUint16(at + 6, (header.nextHeader << 8) | header.hopLimit)
  Address.copyTo(header.source, p.bytes, at + 8)
  Address.copyTo(header.destination, p.bytes, at + 24)
  return at as At<'ipv6'>
}

/** Sum of the pseudo header for an upper layer of `length` octets, RFC 8200 §8.1. */
export const pseudoSum = (p: Packet, ip: At<'ipv6'>, upper: { protocol: number; length: number }): number =>
  Checksum.sum(p.view, ip + 8, ip + 40, upper.protocol + upper.length)
