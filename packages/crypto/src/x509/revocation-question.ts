import { createHash } from 'node:crypto'
import type { WallClock } from '@brunel/base'
import { type Certificate, parseCertificate } from './certificate.js'
import { covers, parseCrl, type RevocationList } from './crl.js'
import { ocspRequest, readOcsp } from './ocsp.js'

/** Something that would settle whether a certificate is revoked, and where it can be had. */
export interface Question {
  readonly kind: 'crl' | 'ocsp'
  /** Plain HTTP, from the certificate. */
  readonly url: string
  /** What is posted to an OCSP responder, DER. */
  readonly request: Uint8Array | undefined
  /** The same for the same answer: a list serves all certificates of its authority. */
  readonly key: string
  readonly certificate: Uint8Array
  readonly issuer: Uint8Array
}

const cached = new WeakMap<
  Certificate,
  { readonly issuer: Certificate; readonly found: readonly Question[] }
>()

/** Best first: an answer about one certificate is smaller and newer than a list. */
export function questionsOf(certificate: Certificate, issuer: Certificate): readonly Question[] {
  const known = cached.get(certificate)
  if (known?.issuer === issuer) return known.found
  const both = { certificate: certificate.der, issuer: issuer.der }
  const request = certificate.ocspUrls.length === 0 ? undefined : ocspRequest(certificate, issuer)
  const found = [
    ...certificate.ocspUrls.map(
      url => ({ kind: 'ocsp', url, request, key: keyOf(url, request), ...both }) as const,
    ),
    ...certificate.crlUrls.map(
      url => ({ kind: 'crl', url, request: undefined, key: keyOf(url, issuer.publicKey), ...both }) as const,
    ),
  ]
  cached.set(certificate, { issuer, found })
  return found
}

const keyOf = (url: string, about: Uint8Array | undefined): string =>
  createHash('sha256')
    .update(url)
    .update('\0')
    .update(about ?? '')
    .digest('hex')

/** Clocks differ. Longer: a list of tomorrow counts today. Shorter: a list made a moment ago counts as of the future. */
export const SKEW = 300_000

export interface AnswerTimes {
  readonly thisUpdate: WallClock
  /** undefined: it does not say. */
  readonly nextUpdate: WallClock | undefined
}

/** When an authentic answer was made and is renewed; a text: why it answers nothing. */
export function answerTimes(question: Question, der: Uint8Array, now: WallClock): AnswerTimes | string {
  const [certificate, issuer] = [parseCertificate(question.certificate), parseCertificate(question.issuer)]
  if (certificate === undefined || issuer === undefined) return 'the certificate cannot be read'
  const answer =
    question.kind === 'ocsp'
      ? readOcsp(der, { certificate, issuer, now })
      : readList(der, { certificate, issuer })
  if (typeof answer === 'string') return answer
  const { thisUpdate, nextUpdate } = answer
  if (thisUpdate > now + SKEW) return `it is of the future: ${new Date(thisUpdate).toISOString()}`
  if (nextUpdate !== undefined && nextUpdate < now)
    return `it is out of date since ${new Date(nextUpdate).toISOString()}`
  return { thisUpdate, nextUpdate }
}

function readList(
  der: Uint8Array,
  { certificate, issuer }: { readonly certificate: Certificate; readonly issuer: Certificate },
): RevocationList | string {
  const list = parseCrl(der)
  if ('unusable' in list) return `the revocation list is not used: ${list.unusable}`
  if (!list.isBy(issuer)) return `the revocation list is not signed by "${issuer.subjectText}"`
  return covers(list, certificate) ? list : 'the revocation list is about other certificates'
}
