import { type Instant, type Millis, since } from './time.js'

/** A token bucket, as RFC 4443 §2.4 (f) asks for errors; the same serves RFC 1812 §4.3.2.8 and RFC 7296 §2.21.4. */
export class RateLimiter {
  readonly #every: Millis
  readonly #burst: number
  #tokens: number
  #filledAt: Instant | undefined

  /** One token each `every`, at most `burst` saved up. */
  constructor(every: Millis, burst: number) {
    this.#every = every
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes a token, or says that there is none. A clock that stands still fills nothing. */
  allow(now: Instant): boolean {
    this.#fill(now)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  #fill(now: Instant): void {
    const filledAt = this.#filledAt ?? now
    const earned = Math.floor(Math.max(0, since(filledAt, now)) / this.#every)
    this.#filledAt = (filledAt + earned * this.#every) as Instant
    this.#tokens = Math.min(this.#burst, this.#tokens + earned)
  }
}
