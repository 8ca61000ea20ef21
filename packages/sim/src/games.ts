import { relayPlan } from './ospf/plan.js'
import { NO_RELAY_FIGURES, type RelayFigures, relayFailure, simulateRelaySeed } from './ospf/simulate.js'
import { scenario } from './scenario.js'
import { addFigures, type Figures, failure, NO_FIGURES, simulateSeed } from './simulate.js'

/** A simulation that many seeds are played of. */
export interface Game<F> {
  readonly none: F
  play(seed: number): Played<F>
  add(sum: F, one: F): F
  /** What to print of a failing seed. */
  failure(seed: number): string
  /** What it was made of, for the reader. */
  lines(figures: F): readonly string[]
}

export interface Played<F> {
  readonly seed: number
  readonly violation: object | undefined
  readonly figures: F
}

const days = (seconds: number): string => `${(seconds / 86_400).toFixed(1)} days of virtual time`

/** Two routers and the IKE between them. */
export const IKE: Game<Figures> = {
  none: NO_FIGURES,
  play: simulateSeed,
  add: addFigures,
  failure: seed => failure(scenario(seed)),
  lines: figures => [
    `${days(figures.virtualSeconds)}, ${figures.steps} steps, each checked`,
    `${figures.ikeSas} IKE SAs came up, ${figures.ikeRekeys} rekeyed`,
    `${figures.children} children came up, ${figures.childRekeys} rekeyed, ${figures.childCrossings} rekeys crossed`,
    `${figures.sent} data sent, ${figures.delivered} delivered`,
    `after trouble: data both ways within ${figures.slowestBack / 1000} s, one IKE SA and one child within ${figures.slowestAgreed / 1000} s`,
  ],
}

/** OSPF routers on LANs that relays join. */
export const RELAY: Game<RelayFigures> = {
  none: NO_RELAY_FIGURES,
  play: simulateRelaySeed,
  add: addFigures,
  failure: seed => relayFailure(relayPlan(seed)),
  lines: figures => [
    `${days(figures.virtualSeconds)}, ${figures.steps} steps of relays, each checked`,
    `${figures.relayed} packets relayed, at most ${figures.mostInTenSeconds} in ten seconds`,
    `${figures.outages} outages; ${figures.diedOfLoss} neighbours died of lost Hellos alone`,
    `after an outage: all adjacencies within ${figures.slowestBack / 1000} s`,
  ],
}
