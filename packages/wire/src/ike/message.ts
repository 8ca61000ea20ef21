import { type Drop, isDrop } from '@brunel/base'
import { emitHeader, HEADER_LENGTH, type Header, type OutgoingHeader, parseHeader } from './header.js'
import type { Payload, PlainPayload } from './payload.js'
import { emitPayloads, parsePayloads } from './payloads.js'

export { identityBody } from './bodies.js'

export interface Message {
  readonly header: Header
  readonly payloads: readonly Payload[]
}

/**
 * A whole datagram without its non-ESP marker. The `at` of an SK or SKF payload counts from the first octet of the
 * datagram. A message of a major version above 2 has no payloads here: only its header means anything to us.
 */
export function parseMessage(bytes: Uint8Array): Message | Drop {
  const header = parseHeader(bytes)
  if (isDrop(header)) return header
  if (header.majorVersion > 2) return { header, payloads: [] }
  const payloads = parsePayloads(header.nextPayload, bytes.subarray(HEADER_LENGTH))
  if (isDrop(payloads)) return payloads
  return {
    header,
    payloads: payloads.map(p =>
      p.type === 'SK' || p.type === 'SKF' ? { ...p, at: p.at + HEADER_LENGTH } : p,
    ),
  }
}

/** A message in the clear: IKE_SA_INIT and unprotected notifies. */
export function emitMessage(header: OutgoingHeader, payloads: readonly PlainPayload[]): Uint8Array {
  const { first, bytes } = emitPayloads(payloads)
  const message = new Uint8Array(HEADER_LENGTH + bytes.length)
  emitHeader(header, first, message.length, message)
  message.set(bytes, HEADER_LENGTH)
  return message
}
