import type { Drop } from '@brunel/base'
import { PAYLOAD } from './numbers.js'
import { concat, readUint16, uint16 } from './octets.js'
import type { CpPayload, DeletePayload, IdPayload, NotifyPayload, Payload, PlainPayload } from './payload.js'
import { emitSa, parseSa } from './sa.js'
import { emitTs, parseTs } from './ts.js'

/** A payload whose generic header was checked. `at`: where the body begins in the octets that are parsed. */
export interface Raw {
  readonly type: number
  readonly next: number
  readonly critical: boolean
  readonly body: Uint8Array
  readonly at: number
}

/** All body codecs below return 'ike-payload' for a body shorter than its fixed fields or at odds with its counts. */
export function parseBody(raw: Raw): Payload | Drop {
  const { type, body } = raw
  switch (type) {
    case PAYLOAD.SA:
      return parseSa(body)
    case PAYLOAD.KE:
      return body.length < 4
        ? 'ike-payload'
        : { type: 'KE', group: readUint16(body, 0), data: body.subarray(4) }
    case PAYLOAD.IDi:
    case PAYLOAD.IDr:
      return parseId(type === PAYLOAD.IDi ? 'IDi' : 'IDr', body)
    case PAYLOAD.CERT:
    case PAYLOAD.CERTREQ:
      // RFC 7296 §3.6, §3.7: encoding (1 octet), then data
      return body.length < 1
        ? 'ike-payload'
        : {
            type: type === PAYLOAD.CERT ? 'CERT' : 'CERTREQ',
            encoding: body[0] as number,
            data: body.subarray(1),
          }
    case PAYLOAD.AUTH:
      // RFC 7296 §3.8: method (1 octet), RESERVED (3), data
      return body.length < 4
        ? 'ike-payload'
        : { type: 'AUTH', method: body[0] as number, data: body.subarray(4) }
    case PAYLOAD.NONCE:
      return body.length < 16 || body.length > 256 ? 'ike-payload' : { type: 'NONCE', data: body } // RFC 7296 §3.9
    case PAYLOAD.N:
      return parseNotify(body)
    case PAYLOAD.D:
      return parseDelete(body)
    case PAYLOAD.V:
      return { type: 'V', data: body }
    case PAYLOAD.TSi:
      return parseTs('TSi', body)
    case PAYLOAD.TSr:
      return parseTs('TSr', body)
    case PAYLOAD.SK:
      return { type: 'SK', first: raw.next, body, at: raw.at }
    case PAYLOAD.SKF:
      return parseSkf(raw)
    case PAYLOAD.CP:
      return parseCp(body)
    case PAYLOAD.EAP:
      return { type: 'EAP', message: body }
    default:
      return { type: 'unknown', number: type, critical: raw.critical, body }
  }
}

/**
 * RFC 7296 §3.5:
 *
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   ID Type     |                 RESERVED                      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                   Identification Data                         ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
function parseId(type: 'IDi' | 'IDr', body: Uint8Array): IdPayload | Drop {
  if (body.length < 4) return 'ike-payload'
  const reserved = ((body[1] as number) << 16) | readUint16(body, 2)
  return { type, idType: body[0] as number, data: body.subarray(4), reserved }
}

/** ID type | RESERVED | data as it is on the wire, which AUTH covers: RFC 7296 §2.15. */
export function identityBody(id: IdPayload): Uint8Array {
  const reserved = id.reserved ?? 0
  return concat(Uint8Array.of(id.idType, reserved >> 16, reserved >> 8, reserved), id.data)
}

/**
 * RFC 7296 §3.10:
 *
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Protocol ID  |   SPI Size    |      Notify Message Type      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                Security Parameter Index (SPI)                 ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                       Notification Data                       ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
function parseNotify(body: Uint8Array): NotifyPayload | Drop {
  if (body.length < 4) return 'ike-payload'
  const spiSize = body[1] as number
  if (spiSize > body.length - 4) return 'ike-payload'
  return {
    type: 'N',
    protocol: spiSize === 0 ? 0 : (body[0] as number), // without SPI the field is ignored: RFC 7296 §3.10
    spi: body.subarray(4, 4 + spiSize),
    notifyType: readUint16(body, 2),
    data: body.subarray(4 + spiSize),
  }
}

/**
 * RFC 7296 §3.11:
 *
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Protocol ID   |   SPI Size    |          Num of SPIs          |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~               Security Parameter Index(es) (SPI)              ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
function parseDelete(body: Uint8Array): DeletePayload | Drop {
  if (body.length < 4) return 'ike-payload'
  const [protocol, spiSize] = body as unknown as [number, number]
  const count = readUint16(body, 2)
  // SPI size 0 and no SPI for the IKE SA, 4 for AH and ESP.
  const wanted = protocol === 1 ? 0 : 4
  if (spiSize !== wanted || (wanted === 0 && count !== 0)) return 'ike-payload'
  if (body.length !== 4 + count * spiSize) return 'ike-payload'
  const spis = Array.from({ length: count }, (_, i) => body.subarray(4 + i * spiSize, 4 + (i + 1) * spiSize))
  return { type: 'D', protocol, spis }
}

/**
 * RFC 7383 §2.5, after the generic header:
 *
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |        Fragment Number        |        Total Fragments        |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                     Initialization Vector                     |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                      Encrypted content                        ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
function parseSkf({ next, body, at }: Raw): Payload | Drop {
  if (body.length < 4) return 'ike-fragment'
  const number = readUint16(body, 0)
  const total = readUint16(body, 2)
  if (number < 1 || number > total) return 'ike-fragment' // RFC 7383 §2.5
  return { type: 'SKF', first: next, number, total, body: body.subarray(4), at: at + 4 }
}

/** RFC 7296 §3.15: CFG type (1 octet), RESERVED (3); attributes of R (1 bit) | type (15), length (2), value. */
function parseCp(body: Uint8Array): CpPayload | Drop {
  if (body.length < 4) return 'ike-payload'
  const attributes: { type: number; value: Uint8Array }[] = []
  for (let at = 4; at < body.length; ) {
    if (body.length - at < 4) return 'ike-payload'
    const length = readUint16(body, at + 2)
    if (length > body.length - at - 4) return 'ike-payload'
    attributes.push({ type: readUint16(body, at) & 0x7fff, value: body.subarray(at + 4, at + 4 + length) })
    at += 4 + length
  }
  return { type: 'CP', cfgType: body[0] as number, attributes }
}

export const payloadNumber = (payload: PlainPayload): number =>
  payload.type === 'unknown' ? payload.number : PAYLOAD[payload.type]

/** Every RESERVED field is sent as 0: RFC 7296 §2.5. */
export function emitBody(p: PlainPayload): Uint8Array {
  switch (p.type) {
    case 'SA':
      return emitSa(p)
    case 'KE':
      return concat(uint16(p.group), uint16(0), p.data)
    case 'IDi':
    case 'IDr':
      return identityBody({ type: p.type, idType: p.idType, data: p.data })
    case 'CERT':
    case 'CERTREQ':
      return concat(Uint8Array.of(p.encoding), p.data)
    case 'AUTH':
      return concat(Uint8Array.of(p.method, 0, 0, 0), p.data)
    case 'N':
      return concat(Uint8Array.of(p.protocol, p.spi.length), uint16(p.notifyType), p.spi, p.data)
    case 'D':
      return concat(Uint8Array.of(p.protocol, p.protocol === 1 ? 0 : 4), uint16(p.spis.length), ...p.spis)
    case 'TSi':
    case 'TSr':
      return emitTs(p)
    case 'CP':
      return concat(
        Uint8Array.of(p.cfgType, 0, 0, 0),
        ...p.attributes.flatMap(a => [uint16(a.type), uint16(a.value.length), a.value]),
      )
    case 'EAP':
      return p.message
    case 'NONCE':
    case 'V':
      return p.data
    case 'unknown':
      return p.body
  }
}
