import { Dice } from '../dice.js'
import type { Quality } from '../network.js'

/** What is played, as plain data. Site 0 has a tunnel to each of the others; a LAN, its relay and its site have one number. */
export interface RelayPlan {
  readonly seed: number
  readonly sites: 2 | 3
  readonly type: 'broadcast' | 'point-to-point'
  readonly routers: readonly RouterPlan[]
  /** Of every tunnel. */
  readonly quality: Quality
  readonly failFast: boolean
  readonly happenings: readonly Happening[]
}

export interface RouterPlan {
  readonly site: number
  readonly priority: number
  /** Milliseconds. */
  readonly startAt: number
  readonly externals: number
}

/** The line of a site is cut and mended; or its relay dies, and begins anew. Milliseconds. */
export interface Happening {
  readonly at: number
  readonly until: number
  readonly what: 'line' | 'relay'
  readonly site: number
}

/** All stand by then; of trouble that long; then the lines are perfect, and everything is compared. */
export const START = 150_000
export const TROUBLE = 1_000_000
export const QUIET = 60_000

export function relayPlan(seed: number): RelayPlan {
  const dice = new Dice(seed, 'relay')
  const sites = dice.chance(0.5) ? 3 : 2
  const type = sites === 2 && dice.chance(0.5) ? 'point-to-point' : 'broadcast'
  const delay = dice.pick([2, 20, 80])
  return {
    seed,
    sites,
    type,
    routers: Array.from({ length: sites }, (_, site) => site).flatMap(site => routers(dice, site, type)),
    quality: {
      loss: 0.01,
      duplicate: dice.pick([0, 0.005, 0.02]),
      delay,
      jitter: dice.pick([0, delay, 3 * delay]),
      late: dice.pick([0, 0.005]),
      mtu: 1600,
    },
    failFast: dice.chance(0.5),
    // Every second time only the loss.
    happenings: dice.chance(0.5) ? [] : happenings(dice, sites),
  }
}

/** On a broadcast network one or two on a LAN. */
function routers(dice: Dice, site: number, type: RelayPlan['type']): readonly RouterPlan[] {
  const count = type === 'broadcast' && dice.chance(0.3) ? 2 : 1
  return Array.from({ length: count }, () => ({
    site,
    priority: dice.pick([1, 1, 1, 5]),
    startAt: dice.below(20_000),
    externals: dice.between(1, 20),
  }))
}

function happenings(dice: Dice, sites: number): readonly Happening[] {
  return Array.from({ length: dice.between(1, 3) }, (_, i) => {
    const at = START + i * 330_000 + dice.below(50_000)
    const length = dice.pick([500, 3000, 8000, 30_000, 60_000, 120_000])
    const what = dice.chance(0.75) ? 'line' : 'relay'
    return { at, until: at + length, what, site: dice.below(sites) }
  })
}
