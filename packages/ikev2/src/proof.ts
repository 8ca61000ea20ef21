import type { CertifiedName } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import * as certificateFailures from './certificate-failures.js'
import type { Failure, Identity, IkePeer, OwnProof, TheirProof } from './contract.js'
import * as failures from './failures.js'
import { identityOf } from './identity.js'
import { claimedText } from './peer-match.js'
import { pskAuth, type Signing, signedOctets, verifyPskAuth } from './psk-auth.js'
import type { Ports } from './turn.js'

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

/** X.509 certificate, signature: the one encoding that we send and take, RFC 7296 §3.6. */
const X509_SIGNATURE = 4
/** RFC 7296 §4 demands four; a peer that sends more makes us work. */
const MOST_CERTIFICATES = 8

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
  const parsed = Wire.parseMessage(message)
  const notify =
    typeof parsed === 'string'
      ? undefined
      : Wire.findNotify(parsed.payloads, Wire.NOTIFY.SIGNATURE_HASH_ALGORITHMS)
  const data = notify?.data ?? new Uint8Array(0)
  return Array.from({ length: data.length >> 1 }, (_, i) => Wire.readUint16(data, 2 * i))
}

/** CERTREQ names the authorities we trust, RFC 7296 §3.7. Without it some peers send no certificate. */
export function certificateRequest(
  ports: Ports,
  anchors: readonly Uint8Array[],
): readonly Wire.PlainPayload[] {
  if (anchors.length === 0 || ports.certification === undefined) return []
  return [{ type: 'CERTREQ', encoding: X509_SIGNATURE, data: ports.certification.authorities(anchors) }]
}

/** Our CERT and AUTH payloads; `announced`: the peer's IKE_SA_INIT message. A CERTREQ is a hint: ours are always sent. */
export function prove(
  ports: Ports,
  peer: IkePeer,
  signing: Signing,
  announced: Uint8Array,
): { readonly certificates: readonly Wire.PlainPayload[]; readonly auth: Wire.AuthPayload } | Failure {
  const own = ownProof(peer)
  if (own.method === 'psk') {
    const data = pskAuth(ports.crypto, own.psk, signing)
    return {
      certificates: [],
      auth: { type: 'AUTH', method: Wire.AUTH_METHOD.SHARED_KEY_MIC, data },
    }
  }
  const { certification } = ports
  const hashes = hashesIn(announced)
  if (certification === undefined || hashes.length === 0) return certificateFailures.noDigitalSignatures()
  if (certification.remaining(own.certificates) <= 0) return certificateFailures.ownExpired()
  const octets = signedOctets(ports.crypto, signing)
  const data = certification.sign(own.privateKey, octets, { hashes, rsa: own.rsa })
  if ('fault' in data) return certificateFailures.cannotSign(data.detail)
  return {
    certificates: own.certificates.map(der => ({ type: 'CERT', encoding: X509_SIGNATURE, data: der })),
    auth: { type: 'AUTH', method: Wire.AUTH_METHOD.DIGITAL_SIGNATURE, data },
  }
}

/** What the peer proved. `remaining`: how long its certificates last yet, in milliseconds; undefined: for ever. */
export interface Proven {
  readonly remaining: number | undefined
  readonly notes: readonly string[]
}

export interface Claim {
  readonly id: Wire.IdPayload
  readonly proof: Wire.AuthPayload
  readonly payloads: readonly Wire.Payload[]
  readonly signing: Signing
  readonly remote: { readonly address: string; readonly port: number }
}

/** Whether the peer is who it says, by the method that the configuration wants of it. */
export function judge(ports: Ports, peer: IkePeer, claim: Claim): Proven | Failure {
  const theirs = theirProof(peer)
  const { id, proof, signing, remote } = claim
  const wanted =
    theirs.method === 'psk' ? Wire.AUTH_METHOD.SHARED_KEY_MIC : Wire.AUTH_METHOD.DIGITAL_SIGNATURE
  if (proof.method !== wanted)
    return certificateFailures.wrongMethod(claimedText(id), { wanted: theirs.method, got: proof.method })
  if (theirs.method === 'psk')
    return verifyPskAuth(ports.crypto, theirs.psk, signing, proof)
      ? { remaining: undefined, notes: [] }
      : failures.wrongPsk(claimedText(id), remote)
  return judgeCertificate(ports, theirs, claim)
}

function judgeCertificate(
  ports: Ports,
  theirs: Extract<TheirProof, { readonly method: 'certificate' }>,
  { id, proof, payloads, signing }: Claim,
): Proven | Failure {
  const { certification, crypto } = ports
  const who = claimedText(id)
  const chain = Wire.all(payloads, 'CERT')
    .filter(({ encoding }) => encoding === X509_SIGNATURE)
    .slice(0, MOST_CERTIFICATES)
    .map(({ data }) => data)
  if (certification === undefined || chain.length === 0) return certificateFailures.noCertificate(who)
  const identity = identityOf(id)
  const certified = certification.certify({
    chain,
    anchors: theirs.trustAnchors,
    crls: theirs.crls,
    identity: identity && certifiedName(identity),
  })
  if ('fault' in certified) return certificateFailures.certificateFault(who, certified)
  const fault = certification.verify(certified.publicKey, signedOctets(crypto, signing), proof.data)
  if (fault !== undefined) return certificateFailures.wrongSignature(who, certified.subject, fault.detail)
  return certified
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
