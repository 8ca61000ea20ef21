import { after, type Instant, type Millis, millis, type Random } from '@brunel/base'

/** RFC 4301 §4.4.2.1, RFC 7296 §2.8: the soft limit asks for a successor, the hard one ends the SA. */
export interface Lifetime {
  readonly soft: Instant
  readonly hard: Instant
}

/**
 * Lifetimes are local and jittered, so that the two ends seldom rekey at once (RFC 7296 §2.8.1).
 *
 *     born ───────────────── soft (jittered) ── margin ── hard
 */
export function lifetimeFrom(born: Instant, hard: Millis, marginPercent: number, random: Random): Lifetime {
  const margin = Math.floor((hard * marginPercent) / 100)
  const soft = hard - margin - random.jitter(millis(margin))
  return { soft: after(born, millis(Math.max(1, soft))), hard: after(born, hard) }
}
