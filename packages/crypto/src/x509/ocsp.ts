import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import type { WallClock } from '@brunel/base'
import { derOf, elementsOf, hexOf, only, sameOctets, TAG } from '../der.js'
import { verifySignature } from '../signature.js'
import { type Certificate, parseCertificate } from './certificate.js'
import { serialText } from './crl.js'

/** The state of one certificate, asked for online: RFC 6960. Without a nonce, so that an answer may be kept and handed on. */

/** What an authentic answer says of the certificate. */
export interface OcspAnswer {
  readonly status: 'good' | 'revoked' | 'unknown'
  readonly revokedAt: WallClock | undefined
  readonly thisUpdate: WallClock
  readonly nextUpdate: WallClock | undefined
}

type Library = typeof import('@peculiar/asn1-ocsp') &
  Pick<typeof import('@peculiar/asn1-schema'), 'AsnConvert'>

let library: Library | undefined

/** Loaded by the first answer. */
function ocsp(): Library {
  const load = createRequire(import.meta.url)
  library ??= { ...load('@peculiar/asn1-ocsp'), ...load('@peculiar/asn1-schema') } as Library
  return library
}

const SHA1 = Uint8Array.from(Buffer.from('300906052b0e03021a0500', 'hex'))
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
const BASIC = '1.3.6.1.5.5.7.48.1.1'
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

const digest = (hash: string, octets: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(hash).update(octets).digest())

/** RFC 6960 §4.1.1: the key without tag, length and the count of unused bits. */
function keyOctets({ publicKey }: Certificate): Uint8Array {
  const [, bits] = elementsOf(only(publicKey, TAG.SEQUENCE)?.value ?? new Uint8Array(0)) ?? []
  return bits?.value.subarray(1) ?? new Uint8Array(0)
}

const serialOctets = (serial: string): Uint8Array =>
  new Uint8Array(Buffer.from(serial.length % 2 === 0 ? serial : `0${serial}`, 'hex'))

/**
 *     OCSPRequest ::= SEQUENCE { tbsRequest SEQUENCE { requestList SEQUENCE OF SEQUENCE { reqCert CertID } } }
 *     CertID ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash OCTET STRING, serialNumber INTEGER }
 *
 * SHA-1 names the issuer, as every responder understands; nothing rests on it.
 */
export function ocspRequest({ serial }: Certificate, issuer: Certificate): Uint8Array {
  const certId = derOf(
    TAG.SEQUENCE,
    SHA1,
    derOf(TAG.OCTET_STRING, digest('sha1', issuer.subject)),
    derOf(TAG.OCTET_STRING, digest('sha1', keyOctets(issuer))),
    derOf(TAG.INTEGER, serialOctets(serial)),
  )
  const list = derOf(TAG.SEQUENCE, derOf(TAG.SEQUENCE, certId))
  return derOf(TAG.SEQUENCE, derOf(TAG.SEQUENCE, list))
}

/** What a response says of this certificate, or in words why it says nothing. */
export function readOcsp(
  der: Uint8Array,
  of: { readonly certificate: Certificate; readonly issuer: Certificate; readonly now: WallClock },
): OcspAnswer | string {
  try {
    return read(der, of)
  } catch {
    return 'the OCSP response cannot be read' // the library throws for what is malformed
  }
}

const STATES = [
  'successful',
  'malformedRequest',
  'internalError',
  'tryLater',
  '',
  'sigRequired',
  'unauthorized',
]

function read(der: Uint8Array, of: Parameters<typeof readOcsp>[1]): OcspAnswer | string {
  const { AsnConvert, OCSPResponse, BasicOCSPResponse } = ocsp()
  const { responseStatus, responseBytes } = AsnConvert.parse(der, OCSPResponse)
  if (responseStatus !== 0) return `the OCSP responder says ${STATES[responseStatus] || responseStatus}`
  if (responseBytes?.responseType !== BASIC) return 'the OCSP response is of an unknown kind'
  const octets = new Uint8Array(responseBytes.response.buffer)
  const basic = AsnConvert.parse(octets, BasicOCSPResponse)
  const { responses, responseExtensions = [] } = basic.tbsResponseData
  const fault = signatureFault(octets, of)
  if (fault !== undefined) return fault
  const single = responses.find(({ certID }) => isAbout(certID, of))
  if (single === undefined) return 'the OCSP response is about another certificate' // RFC 6960 §3.2 (1)
  const extensions = [...responseExtensions, ...(single.singleExtensions ?? [])]
  if (extensions.some(({ critical }) => critical)) return 'the OCSP response has a critical extension'
  const { certStatus, thisUpdate, nextUpdate } = single
  return {
    status:
      certStatus.revoked !== undefined ? 'revoked' : certStatus.unknown !== undefined ? 'unknown' : 'good',
    revokedAt: certStatus.revoked?.revocationTime.getTime() as WallClock | undefined,
    thisUpdate: thisUpdate.getTime() as WallClock,
    nextUpdate: nextUpdate?.getTime() as WallClock | undefined,
  }
}

interface CertId {
  readonly hashAlgorithm: { readonly algorithm: string }
  readonly issuerNameHash: { readonly buffer: ArrayBufferLike }
  readonly issuerKeyHash: { readonly buffer: ArrayBufferLike }
  readonly serialNumber: ArrayBufferLike
}

function isAbout(id: CertId, { certificate, issuer }: Parameters<typeof readOcsp>[1]): boolean {
  const hash = HASHES[id.hashAlgorithm.algorithm]
  if (hash === undefined) return false
  const same = (a: ArrayBufferLike, b: Uint8Array): boolean => sameOctets(new Uint8Array(a), b)
  return (
    serialText(hexOf(new Uint8Array(id.serialNumber))) === serialText(certificate.serial) &&
    same(id.issuerNameHash.buffer, digest(hash, issuer.subject)) &&
    same(id.issuerKeyHash.buffer, digest(hash, keyOctets(issuer)))
  )
}

/**
 * RFC 6960 §4.2.2.2: signed by the authority itself, or by a responder that it certified for this purpose.
 *
 *     BasicOCSPResponse ::= SEQUENCE { tbsResponseData, signatureAlgorithm, signature BIT STRING, certs [0] OPTIONAL }
 */
function signatureFault(
  der: Uint8Array,
  { issuer, now }: Parameters<typeof readOcsp>[1],
): string | undefined {
  const [signed, algorithm, bits, certs] =
    elementsOf(only(der, TAG.SEQUENCE)?.value ?? new Uint8Array(0)) ?? []
  if (signed === undefined || algorithm === undefined || bits?.tag !== TAG.BIT_STRING || bits.value[0] !== 0)
    return 'it cannot be read'
  const by = (key: Uint8Array): boolean =>
    verifySignature(key, algorithm.whole, signed.whole, bits.value.subarray(1)) === undefined
  if (by(issuer.publicKey)) return undefined
  const list = certs && elementsOf(only(certs.value, TAG.SEQUENCE)?.value ?? new Uint8Array(0))
  const responders = (list ?? []).slice(0, MOST_RESPONDERS).map(({ whole }) => parseCertificate(whole))
  const right = responders.some(one => one !== undefined && mayRespond(one, issuer, now) && by(one.publicKey))
  return right ? undefined : 'the OCSP response is not signed by the authority, nor by a responder of its own'
}

/** More are not looked at. */
const MOST_RESPONDERS = 4
const DIGITAL_SIGNATURE = 1

function mayRespond(responder: Certificate, issuer: Certificate, now: WallClock): boolean {
  const { purposes = [], keyUsage, notBefore, notAfter, algorithm, signed, signature } = responder
  return (
    purposes.includes(OCSP_SIGNING) &&
    (keyUsage === undefined || (keyUsage & DIGITAL_SIGNATURE) !== 0) &&
    responder.unknownCritical.length === 0 &&
    now >= notBefore &&
    now <= notAfter &&
    verifySignature(issuer.publicKey, algorithm, signed, signature) === undefined
  )
}
