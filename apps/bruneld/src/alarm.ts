import { performance } from 'node:perf_hooks'
import { type Host, type Instant, instant } from '@brunel/base'

/** Monotonic milliseconds since this process began: the clock of the pumps' counters too. */
export const now = (): Instant => instant(performance.now())

/** setTimeout holds 31 bits; a later alarm rings early, which no machine minds. */
const LONGEST = 0x7fffffff

/** One alarm for one machine: setting it again replaces it, so nothing is ever left to cancel. */
export class Alarm {
  #timer: NodeJS.Timeout | undefined

  set(at: Instant | undefined, ring: () => void): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    this.#timer = undefined
    if (at === undefined) return
    this.#timer = setTimeout(ring, Math.min(LONGEST, Math.max(0, Math.ceil(at - now()))))
  }

  clear(): void {
    this.set(undefined, () => undefined)
  }
}

/** The host of a machine in this process: real time, one alarm. */
export function hostFor<E>(perform: (effect: E) => void, alarm: Alarm): Host<E> {
  return { now, perform, wakeAt: (t, f) => alarm.set(t, f) }
}
