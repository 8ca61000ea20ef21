import type { IkeEffect } from '@brunel/ikev2'
import { PERFECT, play, type Sabotage, type Scenario, STILL } from '@brunel/sim'
import t from 'tap'

const slow = { ...PERFECT, delay: 80, jitter: 100, loss: 0.1 }

/** Both paths change while IKE SAs are rekeyed from both sides. */
const plan: Scenario = {
  ...STILL,
  lossless: false,
  quality: { a: slow, b: slow },
  wishes: { a: { ...STILL.wishes.a, innerMtu: 1422 }, b: { ...STILL.wishes.b, innerMtu: 1322 } },
  happenings: Array.from({ length: 20 }, (_, i) => i).flatMap((i): Scenario['happenings'] => [
    { at: 5000 + i * 5000, what: 'rekey', side: i % 2 === 0 ? 'a' : 'b', sa: 'ike' },
    { at: 5010 + i * 5000, what: 'mtu', side: 'a', mtu: 1200 + 10 * i },
    { at: 5060 + i * 5000, what: 'mtu', side: 'b', mtu: 1400 - 10 * i },
    { at: 5100 + i * 5000, what: 'rekey', side: 'b', sa: 'ike' },
  ]),
}

t.test(
  'RFC 7296 §2.8, §2.25: both ends have one MTU when all is quiet, whatever was rekeyed meanwhile',
  async t => {
    const { violation, routers } = play(plan, false)
    t.equal(violation, undefined)
    t.ok(routers.a.events.filter(({ event }) => event.event === 'ike-rekeyed').length >= 10)
  },
)

const each =
  (change: (effect: IkeEffect) => readonly IkeEffect[]): NonNullable<Sabotage['effects']> =>
  effects =>
    effects.flatMap(change)

for (const [what, effects] of [
  ['never hears of the other', each(e => (e.do === 'peer-mtu' ? [] : [e]))],
  ['hears something else', each(e => (e.do === 'peer-mtu' ? [{ ...e, mtu: 1000 }] : [e]))],
] as const)
  t.test(`the simulation notices an end that ${what}`, async t => {
    t.match(play(plan, false, { effects }).violation?.what, /a has an MTU of \d+, b one of \d+/)
  })
