import type { RouterEvent } from '@brunel/admin-api'
import type { Peer } from '@brunel/config'
import { type Certificate, certificatesIn, parseCertificate } from '@brunel/crypto'

/** What certificates of the configuration expire, and who is told when: 30, 7 and 1 days before, and at the end. */

export interface CertificateExpiry {
  readonly tunnel: string
  readonly use: 'own' | 'trust-anchor'
  readonly subject: string
  /** Unix time in milliseconds. */
  readonly notAfter: number
}

export interface ExpiryNotice extends CertificateExpiry {
  /** undefined: it is expired. */
  readonly withinDays: 30 | 7 | 1 | undefined
}

const DAY = 86_400_000
const NOTICES = [1, 7, 30] as const

export function expiriesOf({ name, auth }: Peer): readonly CertificateExpiry[] {
  const all = (use: CertificateExpiry['use'], texts: readonly string[]): CertificateExpiry[] =>
    texts
      .flatMap(certificatesIn)
      .map(parseCertificate)
      .filter((certificate): certificate is Certificate => certificate !== undefined)
      .map(({ subjectText: subject, notAfter }) => ({ tunnel: name, use, subject, notAfter }))
  return [
    ...(auth.method === 'certificate' ? all('own', [auth.certificate]) : []),
    ...(auth.remoteMethod === 'certificate' ? all('trust-anchor', auth.trustAnchors) : []),
  ]
}

/** Tells each step once in the life of the daemon; a step that was slept through is not told after a later one. */
export class CertificateWatch {
  readonly #told = new Map<string, number>()
  readonly #read = new WeakMap<Peer, readonly CertificateExpiry[]>()

  expiries(peers: readonly Peer[]): readonly CertificateExpiry[] {
    return peers.flatMap(peer => {
      const known = this.#read.get(peer) ?? expiriesOf(peer)
      this.#read.set(peer, known)
      return known
    })
  }

  due(peers: readonly Peer[], now: number): readonly ExpiryNotice[] {
    const notices: ExpiryNotice[] = []
    for (const expiry of this.expiries(peers)) {
      const left = expiry.notAfter - now
      const step = left <= 0 ? 0 : NOTICES.find(days => left <= days * DAY)
      const key = JSON.stringify(expiry)
      if (step === undefined || (this.#told.get(key) ?? Number.POSITIVE_INFINITY) <= step) continue
      this.#told.set(key, step)
      notices.push({ ...expiry, withinDays: step === 0 ? undefined : step })
    }
    return notices
  }
}

export const noticeText = ({ subject, use, withinDays, notAfter }: ExpiryNotice): string => {
  const what = use === 'own' ? 'our certificate' : 'the trust anchor'
  const at = new Date(notAfter).toISOString()
  return withinDays === undefined
    ? `${what} "${subject}" expired at ${at}`
    : `${what} "${subject}" expires within ${withinDays} ${withinDays === 1 ? 'day' : 'days'}, at ${at}`
}

/** What is told of it, at a moment. */
export const noticeEvent = (notice: ExpiryNotice, at: Date): RouterEvent => ({
  at: at.toISOString(),
  event: 'certificate-expiring',
  tunnel: notice.tunnel,
  detail: noticeText(notice),
  data: {
    use: notice.use,
    subject: notice.subject,
    expiresAt: new Date(notice.notAfter).toISOString(),
  },
})
