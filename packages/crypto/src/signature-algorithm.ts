import { type Element, elementsOf, hexOf, only, TAG } from './der.js'

/** Hash algorithms of SIGNATURE_HASH_ALGORITHMS: RFC 7427 §7; Identity: RFC 8420 §2. SHA-1 (1) is not ours (RFC 8247 §3.2). */
export const SIGNATURE_HASH = { SHA2_256: 2, SHA2_384: 3, SHA2_512: 4, IDENTITY: 5 } as const
export const SIGNATURE_HASHES: readonly number[] = Object.values(SIGNATURE_HASH)

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** What an AlgorithmIdentifier says: RFC 5280 §4.1.1.2, RFC 7427 Appendix A. */
export type SignatureAlgorithm =
  | { readonly scheme: 'rsa-pkcs1' | 'ecdsa'; readonly hash: HashName }
  | { readonly scheme: 'rsa-pss'; readonly hash: HashName; readonly saltLength: number }
  | { readonly scheme: 'ed25519'; readonly hash: 'identity' }

const HASH_OIDS: Readonly<Record<string, HashName>> = {
  '2b0e03021a': 'sha1',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
}
const OIDS: Readonly<Record<string, SignatureAlgorithm>> = {
  '2a864886f70d010105': { scheme: 'rsa-pkcs1', hash: 'sha1' },
  '2a864886f70d01010b': { scheme: 'rsa-pkcs1', hash: 'sha256' },
  '2a864886f70d01010c': { scheme: 'rsa-pkcs1', hash: 'sha384' },
  '2a864886f70d01010d': { scheme: 'rsa-pkcs1', hash: 'sha512' },
  '2a8648ce3d0401': { scheme: 'ecdsa', hash: 'sha1' },
  '2a8648ce3d040302': { scheme: 'ecdsa', hash: 'sha256' },
  '2a8648ce3d040303': { scheme: 'ecdsa', hash: 'sha384' },
  '2a8648ce3d040304': { scheme: 'ecdsa', hash: 'sha512' },
  '2b6570': { scheme: 'ed25519', hash: 'identity' },
}
const PSS = '2a864886f70d01010a'
const MGF1 = '2a864886f70d010108'

/** undefined where it is malformed or of a kind that we do not know. */
export function parseAlgorithm(der: Uint8Array): SignatureAlgorithm | undefined {
  const [oid, parameters, ...more] = partsOf(der) ?? []
  if (oid?.tag !== TAG.OID || more.length > 0) return undefined
  const name = hexOf(oid.value)
  if (name === PSS) return parsePss(parameters)
  const found = OIDS[name]
  // Both encodings, with NULL and without parameters, are in use: RFC 7427 §3.
  return parameters === undefined || isNull(parameters) ? found : undefined
}

const partsOf = (der: Uint8Array): readonly Element[] | undefined => {
  const sequence = only(der, TAG.SEQUENCE)
  return sequence && elementsOf(sequence.value)
}
const isNull = ({ tag, value }: Element): boolean => tag === TAG.NULL && value.length === 0

/** RSASSA-PSS-params, RFC 4055 §3.1; every member that is left out means SHA-1, and 20 octets of salt. */
function parsePss(parameters: Element | undefined): SignatureAlgorithm | undefined {
  const parts = parameters && partsOf(parameters.whole)
  if (parts === undefined) return undefined
  const part = (n: number): Uint8Array | undefined => parts.find(({ tag }) => tag === 0xa0 + n)?.value
  const hash = hashOf(part(0))
  const salt = part(2)
  const length = salt === undefined ? undefined : only(salt, TAG.INTEGER)?.value
  const saltLength = salt === undefined ? 20 : length?.length === 1 ? length[0] : undefined
  if (hash === undefined || mgfHash(part(1)) !== hash || saltLength === undefined) return undefined
  return { scheme: 'rsa-pss', hash, saltLength }
}

function hashOf(der: Uint8Array | undefined): HashName | undefined {
  if (der === undefined) return 'sha1'
  const [oid, parameters] = partsOf(der) ?? []
  return oid?.tag === TAG.OID && (parameters === undefined || isNull(parameters))
    ? HASH_OIDS[hexOf(oid.value)]
    : undefined
}

function mgfHash(der: Uint8Array | undefined): HashName | undefined {
  if (der === undefined) return 'sha1'
  const [oid, hash] = partsOf(der) ?? []
  return oid !== undefined && hexOf(oid.value) === MGF1 && hash !== undefined ? hashOf(hash.whole) : undefined
}

const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
const SHA2 = { sha256: '01', sha384: '02', sha512: '03' } as const
export type Sha2 = keyof typeof SHA2
/** The salt is as long as the hash: RFC 7427 Appendix A.4.3. */
export const SALT = { sha256: 32, sha384: 48, sha512: 64 } as const

/** The objects of RFC 7427 Appendix A and RFC 8420 §A.1, as they are sent. */
export function algorithmIdentifier(scheme: SignatureAlgorithm['scheme'], hash: Sha2): Uint8Array {
  const n = SHA2[hash]
  if (scheme === 'ed25519') return unhex('300506032b6570')
  if (scheme === 'rsa-pkcs1')
    return unhex(`300d06092a864886f70d0101${{ '01': '0b', '02': '0c', '03': '0d' }[n]}0500`)
  if (scheme === 'ecdsa') return unhex(`300a06082a8648ce3d0403${{ '01': '02', '02': '03', '03': '04' }[n]}`)
  const hashId = `300d06096086480165030402${n}0500`
  const salt = SALT[hash].toString(16)
  return unhex(
    `304106092a864886f70d01010a3034a00f${hashId}a11c301a06092a864886f70d010108${hashId}a2030201${salt}`,
  )
}
