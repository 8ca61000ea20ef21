import { after, type Instant, type Millis, millis, type Random } from '@brunel/base'
import type { IkeSettings, Retransmission } from './settings.js'

/** Transmissions of one size, RFC 7383 §2.5.2. More: a narrow path takes longer. Fewer: lost ones look like one. */
const OF_ONE_SIZE = 2

/**
 * Our request in flight. Only the requester ever retransmits, and every transmission is bitwise the same, but for
 * smaller fragments: RFC 7296 §2.1, RFC 7383 §2.5.2. The waits grow exponentially (§2.4), are capped, and chance takes a part of each away, so
 * that their sum is never more than without chance.
 *
 *     start ──wait 0──> send again ──wait 1──> send again ── … ──last wait──> give up
 */
export class Transmission {
  readonly messageId: number
  /** Complete IKE messages; several where the request is fragmented (RFC 7383 §2.5). */
  datagrams: readonly Uint8Array[]
  /** The same in smaller fragments, where there can be such; asked once. */
  smaller: (() => readonly Uint8Array[] | undefined) | undefined
  readonly startedAt: Instant
  /** When the schedule in force began. */
  scheduledAt: Instant
  deadline: Instant
  #waits: readonly Millis[]
  #next = 1

  constructor(now: Instant, messageId: number, datagrams: readonly Uint8Array[], waits: readonly Millis[]) {
    this.messageId = messageId
    this.datagrams = datagrams
    this.startedAt = now
    this.scheduledAt = now
    this.#waits = waits
    this.deadline = after(now, waits[0] ?? millis(0))
  }

  /** How often the request was sent after the first time. */
  get repeats(): number {
    return this.#next - 1
  }

  /** Early and repeated ticks are harmless: nothing happens before the deadline. */
  tick(now: Instant): 'wait' | 'send' | 'give-up' {
    if (now < this.deadline) return 'wait'
    if (this.#next >= OF_ONE_SIZE && this.#shrink(now)) return 'send'
    const wait = this.#waits[this.#next++]
    if (wait === undefined) return 'give-up'
    this.deadline = after(now, wait)
    return 'send'
  }

  /** RFC 7383 §2.5.2: downward only, and the timers start over. */
  #shrink(now: Instant): boolean {
    const smaller = this.smaller?.()
    this.smaller = undefined
    if (smaller === undefined) return false
    this.datagrams = smaller
    this.restart(now, this.#waits)
    return true
  }

  /** Goes over to a shorter schedule, since there is a reason to doubt that the peer lives. Never prolongs. */
  hurry(now: Instant, waits: readonly Millis[]): boolean {
    const left = this.#waits.slice(this.#next).reduce((sum, wait) => sum + wait, this.deadline - now)
    if (left <= waits.reduce((sum, wait) => sum + wait, 0)) return false
    this.smaller = undefined
    this.restart(now, waits)
    return true
  }

  /** Another schedule from here on: what is sent goes elsewhere. */
  restart(now: Instant, waits: readonly Millis[]): void {
    this.#waits = waits
    this.#next = 1
    this.scheduledAt = now
    this.deadline = after(now, waits[0] ?? millis(0))
  }

  /** Once more with the last wait: the peer lives, only this request or its answer gets lost (RFC 7296 §2.4). */
  extend(now: Instant): void {
    this.scheduledAt = now
    this.deadline = after(now, this.#waits.at(-1) ?? millis(0))
  }
}

/** The waits of one request. RFC 7296 §2.4: exponential; jitter, cap and count are ours. */
export function waits(plan: Retransmission, random: Random, jitterPercent: number): readonly Millis[] {
  return Array.from({ length: plan.tries }, (_, i) =>
    shortened(millis(Math.floor(Math.min(plan.first * plan.factor ** i, plan.cap))), random, jitterPercent),
  )
}

/**
 * The waits of a liveness check: they fill half of the time in which a silent peer must be noticed, growing by
 * half each. Without chance, since their sum is a promise.
 */
export function livenessWaits(liveness: Millis): readonly Millis[] {
  const budget = liveness * LIVENESS_SHARE
  const unit = budget / (1 + 1.5 + 2.25 + 3.375)
  return [1, 1.5, 2.25, 3.375].map(step => millis(Math.floor(unit * step)))
}

/** Greater: less time left for the silence that starts the check. Smaller: one lost packet ends the tunnel. */
export const LIVENESS_SHARE = 0.5

export const shortened = (wait: Millis, random: Random, percent: number): Millis =>
  millis(wait - random.jitter(millis(Math.floor((wait * percent) / 100))))

/** The wait before attempt `n` (1 is the first repetition): exponential, capped, jittered. */
export function backOff(n: number, settings: IkeSettings, random: Random): Millis {
  const wait = Math.min(settings.retryFirst * 2 ** Math.min(n - 1, 16), settings.retryCap)
  return shortened(millis(wait), random, settings.jitterPercent)
}
