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
  /** The data path says that the child in use has reached its hard limit. */
  | { readonly what: 'expire'; readonly side: Side }
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

/**
 * Seconds: the shortest lifetime of a plan that may lose nothing. The margin before the hard end is a tenth of it, and
 * a rekey that is put off twice by TEMPORARY_FAILURE on a slow path must find room there.
 */
const SLOW = 60

/** A third of the seeds promise lossless rekeys, the others everything that can happen to a link. */
export function scenario(seed: number): Scenario {
  const dice = new Dice(seed, 'scenario')
  const lossless = dice.chance(1 / 3)
  const calmAt = dice.between(60, 240) * 1000
  const nat = dice.chance(lossless ? 0.2 : 0.3)
  return {
    seed,
    cryptography: seed % 50 === 0 ? 'system' : 'toy',
    family: dice.chance(0.2) ? 6 : 4,
    nat,
    wishes: bothWishes(dice, {
      slow: lossless ? SLOW : 12,
      nat,
      kems: KEM_LISTS[seed % KEM_LISTS.length] ?? NO_KEMS,
      ppks: PPK_LISTS[seed % PPK_LISTS.length] ?? {},
    }),
    limits: dice.chance(0.15) ? packetLimits(dice) : undefined,
    quality: both(() => quality(dice, lossless)),
    interval: both(() => dice.between(200, 1000)),
    hostile: dice.chance(0.25) ? hostiles(dice) : [],
    happenings: (lossless ? rekeys(dice, calmAt) : trouble(dice, calmAt, nat)).sort((x, y) => x.at - y.at),
    lossless,
    calmAt,
  }
}

/** Every two of them share a group, not always the one that either likes best. */
const GROUP_LISTS = [
  ['x25519', 'ecp256'],
  ['ecp256', 'x25519'],
  ['ecp384', 'ecp256', 'x25519'],
  ['x25519', 'ecp384', 'ecp256'],
] as const

/** Half of the seeds have the post-quantum hybrid on both ends, some on one end only, which falls back. */
const NO_KEMS = { a: [], b: [] } as const
const KEM_LISTS: readonly Record<Side, readonly string[]>[] = [
  { a: [], b: [] },
  { a: ['mlkem768'], b: ['mlkem768'] },
  { a: [], b: [] },
  { a: ['mlkem512', 'mlkem1024'], b: ['mlkem512', 'mlkem1024'] },
  { a: ['mlkem768'], b: [] },
  { a: ['mlkem768'], b: ['mlkem768'] },
]

/** Some seeds have a post-quantum pre-shared key, on both ends or on one, which does without. */
const PPK = { id: 'ppk', required: false }
const PPK_LISTS: readonly Partial<Record<Side, NonNullable<PeerWishes['ppk']>>>[] = [
  {},
  { a: PPK, b: PPK },
  {},
  { a: { ...PPK, required: true }, b: PPK },
  { b: PPK },
]

/** What the two operators wrote: the same in what must be the same, their own taste in the rest. */
function bothWishes(
  dice: Dice,
  {
    slow,
    nat,
    kems,
    ppks,
  }: {
    readonly slow: number
    readonly nat: boolean
    readonly kems: Record<Side, readonly string[]>
    readonly ppks: (typeof PPK_LISTS)[number]
  },
): Record<Side, PeerWishes> {
  const common: PeerWishes = {
    ...WISHES,
    mode: dice.pick(['tunnel', 'transport']),
    encapsulation: dice.pick(['auto', 'auto', 'udp']),
    pfs: dice.chance(0.7),
    cbc: dice.chance(0.2),
  }
  const oneTaste = dice.chance(0.6)
  const groups = dice.pick(GROUP_LISTS)
  // Of the two behind a NAT only the inner one can begin. Where nobody initiates, a waiting packet does.
  const quiet = nat ? undefined : dice.pick([undefined, undefined, 'a', 'b', 'both'] as const)
  return both(side => ({
    ...common,
    initiate: quiet !== side && quiet !== 'both',
    kems: kems[side],
    ppk: ppks[side],
    groups: oneTaste ? groups : dice.pick(GROUP_LISTS),
    cbc: oneTaste ? common.cbc : dice.chance(0.5),
    ikeLifetime: millis(dice.between(2 * slow, 10 * slow) * 1000),
    espLifetime: millis(dice.between(slow, 5 * slow) * 1000),
    liveness: millis(dice.pick([5000, 10_000])),
  }))
}

function hostiles(dice: Dice): HostileName[] {
  const names = Object.keys(HOSTILES) as HostileName[]
  const first = dice.pick(names)
  return dice.chance(0.3) ? [...new Set([first, dice.pick(names)])] : [first]
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

const opposite = (side: Side): Side => (side === 'a' ? 'b' : 'a')

/** Rekeys by hand besides those of the lifetimes; half of them cross within a few milliseconds. */
function rekeys(dice: Dice, calmAt: number): Happening[] {
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
]
const BEHIND_NAT: Trouble = a => [{ at: a.at, what: 'rebind' }]
const NOT_BEHIND_NAT: Trouble = a => [{ at: a.at, what: 'readdress', late: later(a, 0, 5000) - a.at }]

function trouble(dice: Dice, calmAt: number, nat: boolean): Happening[] {
  const happenings = rekeys(dice, calmAt)
  const troubles = [...TROUBLES, nat ? BEHIND_NAT : NOT_BEHIND_NAT]
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
