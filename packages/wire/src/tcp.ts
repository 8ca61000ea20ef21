import type { At, Drop, Packet } from '@brunel/base'
import * as Checksum from './checksum.js'

/**
 * RFC 793 §3.1
 *
 *    |          Source Port          |       Destination Port        |
 *    |                        Sequence Number                        |
 *    |                    Acknowledgment Number                      |
 *    |  Data |           |U|A|P|R|S|F|                               |
 *    | Offset| Reserved  |R|C|S|S|Y|I|            Window             |
 *    |           Checksum            |         Urgent Pointer        |
 *    |                    Options                    |    Padding    |
 */

export const HEADER = 20
export const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const

const END_OF_OPTIONS = 0
const NO_OPERATION = 1
const MAXIMUM_SEGMENT_SIZE = 2

export function open(p: Packet, at: number): At<'tcp'> | Drop {
  if (p.end - at < HEADER) return 'ip-truncated'
  const header = (p.view.getUint8(at + 12) >>> 4) * 4
  return header < HEADER || header > p.end - at ? 'ip-truncated' : (at as At<'tcp'>)
}

export const sourcePort = (p: Packet, tcp: At<'tcp'>): number => p.view.getUint16(tcp)
export const destinationPort = (p: Packet, tcp: At<'tcp'>): number => p.view.getUint16(tcp + 2)
export const sequence = (p: Packet, tcp: At<'tcp'>): number => p.view.getUint32(tcp + 4)
export const acknowledgment = (p: Packet, tcp: At<'tcp'>): number => p.view.getUint32(tcp + 8)
export const headerLength = (p: Packet, tcp: At<'tcp'>): number => (p.view.getUint8(tcp + 12) >>> 4) * 4
export const flags = (p: Packet, tcp: At<'tcp'>): number => p.view.getUint8(tcp + 13)
export const checksum = (p: Packet, tcp: At<'tcp'>): number => p.view.getUint16(tcp + 16)
export const setChecksum = (p: Packet, tcp: At<'tcp'>, value: number): void =>
  p.view.setUint16(tcp + 16, value)
export const payloadAt = (p: Packet, tcp: At<'tcp'>): number => tcp + headerLength(p, tcp)

/** The checksum of a segment that ends at `end`; `pseudo`: sum of the pseudo header. Its own field counts as zero. */
export const computeChecksum = (p: Packet, tcp: At<'tcp'>, over: { end: number; pseudo: number }): number =>
  Checksum.finish(Checksum.sum(p.view, tcp + 18, over.end, Checksum.sum(p.view, tcp, tcp + 16, over.pseudo)))

/**
 * Offset of the two octets of the MSS value, or -1 where there is no such option or where the options are malformed
 * before it (RFC 793 §3.1).
 */
export function mssAt(p: Packet, tcp: At<'tcp'>): number {
  const end = payloadAt(p, tcp)
  for (let at = tcp + HEADER; at < end; ) {
    const kind = p.view.getUint8(at)
    if (kind === END_OF_OPTIONS) return -1
    if (kind === NO_OPERATION) {
      at++
      continue
    }
    const length = at + 1 < end ? p.view.getUint8(at + 1) : 0
    if (length < 2 || length > end - at) return -1
    if (kind === MAXIMUM_SEGMENT_SIZE) return length === 4 ? at + 2 : -1
    at += length
  }
  return -1
}
