import type { Cryptography, Prf } from '@brunel/crypto'
import { Ike } from '@brunel/wire'

/**
 * What AUTH covers of the IKE_INTERMEDIATE exchanges so far, RFC 9242 §3.3.2: a chain over the requests and one over
 * the responses, each message whole, in the clear and with adjusted lengths.
 */
export interface IntAuth {
  readonly i: Uint8Array
  readonly r: Uint8Array
}

/** IntAuth_in = prf(SK_pin, IntAuth_in-1 | A | P), and alike for the responses; the keys are those before the exchange. */
export function extendIntAuth(
  crypto: Cryptography,
  keys: { readonly prf: Prf; readonly pi: Uint8Array; readonly pr: Uint8Array },
  before: IntAuth | undefined,
  exchange: { readonly request: Uint8Array; readonly response: Uint8Array },
): IntAuth {
  const step = (key: Uint8Array, last: Uint8Array | undefined, octets: Uint8Array): Uint8Array =>
    last === undefined ? crypto.prf(keys.prf, key, octets) : crypto.prf(keys.prf, key, last, octets)
  return {
    i: step(keys.pi, before?.i, exchange.request),
    r: step(keys.pr, before?.r, exchange.response),
  }
}

/** IntAuth = IntAuth_iN | IntAuth_rN | IKE_AUTH_MID; empty where no such exchange took place. */
export const intAuthOctets = (intAuth: IntAuth | undefined, authMessageId: number): Uint8Array =>
  intAuth === undefined ? new Uint8Array(0) : Ike.concat(intAuth.i, intAuth.r, Ike.uint32(authMessageId))
