import type { At, Drop, Packet } from '@brunel/base'
import * as Checksum from './checksum.js'

/**
 * RFC 768
 *
 *    |     Source Port |  Destination Port |
 *    |     Length      |     Checksum      |
 */

export const HEADER = 8

export function open(p: Packet, at: number): At<'udp'> | Drop {
  if (p.end - at < HEADER) return 'ip-truncated'
  const length = p.view.getUint16(at + 4)
  return length < HEADER || length > p.end - at ? 'ip-truncated' : (at as At<'udp'>)
}

export const sourcePort = (p: Packet, udp: At<'udp'>): number => p.view.getUint16(udp)
export const destinationPort = (p: Packet, udp: At<'udp'>): number => p.view.getUint16(udp + 2)
/** Of header and data. */
export const length = (p: Packet, udp: At<'udp'>): number => p.view.getUint16(udp + 4)
export const checksum = (p: Packet, udp: At<'udp'>): number => p.view.getUint16(udp + 6)
export const payloadAt = (udp: At<'udp'>): number => udp + HEADER
export const endAt = (p: Packet, udp: At<'udp'>): number => udp + p.view.getUint16(udp + 4)

/** Puts a header with checksum 0 in front of the whole packet: what RFC 3948 §2.1 wants of ESP in UDP over IPv4. */
export function push(p: Packet, source: number, destination: number): At<'udp'> | Drop {
  const length = p.end - p.start + HEADER
  if (length > 0xffff) return 'tunnel-too-big'
  const at = p.prepend(HEADER)
  if (at < 0) return 'underlay-room'
  p.view.setUint16(at, source)
  p.view.setUint16(at + 2, destination)
  p.view.setUint16(at + 4, length)
  p.view.setUint16(at + 6, 0)
  return at as At<'udp'>
}

/** Fills in the checksum; a computed zero is sent as all ones (RFC 768). `pseudo`: sum of the pseudo header. */
export function setChecksum(p: Packet, udp: At<'udp'>, pseudo: number): void {
  p.view.setUint16(udp + 6, 0)
  const value = Checksum.finish(Checksum.sum(p.view, udp, endAt(p, udp), pseudo))
  p.view.setUint16(udp + 6, value === 0 ? 0xffff : value)
}

/** Zero means that the sender made none (RFC 768). */
export const checksumGood = (p: Packet, udp: At<'udp'>, pseudo: number): boolean =>
  checksum(p, udp) === 0 || Checksum.good(Checksum.sum(p.view, udp, endAt(p, udp), pseudo))
