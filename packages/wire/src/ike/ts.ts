import type { Drop } from '@brunel/base'
import { addressBytes, addressText } from './address-text.js'
import { TS_TYPE } from './numbers.js'
import { concat, readUint16, uint16 } from './octets.js'
import type { TrafficSelector, TsPayload } from './payload.js'

/**
 * Body of a Traffic Selector payload, RFC 7296 §3.13, and one selector, §3.13.1:
 *
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Number of TSs |                 RESERVED                      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   TS Type     |IP Protocol ID*|       Selector Length         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |           Start Port*         |           End Port*           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                         Starting Address*                     ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                         Ending Address*                       ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export function parseTs(type: 'TSi' | 'TSr', body: Uint8Array): TsPayload | Drop {
  if (body.length < 4) return 'ike-payload'
  const selectors: TrafficSelector[] = []
  let count = 0
  for (let at = 4; at < body.length; count++) {
    if (body.length - at < 4) return 'ike-payload'
    const length = readUint16(body, at + 2)
    if (length < 4 || length > body.length - at) return 'ike-payload'
    const selector = parseSelector(body.subarray(at, at + length))
    if (typeof selector === 'string') return selector
    if (selector !== undefined) selectors.push(selector)
    at += length
  }
  return count === body[0] ? { type, selectors } : 'ike-payload'
}

/** undefined: a TS type we do not know, to be skipped (RFC 7296 §2.9). */
function parseSelector(octets: Uint8Array): TrafficSelector | Drop | undefined {
  const size =
    octets[0] === TS_TYPE.IPV4_ADDR_RANGE ? 4 : octets[0] === TS_TYPE.IPV6_ADDR_RANGE ? 16 : undefined
  if (size === undefined) return undefined
  if (octets.length !== 8 + 2 * size) return 'ike-payload'
  const startPort = readUint16(octets, 4)
  const endPort = readUint16(octets, 6)
  const start = octets.subarray(8, 8 + size)
  const end = octets.subarray(8 + size)
  const opaque = startPort === 65535 && endPort === 0 // RFC 7296 §3.13.1
  if ((startPort > endPort && !opaque) || isAbove(start, end)) return 'ike-payload'
  return {
    protocol: octets[1] as number,
    startPort,
    endPort,
    startAddress: addressText(start),
    endAddress: addressText(end),
  }
}

function isAbove(a: Uint8Array, b: Uint8Array): boolean {
  const i = a.findIndex((octet, at) => octet !== b[at])
  return i >= 0 && (a[i] as number) > (b[i] as number)
}

export function emitTs(ts: TsPayload): Uint8Array {
  return concat(Uint8Array.of(ts.selectors.length, 0, 0, 0), ...ts.selectors.map(emitSelector))
}

function emitSelector(s: TrafficSelector): Uint8Array {
  const start = addressBytes(s.startAddress)
  const end = addressBytes(s.endAddress)
  return concat(
    Uint8Array.of(start.length === 4 ? TS_TYPE.IPV4_ADDR_RANGE : TS_TYPE.IPV6_ADDR_RANGE, s.protocol),
    uint16(8 + 2 * start.length),
    uint16(s.startPort),
    uint16(s.endPort),
    start,
    end,
  )
}
