import { millis } from '@brunel/base'
import type { Dice } from './dice.js'
import { PERFECT, type Quality } from './network.js'
import type { Happening, Side } from './scenario.js'

/** What happens to a link, drawn from a seed. */
const SIDES: readonly Side[] = ['a', 'b']

export function quality(dice: Dice, lossless: boolean): Quality {
  return {
    ...PERFECT,
    delay: dice.pick([1, 5, 20, 80, lossless ? 120 : 300]),
    loss: lossless ? 0 : dice.pick([0, 0.02, 0.1, 0.3]),
    duplicate: dice.pick([0, 0, 0.05, 0.3]),
    jitter: dice.pick([0, 0, 5, 50, 200]),
    late: dice.pick([0, 0, 0.02, 0.1]),
    mtu: dice.pick([1500, 1500, 1280]),
  }
}

const opposite = (side: Side): Side => (side === 'a' ? 'b' : 'a')

/** Rekeys by hand besides those of the lifetimes; half of them cross within a few milliseconds. */
export function rekeys(dice: Dice, calmAt: number): Happening[] {
  const happenings: Happening[] = []
  const rekey = (at: number, side: Side): void => {
    happenings.push({ at, what: 'rekey', side, sa: dice.pick(['ike', 'child']) })
  }
  for (let n = dice.between(2, 12); n > 0; n--) {
    const at = dice.between(2000, calmAt - 1000)
    const side = dice.pick(SIDES)
    rekey(at, side)
    if (dice.chance(0.2)) happenings.push({ at: at + dice.below(2000), what: 'extra-tick', side })
    if (dice.chance(0.1)) happenings.push({ at, what: 'reauthenticate', side })
    if (dice.chance(0.5)) rekey(at + dice.pick([0, 1, 5, 20, 50, 100, 300]), opposite(side))
    // A storm: whatever is under way meets something else.
    if (dice.chance(0.1)) {
      for (let more = dice.between(3, 8); more > 0; more--) rekey(at + dice.below(2000), dice.pick(SIDES))
    }
  }
  return happenings
}

type Trouble = (about: {
  readonly dice: Dice
  readonly at: number
  readonly side: Side
  readonly calmAt: number
}) => Happening[]

const later = ({ dice, at, calmAt }: Parameters<Trouble>[0], low: number, high: number): number =>
  Math.min(at + dice.between(low, high), calmAt)

const TROUBLES: readonly Trouble[] = [
  a => [
    { at: a.at, what: 'cut', side: a.side },
    { at: later(a, 50, 30_000), what: 'mend', side: a.side },
  ],
  a => [
    { at: a.at, what: 'crash', side: a.side },
    { at: later(a, 200, 20_000), what: 'boot', side: a.side },
  ],
  a =>
    SIDES.flatMap(side => [
      { at: a.at, what: 'crash', side },
      { at: later(a, 200, 20_000), what: 'boot', side },
    ]),
  a => [
    { at: a.at, what: 'down', side: a.side },
    { at: later(a, 100, 20_000), what: 'up', side: a.side },
  ],
  a => [
    { at: a.at, what: 'remove', side: a.side },
    { at: later(a, 0, 20_000), what: 'add', side: a.side },
  ],
  a => [{ at: a.at, what: 'quality', side: a.side, quality: quality(a.dice, false) }],
  a => [{ at: a.at, what: 'expire', side: a.side }],
  a => [
    {
      at: a.at,
      what: 'wishes',
      side: a.side,
      wishes: { espLifetime: millis(a.dice.between(20, 60) * 1000) },
    },
  ],
  a => newPsk(a.dice, a.at, later(a, 0, 10_000)),
  suspended,
  suspended,
]
const BEHIND_NAT: Trouble = a => [{ at: a.at, what: 'rebind' }]
const NOT_BEHIND_NAT: Trouble = a => [{ at: a.at, what: 'readdress', late: later(a, 0, 5000) - a.at }]

/** A paused VM or a stopped process: for less than a round trip, or until the peer has given up. */
function suspended(about: Parameters<Trouble>[0]): Happening[] {
  const { dice, at, side } = about
  const long = dice.chance(0.5) ? 60_000 : 2000
  return [
    { at, what: 'suspend', side },
    { at: later(about, 20, long), what: 'resume', side, counted: dice.chance(0.5) },
  ]
}

const HOUR = 3600_000
/** The wall clock is set to where no certificate is valid, or a certificate is changed for one that nobody trusts. */
const CERTIFIED: readonly Trouble[] = [
  a => [
    { at: a.at, what: 'wall', side: a.side, off: a.dice.pick([-9600, 9600]) * HOUR },
    { at: later(a, 0, 20_000), what: 'wall', side: a.side, off: 0 },
  ],
  a => [
    { at: a.at, what: 'wishes', side: 'a', wishes: { own: 'certificate of a stranger' } },
    { at: later(a, 0, 20_000), what: 'wishes', side: 'a', wishes: { own: 'certificate' } },
  ],
]

/** Back and forth while certificates stay valid, which costs nothing. */
export function wallClocks(dice: Dice, calmAt: number): Happening[] {
  return Array.from({ length: dice.below(4) }, () => ({
    at: dice.between(1000, calmAt - 1000),
    what: 'wall',
    side: dice.pick(SIDES),
    off: dice.pick([-48, -1, 0, 1, 48]) * HOUR,
  }))
}

export function trouble(
  dice: Dice,
  calmAt: number,
  { nat, certified }: { readonly nat: boolean; readonly certified: boolean },
): Happening[] {
  const happenings = rekeys(dice, calmAt)
  const troubles = [...TROUBLES, nat ? BEHIND_NAT : NOT_BEHIND_NAT, ...(certified ? CERTIFIED : [])]
  for (let n = dice.between(1, 6); n > 0; n--) {
    const about = { dice, at: dice.between(500, calmAt - 1000), side: dice.pick(SIDES), calmAt }
    happenings.push(...dice.pick(troubles)(about))
  }
  return happenings
}

/** One operator changes the secret first, the other a little later. */
function newPsk(dice: Dice, at: number, later: number): Happening[] {
  const psk = `shield ${dice.below(1000)}`
  const [first, second] = dice.chance(0.5) ? SIDES : (['b', 'a'] as const)
  return [
    { at, what: 'wishes', side: first as Side, wishes: { psk } },
    { at: later, what: 'wishes', side: second as Side, wishes: { psk } },
  ]
}
