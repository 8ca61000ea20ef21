import { type Drop, isDrop } from '@brunel/base'
import { emitHeader, HEADER_LENGTH, type OutgoingHeader } from './header.js'
import { PAYLOAD } from './numbers.js'
import { concat, readUint16, uint16, uint32 } from './octets.js'
import type { Payload, SkfPayload, SkPayload } from './payload.js'
import { parsePayloads } from './payloads.js'

/** What seals: IV | ciphertext with padding | ICV, RFC 7296 §3.14. The `SkCipher` of the crypto package is one. */
export interface Sealer {
  overhead(length: number): number
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array
}
export interface Opener {
  open(associated: Uint8Array, body: Uint8Array): Uint8Array | Drop
}

/** A chain of payloads, as `emitPayloads` makes it. */
export interface Chain {
  readonly first: number
  readonly bytes: Uint8Array
}

/**
 * A message whose payloads are all inside one SK payload, RFC 7296 §3.14:
 *
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Next Payload  |C|  RESERVED   |         Payload Length        |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                     Initialization Vector                     |
 * |         (length is block size for encryption algorithm)       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                    Encrypted IKE Payloads                     ~
 * +               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |               |             Padding (0-255 octets)            |
 * +-+-+-+-+-+-+-+-+                               +-+-+-+-+-+-+-+-+
 * |                                               |  Pad Length   |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                    Integrity Checksum Data                    ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export function emitProtected(header: OutgoingHeader, inside: Chain, sealer: Sealer): Uint8Array {
  return emitSealed(header, PAYLOAD.SK, new Uint8Array(0), inside, sealer)
}

/**
 * A message as IntAuth covers it, RFC 9242 §3.3.2: `outside`, which ends with the generic header of SK, then the
 * payloads inside in the clear; both lengths without IV, padding, Pad Length and ICV.
 */
export function authenticatedOctets(outside: Uint8Array, inside: Chain): Uint8Array {
  const octets = concat(outside, inside.bytes)
  const sk = outside.length - 4
  octets[sk] = inside.first
  octets.set(uint32(octets.length), 24)
  octets.set(uint16(4 + inside.bytes.length), sk + 2)
  return octets
}

/** The octets in front of what we seal. */
export function protectedOutside(header: OutgoingHeader): Uint8Array {
  const outside = new Uint8Array(HEADER_LENGTH + 4)
  emitHeader(header, PAYLOAD.SK, outside.length, outside)
  return outside
}

/**
 * The octets in front of what was sealed; of fragment 1, as if the message had come whole (RFC 9242 §3.3.2): SK
 * where SKF stood, with the RESERVED field of the fragment.
 */
export function receivedOutside(message: Uint8Array, sk: SkPayload | SkfPayload): Uint8Array {
  if (sk.type === 'SK') return message.slice(0, sk.at)
  const outside = message.slice(0, sk.at - 4)
  let at = 16 // Next Payload of the IKE header
  for (let next = HEADER_LENGTH; outside[at] !== PAYLOAD.SKF; ) {
    at = next
    next += readUint16(outside, at + 2)
  }
  outside[at] = PAYLOAD.SK
  return outside
}

/** One fragment of the inside of a message; `first` is 0 in all but fragment 1: RFC 7383 §2.5. */
export function emitFragment(
  header: OutgoingHeader,
  fragment: Chain & { readonly number: number; readonly total: number },
  sealer: Sealer,
): Uint8Array {
  const numbers = Uint8Array.of(...uint16(fragment.number), ...uint16(fragment.total))
  return emitSealed(header, PAYLOAD.SKF, numbers, fragment, sealer)
}

function emitSealed(
  header: OutgoingHeader,
  type: number,
  extra: Uint8Array,
  inside: Chain,
  sealer: Sealer,
): Uint8Array {
  const payloadLength = 4 + extra.length + inside.bytes.length + sealer.overhead(inside.bytes.length)
  const message = new Uint8Array(HEADER_LENGTH + payloadLength)
  emitHeader(header, type, message.length, message)
  message.set([inside.first, 0, ...uint16(payloadLength), ...extra], HEADER_LENGTH)
  const clear = HEADER_LENGTH + 4 + extra.length
  message.set(sealer.seal(message.subarray(0, clear), inside.bytes), clear)
  return message
}

/**
 * Checks the ICV of an SK payload of `message` and parses what is inside; 'ike-integrity' before anything is parsed.
 * Any other drop is the fault of an authentic message: INVALID_SYNTAX (RFC 7296 §2.21.3).
 */
export function openProtected(message: Uint8Array, sk: SkPayload, opener: Opener): readonly Payload[] | Drop {
  const inside = openSk(message, sk, opener)
  if (isDrop(inside)) return inside
  const payloads = parsePayloads(sk.first, inside)
  if (isDrop(payloads)) return payloads
  return payloads.some(p => p.type === 'SK' || p.type === 'SKF') ? 'ike-payload' : payloads // RFC 7296 §3.14
}

/** The octets inside an SK or SKF payload. What is associated ends where the IV begins: RFC 5282 §5.1, RFC 7383 §2.5. */
export const openSk = (message: Uint8Array, sk: SkPayload | SkfPayload, opener: Opener): Uint8Array | Drop =>
  opener.open(message.subarray(0, sk.at), sk.body)
