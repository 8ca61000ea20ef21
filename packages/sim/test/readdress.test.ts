import { millis } from '@brunel/base'
import { type Happening, PERFECT, play, type Scenario, STILL, type World } from '@brunel/sim'
import t from 'tap'

t.test('PRODUCT promise 3: the address of a peer changes; data flow again within 15 s', async t => {
  for (const family of [4, 6] as const) {
    for (const late of [0, 3000]) {
      const happenings = [{ at: 120_000 - late, what: 'readdress', late }] as const
      t.equal(play({ ...STILL, family, lossless: false, happenings }, false).violation, undefined)
    }
  }
})

/** Router a begins; lifetimes leave room for the plan. */
const mobile = (plan: Partial<Scenario>, mobike: 'checked' | 'unchecked' = 'checked'): World => {
  const both = { ...STILL.wishes.a, mobike, ikeLifetime: millis(400_000), espLifetime: millis(200_000) }
  const wishes = { a: both, b: { ...both, initiate: false } }
  return play({ ...STILL, lossless: false, wishes, ...plan }, false)
}

const countOf = ({ routers }: World, event: string): number =>
  Object.values(routers).reduce(
    (sum, { events }) => sum + events.filter(e => e.event.event === event).length,
    0,
  )

/** One IKE SA on each side from the beginning to the end, apart from those that rekeys make. */
const lasted = (world: World): readonly [string | undefined, number] => [
  world.violation?.what,
  countOf(world, 'ike-up'),
]

const moving = (
  ...moves: readonly (readonly [at: number, side: 'a' | 'b', to: 'home' | 'other' | 'natted'])[]
) => moves.map(([at, side, to]): Happening => ({ at, what: 'move', side, to }))

t.test('RFC 4555 §3.5, §3.6: either end moves and the same IKE SA and children go on', async t => {
  for (const family of [4, 6] as const)
    for (const mobike of ['checked', 'unchecked'] as const)
      for (const side of ['a', 'b'] as const) {
        const happenings = moving([30_000, side, 'other'], [60_000, side, 'home'], [61_000, side, 'other'])
        const world = mobile({ family, happenings }, mobike)
        t.same(lasted(world), [undefined, 2], `${family} ${mobike} ${side}`)
        t.equal(countOf(world, 'child-rekeyed'), 0)
        t.equal(countOf(world, 'moved'), 6, 'each of three moves is told by both')
      }
})

t.test('RFC 4555 §3.5: moves on a line that loses, reorders and duplicates', async t => {
  for (const [i, loss] of [0.02, 0.05, 0.1].entries()) {
    const bad = { ...PERFECT, loss, duplicate: 0.2, delay: 40, jitter: 100 }
    const happenings = moving(
      ...([20, 35, 50, 65, 80, 95] as const).map(
        (s, n) => [s * 1000, n % 3 === 2 ? 'b' : 'a', n % 2 === 0 ? 'other' : 'home'] as const,
      ),
    )
    t.same(
      lasted(mobile({ seed: 7 + i, quality: { a: bad, b: bad }, happenings })),
      [undefined, 2],
      `${loss}`,
    )
  }
})

t.test('RFC 4555 §3.5: a move crosses rekeys of IKE and of the child, from both sides', async t => {
  for (const offset of [-15, -5, 0, 5, 15])
    for (const mover of ['a', 'b'] as const) {
      const rekey = (side: 'a' | 'b', sa: 'ike' | 'child', at: number): Happening => ({
        at,
        what: 'rekey',
        side,
        sa,
      })
      const happenings = [
        ...moving([30_000, mover, 'other'], [60_000, mover, 'home']),
        rekey('a', 'ike', 30_000 + offset),
        rekey('b', 'ike', 30_000),
        rekey('a', 'child', 60_000),
        rekey('b', 'child', 60_000 + offset),
      ].sort((x, y) => x.at - y.at)
      const world = mobile({ happenings })
      t.same(lasted(world), [undefined, 2], `${mover} ${offset}`)
      t.ok(countOf(world, 'ike-rekeyed') >= 2)
    }
})

t.test('RFC 4555 §3.5: a NAT appears with a move, forgets, and vanishes with the next', async t => {
  for (const mobike of ['checked', 'unchecked'] as const) {
    const happenings = moving([30_000, 'a', 'natted'], [60_000, 'a', 'other'], [90_000, 'a', 'natted'])
    const world = mobile({ happenings }, mobike)
    t.same(lasted(world), [undefined, 2])
    const paths = world.routers.b.events.flatMap(({ event }) =>
      event.event === 'moved' ? [event.encapsulation] : [],
    )
    t.same(paths, ['udp', 'none', 'udp'])
  }
})

t.test('both move at once: neither finds the other, and a new IKE SA heals it when one is told', async t => {
  const world = mobile({ happenings: moving([100_000, 'a', 'other'], [100_000, 'b', 'other']) })
  t.equal(world.violation, undefined)
})

t.test('one after the other within a round trip: the second is told to where the first has gone', async t => {
  for (const gap of [100, 500])
    for (const [first, second] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const happenings = moving([60_000, first, 'other'], [60_000 + gap, second, 'other'])
      t.same(lasted(mobile({ happenings })), [undefined, 2], `${first} ${second} ${gap}`)
    }
})
