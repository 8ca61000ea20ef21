import { constants, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import {
  algorithmIdentifier,
  parseAlgorithm,
  SALT,
  type Sha2,
  SIGNATURE_HASH,
  type SignatureAlgorithm,
} from './signature-algorithm.js'

/** Why a signature does not count. `detail` never holds a key or the signature itself. */
export interface SignatureFault {
  readonly fault: 'malformed' | 'algorithm-refused' | 'key-refused' | 'no-common-hash' | 'wrong'
  readonly detail: string
}

/** Shorter RSA keys are refused: RFC 8247 §3.1.1. */
export const RSA_LEAST = 2048
/** The curves of RFC 7427 and the hash that fits each: RFC 4754 §3. */
const CURVES: Readonly<Record<string, Sha2>> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
}
const HASH_NUMBER = {
  sha256: SIGNATURE_HASH.SHA2_256,
  sha384: SIGNATURE_HASH.SHA2_384,
  sha512: SIGNATURE_HASH.SHA2_512,
  identity: SIGNATURE_HASH.IDENTITY,
} as const

/** By the octets of a certificate, which nobody changes: OpenSSL reads a key about as fast as it verifies with it. */
const read = new WeakMap<Uint8Array, KeyObject>()

export function publicKeyOf(spki: Uint8Array): KeyObject | undefined {
  const known = read.get(spki)
  if (known !== undefined) return known
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    read.set(spki, key)
    return key
  } catch {
    return undefined // of a kind that OpenSSL does not know
  }
}

/** What is wrong with a key that signs, in words; undefined: nothing. */
export function weakness(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa' || type === 'rsa-pss') {
    const bits = details?.modulusLength ?? 0
    return bits < RSA_LEAST ? `an RSA key of ${bits} bits` : undefined
  }
  if (type === 'ec')
    return (details?.namedCurve ?? '') in CURVES
      ? undefined
      : `an EC key on ${details?.namedCurve ?? 'an unnamed curve'}`
  return type === 'ed25519' ? undefined : `a key of type ${type ?? 'unknown'}`
}

const fits = (key: KeyObject, { scheme }: SignatureAlgorithm): boolean =>
  scheme === 'rsa-pkcs1'
    ? key.asymmetricKeyType === 'rsa'
    : scheme === 'rsa-pss'
      ? key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss'
      : scheme === 'ecdsa'
        ? key.asymmetricKeyType === 'ec'
        : key.asymmetricKeyType === 'ed25519'

const options = (key: KeyObject, algorithm: SignatureAlgorithm) => ({
  key,
  ...(algorithm.scheme === 'rsa-pss'
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.saltLength }
    : {}),
})

/** A signature under an AlgorithmIdentifier, of AUTH, a certificate or a CRL. SHA-1 is refused: RFC 8247 §3.2. */
export function verifySignature(
  spki: Uint8Array,
  algorithmDer: Uint8Array,
  signed: Uint8Array,
  signature: Uint8Array,
): SignatureFault | undefined {
  const algorithm = parseAlgorithm(algorithmDer)
  if (algorithm === undefined)
    return { fault: 'algorithm-refused', detail: 'a signature algorithm that we do not know' }
  if (algorithm.hash === 'sha1')
    return { fault: 'algorithm-refused', detail: `${algorithm.scheme} with SHA-1` }
  const key = publicKeyOf(spki)
  if (key === undefined) return { fault: 'key-refused', detail: 'a public key that cannot be read' }
  const weak = weakness(key)
  if (weak !== undefined) return { fault: 'key-refused', detail: weak }
  if (!fits(key, algorithm))
    return { fault: 'wrong', detail: `${algorithm.scheme} by a key of type ${key.asymmetricKeyType}` }
  const hash = algorithm.hash === 'identity' ? null : algorithm.hash
  const wrong = { fault: 'wrong', detail: 'the signature is not that of this key' } as const
  try {
    return verify(hash, signed, options(key, algorithm), signature) ? undefined : wrong
  } catch {
    return wrong // OpenSSL throws for some malformed signatures
  }
}

/** Authentication Data of method 14: length of the AlgorithmIdentifier, it, the signature. RFC 7427 §3. */
export function verifyAuth(
  spki: Uint8Array,
  signed: Uint8Array,
  data: Uint8Array,
): SignatureFault | undefined {
  const length = data[0] ?? 0
  if (length === 0 || data.length <= 1 + length)
    return { fault: 'malformed', detail: 'the AUTH payload is too short for its algorithm' }
  return verifySignature(spki, data.subarray(1, 1 + length), signed, data.subarray(1 + length))
}

export interface SigningChoice {
  /** Hash algorithms that the peer announced: one of them must be used, RFC 7427 §4. */
  readonly hashes: readonly number[]
  /** For a plain RSA key; RFC 8247 §3.2 prefers PSS. */
  readonly rsa: 'pss' | 'pkcs1'
}

/** The AUTH data that proves the private key (PKCS #8 DER). The key lives on only inside OpenSSL, which erases it. */
export function signAuth(
  privateKey: Uint8Array,
  signed: Uint8Array,
  choice: SigningChoice,
): Uint8Array | SignatureFault {
  const key = createPrivateKey({ key: privateKey as Buffer, format: 'der', type: 'pkcs8' })
  const picked = pick(key, choice)
  if ('fault' in picked) return picked
  const { scheme, hash } = picked
  const algorithm: SignatureAlgorithm =
    scheme === 'rsa-pss'
      ? { scheme, hash, saltLength: SALT[hash] }
      : scheme === 'ed25519'
        ? { scheme, hash: 'identity' }
        : { scheme, hash }
  const signature = sign(
    algorithm.hash === 'identity' ? null : algorithm.hash,
    signed,
    options(key, algorithm),
  )
  const identifier = algorithmIdentifier(scheme, hash)
  return new Uint8Array(Buffer.concat([Uint8Array.of(identifier.length), identifier, signature]))
}

function pick(
  key: KeyObject,
  { hashes, rsa }: SigningChoice,
): { readonly scheme: SignatureAlgorithm['scheme']; readonly hash: Sha2 } | SignatureFault {
  const announced = (hash: Sha2 | 'identity'): boolean => hashes.includes(HASH_NUMBER[hash])
  const none = (detail: string): SignatureFault => ({ fault: 'no-common-hash', detail })
  const weak = weakness(key)
  if (weak !== undefined) return { fault: 'key-refused', detail: weak }
  // RFC 8420 §2: EdDSA only where the peer announced Identity.
  if (key.asymmetricKeyType === 'ed25519')
    return announced('identity')
      ? { scheme: 'ed25519', hash: 'sha512' }
      : none('the peer does not announce what Ed25519 needs (Identity, RFC 8420)')
  const best = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'sha256'
  const hash = ([best, 'sha256', 'sha384', 'sha512'] as const).find(announced)
  if (hash === undefined) return none('the peer announces no SHA-2')
  if (key.asymmetricKeyType === 'ec') return { scheme: 'ecdsa', hash }
  return { scheme: rsa === 'pss' || key.asymmetricKeyType === 'rsa-pss' ? 'rsa-pss' : 'rsa-pkcs1', hash }
}
