import type { Cryptography, Prf } from '@brunel/crypto'
import { Ike } from '@brunel/wire'

/** "Key Pad for IKEv2": 17 ASCII octets, no NUL, RFC 7296 §2.15. */
const KEY_PAD = Ike.unhex('4b65792050616420666f7220494b457632')

const NONE = new Uint8Array(0)

/** What one side signs, RFC 7296 §2.15. */
export interface Signing {
  readonly prf: Prf
  /** Its own IKE_SA_INIT message as it was on the wire: the latest one, with COOKIE, without non-ESP marker. */
  readonly message: Uint8Array
  /** The other side's nonce, without header. */
  readonly peerNonce: Uint8Array
  /** SK_pi where the initiator signs, SK_pr where the responder does. */
  readonly skP: Uint8Array
  /** Its IDi or IDr payload; RESERVED counts as it was on the wire. */
  readonly id: Ike.IdPayload
  /** What IKE_INTERMEDIATE adds, RFC 9242 §3.3.2; empty or absent without. */
  readonly intAuth?: Uint8Array
}

/** RealMessage | NonceData | prf(SK_p, RestOfIDPayload) | IntAuth, RFC 7296 §2.15, RFC 9242 §3.3.2. */
export const signedOctets = (crypto: Cryptography, s: Signing): Uint8Array =>
  Ike.concat(s.message, s.peerNonce, crypto.prf(s.prf, s.skP, Ike.identityBody(s.id)), s.intAuth ?? NONE)

/** AUTH = prf(prf(Shared Secret, "Key Pad for IKEv2"), SignedOctets), RFC 7296 §2.15. */
export function pskAuth(crypto: Cryptography, psk: Uint8Array, signing: Signing): Uint8Array {
  const key = crypto.prf(signing.prf, psk, KEY_PAD)
  const auth = crypto.prf(signing.prf, key, signedOctets(crypto, signing))
  crypto.wipe(key)
  return auth
}

/** The AUTH payload of the other side is that of this PSK. `signing` describes the other side. */
export function verifyPskAuth(
  crypto: Cryptography,
  psk: Uint8Array,
  signing: Signing,
  auth: Ike.AuthPayload,
): boolean {
  if (auth.method !== Ike.AUTH_METHOD.SHARED_KEY_MIC) return false
  return crypto.equal(pskAuth(crypto, psk, signing), auth.data)
}
