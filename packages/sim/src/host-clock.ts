import { type Instant, instant } from '@brunel/base'
import type { VirtualTime } from './virtual-time.js'

type Wish = { readonly at: Instant | undefined; readonly ring: () => void }

/**
 * The monotonic clock of one router and its alarms. It never goes back. While the router is suspended (a paused VM, a
 * stopped process) nothing rings; when it goes on, the clock has counted the pause and leaps, or it has not, and lies
 * behind that of the peer for ever after.
 */
export class HostClock {
  readonly #time: VirtualTime
  readonly #alarms: { wish: Wish | undefined; readonly set: (wish: Wish) => void }[] = []
  #behind = 0
  #since: number | undefined

  constructor(time: VirtualTime) {
    this.#time = time
  }

  now(): Instant {
    return instant((this.#since ?? this.#time.now()) - this.#behind)
  }

  get suspended(): boolean {
    return this.#since !== undefined
  }

  suspend(): void {
    this.#since ??= this.#time.now()
  }

  /** `counted`: the clock went on counting meanwhile. */
  resume(counted: boolean): void {
    if (this.#since === undefined) return
    if (!counted) this.#behind += this.#time.now() - this.#since
    this.#since = undefined
    for (const alarm of this.#alarms) if (alarm.wish !== undefined) alarm.set(alarm.wish)
  }

  /** As `Host.wakeAt` wants it. */
  alarm(): (at: Instant | undefined, ring: () => void) => void {
    const set = this.#time.alarm()
    const own = {
      wish: undefined as Wish | undefined,
      set: ({ at, ring }: Wish): void => {
        const due = at === undefined ? undefined : instant(at + this.#behind)
        set(due, () => {
          if (!this.suspended) ring()
        })
      },
    }
    this.#alarms.push(own)
    return (at, ring) => {
      own.wish = { at, ring }
      own.set(own.wish)
    }
  }
}
