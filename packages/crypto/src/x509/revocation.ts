import type { WallClock } from '@brunel/base'
import type { Certificate } from './certificate.js'
import { covers, parseCrl, type RevocationList, serialText } from './crl.js'
import { readOcsp } from './ocsp.js'
import type { PathFault } from './path.js'
import { type Question, questionsOf, SKEW } from './revocation-question.js'

/**
 * Whether a certificate of a path is revoked: RFC 5280 §6.3, RFC 6960. Whatever authentic says so counts, however old
 * it is; that it is not revoked, only a whole list or an answer in its time says.
 *
 *     for each certificate below the anchor:   revoked? ──> refused
 *         answers sent along, answers fetched,   good?  ──> by what, until when
 *         lists configured, lists fetched        else   ──> the next question that nobody has answered yet,
 *                                                           then the policy
 */

/** The words of strongSwan: unknown is good enough; unless the certificate says where to ask; never. */
export type RevocationPolicy = 'off' | 'relaxed' | 'ifuri' | 'strict'

/** What came of a question. Both: an old answer, and why there is no newer one. */
export interface Statement {
  readonly der: Uint8Array | undefined
  /** In words; undefined: it was answered, or is under way. */
  readonly failed: string | undefined
}

export interface Evidence {
  readonly policy: RevocationPolicy
  /** Lists of the configuration, DER. */
  readonly crls: readonly Uint8Array[]
  /** OCSP responses that came with the certificates, DER. */
  readonly ocsp: readonly Uint8Array[]
  readonly statement: (key: string) => Statement | undefined
}

export interface RevocationReport {
  readonly state: 'good' | 'unknown' | 'unchecked'
  readonly detail: string
  /** While what proves it is in its time. */
  readonly until: WallClock | undefined
  /** What would settle it and has not been asked. */
  readonly open: readonly Question[]
  /** Keys of all questions about the path: an answer to one of them is news. */
  readonly concerns: readonly string[]
}

/** How long an answer counts that does not say. RFC 6960 §4.2.2.1: newer information is available all the time. */
const UNSAID = 3600_000

type Finding =
  | { readonly is: 'revoked'; readonly detail: string }
  | { readonly is: 'good'; readonly by: string; readonly until: WallClock }
  | {
      readonly is: 'unknown'
      readonly why: readonly string[]
      readonly open: Question | undefined
      /** The certificate says where to ask. */
      readonly asks: boolean
    }

/** The first certificate of the path that is revoked, or that the policy wants to know of; else what is known. */
export function revocation(
  path: readonly Certificate[],
  evidence: Evidence,
  now: WallClock,
): PathFault | RevocationReport {
  const { policy } = evidence
  const links = path.slice(0, -1).map((certificate, i) => {
    const issuer = path[i + 1] as Certificate
    return { certificate, questions: policy === 'off' ? [] : questionsOf(certificate, issuer), issuer }
  })
  const found = links.map(link => ({ ...link, finding: finding(link, evidence, now) }))
  for (const { certificate, finding: about } of found)
    if (about.is === 'revoked')
      return { fault: 'revoked', detail: about.detail, subject: certificate.subjectText }
  const open = found.flatMap(({ finding: about }) =>
    about.is === 'unknown' && about.open ? [about.open] : [],
  )
  for (const { certificate, finding: about } of found) {
    if (about.is !== 'unknown' || open.length > 0) continue
    if (policy === 'strict' || (policy === 'ifuri' && about.asks))
      return { fault: 'revocation-unknown', detail: about.why.join('; '), subject: certificate.subjectText }
  }
  const concerns = links.flatMap(({ questions }) => questions.map(({ key }) => key))
  return {
    ...summary(
      found.map(({ finding: about }) => about),
      evidence,
    ),
    open,
    concerns,
  }
}

function summary(findings: readonly Finding[], { policy, crls }: Evidence) {
  const unknown = findings.flatMap(one => (one.is === 'unknown' ? one.why : []))
  const good = findings.flatMap(one => (one.is === 'good' ? [one] : []))
  if (findings.length === 0)
    return { state: 'unchecked', detail: 'It is a trust anchor itself.', until: undefined } as const
  if (policy === 'off' && crls.length === 0)
    return { state: 'unchecked', detail: 'Revocation is not looked at.', until: undefined } as const
  if (unknown.length > 0) return { state: 'unknown', detail: unknown.join('; '), until: undefined } as const
  return {
    state: 'good',
    detail: [...new Set(good.map(({ by }) => by))].join('; '),
    until: Math.min(...good.map(({ until }) => until)) as WallClock,
  } as const
}

interface Link {
  readonly certificate: Certificate
  readonly issuer: Certificate
  readonly questions: readonly Question[]
}

function finding(link: Link, evidence: Evidence, now: WallClock): Finding {
  const answered = byAnswers(link, evidence, now)
  if (answered?.is === 'revoked') return answered
  const listed = byLists(link, evidence, now)
  if (listed.is === 'revoked') return listed
  if (answered?.is === 'good') return answered
  if (listed.is === 'good') return listed
  const asked = link.questions.map(question => ({ question, said: evidence.statement(question.key) }))
  const open = asked.find(({ said }) => said?.failed === undefined)?.question
  const failed = asked.flatMap(({ question: { url }, said }) =>
    said?.failed ? [`${url}: ${said.failed}`] : [],
  )
  return { ...listed, ...(failed.length > 0 && { why: failed }), open, asks: link.questions.length > 0 }
}

const dersOf = (
  { questions }: Link,
  kind: Question['kind'],
  { statement }: Evidence,
): readonly Uint8Array[] =>
  questions
    .filter(question => question.kind === kind)
    .map(({ key }) => statement(key)?.der)
    .filter(der => der !== undefined)

/** RFC 6960 §3.2. */
function byAnswers(link: Link, evidence: Evidence, now: WallClock): Finding | undefined {
  let best: Finding | undefined
  for (const der of [...evidence.ocsp, ...dersOf(link, 'ocsp', evidence)]) {
    const answer = readOcsp(der, { ...link, now })
    if (typeof answer === 'string') continue
    const { status, revokedAt, thisUpdate, nextUpdate } = answer
    if (status === 'revoked')
      return {
        is: 'revoked',
        detail: `revoked at ${new Date(revokedAt ?? thisUpdate).toISOString()}, says OCSP for "${link.issuer.subjectText}"`,
      }
    const until = (nextUpdate ?? thisUpdate + UNSAID) as WallClock
    if (status === 'good' && now <= until && thisUpdate <= now + SKEW)
      best = { is: 'good', by: `OCSP for "${link.issuer.subjectText}"`, until }
  }
  return best
}

function byLists(link: Link, evidence: Evidence, now: WallClock): Finding {
  const { certificate, issuer } = link
  const who = `"${issuer.subjectText}"`
  const lists = [...evidence.crls, ...dersOf(link, 'crl', evidence)]
    .map(parseCrl)
    .filter(
      (list): list is RevocationList => 'revoked' in list && covers(list, certificate) && list.isBy(issuer),
    )
  for (const { revoked } of lists) {
    const at = revoked.get(serialText(certificate.serial))
    if (at !== undefined)
      return { is: 'revoked', detail: `revoked at ${new Date(at).toISOString()} by ${who}` }
  }
  const whole = lists.filter(({ scope }) => !scope.someReasons)
  const until = Math.max(...whole.map(list => (list.thisUpdate <= now + SKEW ? (list.nextUpdate ?? 0) : 0)))
  if (until >= now) return { is: 'good', by: `the revocation list of ${who}`, until: until as WallClock }
  const why = [
    whole.length === 0 ? `no revocation list of ${who}` : `the revocation list of ${who} is out of date`,
  ]
  return { is: 'unknown', why, open: undefined, asks: false }
}
