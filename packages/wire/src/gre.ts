import type { At, Drop, Packet } from '@brunel/base'
import * as Checksum from './checksum.js'

/**
 * RFC 2784 §2.1 with the key and sequence number of RFC 2890 §2
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |C| |K|S| Reserved0       | Ver |         Protocol Type         |
 *    |      Checksum (optional)      |       Reserved1 (Optional)    |
 *    |                         Key (optional)                        |
 *    |                 Sequence Number (Optional)                    |
 */

const CHECKSUM = 0x8000 // RFC 2784 §2.2
const KEY = 0x2000 // RFC 2890 §2
const SEQUENCE = 0x1000 // RFC 2890 §2
const RESERVED = 0x4c00 // RFC 2784 §2.3: bits 1, 4 and 5; bits 6 to 12 are ignored on receipt
const VERSION = 0x0007 // RFC 2784 §2.3.1

/** RFC 2784 §2.4, §3 and RFC 7676 §3.1. */
export const PROTOCOL_TYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const

/** Each optional field is one word: checksum, key, sequence, in that order. */
const lengthOf = (flags: number): number =>
  4 + (flags & CHECKSUM ? 4 : 0) + (flags & KEY ? 4 : 0) + (flags & SEQUENCE ? 4 : 0)

const flagsAt = (p: Packet, gre: At<'gre'>): number => p.view.getUint16(gre)

/** A header to push. Whoever pushes keeps one record a tunnel and changes the fields that vary. */
export interface Header {
  protocolType: number
  checksum: boolean
  key: number | undefined
  sequence: number | undefined
}

/** Octets of a header with these fields. */
export const headerLength = (header: Readonly<Pick<Header, 'checksum' | 'key' | 'sequence'>>): number =>
  4 + (header.checksum ? 4 : 0) + (header.key === undefined ? 0 : 4) + (header.sequence === undefined ? 0 : 4)

/** Only `open` makes an At<'gre'>; hold one, and no accessor below can read out of bounds. */
export function open(p: Packet, at: number): At<'gre'> | Drop {
  if (p.end - at < 4) return 'gre-truncated'
  const flags = p.view.getUint16(at)
  if (flags & VERSION) return 'gre-version'
  if (flags & RESERVED) return 'gre-reserved-bits'
  if (p.end - at < lengthOf(flags)) return 'gre-truncated'
  return at as At<'gre'>
}

export const protocolType = (p: Packet, gre: At<'gre'>): number => p.view.getUint16(gre + 2)
export const hasChecksum = (p: Packet, gre: At<'gre'>): boolean => (flagsAt(p, gre) & CHECKSUM) !== 0
export const hasKey = (p: Packet, gre: At<'gre'>): boolean => (flagsAt(p, gre) & KEY) !== 0
export const hasSequence = (p: Packet, gre: At<'gre'>): boolean => (flagsAt(p, gre) & SEQUENCE) !== 0
export const payloadAt = (p: Packet, gre: At<'gre'>): number => gre + lengthOf(flagsAt(p, gre))

/** -1 without a key, which is not the key 0 (RFC 2890 §2.1). */
export function key(p: Packet, gre: At<'gre'>): number {
  const flags = flagsAt(p, gre)
  return flags & KEY ? p.view.getUint32(gre + lengthOf(flags & CHECKSUM)) : -1
}

/** -1 without a sequence number. */
export function sequence(p: Packet, gre: At<'gre'>): number {
  const flags = flagsAt(p, gre)
  return flags & SEQUENCE ? p.view.getUint32(gre + lengthOf(flags & (CHECKSUM | KEY))) : -1
}

/** RFC 2784 §2.5: over the header and the payload, to the end of the packet. True without a checksum. */
export const checksumGood = (p: Packet, gre: At<'gre'>): boolean =>
  !hasChecksum(p, gre) || Checksum.good(Checksum.sum(p.view, gre, p.end))

/** Puts a header in front of the whole packet. Reserved0, Ver and Reserved1 are sent as zero: RFC 2784 §2.3, §2.6. */
export function push(p: Packet, header: Readonly<Header>): At<'gre'> | Drop {
  const at = p.prepend(headerLength(header))
  if (at < 0) return 'underlay-room'
  const { checksum, key, sequence } = header
  const flags =
    (checksum ? CHECKSUM : 0) | (key === undefined ? 0 : KEY) | (sequence === undefined ? 0 : SEQUENCE)
  p.view.setUint16(at, flags)
  p.view.setUint16(at + 2, header.protocolType)
  let field = at + 4
  if (checksum) {
    p.view.setUint32(field, 0)
    field += 4
  }
  if (key !== undefined) {
    p.view.setUint32(field, key)
    field += 4
  }
  if (sequence !== undefined) p.view.setUint32(field, sequence)
  if (checksum) p.view.setUint16(at + 4, Checksum.of(p.view, at, p.end))
  return at as At<'gre'>
}
