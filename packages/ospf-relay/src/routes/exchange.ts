import { type Instant, instant, type Millis, seconds, since } from '@brunel/base'
import type { Ospf } from '@brunel/wire'

/**
 * What two routers describe to one another when they become adjacent, RFC 2328 §10.6: together it is all that there is in
 * the area. What we have beyond that nobody has any more: it was flushed, or its origin began anew, while we did not hear.
 */

/** Exchanges that began this far apart are not of one adjacency. */
const TOGETHER: Millis = seconds(60)
/** As many as a segment has routers. */
const MOST_ROUTERS = 128

interface Described {
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
  readonly #routers = new Map<string, Described>()

  /** `router` describes these. Answers what is whole by that. */
  described(
    now: Instant,
    router: string,
    { init, more }: Ospf.DatabaseDescription,
    keys: readonly string[],
  ): Whole | undefined {
    if (init) this.#routers.delete(router)
    const mine = this.#routers.get(router) ?? { since: now, keys: new Set(), complete: false }
    // Without its beginning it would be half of it.
    if (!init && !this.#routers.has(router)) return undefined
    if (this.#routers.size < MOST_ROUTERS) this.#routers.set(router, mine)
    for (const key of keys) mine.keys.add(key)
    if (init || more || mine.complete) return undefined
    mine.complete = true
    return this.#whole(router, mine)
  }

  #whole(router: string, mine: Described): Whole | undefined {
    for (const [name, other] of this.#routers) {
      if (name === router || !other.complete || Math.abs(since(other.since, mine.since)) > TOGETHER) continue
      this.#routers.delete(name)
      this.#routers.delete(router)
      const first = instant(Math.min(other.since, mine.since))
      return { since: first, keys: new Set([...mine.keys, ...other.keys]) }
    }
    return undefined
  }
}
