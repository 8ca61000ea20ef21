import { createHash } from 'node:crypto'
import type { WallClock } from '@brunel/base'
import { elementsOf, hexOf, only, sameOctets, TAG } from '../der.js'
import { type GeneralName, generalName } from './general-name.js'
import { x509 } from './library.js'
import { nameText } from './name.js'
import { type NameConstraints, parseNameConstraints } from './name-constraints.js'
import { crlUrls, ocspUrls } from './revocation-urls.js'

/** A certificate as path validation reads it: RFC 5280 §4.1. */
export interface Certificate {
  readonly der: Uint8Array
  readonly subject: Uint8Array
  readonly issuer: Uint8Array
  readonly subjectText: string
  readonly issuerText: string
  /** Hexadecimal. */
  readonly serial: string
  readonly notBefore: WallClock
  readonly notAfter: WallClock
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  readonly signed: Uint8Array
  readonly algorithm: Uint8Array
  readonly signature: Uint8Array
  /** undefined: no basicConstraints. */
  readonly authority: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined
  /** Bits as RFC 5280 §4.2.1.3 numbers them; undefined: any use. */
  readonly keyUsage: number | undefined
  readonly purposes: readonly string[] | undefined
  readonly names: readonly GeneralName[]
  readonly constraints: NameConstraints | undefined
  /** Where its revocation state can be asked for, by plain HTTP. */
  readonly crlUrls: readonly string[]
  readonly ocspUrls: readonly string[]
  /** Critical extensions that are not understood here: the certificate is refused (RFC 5280 §4.2). */
  readonly unknownCritical: readonly string[]
}

const EXTENSION = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  extKeyUsage: '2.5.29.37',
} as const
/** Policies bind nobody here: any policy is good, and none is demanded (RFC 5280 §6.1.1). */
const AUTHORITY_INFO = '1.3.6.1.5.5.7.1.1'
const POLICIES = ['2.5.29.32', '2.5.29.33', '2.5.29.54']

/** undefined: it is no certificate, or one that says something twice. */
export function parseCertificate(der: Uint8Array): Certificate | undefined {
  try {
    return read(der)
  } catch {
    return undefined // the library throws for what is malformed
  }
}

/** The outer frame, of a certificate and of a CRL alike: what is signed, by which algorithm, the signature. */
export function signedFrame(der: Uint8Array) {
  const frame = only(der, TAG.SEQUENCE)
  const [signed, algorithm, bits, ...more] = (frame && elementsOf(frame.value)) ?? []
  if (signed === undefined || algorithm === undefined || bits?.tag !== TAG.BIT_STRING || more.length > 0)
    return undefined
  // No bit of the last octet is unused in any signature we know.
  return bits.value[0] === 0
    ? {
        signed: signed.whole,
        inside: signed.value,
        algorithm: algorithm.whole,
        signature: bits.value.subarray(1),
      }
    : undefined
}

function read(der: Uint8Array): Certificate | undefined {
  const frame = signedFrame(der)
  if (frame === undefined) return undefined
  const library = x509()
  const certificate = new library.X509Certificate(Buffer.from(der))
  const { extensions } = certificate
  const types = extensions.map(({ type }) => type)
  // RFC 5280 §4.1.1.2: the algorithm stands in two places, and one of them is signed.
  const inner = elementsOf(frame.inside) ?? []
  const stated = inner[inner[0]?.tag === 0xa0 ? 2 : 1]
  if (
    new Set(types).size < types.length ||
    stated === undefined ||
    !sameOctets(stated.whole, frame.algorithm)
  )
    return undefined
  const octetsOf = (type: string): Uint8Array | undefined => {
    const found = extensions.find(extension => extension.type === type)
    return found && new Uint8Array(found.value)
  }
  const names = namesOf(octetsOf(EXTENSION.subjectAltName))
  const constrained = octetsOf(EXTENSION.nameConstraints)
  const constraints = constrained && parseNameConstraints(constrained)
  if (names === undefined || (constrained !== undefined && constraints === undefined)) return undefined
  const basic = certificate.getExtension(library.BasicConstraintsExtension)
  const [subject, issuer] = [certificate.subjectName, certificate.issuerName].map(
    name => new Uint8Array(name.toArrayBuffer()),
  ) as [Uint8Array, Uint8Array]
  const known = [...Object.values<string>(EXTENSION), ...POLICIES]
  const points = octetsOf(EXTENSION.crlDistributionPoints)
  const info = octetsOf(AUTHORITY_INFO)
  return {
    der,
    subject,
    issuer,
    subjectText: nameText(subject),
    issuerText: nameText(issuer),
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.notBefore.getTime() as WallClock,
    notAfter: certificate.notAfter.getTime() as WallClock,
    publicKey: new Uint8Array(certificate.publicKey.rawData),
    signed: frame.signed,
    algorithm: frame.algorithm,
    signature: frame.signature,
    authority: basic ? { ca: basic.ca, pathLength: basic.pathLength } : undefined,
    keyUsage: certificate.getExtension(library.KeyUsagesExtension)?.usages,
    purposes: certificate.getExtension(library.ExtendedKeyUsageExtension)?.usages.map(String),
    names,
    constraints,
    crlUrls: points === undefined ? [] : crlUrls(points),
    ocspUrls: info === undefined ? [] : ocspUrls(info),
    unknownCritical: extensions
      .filter(({ critical, type }) => critical && !known.includes(type))
      .map(({ type }) => type),
  }
}

function namesOf(der: Uint8Array | undefined): readonly GeneralName[] | undefined {
  if (der === undefined) return []
  const sequence = only(der, TAG.SEQUENCE)
  const names = (sequence && elementsOf(sequence.value))?.map(generalName)
  return names === undefined || names.some(name => name === undefined) ? undefined : (names as GeneralName[])
}

/** SHA-1 of SubjectPublicKeyInfo names an authority in CERTREQ: RFC 7296 §3.7. It protects nothing. */
export const authorityHash = ({ publicKey }: Certificate): Uint8Array =>
  new Uint8Array(createHash('sha1').update(publicKey).digest())

export const fingerprint = ({ der }: Certificate): string =>
  hexOf(new Uint8Array(createHash('sha256').update(der).digest()))
