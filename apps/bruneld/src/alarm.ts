import { performance } from 'node:perf_hooks'
import { after, drive, type Instant, instant, type Machine, millis, type Tick } from '@brunel/base'

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

/** After a bug the alarm rings again this much later, so that one bad SA or packet cannot spin the process. */
const AFTER_BUG = millis(1000)

/**
 * Feeds a machine, also when its alarm rings. What it throws is our own mistake: it is told, and the machine goes on; or,
 * with `anew`, it is fed no more, and whoever holds it begins another one.
 */
export function guarded<I, E>(
  machine: Machine<I, E>,
  {
    now: clock = now,
    alarm,
    perform,
    onBug,
    anew,
  }: {
    readonly now?: () => Instant
    readonly alarm: Pick<Alarm, 'set'>
    readonly perform: (effect: E) => void
    readonly onBug: (error: unknown) => void
    readonly anew?: () => void
  },
): (input: I | Tick) => void {
  let fallen = false
  const tick = (): void => feed({ on: 'tick' })
  const driven = drive(machine, { now: clock, perform, wakeAt: at => alarm.set(at, tick) })
  const feed = (input: I | Tick): void => {
    if (fallen) return
    try {
      driven(input)
    } catch (error) {
      fallen = anew !== undefined
      onBug(error)
      alarm.set(after(clock(), AFTER_BUG), anew ?? tick)
    }
  }
  return feed
}
