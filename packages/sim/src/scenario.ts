import { millis } from '@brunel/base'
import { Dice } from './dice.js'
import type { PacketLimits } from './esp-model.js'
import { HOSTILES, type HostileName } from './hostile.js'
import { PERFECT, type Quality } from './network.js'
import { type PeerWishes, WISHES } from './peers.js'

export type Side = 'a' | 'b'

/** Something that happens to the link, at a time in milliseconds. */
export type Happening = { readonly at: number } & (
  | { readonly what: 'rekey'; readonly side: Side; readonly sa: 'ike' | 'child' }
  | { readonly what: 'reauthenticate' | 'down' | 'up' | 'remove' | 'add'; readonly side: Side }
  | { readonly what: 'crash' | 'boot' | 'cut' | 'mend'; readonly side: Side }
  | { readonly what: 'quality'; readonly side: Side; readonly quality: Quality }
  | { readonly what: 'wishes'; readonly side: Side; readonly wishes: Partial<PeerWishes> }
  | { readonly what: 'rebind' }
  /** Router a has another address; its operator tells a at once, b's operator (or resolver) tells b after `late`. */
  | { readonly what: 'readdress'; readonly late: number }
  | { readonly what: 'extra-tick'; readonly side: Side }
)

/** A run as plain data: a seed makes it, and a failing one can be written down and shortened by hand. */
export interface Scenario {
  readonly seed: number
  /** Real keys take fifty times longer; a share of the seeds has them. */
  readonly cryptography: 'toy' | 'system'
  readonly family: 4 | 6
  /** Router a sits behind a NAT, and b takes it from wherever it comes. */
  readonly nat: boolean
  readonly wishes: Readonly<Record<Side, PeerWishes>>
  readonly limits: PacketLimits | undefined
  readonly quality: Readonly<Record<Side, Quality>>
  /** Milliseconds between data. */
  readonly interval: Readonly<Record<Side, number>>
  readonly hostile: readonly HostileName[]
  readonly happenings: readonly Happening[]
  /** Nothing here may cost a datum: PRODUCT promise 4. */
  readonly lossless: boolean
  /** When all trouble ends and the link must come to rest. */
  readonly calmAt: number
}

const SIDES: readonly Side[] = ['a', 'b']
const both = <T>(make: (side: Side) => T): Record<Side, T> => ({ a: make('a'), b: make('b') })

/** A third of the seeds promise lossless rekeys, the others everything that can happen to a link. */
export function scenario(seed: number): Scenario {
  const dice = new Dice(seed, 'scenario')
  const lossless = dice.chance(1 / 3)
  const calmAt = dice.between(60, 240) * 1000
  const nat = dice.chance(lossless ? 0.2 : 0.3)
  const common = commonWishes(dice)
  const slow = lossless ? 30 : 12
  const wishes = both(() => ({
    ...common,
    initiate: true,
    ikeLifetime: millis(dice.between(2 * slow, 10 * slow) * 1000),
    espLifetime: millis(dice.between(slow, 5 * slow) * 1000),
    liveness: millis(dice.pick([5000, 10_000])),
  }))
  if (!nat && dice.chance(0.3)) {
    const quiet = dice.pick(SIDES)
    wishes[quiet] = { ...wishes[quiet], initiate: false }
  }
  return {
    seed,
    cryptography: seed % 50 === 0 ? 'system' : 'toy',
    family: dice.chance(0.2) ? 6 : 4,
    nat,
    wishes,
    limits: dice.chance(0.15) ? packetLimits(dice) : undefined,
    quality: both(() => quality(dice, lossless)),
    interval: both(() => dice.between(200, 1000)),
    hostile: dice.chance(0.25) ? [dice.pick(Object.keys(HOSTILES) as HostileName[])] : [],
    happenings: (lossless ? rekeys(dice, calmAt) : trouble(dice, calmAt, nat)).sort((x, y) => x.at - y.at),
    lossless,
    calmAt,
  }
}

function commonWishes(dice: Dice): PeerWishes {
  return {
    ...WISHES,
    mode: dice.pick(['tunnel', 'transport']),
    encapsulation: dice.pick(['auto', 'auto', 'udp']),
    groups: dice.pick([['x25519'], ['ecp256'], ['x25519', 'ecp256'], ['ecp256', 'x25519']]),
    pfs: dice.chance(0.7),
    cbc: dice.chance(0.2),
  }
}

function packetLimits(dice: Dice): PacketLimits {
  const soft = dice.between(20, 80)
  // Far enough behind for a rekey that has to wait its turn.
  return { soft, hard: soft + 200 }
}

function quality(dice: Dice, lossless: boolean): Quality {
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

/** Rekeys by hand besides those of the lifetimes; half of them cross within a few milliseconds. */
function rekeys(dice: Dice, calmAt: number): Happening[] {
  const happenings: Happening[] = []
  for (let n = dice.between(2, 12); n > 0; n--) {
    const at = dice.between(2000, calmAt - 1000)
    const side = dice.pick(SIDES)
    happenings.push({ at, what: 'rekey', side, sa: dice.pick(['ike', 'child']) })
    if (dice.chance(0.2)) happenings.push({ at: at + dice.below(2000), what: 'extra-tick', side })
    if (dice.chance(0.1)) happenings.push({ at, what: 'reauthenticate', side })
    if (!dice.chance(0.5)) continue
    const apart = dice.pick([0, 1, 5, 20, 50, 100, 300])
    const other = side === 'a' ? 'b' : 'a'
    happenings.push({ at: at + apart, what: 'rekey', side: other, sa: dice.pick(['ike', 'child']) })
  }
  return happenings
}

function trouble(dice: Dice, calmAt: number, nat: boolean): Happening[] {
  const happenings = rekeys(dice, calmAt)
  for (let n = dice.between(1, 6); n > 0; n--) {
    const at = dice.between(500, calmAt - 1000)
    const side = dice.pick(SIDES)
    const later = (low: number, high: number): number => Math.min(at + dice.between(low, high), calmAt)
    const kind = dice.pick([
      'cut',
      'reboot',
      'quality',
      'down',
      'removed',
      'wishes',
      'psk',
      'rebind',
      'readdress',
    ] as const)
    if (kind === 'cut')
      happenings.push({ at, what: 'cut', side }, { at: later(500, 30_000), what: 'mend', side })
    else if (kind === 'reboot')
      happenings.push({ at, what: 'crash', side }, { at: later(200, 20_000), what: 'boot', side })
    else if (kind === 'down')
      happenings.push({ at, what: 'down', side }, { at: later(100, 20_000), what: 'up', side })
    else if (kind === 'removed')
      happenings.push({ at, what: 'remove', side }, { at: later(0, 20_000), what: 'add', side })
    else if (kind === 'quality') happenings.push({ at, what: 'quality', side, quality: quality(dice, false) })
    else if (kind === 'rebind' && nat) happenings.push({ at, what: 'rebind' })
    else if (kind === 'readdress' && !nat)
      happenings.push({ at, what: 'readdress', late: later(0, 5000) - at })
    else if (kind === 'wishes')
      happenings.push({
        at,
        what: 'wishes',
        side,
        wishes: { espLifetime: millis(dice.between(20, 60) * 1000) },
      })
    else if (kind === 'psk') happenings.push(...newPsk(dice, at, later(0, 10_000)))
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

/** Nothing happens on a perfect path: what tests begin their own plans from. */
export const STILL: Scenario = {
  seed: 1,
  cryptography: 'toy',
  family: 4,
  nat: false,
  wishes: both(() => ({ ...WISHES, espLifetime: millis(60_000), ikeLifetime: millis(200_000) })),
  limits: undefined,
  quality: both(() => PERFECT),
  interval: { a: 250, b: 300 },
  hostile: [],
  happenings: [],
  lossless: true,
  calmAt: 120_000,
}
