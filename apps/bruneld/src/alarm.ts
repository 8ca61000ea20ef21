import { performance } from 'node:perf_hooks'
import { after, drive, type Host, type Instant, instant, type Machine, millis, type Tick } from '@brunel/base'

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

/** After a bug the alarm rings again this much later, so that one bad SA cannot spin the process. */
const AFTER_BUG = millis(1000)

/** Feeds a machine, also when its alarm rings. What it throws is our own mistake: it is told, and the machine goes on. */
export function guarded<I, E>(
  machine: Machine<I, E>,
  {
    alarm,
    perform,
    onBug,
  }: {
    readonly alarm: Pick<Alarm, 'set'>
    readonly perform: (effect: E) => void
    readonly onBug: (error: unknown) => void
  },
): (input: I | Tick) => void {
  const tick = (): void => feed({ on: 'tick' })
  const driven = drive(machine, { now, perform, wakeAt: at => alarm.set(at, tick) })
  const feed = (input: I | Tick): void => {
    try {
      driven(input)
    } catch (error) {
      onBug(error)
      alarm.set(after(now(), AFTER_BUG), tick)
    }
  }
  return feed
}
