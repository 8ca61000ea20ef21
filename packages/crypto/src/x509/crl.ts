import type { WallClock } from '@brunel/base'
import { type Element, elementsOf, hexOf, only, sameOctets, TAG, timeOf } from '../der.js'
import { verifySignature } from '../signature.js'
import { type Certificate, signedFrame } from './certificate.js'
import { sameName } from './name.js'
import { pointUrls } from './revocation-urls.js'

/**
 * A revocation list, RFC 5280 §5.1. Read here and not by the library, which gives up beyond some thousand entries:
 *
 *     TBSCertList  ::=  SEQUENCE  {
 *          version                 Version OPTIONAL,
 *          signature               AlgorithmIdentifier,
 *          issuer                  Name,
 *          thisUpdate              Time,
 *          nextUpdate              Time OPTIONAL,
 *          revokedCertificates     SEQUENCE OF SEQUENCE  {
 *               userCertificate         CertificateSerialNumber,
 *               revocationDate          Time,
 *               crlEntryExtensions      Extensions OPTIONAL } OPTIONAL,
 *          crlExtensions           [0]  EXPLICIT Extensions OPTIONAL }
 */
export interface RevocationList {
  readonly issuer: Uint8Array
  readonly thisUpdate: WallClock
  /** RFC 5280 §5.1.2.5 demands it; a list without one proves nothing. */
  readonly nextUpdate: WallClock | undefined
  /** When a certificate was revoked, by its serial number (`serialText`). */
  readonly revoked: ReadonlyMap<string, WallClock>
  readonly scope: Scope
  /** Signed by the key of this authority, and that key may sign lists. */
  isBy(issuer: Certificate): boolean
}

/** Whom a list speaks of: issuingDistributionPoint, RFC 5280 §5.2.5. */
export interface Scope {
  readonly only: 'all' | 'end' | 'authorities'
  /** Not every reason: who is not on it may be revoked all the same. */
  readonly someReasons: boolean
  /** undefined: of any distribution point. */
  readonly urls: readonly string[] | undefined
}

const CRL_SIGN = 64
const EXTENSION = { crlNumber: '551d14', issuingPoint: '551d1c', reason: '551d15' } as const
const REMOVE_FROM_CRL = 8
const WHOLE: Scope = { only: 'all', someReasons: false, urls: undefined }

export const serialText = (hex: string): string => hex.toLowerCase().replace(/^0+/, '')

const known = new WeakMap<Uint8Array, RevocationList | { readonly unusable: string }>()

/** Octets that live as long as a configuration or a cache are read once. */
export function parseCrl(der: Uint8Array): RevocationList | { readonly unusable: string } {
  const list = known.get(der) ?? read(der)
  known.set(der, list)
  return list
}

const unusable = (why: string) => ({ unusable: why })

function read(der: Uint8Array): RevocationList | { readonly unusable: string } {
  const frame = signedFrame(der)
  const parts = frame && elementsOf(frame.inside)
  if (frame === undefined || parts === undefined) return unusable('it cannot be read')
  const rest = [...parts]
  if (rest[0]?.tag === TAG.INTEGER) rest.shift()
  const [algorithm, issuer, updated] = rest.splice(0, 3)
  const thisUpdate = updated && timeOf(updated)
  if (algorithm === undefined || issuer?.tag !== TAG.SEQUENCE || thisUpdate === undefined)
    return unusable('it cannot be read')
  // RFC 5280 §5.1.1.2: the algorithm stands in two places, and one of them is signed.
  if (!sameOctets(algorithm.whole, frame.algorithm)) return unusable('it names two algorithms')
  const nextUpdate = rest[0] && timeOf(rest[0])
  if (nextUpdate !== undefined) rest.shift()
  const entries = rest[0]?.tag === TAG.SEQUENCE ? entriesOf(rest.shift() as Element) : new Map()
  const scope = rest[0] === undefined ? WHOLE : scopeOf(rest[0])
  if (typeof entries === 'string') return unusable(entries)
  if (typeof scope === 'string') return unusable(scope)
  const verified = new Map<string, boolean>()
  return {
    issuer: issuer.whole,
    thisUpdate: thisUpdate as WallClock,
    nextUpdate: nextUpdate as WallClock | undefined,
    revoked: entries,
    scope,
    isBy(by) {
      if (!sameName(issuer.whole, by.subject)) return false
      // RFC 5280 §6.3.3 (f)
      if (by.keyUsage !== undefined && (by.keyUsage & CRL_SIGN) === 0) return false
      const key = hexOf(by.publicKey)
      const good =
        verified.get(key) ??
        verifySignature(by.publicKey, frame.algorithm, frame.signed, frame.signature) === undefined
      verified.set(key, good)
      return good
    },
  }
}

/** A text: why the whole list cannot be used. */
function entriesOf({ value }: Element): ReadonlyMap<string, WallClock> | string {
  const entries = elementsOf(value)
  if (entries === undefined) return 'it cannot be read'
  const found = new Map<string, WallClock>()
  for (const entry of entries) {
    const [serial, at, extensions] = elementsOf(entry.value) ?? []
    const time = at && timeOf(at)
    if (serial?.tag !== TAG.INTEGER || time === undefined) return 'it cannot be read'
    const more = extensions === undefined ? [] : extensionsIn(extensions.whole)
    if (more === undefined) return 'it cannot be read'
    // RFC 5280 §5.3: with a critical entry extension that is not understood, the list MUST NOT be used.
    const critical = more.find(extension => extension.critical && extension.type !== EXTENSION.reason)
    if (critical !== undefined) return 'an entry has a critical extension that is unknown'
    const reason = more.find(extension => extension.type === EXTENSION.reason)?.value.at(-1)
    if (reason !== REMOVE_FROM_CRL) found.set(serialText(hexOf(serial.value)), time as WallClock)
  }
  return found
}

interface Extension {
  readonly type: string
  readonly critical: boolean
  readonly value: Uint8Array
}

function extensionsIn(der: Uint8Array): readonly Extension[] | undefined {
  const sequence = only(der, TAG.SEQUENCE)
  const all = sequence && elementsOf(sequence.value)
  const found = all?.map(({ value }) => {
    const parts = elementsOf(value) ?? []
    const octets = parts.at(-1)
    if (parts[0]?.tag !== TAG.OID || octets?.tag !== TAG.OCTET_STRING) return undefined
    const critical = parts[1]?.tag === TAG.BOOLEAN && parts[1].value[0] !== 0
    return { type: hexOf(parts[0].value), critical, value: octets.value }
  })
  return found?.every(extension => extension !== undefined) ? (found as Extension[]) : undefined
}

/** A text: why the list cannot be used. RFC 5280 §5.2: unknown critical extensions, delta lists (§5.2.4) among them. */
function scopeOf({ tag, value }: Element): Scope | string {
  const extensions = tag === 0xa0 ? extensionsIn(value) : undefined
  if (extensions === undefined) return 'it cannot be read'
  const point = extensions.find(({ type }) => type === EXTENSION.issuingPoint)
  const critical = extensions.find(extension => extension.critical && extension !== point)
  if (critical !== undefined) return 'it has a critical extension that is unknown'
  return point === undefined ? WHOLE : issuingPoint(point.value)
}

/**
 *     IssuingDistributionPoint ::= SEQUENCE {
 *          distributionPoint          [0] DistributionPointName OPTIONAL,
 *          onlyContainsUserCerts      [1] BOOLEAN DEFAULT FALSE,
 *          onlyContainsCACerts        [2] BOOLEAN DEFAULT FALSE,
 *          onlySomeReasons            [3] ReasonFlags OPTIONAL,
 *          indirectCRL                [4] BOOLEAN DEFAULT FALSE,
 *          onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
 */
function issuingPoint(der: Uint8Array): Scope | string {
  const sequence = only(der, TAG.SEQUENCE)
  const parts = sequence && elementsOf(sequence.value)
  if (parts === undefined) return 'it cannot be read'
  const member = (n: number): Element | undefined => parts.find(({ tag }) => (tag & 0x1f) === n)
  const is = (n: number): boolean => (member(n)?.value[0] ?? 0) !== 0
  if (is(4)) return 'it speaks of certificates of other authorities (indirectCRL)'
  if (is(5)) return 'it speaks of attribute certificates'
  const point = member(0)
  return {
    only: is(1) ? 'end' : is(2) ? 'authorities' : 'all',
    someReasons: member(3) !== undefined,
    urls: point && pointUrls(point.value),
  }
}

/** RFC 5280 §6.3.3 (b) (2): whether the list would name this certificate if it were revoked. */
export function covers({ scope }: RevocationList, certificate: Certificate): boolean {
  const isAuthority = certificate.authority?.ca === true
  if (scope.only === (isAuthority ? 'end' : 'authorities')) return false
  const { urls } = scope
  return urls === undefined || certificate.crlUrls.some(url => urls.includes(url))
}
