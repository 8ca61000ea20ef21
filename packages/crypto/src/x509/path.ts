import type { WallClock } from '@brunel/base'
import { sameOctets } from '../der.js'
import { publicKeyOf, verifySignature, weakness } from '../signature.js'
import type { Certificate } from './certificate.js'
import { generalNameText } from './general-name.js'
import { nameText, sameName } from './name.js'
import { forbiddenName } from './name-constraints.js'

/**
 * Certification paths, RFC 5280 §6.1: found by name and signature from the peer's certificate up to a trust anchor,
 * then judged as a whole. The library builds no judgement: all of it is here.
 *
 *     end certificate ──issuer──> intermediate ──issuer──> … ──issuer──> anchor
 *        [0]                        [1]                                    [last]
 */
export interface PathFault {
  readonly fault: 'untrusted' | 'expired' | 'not-yet-valid' | 'refused' | 'revoked' | 'revocation-unknown'
  readonly detail: string
  /** The certificate in question. */
  readonly subject: string
  readonly at?: WallClock
}

export interface Path {
  /** The end certificate first, the anchor last; one alone where the anchor is the certificate itself. */
  readonly certificates: readonly Certificate[]
  /** When the first of them expires. */
  readonly until: WallClock
}

export interface PathRequest {
  readonly end: Certificate
  /** Sent by the peer, in any order. */
  readonly intermediates: readonly Certificate[]
  readonly anchors: readonly Certificate[]
  readonly now: WallClock
}

/** Longer paths are refused; real ones have two to four certificates. */
const LONGEST = 8
/** Signatures looked at for one end certificate. More: a peer makes us work by certificates that all look alike. */
const EFFORT = 32

export const isFault = (found: object): found is PathFault => 'fault' in found

/** The first path that is right, or what is wrong with the first that leads to an anchor. */
export function findPath(request: PathRequest): Path | PathFault {
  const search: Search = { ...request, effort: EFFORT, stuck: request.end }
  let first: PathFault | undefined
  for (const certificates of pathsFrom(search, [request.end])) {
    const fault = faultOf(certificates, request.now)
    if (fault === undefined)
      return { certificates, until: Math.min(...certificates.map(c => c.notAfter)) as WallClock }
    first ??= fault
  }
  if (first !== undefined) return first
  const { subjectText: subject, issuerText } = search.stuck
  const self = sameName(search.stuck.subject, search.stuck.issuer)
  const detail = self
    ? `"${subject}" is self-signed and not among the trust anchors`
    : `no trust anchor and no certificate sent is its issuer "${issuerText}"`
  return { fault: 'untrusted', detail, subject }
}

interface Search extends PathRequest {
  effort: number
  /** Where the longest try ended. */
  stuck: Certificate
}

function* pathsFrom(search: Search, path: readonly Certificate[]): Generator<readonly Certificate[]> {
  const last = path.at(-1) as Certificate
  if (search.anchors.some(anchor => sameOctets(anchor.der, last.der))) {
    yield path
    return
  }
  if (path.length >= LONGEST) return
  const unused = search.intermediates.filter(other => !path.includes(other))
  for (const issuer of [...search.anchors, ...unused]) {
    if (!sameName(issuer.subject, last.issuer) || search.effort-- <= 0) continue
    if (verifySignature(issuer.publicKey, last.algorithm, last.signed, last.signature)?.fault === 'wrong')
      continue
    const longer = [...path, issuer]
    if (!search.anchors.includes(issuer)) search.stuck = issuer
    yield* pathsFrom(search, longer)
  }
}

const KEY_USAGE = { digitalSignature: 1, nonRepudiation: 2, keyCertSign: 32 } as const
/** Purposes that allow IKE: RFC 4945 §5.1.3.12, the older ipsec ones, and TLS, which router certificates are made for. */
const PURPOSES = [
  '2.5.29.37.0',
  '1.3.6.1.5.5.7.3.17',
  '1.3.6.1.5.5.8.2.2',
  '1.3.6.1.5.5.7.3.1',
  '1.3.6.1.5.5.7.3.2',
  '1.3.6.1.5.5.7.3.5',
  '1.3.6.1.5.5.7.3.6',
  '1.3.6.1.5.5.7.3.7',
]

type Judge = (path: readonly Certificate[], index: number, now: WallClock) => PathFault | undefined

const refused = ({ subjectText: subject }: Certificate, detail: string): PathFault => ({
  fault: 'refused',
  detail,
  subject,
})
const at = (path: readonly Certificate[], index: number): Certificate => path[index] as Certificate
const isSelfIssued = ({ subject, issuer }: Certificate): boolean => sameName(subject, issuer)

/** RFC 5280 §6.1.3 (a) (2). The anchor's own validity counts too: who lets one expire means it. */
const validity: Judge = (path, index, now) => {
  const { notBefore, notAfter, subjectText: subject } = at(path, index)
  if (now > notAfter)
    return {
      fault: 'expired',
      detail: `expired at ${new Date(notAfter).toISOString()}`,
      subject,
      at: notAfter,
    }
  if (now < notBefore)
    return {
      fault: 'not-yet-valid',
      detail: `not valid before ${new Date(notBefore).toISOString()}`,
      subject,
      at: notBefore,
    }
  return undefined
}

/** What no certificate of a path may be: weakly signed, with a weak key, or saying critical things nobody understands. */
const strength: Judge = (path, index) => {
  const certificate = at(path, index)
  const issuer = path[index + 1]
  const { publicKey, unknownCritical } = certificate
  if (unknownCritical.length > 0)
    return refused(certificate, `critical extension ${unknownCritical.join(', ')} is unknown (RFC 5280 §4.2)`)
  const key = publicKeyOf(publicKey)
  const weak = key === undefined ? 'a public key that cannot be read' : weakness(key)
  if (weak !== undefined) return refused(certificate, `${weak} (RFC 8247 §3.1.1)`)
  const { algorithm, signed, signature } = certificate
  const fault = issuer && verifySignature(issuer.publicKey, algorithm, signed, signature)
  return fault && refused(certificate, `signed by ${fault.detail} (RFC 8247 §3.2)`)
}

/** RFC 5280 §6.1.4 (k), (l), (m), (n). */
const authority: Judge = (path, index) => {
  if (index === 0) return undefined
  const certificate = at(path, index)
  if (certificate.authority?.ca !== true) return refused(certificate, 'it is no authority (basicConstraints)')
  if (certificate.keyUsage !== undefined && (certificate.keyUsage & KEY_USAGE.keyCertSign) === 0)
    return refused(certificate, 'its key is not for signing certificates (keyUsage)')
  const below = path.slice(1, index).filter(other => !isSelfIssued(other)).length
  const { pathLength } = certificate.authority
  return pathLength !== undefined && below > pathLength
    ? refused(
        certificate,
        `it allows ${pathLength} authorities below it, and there are ${below} (path length)`,
      )
    : undefined
}

/** RFC 4945 §5.1.3.2, §5.1.3.12. */
const purpose: Judge = (path, index) => {
  if (index !== 0) return undefined
  const end = at(path, 0)
  if (
    end.keyUsage !== undefined &&
    (end.keyUsage & (KEY_USAGE.digitalSignature | KEY_USAGE.nonRepudiation)) === 0
  )
    return refused(end, 'its key is not for signatures (keyUsage)')
  return end.purposes === undefined || end.purposes.some(one => PURPOSES.includes(one))
    ? undefined
    : refused(end, `its purposes do not allow IKE: ${end.purposes.join(', ')} (extendedKeyUsage)`)
}

/** RFC 5280 §6.1.3 (b), (c): what an authority allows binds all below it, its own self-issued ones apart. */
const constraints: Judge = (path, index) => {
  const own = at(path, index).constraints
  if (own === undefined || index === 0) return undefined
  for (const [i, below] of path.slice(0, index).entries()) {
    if (i > 0 && isSelfIssued(below)) continue
    const subject = below.subject.length > 2 ? [{ type: 'dn', der: below.subject } as const] : []
    const name = forbiddenName(own, [...subject, ...below.names])
    if (name !== undefined)
      return refused(
        below,
        `"${at(path, index).subjectText}" does not allow the name ${generalNameText(name, nameText)} (nameConstraints)`,
      )
  }
  return undefined
}

const JUDGES: readonly Judge[] = [strength, authority, constraints, purpose, validity]

function faultOf(path: readonly Certificate[], now: WallClock): PathFault | undefined {
  for (const judge of JUDGES)
    for (const index of path.keys()) {
      const fault = judge(path, index, now)
      if (fault !== undefined) return fault
    }
  return undefined
}
