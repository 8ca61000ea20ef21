import type { Cryptography, Encryption, Group, Integrity, Prf } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import type { ChildKeys } from './contract.js'

/** What IKE_SA_INIT, or the rekeying of an IKE SA, agreed on. */
export interface IkeSuite {
  readonly encryption: Encryption
  /** undefined for an AEAD. */
  readonly integrity: Integrity | undefined
  readonly prf: Prf
  readonly group: Group
  /** The additional key exchanges in their order, RFC 9370 §2.2.2; absent: none. */
  readonly additional?: readonly Group[]
}

/** The seven secrets of an IKE SA, RFC 7296 §2.14. */
export interface IkeKeys {
  readonly d: Uint8Array
  readonly ai: Uint8Array
  readonly ar: Uint8Array
  readonly ei: Uint8Array
  readonly er: Uint8Array
  readonly pi: Uint8Array
  readonly pr: Uint8Array
}

export interface Nonces {
  readonly ni: Uint8Array
  readonly nr: Uint8Array
}

export type Spis = Pick<Ike.Header, 'spiInitiator' | 'spiResponder'>

/** SKEYSEED = prf(Ni | Nr, g^ir), RFC 7296 §2.14. */
export const initialSkeyseed = (
  crypto: Cryptography,
  prf: Prf,
  { ni, nr }: Nonces,
  secret: Uint8Array,
): Uint8Array => crypto.prf(prf, Ike.concat(ni, nr), secret)

/**
 * SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr) with the PRF of the old IKE SA, RFC 7296 §2.18; with additional key
 * exchanges prf(SK_d, SK(0) | Ni | Nr | SK(1) | … SK(n)), RFC 9370 §2.2.4.
 */
export const rekeySkeyseed = (
  crypto: Cryptography,
  old: { readonly prf: Prf; readonly d: Uint8Array },
  { ni, nr }: Nonces,
  secret: Uint8Array,
  more: readonly Uint8Array[] = [],
): Uint8Array => crypto.prf(old.prf, old.d, secret, ni, nr, ...more)

/** SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr), RFC 9370 §2.2.2: the same octets under the SK_d of the step before. */
export const nextSkeyseed = rekeySkeyseed

/** {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr), RFC 7296 §2.14. */
export function ikeKeys(
  crypto: Cryptography,
  suite: Omit<IkeSuite, 'group'>,
  skeyseed: Uint8Array,
  from: Nonces & Spis,
): IkeKeys {
  const { prf, encryption, integrity } = suite
  const a = integrity?.keyLength ?? 0 // an AEAD has no SK_a: RFC 5282 §7.1
  const e = encryption.keyLength + encryption.saltLength
  const seed = Ike.concat(
    from.ni,
    from.nr,
    Ike.ikeSpiBytes(from.spiInitiator),
    Ike.ikeSpiBytes(from.spiResponder),
  )
  const stream = crypto.prfPlus(prf, skeyseed, seed, 3 * prf.length + 2 * a + 2 * e)
  const [d, ai, ar, ei, er, pi, pr] = cut(stream, [prf.length, a, a, e, e, prf.length, prf.length])
  crypto.wipe(stream)
  return { d, ai, ar, ei, er, pi, pr } as IkeKeys
}

/** SK_d = prf+ (PPK, SK_d'), and SK_pi and SK_pr alike; as long as it was: RFC 8784 §3. */
export const underPpk = (crypto: Cryptography, prf: Prf, ppk: Uint8Array, key: Uint8Array): Uint8Array =>
  crypto.prfPlus(prf, ppk, key, prf.length)

/** RFC 7296 §2.12. */
export function wipeIkeKeys(crypto: Cryptography, keys: IkeKeys): void {
  for (const key of Object.values(keys)) crypto.wipe(key)
}

/**
 * KEYMAT = prf+(SK_d, Ni | Nr), with PFS prf+(SK_d, g^ir (new) | Ni | Nr): RFC 7296 §2.17; with additional key exchanges
 * prf+(SK_d, SK(0) | Ni | Nr | SK(1) | … SK(n)): RFC 9370 §2.2.4.
 * "initiator" and "responder" are those of the exchange that makes the child, not of the IKE SA: keys for what the
 * initiator sends come first; encryption (with its salt, RFC 4106 §8.1) before integrity.
 */
export function childKeys(
  crypto: Cryptography,
  sa: { readonly prf: Prf; readonly d: Uint8Array },
  suite: { readonly encryption: Encryption; readonly integrity: Integrity | undefined },
  from: Nonces & { readonly secret: Uint8Array | undefined; readonly more?: readonly Uint8Array[] },
): { readonly initiator: ChildKeys; readonly responder: ChildKeys } {
  const e = suite.encryption.keyLength + suite.encryption.saltLength
  const a = suite.integrity?.keyLength ?? 0
  const seed = Ike.concat(from.secret ?? new Uint8Array(0), from.ni, from.nr, ...(from.more ?? []))
  const keymat = crypto.prfPlus(sa.prf, sa.d, seed, 2 * (e + a))
  const [ei, ai, er, ar] = cut(keymat, [e, a, e, a]) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  crypto.wipe(keymat)
  crypto.wipe(seed)
  return { initiator: { encryption: ei, integrity: ai }, responder: { encryption: er, integrity: ar } }
}

/** Copies, so that each can be wiped alone. */
function cut(stream: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  let at = 0
  return lengths.map(length => {
    at += length
    return new Uint8Array(stream.subarray(at - length, at))
  })
}
