import { after, type Instant, type Millis, millis, sooner } from '@brunel/base'
import { LIVENESS_SHARE } from './initiating.js'

/** Silence on a line that we send on, as a share of `liveness`, before a check begins. With the check itself and a
 * second for the data path's report it must stay below 1. */
const DOUBT_SHARE = 0.85 - LIVENESS_SHARE
/** Silence on an idle line before a check. Greater: a peer that restarted without a word is noticed later. */
const IDLE_SHARE = 0.6

/**
 * When the peer must next prove that it lives, RFC 7296 §2.4:
 *
 *     we send, nothing comes back ── 0.35 L ──> check ── 0.5 L ──> lost      (+ 1 s of reporting: below L)
 *     nothing at all              ── 0.6 L ──> check ── 0.5 L ──> lost
 */
export function livenessDue(seen: {
  readonly lastHeard: Instant
  readonly unansweredSince: Instant | undefined
  readonly liveness: Millis
}): Instant {
  const idle = after(seen.lastHeard, millis(seen.liveness * IDLE_SHARE))
  if (seen.unansweredSince === undefined) return idle
  return sooner(idle, after(seen.unansweredSince, millis(seen.liveness * DOUBT_SHARE))) as Instant
}
