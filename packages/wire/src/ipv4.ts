import type { At, Drop, Packet } from '@brunel/base'
import * as Address from './address.js'
import * as Checksum from './checksum.js'

/**
 * RFC 791 §3.1
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |Version|  IHL  |Type of Service|          Total Length         |
 *    |         Identification        |Flags|      Fragment Offset    |
 *    |  Time to Live |    Protocol   |         Header Checksum       |
 *    |                       Source Address                          |
 *    |                    Destination Address                        |
 *    |                    Options                    |    Padding    |
 */

export const HEADER = 20
export const MAX_LENGTH = 65535

export const PROTOCOL = { icmp: 1, ipip: 4, tcp: 6, udp: 17, ipv6: 41, gre: 47, esp: 50, ospf: 89 } as const

const DONT_FRAGMENT = 0x4000
const MORE_FRAGMENTS = 0x2000
const OFFSET = 0x1fff

/** A header to push. Whoever pushes keeps one record a tunnel and changes the fields that vary. */
export interface Header {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  protocol: number
  ttl: number
  tos: number
  identification: number
  dontFragment: boolean
}

/** Octets behind the total length are not part of the packet; `endAt` says where it ends. */
export function open(p: Packet, at: number): At<'ipv4'> | Drop {
  if (p.end - at < HEADER)
    return p.end > at && p.view.getUint8(at) >>> 4 !== 4 ? 'ip-version' : 'ip-truncated'
  const first = p.view.getUint8(at)
  if (first >>> 4 !== 4) return 'ip-version'
  const header = (first & 15) * 4
  if (header < HEADER || header > p.end - at) return 'ip-header-length'
  const total = p.view.getUint16(at + 2)
  if (total < header) return 'ip-header-length'
  if (total > p.end - at) return 'ip-truncated'
  return at as At<'ipv4'>
}

export const headerLength = (p: Packet, ip: At<'ipv4'>): number => (p.view.getUint8(ip) & 15) * 4
export const tos = (p: Packet, ip: At<'ipv4'>): number => p.view.getUint8(ip + 1)
export const totalLength = (p: Packet, ip: At<'ipv4'>): number => p.view.getUint16(ip + 2)
export const identification = (p: Packet, ip: At<'ipv4'>): number => p.view.getUint16(ip + 4)
export const dontFragment = (p: Packet, ip: At<'ipv4'>): boolean =>
  (p.view.getUint16(ip + 6) & DONT_FRAGMENT) !== 0
export const moreFragments = (p: Packet, ip: At<'ipv4'>): boolean =>
  (p.view.getUint16(ip + 6) & MORE_FRAGMENTS) !== 0
/** In octets. */
export const fragmentOffset = (p: Packet, ip: At<'ipv4'>): number => (p.view.getUint16(ip + 6) & OFFSET) * 8
/** A first, middle or last fragment: RFC 4303 §3.4.1 wants whole packets. */
export const isFragment = (p: Packet, ip: At<'ipv4'>): boolean =>
  (p.view.getUint16(ip + 6) & (MORE_FRAGMENTS | OFFSET)) !== 0
export const ttl = (p: Packet, ip: At<'ipv4'>): number => p.view.getUint8(ip + 8)
export const protocol = (p: Packet, ip: At<'ipv4'>): number => p.view.getUint8(ip + 9)
export const checksum = (p: Packet, ip: At<'ipv4'>): number => p.view.getUint16(ip + 10)
/** Offset of the four octets of the source address. */
export const sourceAt = (ip: At<'ipv4'>): number => ip + 12
export const destinationAt = (ip: At<'ipv4'>): number => ip + 16
export const payloadAt = (p: Packet, ip: At<'ipv4'>): number => ip + headerLength(p, ip)
export const endAt = (p: Packet, ip: At<'ipv4'>): number => ip + p.view.getUint16(ip + 2)

/** RFC 1812 §5.2.2: a router verifies it before it reads on. */
export const checksumGood = (p: Packet, ip: At<'ipv4'>): boolean =>
  Checksum.good(Checksum.sum(p.view, ip, payloadAt(p, ip)))

/** Rewrites the header checksum from scratch. */
export function setChecksum(p: Packet, ip: At<'ipv4'>): void {
  p.view.setUint16(ip + 10, 0)
  p.view.setUint16(ip + 10, Checksum.of(p.view, ip, payloadAt(p, ip)))
}

function setWord(p: Packet, at: At<'ipv4'>, offset: number, is: number): void {
  const was = p.view.getUint16(at + offset)
  p.view.setUint16(at + offset, is)
  p.view.setUint16(at + 10, Checksum.replaced(p.view.getUint16(at + 10), was, is))
}

/** Changes the type of service octet and the checksum with it. */
export const setTos = (p: Packet, ip: At<'ipv4'>, value: number): void =>
  setWord(p, ip, 0, (p.view.getUint8(ip) << 8) | value)

/** Changes the time to live and the checksum with it. */
export const setTtl = (p: Packet, ip: At<'ipv4'>, value: number): void =>
  setWord(p, ip, 8, (value << 8) | p.view.getUint8(ip + 9))

/** Changes the protocol and the checksum with it (transport mode ESP: RFC 4303 §3.1.1). */
export const setProtocol = (p: Packet, ip: At<'ipv4'>, value: number): void =>
  setWord(p, ip, 8, (p.view.getUint8(ip + 8) << 8) | value)

/** Changes the total length and the checksum with it. */
export const setTotalLength = (p: Packet, ip: At<'ipv4'>, value: number): void => setWord(p, ip, 2, value)

/** Puts a header without options in front of the whole packet. */
export function push(p: Packet, header: Readonly<Header>): At<'ipv4'> | Drop {
  if (p.end - p.start + HEADER > MAX_LENGTH) return 'tunnel-too-big'
  const at = p.prepend(HEADER)
  if (at < 0) return 'underlay-room'
  p.view.setUint16(at, 0x4500 | header.tos)
  p.view.setUint16(at + 2, p.end - at)
  p.view.setUint16(at + 4, header.identification)
  p.view.setUint16(at + 6, header.dontFragment ? DONT_FRAGMENT : 0)
  p.view.setUint16(at + 8, (header.ttl << 8) | header.protocol)
  Address.copyTo(header.source, p.bytes, at + 12)
  Address.copyTo(header.destination, p.bytes, at + 16)
  setChecksum(p, at as At<'ipv4'>)
  return at as At<'ipv4'>
}

/** Sum of the pseudo header of UDP (RFC 768) and TCP (RFC 793 §3.1) for a segment of `length` octets. */
export const pseudoSum = (p: Packet, ip: At<'ipv4'>, length: number): number =>
  Checksum.sum(p.view, ip + 12, ip + 20, protocol(p, ip) + length)
