import { Dice } from './dice.js'
import type { SimRouter } from './router.js'
import type { Happening, Side } from './scenario.js'

/** Most seeds tell inner MTUs, on both ends or on one, which is then alone with it. */
const MTUS: readonly Partial<Record<Side, number>>[] = [
  { a: 1422, b: 1422 },
  { a: 1422, b: 1322 },
  { b: 1400 },
  { a: 1398, b: 1414 },
  {},
]

export const innerMtus = (seed: number): Partial<Record<Side, number>> => MTUS[seed % MTUS.length] ?? {}

const SIDES: readonly Side[] = ['a', 'b']

/** Paths take less and take more again, some within one round trip; of dice of their own, so that all else stays as it was. */
export function mtuChanges(seed: number, calmAt: number): Happening[] {
  const { a, b } = innerMtus(seed)
  if (a === undefined || b === undefined) return []
  const dice = new Dice(seed, 'mtu')
  return Array.from({ length: dice.between(1, 8) }, () => dice.between(500, calmAt - 500)).flatMap(at => {
    const side = dice.pick(SIDES)
    const mtu = dice.pick([576, 1280, 1314, 1386, 1422])
    const first: Happening = { at, what: 'mtu', side, mtu }
    const wait = dice.pick([0, 1, 20, 300])
    if (!dice.chance(0.4) || at + wait >= calmAt) return [first]
    return [first, { ...first, at: at + wait, side: dice.pick(SIDES), mtu: dice.pick([1300, 1422]) }]
  })
}

/** RFC 2328 §10.6: two ends that both tell have one MTU, and an end that is told nothing has its own. */
export function mtuDisagreement(a: SimRouter, b: SimRouter): string | undefined {
  const [left, right] = [a.innerMtu, b.innerMtu]
  if (left.own === undefined || right.own === undefined) {
    const told = left.theirs ?? right.theirs
    return told === undefined ? undefined : `an end that tells no MTU is believed to have told ${told}`
  }
  const [one, other] = [left, right].map(({ own, theirs }) => Math.min(own ?? 0, theirs ?? own ?? 0))
  return one === other ? undefined : `${a.name} has an MTU of ${one}, ${b.name} one of ${other}`
}
