import type { Instant } from '@brunel/base'

/** A bucket of tokens: what we send to strangers is limited (RFC 7296 §2.21.4). */
export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at: Instant | undefined

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  take(now: Instant): boolean {
    const passed = this.#at === undefined ? 0 : now - this.#at
    this.#at = now
    this.#tokens = Math.min(this.#burst, this.#tokens + (passed * this.#perSecond) / 1000)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
