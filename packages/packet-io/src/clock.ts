import { performance } from 'node:perf_hooks'
import { type Instant, instant } from '@brunel/base'
import type { Clock } from '@brunel/datapath'

/** Milliseconds that `performance.now()` of this thread lies behind the clock that all threads share. */
export const clockOffset = (): number => Number(process.hrtime.bigint()) / 1e6 - performance.now()

/**
 * The main thread's `performance.now()` in any thread: the clock of a worker starts when the worker does, and times
 * that the pumps write into the counters must be comparable with the control plane's.
 */
export class SharedClock implements Clock {
  readonly #ahead: number

  constructor(mainOffset: number) {
    this.#ahead = clockOffset() - mainOffset
  }

  now(): Instant {
    return instant(performance.now() + this.#ahead)
  }
}
