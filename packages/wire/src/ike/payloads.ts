import { bug, type Drop } from '@brunel/base'
import { emitBody, parseBody, payloadNumber } from './bodies.js'
import { PAYLOAD } from './numbers.js'
import { concat, readUint16, uint16 } from './octets.js'
import type { Payload, PlainPayload } from './payload.js'

/**
 * The generic payload header, RFC 7296 §3.2:
 *
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Next Payload  |C|  RESERVED   |         Payload Length        |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
const GENERIC = 4
const CRITICAL = 0x80

/**
 * The chain of payloads that starts with type `first` and fills `bytes` exactly: what follows the IKE header, or the
 * inside of an SK payload. An unknown payload is returned with its critical bit, which the caller judges
 * (`unknownCritical`). 'ike-truncated': a length below 4 or past the end; 'ike-payload': a body that makes no sense.
 */
export function parsePayloads(first: number, bytes: Uint8Array): readonly Payload[] | Drop {
  const payloads: Payload[] = []
  let type = first
  let at = 0
  while (type !== PAYLOAD.NONE) {
    if (bytes.length - at < GENERIC) return 'ike-truncated'
    const length = readUint16(bytes, at + 2)
    if (length < GENERIC || length > bytes.length - at) return 'ike-truncated' // RFC 7296 §3.2
    const next = bytes[at] as number
    const critical = ((bytes[at + 1] as number) & CRITICAL) !== 0
    const body = bytes.subarray(at + GENERIC, at + length)
    at += length
    const payload = parseBody({ type, next, critical, body, at: at - body.length })
    if (typeof payload === 'string') return payload
    payloads.push(payload)
    // An Encrypted payload is the last one: its Next Payload is that of the first one inside (RFC 7296 §3.14).
    type = type === PAYLOAD.SK || type === PAYLOAD.SKF ? PAYLOAD.NONE : next
  }
  return at === bytes.length ? payloads : 'ike-length'
}

/** The chain of payloads and the type of its first one. The critical bit is 0 on all we send: RFC 7296 §3.2. */
export function emitPayloads(payloads: readonly PlainPayload[]): {
  readonly first: number
  readonly bytes: Uint8Array
} {
  const numbers = payloads.map(payloadNumber)
  const parts = payloads.flatMap((payload, i) => {
    const body = emitBody(payload)
    if (body.length + GENERIC > 0xffff) bug('a payload is longer than its length field can say')
    const critical = payload.type === 'unknown' && payload.critical ? CRITICAL : 0
    return [Uint8Array.of(numbers[i + 1] ?? PAYLOAD.NONE, critical), uint16(body.length + GENERIC), body]
  })
  return { first: numbers[0] ?? PAYLOAD.NONE, bytes: concat(...parts) }
}
