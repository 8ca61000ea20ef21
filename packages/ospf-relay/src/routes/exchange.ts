import { type Instant, instant, type Millis, seconds, since } from '@brunel/base'
import type { Ospf } from '@brunel/wire'

/**
 * What two routers describe to one another when they become adjacent, RFC 2328 §10.6: together it is all that there is in
 * the area. What we have beyond that nobody has any more: it was flushed, or its origin began anew, while we did not hear.
 */

/** Exchanges that began this far apart are not of one adjacency. */
const TOGETHER: Millis = seconds(60)
/** As many as the routers of a segment need that become adjacent at once. Beyond it the oldest is given up. */
const MOST = 256
/** Of all together. Beyond it who described most is given up: there is no end to what somebody may describe. */
const MOST_KEYS = 100_000

/** Who describes to whom. */
export interface Direction {
  /** Area and address. */
  readonly from: string
  /** The same of the other; undefined: by multicast, as on a point-to-point network (RFC 2328 §8.1), if not all do so. */
  readonly to: string | undefined
}

interface Described {
  readonly direction: Direction
  readonly since: Instant
  readonly keys: Set<string>
  complete: boolean
}

/** All that two routers described to the end. */
export interface Whole {
  readonly since: Instant
  readonly keys: ReadonlySet<string>
}

export class Exchanges {
  readonly #described = new Map<string, Described>()
  #keys = 0

  /** These are described. Answers what is whole by that. */
  described(
    now: Instant,
    direction: Direction,
    { init, more }: Ospf.DatabaseDescription,
    keys: readonly string[],
  ): Whole | undefined {
    const name = nameOf(direction)
    if (init) this.#forget(name)
    const mine = this.#described.get(name) ?? this.#begun(now, direction, init)
    if (mine === undefined) return undefined
    const before = mine.keys.size
    for (const key of keys) mine.keys.add(key)
    this.#keys += mine.keys.size - before
    if (this.#keys > MOST_KEYS) this.#forgetLargest()
    if (init || more || mine.complete) return undefined
    mine.complete = true
    return this.#whole(mine)
  }

  /** Without its beginning it would be half of it. */
  #begun(now: Instant, direction: Direction, init: boolean): Described | undefined {
    if (!init) return undefined
    const [oldest] = this.#described.keys()
    if (this.#described.size >= MOST && oldest !== undefined) this.#forget(oldest)
    const begun = { direction, since: now, keys: new Set<string>(), complete: false }
    this.#described.set(nameOf(direction), begun)
    return begun
  }

  #forget(name: string): void {
    this.#keys -= this.#described.get(name)?.keys.size ?? 0
    this.#described.delete(name)
  }

  #forgetLargest(): void {
    const [largest] = [...this.#described].sort(([, a], [, b]) => b.keys.size - a.keys.size)
    if (largest !== undefined) this.#forget(largest[0])
  }

  #whole(mine: Described): Whole | undefined {
    for (const other of this.#described.values()) {
      if (!other.complete || !answers(mine.direction, other.direction)) continue
      if (Math.abs(since(other.since, mine.since)) > TOGETHER) continue
      for (const { direction } of [mine, other]) this.#forget(nameOf(direction))
      const first = instant(Math.min(other.since, mine.since))
      return { since: first, keys: new Set([...mine.keys, ...other.keys]) }
    }
    return undefined
  }
}

const nameOf = ({ from, to }: Direction): string => `${from} > ${to ?? 'all'}`
const answers = (a: Direction, b: Direction): boolean =>
  a.from !== b.from && [undefined, b.from].includes(a.to) && [undefined, a.from].includes(b.to)
