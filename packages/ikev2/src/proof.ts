import type { Certified, CertifiedName, Question, RevocationReport } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import * as certificateFailures from './certificate-failures.js'
import { chainOf, MOST_CERTIFICATES } from './chain.js'
import type { Failure, Identity, IkePeer, Lookup, OwnProof, TheirProof } from './contract.js'
import * as failures from './failures.js'
import { certPayloads, X509_SIGNATURE } from './hash-and-url.js'
import { identityOf } from './identity.js'
import { claimedText } from './peer-match.js'
import { pskAuth, type Signing, signedOctets, verifyPskAuth } from './psk-auth.js'
import { ownQuestions } from './revocations.js'
import type { SaHost } from './sa-stage.js'
import type { Ports, Turn } from './turn.js'

/**
 * AUTH of either kind, RFC 7296 §2.15: a shared key, or a signature with the certificates that carry its public key
 * (RFC 7427). Each end has its own method; nothing is negotiated, so that the configuration decides.
 *
 *     IDi, [CERT, …,] [CERTREQ,] AUTH, …  -->        <--  IDr, [CERT, …,] AUTH, …
 */

export const ownProof = ({ auth }: IkePeer): OwnProof => (auth.method === 'psk' ? auth : auth.own)
export const theirProof = ({ auth }: IkePeer): TheirProof => (auth.method === 'psk' ? auth : auth.theirs)
/** Whom we trust to certify this peer, DER. */
export function anchorsOf(peer: IkePeer): readonly Uint8Array[] {
  const proof = theirProof(peer)
  return proof.method === 'certificate' ? proof.trustAnchors : []
}
export const usesCertificates = ({ auth }: IkePeer): boolean => auth.method === 'certificate'

/** An OCSP response, RFC 4806 §3. */
const OCSP_CONTENT = 14

/** N(SIGNATURE_HASH_ALGORITHMS), RFC 7427 §4: for an IKE_SA_INIT with a peer that uses certificates. */
export const announceHashes = ({ certification }: Ports): readonly Wire.PlainPayload[] =>
  certification === undefined
    ? []
    : [
        Wire.notify(
          Wire.NOTIFY.SIGNATURE_HASH_ALGORITHMS,
          Wire.concat(...certification.hashes.map(Wire.uint16)),
        ),
      ]

export const announcesHashes = (payloads: readonly Wire.Payload[]): boolean =>
  Wire.findNotify(payloads, Wire.NOTIFY.SIGNATURE_HASH_ALGORITHMS) !== undefined

/** The hash algorithms that an IKE_SA_INIT message announces. */
export function hashesIn(message: Uint8Array): readonly number[] {
  const notify = Wire.findNotify(payloadsIn(message), Wire.NOTIFY.SIGNATURE_HASH_ALGORITHMS)
  const data = notify?.data ?? new Uint8Array(0)
  return Array.from({ length: data.length >> 1 }, (_, i) => Wire.readUint16(data, 2 * i))
}

/** Whether we want to know if the peer's certificate is revoked, and ask for it. */
export function looks(peer: IkePeer): boolean {
  const theirs = theirProof(peer)
  return theirs.method === 'certificate' && theirs.revocation !== 'off'
}

/** Whether it may name its certificates by hash and URL: RFC 7296 §3.6. Off unless the configuration lists addresses. */
export function looksUp(peer: IkePeer): boolean {
  const theirs = theirProof(peer)
  return theirs.method === 'certificate' && (theirs.hashAndUrl ?? []).length > 0
}

/** CERTREQ names the authorities we trust, RFC 7296 §3.7. Without it some peers send no certificate. */
export function certificateRequest(
  ports: Ports,
  anchors: readonly Uint8Array[],
  { ocsp, lookUp }: { readonly ocsp: boolean; readonly lookUp: boolean },
): readonly Wire.PlainPayload[] {
  if (anchors.length === 0 || ports.certification === undefined) return []
  return [
    // RFC 7296 §3.7
    ...(lookUp ? [Wire.notify(Wire.NOTIFY.HTTP_CERT_LOOKUP_SUPPORTED)] : []),
    { type: 'CERTREQ', encoding: X509_SIGNATURE, data: ports.certification.authorities(anchors) },
    // RFC 4806 §3.1: no hash of a responder, since the authority itself or its delegate must have signed.
    ...(ocsp ? [{ type: 'CERTREQ', encoding: OCSP_CONTENT, data: new Uint8Array(0) } as const] : []),
  ]
}

/** The payloads of a message that was read before. */
export function payloadsIn(message: Uint8Array): readonly Wire.Payload[] {
  const parsed = Wire.parseMessage(message)
  return typeof parsed === 'string' ? [] : parsed.payloads
}

/** RFC 4806 §4.1: for each of our certificates the answer that we hold, for a peer that asks for such. */
function ocspAnswers(turn: Turn, host: SaHost, peer: IkePeer, asked: readonly Wire.Payload[]) {
  if (!Wire.all(asked, 'CERTREQ').some(({ encoding }) => encoding === OCSP_CONTENT)) return []
  const about = new Map<Uint8Array, Uint8Array>()
  for (const { kind, key, certificate } of ownQuestions(host.ports, peer)) {
    const said = kind === 'ocsp' ? host.revocations.statement(turn.now, key)?.der : undefined
    if (said !== undefined && !about.has(certificate)) about.set(certificate, said)
  }
  return [...about.values()].map(data => ({ type: 'CERT', encoding: OCSP_CONTENT, data }) as const)
}

/** The peer's IKE_SA_INIT message, and the payloads in which it asked for certificates. */
export interface Announced {
  readonly message: Uint8Array
  readonly asked: readonly Wire.Payload[]
}

/** Our CERT and AUTH payloads. A CERTREQ is a hint (RFC 7296 §3.7): our certificates are always sent. */
export function prove(
  turn: Turn,
  host: SaHost,
  peer: IkePeer,
  signing: Signing,
  announced: Announced,
): { readonly certificates: readonly Wire.PlainPayload[]; readonly auth: Wire.AuthPayload } | Failure {
  const { ports } = host
  const own = ownProof(peer)
  if (own.method === 'psk') {
    const data = pskAuth(ports.crypto, own.psk, signing)
    return {
      certificates: [],
      auth: { type: 'AUTH', method: Wire.AUTH_METHOD.SHARED_KEY_MIC, data },
    }
  }
  const { certification } = ports
  const hashes = hashesIn(announced.message)
  if (certification === undefined || hashes.length === 0) return certificateFailures.noDigitalSignatures()
  if (certification.remaining(own.certificates) <= 0) return certificateFailures.ownExpired()
  const octets = signedOctets(ports.crypto, signing)
  const data = certification.sign(own.privateKey, octets, { hashes, rsa: own.rsa })
  if ('fault' in data) return certificateFailures.cannotSign(data.detail)
  return {
    certificates: [
      ...certPayloads(ports, own, announced.asked),
      ...ocspAnswers(turn, host, peer, announced.asked),
    ],
    auth: { type: 'AUTH', method: Wire.AUTH_METHOD.DIGITAL_SIGNATURE, data },
  }
}

/** What the peer proved. `remaining`: how long its certificates last yet, in milliseconds; undefined: for ever. */
export interface Proven {
  readonly remaining: number | undefined
  readonly certificate: Standing | undefined
}

/** A certificate that counted, kept to be looked at again when there is news of revocation. */
export interface Standing extends Pick<Certified, 'subject' | 'issuer' | 'serial' | 'path'> {
  /** OCSP responses that came with it. */
  readonly ocsp: readonly Uint8Array[]
  /** Where it was fetched; undefined: it was sent. */
  readonly url: string | undefined
  revocation: RevocationReport
}

/** Proved, and yet to be seen whether it is revoked; or named by hash and URL, and yet to be fetched. */
export interface Unsettled {
  readonly questions: readonly Question[]
  readonly lookups: readonly Lookup[]
}

export interface Claim {
  readonly id: Wire.IdPayload
  readonly proof: Wire.AuthPayload
  readonly payloads: readonly Wire.Payload[]
  readonly signing: Signing
  readonly remote: { readonly address: string; readonly port: number }
}

/** Whether the peer is who it says, by the method that the configuration wants of it. */
export function judge(turn: Turn, host: SaHost, peer: IkePeer, claim: Claim): Proven | Unsettled | Failure {
  const { ports } = host
  const theirs = theirProof(peer)
  const { id, proof, signing, remote } = claim
  const wanted =
    theirs.method === 'psk' ? Wire.AUTH_METHOD.SHARED_KEY_MIC : Wire.AUTH_METHOD.DIGITAL_SIGNATURE
  if (proof.method !== wanted)
    return certificateFailures.wrongMethod(claimedText(id), { wanted: theirs.method, got: proof.method })
  if (theirs.method === 'psk')
    return verifyPskAuth(ports.crypto, theirs.psk, signing, proof)
      ? { remaining: undefined, certificate: undefined }
      : failures.wrongPsk(claimedText(id), remote)
  return judgeCertificate(turn, host, peer, claim)
}

function judgeCertificate(
  turn: Turn,
  host: SaHost,
  peer: IkePeer,
  { id, proof, payloads, signing }: Claim,
): Proven | Unsettled | Failure {
  const { certification, crypto } = host.ports
  const theirs = theirProof(peer)
  const who = claimedText(id)
  if (certification === undefined || theirs.method !== 'certificate')
    return certificateFailures.noCertificate(who)
  const certs = Wire.all(payloads, 'CERT')
  const chain = chainOf(turn, host, theirs, { who, certs })
  if ('lookups' in chain) return { questions: [], ...chain }
  if ('code' in chain) return chain
  if (chain.certificates.length === 0) return certificateFailures.noCertificate(who)
  const ocsp = certs.filter(({ encoding }) => encoding === OCSP_CONTENT).map(({ data }) => data)
  const identity = identityOf(id)
  const certified = certification.certify({
    chain: chain.certificates,
    anchors: theirs.trustAnchors,
    evidence: host.revocations.evidence(turn.now, peer, ocsp.slice(0, MOST_CERTIFICATES)),
    identity: identity && certifiedName(identity),
  })
  if ('fault' in certified)
    return certified.fault === 'untrusted' && chain.missing !== undefined
      ? chain.missing
      : certificateFailures.certificateFault(who, certified)
  const fault = certification.verify(certified.publicKey, signedOctets(crypto, signing), proof.data)
  if (fault !== undefined) return certificateFailures.wrongSignature(who, certified.subject, fault.detail)
  const { subject, issuer, serial, path, revocation, remaining } = certified
  if (revocation.open.length > 0) return { questions: revocation.open, lookups: [] }
  return { remaining, certificate: { subject, issuer, serial, path, ocsp, url: chain.url, revocation } }
}

/** undefined for a KEY_ID, which no certificate holds. */
function certifiedName(id: Identity): CertifiedName | undefined {
  switch (id.type) {
    case 'ipv4':
    case 'ipv6':
      return { type: 'ip', octets: Wire.addressBytes(id.text) }
    case 'fqdn':
    case 'email':
      return { type: id.type, text: id.text }
    case 'dn':
      return id
    case 'key-id':
      return undefined
  }
}
