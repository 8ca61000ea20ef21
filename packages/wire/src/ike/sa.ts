import type { Drop } from '@brunel/base'
import { concat, readUint16, uint16 } from './octets.js'
import type { Attribute, Proposal, SaPayload, Transform } from './payload.js'

const MORE_PROPOSALS = 2
const MORE_TRANSFORMS = 3
const ATTRIBUTE_FORMAT_TV = 0x8000

/**
 * Body of a Security Association payload, RFC 7296 §3.3: proposals, one after the other, §3.3.1:
 *
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Last Substruc |   RESERVED    |         Proposal Length       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                        SPI (variable)                         ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                                                               |
 * ~                        <Transforms>                           ~
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export function parseSa(body: Uint8Array): SaPayload | Drop {
  const proposals: Proposal[] = []
  let at = 0
  do {
    if (body.length - at < 8) return 'ike-payload'
    const last = body[at]
    const length = readUint16(body, at + 2)
    const spiSize = body[at + 6] as number
    if (length < 8 + spiSize || length > body.length - at) return 'ike-payload'
    if (last !== (at + length === body.length ? 0 : MORE_PROPOSALS)) return 'ike-payload'
    const transforms = parseTransforms(body.subarray(at + 8 + spiSize, at + length))
    if (typeof transforms === 'string') return transforms
    if (transforms.length !== body[at + 7]) return 'ike-payload' // RFC 7296 §3.3.1: Num Transforms
    proposals.push({
      number: body[at + 4] as number,
      protocol: body[at + 5] as number,
      spi: body.subarray(at + 8, at + 8 + spiSize),
      transforms,
    })
    at += length
  } while (at < body.length)
  return { type: 'SA', proposals }
}

/**
 * Transform substructures, RFC 7296 §3.3.2:
 *
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Last Substruc |   RESERVED    |        Transform Length       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |Transform Type |   RESERVED    |          Transform ID         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                                                               |
 * ~                      Transform Attributes                     ~
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
function parseTransforms(octets: Uint8Array): Transform[] | Drop {
  const transforms: Transform[] = []
  for (let at = 0; at < octets.length; ) {
    if (octets.length - at < 8) return 'ike-payload'
    const length = readUint16(octets, at + 2)
    if (length < 8 || length > octets.length - at) return 'ike-payload'
    if (octets[at] !== (at + length === octets.length ? 0 : MORE_TRANSFORMS)) return 'ike-payload'
    const attributes = parseAttributes(octets.subarray(at + 8, at + length))
    if (typeof attributes === 'string') return attributes
    transforms.push({ type: octets[at + 4] as number, id: readUint16(octets, at + 6), attributes })
    at += length
  }
  return transforms
}

/**
 * Transform attributes, RFC 7296 §3.3.5:
 *
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |A|       Attribute Type        |    AF=0  Attribute Length     |
 * |F|                             |    AF=1  Attribute Value      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                   AF=0  Attribute Value                       |
 * |                   AF=1  Not Transmitted                       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
function parseAttributes(octets: Uint8Array): Attribute[] | Drop {
  const attributes: Attribute[] = []
  for (let at = 0; at < octets.length; ) {
    if (octets.length - at < 4) return 'ike-payload'
    const type = readUint16(octets, at)
    const second = readUint16(octets, at + 2)
    at += 4
    if (type & ATTRIBUTE_FORMAT_TV) {
      attributes.push({ type: type & 0x7fff, value: second })
    } else {
      if (second > octets.length - at) return 'ike-payload'
      attributes.push({ type, value: octets.subarray(at, at + second) })
      at += second
    }
  }
  return attributes
}

export function emitSa(sa: SaPayload): Uint8Array {
  return concat(...sa.proposals.map((p, i) => emitProposal(p, i === sa.proposals.length - 1)))
}

function emitProposal(p: Proposal, last: boolean): Uint8Array {
  const transforms = concat(...p.transforms.map((t, i) => emitTransform(t, i === p.transforms.length - 1)))
  const length = 8 + p.spi.length + transforms.length
  return concat(
    Uint8Array.of(last ? 0 : MORE_PROPOSALS, 0),
    uint16(length),
    Uint8Array.of(p.number, p.protocol, p.spi.length, p.transforms.length),
    p.spi,
    transforms,
  )
}

function emitTransform(t: Transform, last: boolean): Uint8Array {
  const attributes = concat(...t.attributes.map(emitAttribute))
  return concat(
    Uint8Array.of(last ? 0 : MORE_TRANSFORMS, 0),
    uint16(8 + attributes.length),
    Uint8Array.of(t.type, 0),
    uint16(t.id),
    attributes,
  )
}

const emitAttribute = ({ type, value }: Attribute): Uint8Array =>
  typeof value === 'number'
    ? concat(uint16(ATTRIBUTE_FORMAT_TV | type), uint16(value))
    : concat(uint16(type), uint16(value.length), value)
