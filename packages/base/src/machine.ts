import type { Instant } from './time.js'

export type Tick = { readonly on: 'tick' }

/**
 * A protocol as a function of (state, now, input). It owns no socket, clock, dice or log.
 * `deadline` is the earliest of its own timers; the host sets one alarm. Early and repeated ticks do nothing.
 */
export interface Machine<I, E> {
  readonly deadline: Instant | undefined
  handle(now: Instant, input: I | Tick): readonly E[]
}

export interface Host<E> {
  now(): Instant
  perform(effect: E): void
  wakeAt(t: Instant | undefined, f: () => void): void
}

/** The whole contract with the outside: one input, all its effects, then one alarm. */
export function drive<I, E>(machine: Machine<I, E>, host: Host<E>): (input: I | Tick) => void {
  let busy = false
  return function feed(input) {
    if (busy) bug('an effect fed the machine that produced it')
    busy = true
    try {
      for (const effect of machine.handle(host.now(), input)) host.perform(effect)
    } finally {
      busy = false
    }
    host.wakeAt(machine.deadline, () => feed({ on: 'tick' }))
  }
}

/** A state that our own code must never reach. Only the edge catches it: that SA alone is discarded. */
export class Bug extends Error {
  override readonly name = 'Bug'
}

export function bug(what: string): never {
  throw new Bug(what)
}

/** Makes the compiler prove that a switch over a union names every member. */
export function assertNever(value: never): never {
  return bug(`unexpected ${JSON.stringify(value)}`)
}
