import { after, type Instant, millis, sooner } from '@brunel/base'
import * as certificateFailures from './certificate-failures.js'
import type { IkePeer } from './contract.js'
import type { Lifetime } from './lifetimes.js'
import { ownProof, type Proven } from './proof.js'
import type { Session } from './session.js'
import type { Ports, Turn } from './turn.js'

/**
 * A session ends when a certificate does that it was proved with: RFC 4301 §4.4.2.1, RFC 7296 §2.8. Before that it is
 * authenticated anew, since either end may have a new certificate by then.
 *
 *     established ───────────────── renewAt ── every RENEW_EVERY ── until
 */
export interface Validity {
  readonly until: Instant
  renewAt: Instant
  readonly whose: 'our' | 'their'
}

/** Before the end. Longer: certificates renewed late are not seen in time. Shorter: fewer tries. */
const RENEW_BEFORE = millis(3600_000)
/** Shorter: needless authentications. Longer: an outage after a late renewal. */
const RENEW_EVERY = millis(600_000)

export function validityFrom(
  now: Instant,
  ports: Ports,
  peer: IkePeer,
  proven: Proven,
): Validity | undefined {
  const own = ownProof(peer)
  const ours = own.method === 'certificate' ? ports.certification?.remaining(own.certificates) : undefined
  const theirs = proven.remaining
  if (ours === undefined && theirs === undefined) return undefined
  const remaining = Math.max(
    0,
    Math.min(ours ?? Number.POSITIVE_INFINITY, theirs ?? Number.POSITIVE_INFINITY),
  )
  return {
    until: after(now, millis(remaining)),
    renewAt: after(now, millis(Math.max(remaining - RENEW_BEFORE, remaining / 2))),
    whose: remaining === theirs ? 'their' : 'our',
  }
}

/** The lifetime of a child, which never goes past the certificates. */
export function withinValidity({ validity }: Session, lifetime: Lifetime): Lifetime {
  if (validity === undefined) return lifetime
  const least = (at: Instant): Instant => Math.min(at, validity.until) as Instant
  return { soft: least(lifetime.soft), hard: least(lifetime.hard) }
}

export function tickValidity(turn: Turn, session: Session): void {
  const { validity, control } = session
  if (validity === undefined || session.over) return
  if (validity.until <= turn.now)
    return session.close(turn, certificateFailures.validityEnded(validity.whose), millis(0))
  if (validity.renewAt > turn.now) return
  validity.renewAt = after(turn.now, RENEW_EVERY)
  if (session.weBegan) control.renew(turn, session, certificateFailures.validityEnded(validity.whose))
}

export const validityDeadline = ({ validity }: Session): Instant | undefined =>
  validity && sooner(validity.renewAt, validity.until)
