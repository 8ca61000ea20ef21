import type { Drop } from '@brunel/base'

/**
 * How an OSPF packet is authenticated, as far as it shows. Passwords and digests are not read.
 *
 * RFC 2328 §D.3, AuType 2                         RFC 7474 §3, AuType 3
 *
 *    |      0        |    Key ID     | Len |       |            0                | Len |
 *    |    Cryptographic sequence number    |       |          Key ID                   |
 *    …  packet, digest                             …  packet, 64-bit sequence number, digest
 */
export type Authentication =
  | { readonly type: 'null' | 'password' }
  | {
      /** `extended`: RFC 7474. `trailer`: the authentication trailer of OSPFv3, RFC 7166. */
      readonly type: 'cryptographic' | 'extended' | 'trailer'
      /** Of the trailer: its security association. */
      readonly keyId: number
      readonly sequence: number
      /** The upper half of a 64-bit sequence number. */
      readonly bootCount?: number
      readonly digestLength: number
    }
  | { readonly type: 'unknown'; readonly number: number }

/** RFC 7474 §3: the first 64 bits behind the packet. */
const SEQUENCE_LENGTH = 8

export function authenticationV2(view: DataView): Authentication | Drop {
  const behind = view.byteLength - view.getUint16(2)
  const number = view.getUint8(15)
  switch (number) {
    case 0:
      return { type: 'null' }
    case 1:
      return { type: 'password' }
    case 2: {
      // RFC 2328 §D.3: the digest is not in the packet length, but in that of IP.
      const digestLength = view.getUint8(19)
      if (digestLength > behind) return 'ospf-authentication'
      return { type: 'cryptographic', keyId: view.getUint8(18), sequence: view.getUint32(20), digestLength }
    }
    case 3: {
      const digestLength = view.getUint8(19)
      if (digestLength + SEQUENCE_LENGTH > behind) return 'ospf-authentication'
      const at = view.getUint16(2)
      return {
        type: 'extended',
        keyId: view.getUint32(20),
        bootCount: view.getUint32(at),
        sequence: view.getUint32(at + 4),
        digestLength,
      }
    }
    default:
      return { type: 'unknown', number }
  }
}

/** |  type 1  | length, with these 16 octets |  reserved  |  SA ID  |  64-bit sequence number  |  digest  | */
const TRAILER = 16
const HMAC = 1
/** The L bit of Hello and Database Description, RFC 5613 §2.1: a block for link-local signalling stands before. */
const LLS = 0x02
const OPTIONS_AT: Readonly<Record<number, number>> = { 1: 21, 2: 17 }

/** OSPFv3 says nothing in its header; what stands behind the packet tells. Anything else there is no trailer. */
export function authenticationV3(view: DataView): Authentication {
  const length = view.getUint16(2)
  const at = length + blockLength(view, length)
  if (at + TRAILER > view.byteLength || view.getUint16(at) !== HMAC) return { type: 'null' }
  const whole = view.getUint16(at + 2)
  if (whole < TRAILER || at + whole > view.byteLength) return { type: 'null' }
  return {
    type: 'trailer',
    keyId: view.getUint16(at + 6),
    bootCount: view.getUint32(at + 8),
    sequence: view.getUint32(at + 12),
    digestLength: whole - TRAILER,
  }
}

function blockLength(view: DataView, length: number): number {
  const options = OPTIONS_AT[view.getUint8(1)]
  if (options === undefined || options + 3 > length || !(view.getUint8(options + 1) & LLS)) return 0
  return length + 4 > view.byteLength ? 0 : view.getUint16(length + 2) * 4
}
