import { after, type Instant, instant, type Millis, millis, since } from '@brunel/base'

/** What changes together is calculated together. Longer: data follows later by as much. */
const FIRST = millis(100)
/** While it goes on changing, so that a flood of LSAs takes a bounded share of the processor. */
const LONGEST = millis(5000)

/** When to calculate: soon after a change, and less and less often while changes go on. */
export class Throttle {
  deadline: Instant | undefined
  #hold: Millis = FIRST
  #lastRun: Instant | undefined

  changed(now: Instant): void {
    if (this.deadline !== undefined) return
    const quiet = this.#lastRun === undefined || since(this.#lastRun, now) > 2 * this.#hold
    if (quiet) this.#hold = FIRST
    const soon = after(now, FIRST)
    const next = this.#lastRun === undefined ? soon : after(this.#lastRun, this.#hold)
    this.deadline = instant(Math.max(soon, next))
  }

  /** Nothing may be sent the old way a moment longer. */
  urgent(now: Instant): void {
    this.deadline = now
  }

  /** Whether it is time, which ends the wait. */
  due(now: Instant): boolean {
    if (this.deadline === undefined || now < this.deadline) return false
    this.deadline = undefined
    this.#lastRun = now
    this.#hold = millis(Math.min(LONGEST, 2 * this.#hold))
    return true
  }
}
