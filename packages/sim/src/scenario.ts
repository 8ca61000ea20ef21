import { millis } from '@brunel/base'
import type { Destination } from './addresses.js'
import { Dice } from './dice.js'
import type { PacketLimits } from './esp-model.js'
import { HOSTILES, type HostileName } from './hostile.js'
import { innerMtus, mtuChanges } from './mtus.js'
import { PERFECT, type Quality } from './network.js'
import { type PeerWishes, WISHES } from './peers.js'
import { quality, rekeys, trouble, wallClocks } from './troubles.js'

export type Side = 'a' | 'b'

/** Something that happens to the link, at a time in milliseconds. */
export type Happening = { readonly at: number } & (
  | { readonly what: 'rekey'; readonly side: Side; readonly sa: 'ike' | 'child' }
  | { readonly what: 'reauthenticate' | 'down' | 'up' | 'remove' | 'add'; readonly side: Side }
  | { readonly what: 'crash' | 'boot' | 'cut' | 'mend'; readonly side: Side }
  | { readonly what: 'quality'; readonly side: Side; readonly quality: Quality }
  | { readonly what: 'wishes'; readonly side: Side; readonly wishes: Partial<PeerWishes> }
  /** `resume`: the clock has counted the time in between and leaps, or it lies behind from now on. */
  | { readonly what: 'suspend'; readonly side: Side }
  | { readonly what: 'resume'; readonly side: Side; readonly counted: boolean }
  /** The wall clock of a side is `off` milliseconds from true time. */
  | { readonly what: 'wall'; readonly side: Side; readonly off: number }
  | { readonly what: 'rebind' }
  /** Router a has another address; its operator tells a at once, b's operator (or resolver) tells b after `late`. */
  | { readonly what: 'readdress'; readonly late: number }
  /** A router has another address and the other operator knows nothing of it: MOBIKE has to tell. */
  | { readonly what: 'move'; readonly side: Side; readonly to: Destination }
  /** The data path says that the child in use has reached its hard limit. */
  | { readonly what: 'expire'; readonly side: Side }
  | { readonly what: 'extra-tick'; readonly side: Side }
  /** The path of a side takes other packets than before. */
  | { readonly what: 'mtu'; readonly side: Side; readonly mtu: number }
)

/** A run as plain data: a seed makes it, and a failing one can be written down and shortened by hand. */
export interface Scenario {
  readonly seed: number
  /** Real keys take fifty times longer; a share of the seeds has them, with a shared key. */
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

/** Real keys in one seed of so many. */
const SYSTEM_EVERY = 50

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
  const system = seed % SYSTEM_EVERY === 0
  const auth = system ? METHODS[0] : dice.pick(METHODS)
  const certified = auth?.a.own !== undefined
  return {
    seed,
    cryptography: system ? 'system' : 'toy',
    family: dice.chance(0.2) ? 6 : 4,
    nat,
    wishes: bothWishes(dice, {
      mobike: MOBIKE[seed % MOBIKE.length] ?? {},
      slow: lossless ? SLOW : 12,
      nat,
      kems: KEM_LISTS[seed % KEM_LISTS.length] ?? NO_KEMS,
      auth,
      ppks: PPK_LISTS[seed % PPK_LISTS.length] ?? {},
      childKems: seed % 3 === 1,
      childless: { a: seed % 4 === 1, b: seed % 8 === 1 },
      innerMtus: innerMtus(seed),
    }),
    limits: dice.chance(0.15) ? packetLimits(dice) : undefined,
    quality: both(() => quality(dice, lossless)),
    interval: both(() => dice.between(300, 1500)),
    hostile: dice.chance(0.25) ? hostiles(dice) : [],
    happenings: [
      ...(lossless ? rekeys(dice, calmAt) : trouble(dice, calmAt, { nat, certified })),
      ...(certified ? wallClocks(dice, calmAt) : []),
      ...(lossless || nat ? [] : moves(seed, calmAt)),
      ...mtuChanges(seed, calmAt),
    ].sort((x, y) => x.at - y.at),
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

/** Most routers share a key; some have certificates, on one end or on both. */
const METHODS: readonly Record<Side, Pick<PeerWishes, 'own' | 'theirs'>>[] = [
  { a: {}, b: {} },
  { a: {}, b: {} },
  { a: { own: 'certificate', theirs: 'certificate' }, b: { own: 'certificate', theirs: 'certificate' } },
  { a: { own: 'certificate', theirs: 'psk' }, b: { own: 'psk', theirs: 'certificate' } },
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

/** Most seeds have MOBIKE, on both ends or on one, which does without. */
const MOBIKE: readonly Partial<Record<Side, NonNullable<PeerWishes['mobike']>>>[] = [
  { a: 'checked', b: 'checked' },
  {},
  { a: 'unchecked', b: 'checked' },
  { a: 'unchecked', b: 'unchecked' },
  {},
  { b: 'checked' },
  { a: 'checked', b: 'checked' },
]

/** Router a moves, then router b, and neither operator is told. */
const MOVES_EVERY = 7
const moves = (seed: number, calmAt: number): Happening[] =>
  seed % MOVES_EVERY === 0
    ? [
        { at: Math.floor(calmAt / 3), what: 'move', side: 'a', to: 'other' },
        { at: Math.floor((calmAt * 2) / 3), what: 'move', side: 'b', to: 'other' },
      ]
    : []

/** What the two operators wrote: the same in what must be the same, their own taste in the rest. */
function bothWishes(
  dice: Dice,
  {
    slow,
    nat,
    kems,
    auth,
    ppks,
    childKems,
    childless,
    mobike,
    innerMtus,
  }: {
    readonly slow: number
    readonly nat: boolean
    readonly kems: Record<Side, readonly string[]>
    readonly auth: Record<Side, Pick<PeerWishes, 'own' | 'theirs'>> | undefined
    readonly ppks: (typeof PPK_LISTS)[number]
    readonly childKems: boolean
    readonly childless: Readonly<Record<Side, boolean>>
    readonly mobike: (typeof MOBIKE)[number]
    readonly innerMtus: Partial<Record<Side, number>>
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
    mobike: mobike[side],
    childKems: childKems ? kems[side] : [],
    ppk: ppks[side],
    innerMtu: innerMtus[side],
    childless: childless[side],
    groups: oneTaste ? groups : dice.pick(GROUP_LISTS),
    cbc: oneTaste ? common.cbc : dice.chance(0.5),
    ikeLifetime: millis(dice.between(2 * slow, 10 * slow) * 1000),
    espLifetime: millis(dice.between(slow, 5 * slow) * 1000),
    liveness: millis(dice.pick([5000, 10_000])),
    ...auth?.[side],
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
