import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
} from 'node:crypto'
import { bug } from '@brunel/base'
import { x509 } from './library.js'
import { nameOf } from './name.js'
import { pemOf } from './pem.js'

/** A small certification authority: keys, certificates, revocation lists. RFC 5280 §4, §5. For `brunel pki` and for tests. */

export const KEY_KINDS = [
  'ecdsa256',
  'ecdsa384',
  'ecdsa521',
  'ed25519',
  'rsa2048',
  'rsa3072',
  'rsa4096',
] as const
export type KeyKind = (typeof KEY_KINDS)[number]

/** A new private key, PKCS #8 PEM. */
export function newPrivateKey(kind: KeyKind): string {
  const pem = ({ privateKey }: { readonly privateKey: KeyObject }): string =>
    privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  if (kind === 'ed25519') return pem(generateKeyPairSync('ed25519'))
  const bits = Number(/\d+$/.exec(kind)?.[0])
  return kind.startsWith('rsa')
    ? pem(generateKeyPairSync('rsa', { modulusLength: bits }))
    : pem(generateKeyPairSync('ec', { namedCurve: `P-${bits}` }))
}

export interface Issuer {
  /** PEM. */
  readonly certificate: string
  readonly privateKey: string
}

export interface CertificateWish {
  /** `C=CH, O=Lab, CN=hq`. */
  readonly subject: string
  /** subjectAltName. */
  readonly names?: readonly { readonly type: 'dns' | 'ip' | 'email'; readonly value: string }[]
  /** The private key whose public half is certified, PEM. */
  readonly key: string
  /** Left out: the certificate is self-signed. */
  readonly issuer?: Issuer | undefined
  /** An authority, with so many authorities below it. */
  readonly authority?: { readonly pathLength?: number } | undefined
  readonly notBefore: Date
  readonly notAfter: Date
  /** More extensions: OID, whether critical, DER. */
  readonly extensions?: readonly {
    readonly type: string
    readonly critical: boolean
    readonly value: Uint8Array
  }[]
  /** Bits of keyUsage instead of those that fit. */
  readonly keyUsage?: number
  readonly purposes?: readonly string[]
  /** Where relying parties find the revocation list, and the responder to ask. */
  readonly crlUrls?: readonly string[]
  readonly ocspUrls?: readonly string[]
}

/** The certificate, PEM. */
export async function issueCertificate(wish: CertificateWish): Promise<string> {
  const library = x509()
  const { subject, names = [], authority, issuer, notBefore, notAfter, extensions = [], purposes } = wish
  const { crlUrls = [], ocspUrls = [] } = wish
  const isAuthority = authority !== undefined
  const signer = issuer?.privateKey ?? wish.key
  const publicKey = await importPublic(wish.key)
  if (nameOf(subject) === undefined) bug('the subject is no name')
  const { digitalSignature, keyCertSign, cRLSign } = library.KeyUsageFlags
  const certificate = await library.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject,
    issuer: issuer === undefined ? subject : new library.X509Certificate(issuer.certificate).subjectName,
    notBefore,
    notAfter,
    signingAlgorithm: signingAlgorithm(signer),
    publicKey,
    signingKey: await importPrivate(signer),
    extensions: [
      new library.BasicConstraintsExtension(isAuthority, authority?.pathLength, true),
      new library.KeyUsagesExtension(
        wish.keyUsage ?? (isAuthority ? keyCertSign | cRLSign : digitalSignature),
        true,
      ),
      await library.SubjectKeyIdentifierExtension.create(publicKey, false),
      ...(names.length === 0 ? [] : [new library.SubjectAlternativeNameExtension([...names], false)]),
      ...(purposes === undefined ? [] : [new library.ExtendedKeyUsageExtension([...purposes], false)]),
      ...(issuer === undefined
        ? []
        : [await library.AuthorityKeyIdentifierExtension.create(await importPublic(issuer.privateKey))]),
      ...(crlUrls.length === 0 ? [] : [new library.CRLDistributionPointsExtension([...crlUrls])]),
      ...(ocspUrls.length === 0 ? [] : [new library.AuthorityInfoAccessExtension({ ocsp: [...ocspUrls] })]),
      ...extensions.map(
        ({ type, critical, value }) => new library.Extension(type, critical, Buffer.from(value)),
      ),
    ],
  })
  return `${certificate.toString('pem')}\n`
}

export interface Revocation {
  readonly serial: string
  readonly at: Date
}

/** The revocation list, PEM. */
export async function issueCrl(
  issuer: Issuer,
  wish: {
    readonly revoked: readonly Revocation[]
    readonly thisUpdate: Date
    readonly nextUpdate: Date
    readonly extensions?: CertificateWish['extensions']
  },
): Promise<string> {
  const library = x509()
  const number = wish.thisUpdate.getTime().toString(16).padStart(14, '0')
  const crl = await library.X509CrlGenerator.create({
    issuer: new library.X509Certificate(issuer.certificate).subjectName,
    thisUpdate: wish.thisUpdate,
    nextUpdate: wish.nextUpdate,
    entries: wish.revoked.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: at })),
    // RFC 5280 §5.2.1, §5.2.3: both are always there, and the number rises.
    extensions: [
      await library.AuthorityKeyIdentifierExtension.create(await importPublic(issuer.privateKey)),
      new library.Extension('2.5.29.20', false, Buffer.from(`0207${number}`, 'hex')),
      ...(wish.extensions ?? []).map(
        ({ type, critical, value }) => new library.Extension(type, critical, Buffer.from(value)),
      ),
    ],
    signingAlgorithm: signingAlgorithm(issuer.privateKey),
    signingKey: await importPrivate(issuer.privateKey),
  })
  return pemOf('X509 CRL', new Uint8Array(crl.rawData)) // the library knows another label than RFC 7468 §6
}

/** 20 octets at most, positive: RFC 5280 §4.1.2.2. */
function newSerial(): string {
  const octets = webcrypto.getRandomValues(new Uint8Array(16))
  octets[0] = ((octets[0] as number) & 0x3f) | 0x40
  return Buffer.from(octets).toString('hex')
}

const CURVES: Readonly<Record<string, readonly [name: string, hash: string]>> = {
  prime256v1: ['P-256', 'SHA-256'],
  secp384r1: ['P-384', 'SHA-384'],
  secp521r1: ['P-521', 'SHA-512'],
}

/** How WebCrypto calls what a key does. */
function signingAlgorithm(pem: string) {
  const key = createPrivateKey(pem)
  const [namedCurve = '', hash = 'SHA-256'] = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? []
  if (key.asymmetricKeyType === 'ed25519') return { name: 'Ed25519' }
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash }
  return { name: 'ECDSA', namedCurve, hash }
}

const importPrivate = (pem: string) =>
  webcrypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' }),
    signingAlgorithm(pem),
    false,
    ['sign'],
  )

const importPublic = (pem: string) =>
  webcrypto.subtle.importKey(
    'spki',
    createPublicKey(pem).export({ format: 'der', type: 'spki' }),
    signingAlgorithm(pem),
    true,
    ['verify'],
  )
