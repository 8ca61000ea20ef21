import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { WallClock } from '@brunel/base'
import { sameOctets } from './der.js'
import {
  publicKeyOf,
  type SignatureFault,
  type SigningChoice,
  signAuth,
  verifyAuth,
  weakness,
} from './signature.js'
import { authorityHash, type Certificate, parseCertificate } from './x509/certificate.js'
import { type GeneralName, generalNameText } from './x509/general-name.js'
import { KnownCertificates } from './x509/known-certificates.js'
import { nameText, sameName } from './x509/name.js'
import { findPath, isFault, type PathFault, type PathRequest } from './x509/path.js'
import { type Evidence, type RevocationReport, revocation } from './x509/revocation.js'
import { type Question, questionsOf } from './x509/revocation-question.js'

/** An IKE identity as a certificate binds it: RFC 7296 §3.5, RFC 4945 §3.1. */
export type CertifiedName =
  | { readonly type: 'fqdn' | 'email'; readonly text: string }
  | { readonly type: 'ip'; readonly octets: Uint8Array }
  | { readonly type: 'dn'; readonly der: Uint8Array }

export interface CertificateFault {
  readonly fault: PathFault['fault'] | 'malformed' | 'identity'
  readonly detail: string
  readonly evidence: Readonly<Record<string, string | readonly string[]>>
}

/** A certificate that counts. */
export interface Certified {
  /** SubjectPublicKeyInfo: what AUTH is verified with. */
  readonly publicKey: Uint8Array
  readonly subject: string
  readonly issuer: string
  readonly serial: string
  /** How long, from now on, no certificate of the path expires. Milliseconds. */
  readonly remaining: number
  /** From the end certificate to the anchor, for `status`. */
  readonly path: readonly Certificate[]
  readonly revocation: RevocationReport
}

export interface CertificateClaim {
  /** CERT payloads in their order: the first holds the key of AUTH (RFC 7296 §3.6). DER. */
  readonly chain: readonly Uint8Array[]
  readonly anchors: readonly Uint8Array[]
  readonly evidence: Evidence
  /** What it must be bound to; undefined: an identity that no certificate can hold. */
  readonly identity: CertifiedName | undefined
}

/** What IKE needs of certificates and their keys. Synchronous; a test may give another. Knows the wall clock. */
export interface Certification {
  /** Hash algorithms for SIGNATURE_HASH_ALGORITHMS, RFC 7427 §4. */
  readonly hashes: readonly number[]
  /** AUTH data of method 14 by a private key in PKCS #8 DER. */
  sign(privateKey: Uint8Array, signed: Uint8Array, choice: SigningChoice): Uint8Array | SignatureFault
  verify(publicKey: Uint8Array, signed: Uint8Array, data: Uint8Array): SignatureFault | undefined
  certify(claim: CertificateClaim): Certified | CertificateFault
  /** What is known by this time of the revocation of a path that counted. */
  status(path: readonly Certificate[], evidence: Evidence): RevocationReport | CertificateFault
  /** What would settle whether a chain of ours is revoked, as far as its issuers are at hand. */
  questions(chain: readonly Uint8Array[], anchors: readonly Uint8Array[]): readonly Question[]
  /** Of our own chain: how long it lasts yet, in milliseconds. */
  remaining(chain: readonly Uint8Array[]): number
  /** The Certification Authority field of CERTREQ, RFC 7296 §3.7. */
  authorities(anchors: readonly Uint8Array[]): Uint8Array
  /** RFC 5280 §7.1: case and string types do not count. */
  sameName(a: Uint8Array, b: Uint8Array): boolean
}

/** RFC 7296 §4 wants four certificates at least to be handled. More than these are not looked at. */
const MOST = 8

export function certificationAt(now: () => WallClock, hashes: readonly number[]): Certification {
  const known = new KnownCertificates()
  const all = (ders: readonly Uint8Array[]): Certificate[] =>
    ders.map(der => known.parse(der)).filter(certificate => certificate !== undefined)
  return {
    hashes,
    sign: signAuth,
    verify: verifyAuth,
    certify: claim => certify(claim, now(), all),
    status: (path, evidence) => {
      const found = revocation(path, evidence, now())
      return isFault(found) ? faultOf(path[0] as Certificate, found) : found
    },
    questions: (chain, anchors) => questions(all(chain), all(anchors)),
    remaining: chain => Math.min(...all(chain.slice(0, 1)).map(({ notAfter }) => notAfter - now())),
    authorities: anchors => new Uint8Array(Buffer.concat(all(anchors).map(authorityHash))),
    sameName,
  }
}

function certify(
  { chain, anchors, evidence, identity }: CertificateClaim,
  now: WallClock,
  all: (ders: readonly Uint8Array[]) => Certificate[],
): Certified | CertificateFault {
  const end = chain[0] === undefined ? undefined : parseCertificate(chain[0])
  if (end === undefined) return { fault: 'malformed', detail: 'the certificate cannot be read', evidence: {} }
  const intermediates = chain
    .slice(1, MOST)
    .map(parseCertificate)
    .filter(c => c !== undefined)
  const trusted = all(anchors)
  const path = findPath({ end, intermediates, anchors: trusted, now })
  const found = isFault(path) ? path : revocation(path.certificates, evidence, now)
  if (isFault(path) || isFault(found)) {
    const fault = faultOf(end, isFault(path) ? path : (found as PathFault))
    const known = { 'trust anchors': trusted.map(({ subjectText }) => subjectText) }
    return { ...fault, evidence: { ...fault.evidence, ...known } }
  }
  if (identity === undefined || !isBound(end, identity))
    return { fault: 'identity', detail: `it names ${namesOf(end).join(', ')}`, evidence: inWords(end) }
  return {
    publicKey: end.publicKey,
    subject: end.subjectText,
    issuer: end.issuerText,
    serial: end.serial,
    remaining: path.until - now,
    path: path.certificates,
    revocation: found,
  }
}

const inWords = (end: Certificate) => ({
  subject: end.subjectText,
  issuer: end.issuerText,
  serial: end.serial,
  names: namesOf(end),
  valid: `${new Date(end.notBefore).toISOString()} to ${new Date(end.notAfter).toISOString()}`,
})

function faultOf(end: Certificate, { fault, detail, subject }: PathFault): CertificateFault {
  const about = subject === end.subjectText ? {} : { 'certificate at fault': subject }
  return { fault, detail, evidence: { ...inWords(end), ...about } }
}

function questions(chain: readonly Certificate[], anchors: readonly Certificate[]): readonly Question[] {
  return chain.flatMap(certificate => {
    const issuer = [...chain, ...anchors].find(
      one => one !== certificate && sameName(one.subject, certificate.issuer),
    )
    return issuer === undefined ? [] : questionsOf(certificate, issuer)
  })
}

/** The subject and every subjectAltName, in words. */
export const namesOf = (certificate: Certificate): readonly string[] => [
  certificate.subjectText,
  ...certificate.names.map(name => generalNameText(name, nameText)),
]

/** No wildcards, and no host name from the CN: only what a certificate says in the form in which it is claimed. */
export function isBound({ subject, names }: Certificate, identity: CertifiedName): boolean {
  if (identity.type === 'dn' && sameName(subject, identity.der)) return true
  return names.some((name: GeneralName) => {
    if (name.type === 'dn' && identity.type === 'dn') return sameName(name.der, identity.der)
    if (name.type === 'ip' && identity.type === 'ip') return sameOctets(name.octets, identity.octets)
    if (name.type !== identity.type || name.type === 'ip' || name.type === 'dn') return false
    return (
      identity.type !== 'ip' &&
      identity.type !== 'dn' &&
      name.text.toLowerCase() === identity.text.toLowerCase()
    )
  })
}

/** Whether a private key (PKCS #8 DER) is that of a certificate. */
export function isKeyOf(privateKey: Uint8Array, { publicKey }: Certificate): boolean {
  const key = createPublicKey(createPrivateKey({ key: privateKey as Buffer, format: 'der', type: 'pkcs8' }))
  const theirs = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  return key.equals(theirs)
}

/** Why our own certificate leads to none of these anchors, in words; undefined: it does. */
export function chainFault(request: PathRequest): string | undefined {
  const path = findPath(request)
  return isFault(path) ? path.detail : undefined
}

/** Why a certificate's key cannot be used, in words. */
export function weakKey({ publicKey }: Certificate): string | undefined {
  const key = publicKeyOf(publicKey)
  return key === undefined ? 'a public key of an unknown kind' : weakness(key)
}
