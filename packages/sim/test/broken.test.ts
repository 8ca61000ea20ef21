import { millis } from '@brunel/base'
import type { IkeEffect } from '@brunel/ikev2'
import { PERFECT, play, type Scenario, STILL } from '@brunel/sim'
import t from 'tap'

/** Machines broken on purpose: a simulation that does not notice proves nothing. */
type Bend = (effects: readonly IkeEffect[]) => readonly IkeEffect[]

const each =
  (change: (effect: IkeEffect) => readonly IkeEffect[]): Bend =>
  effects =>
    effects.flatMap(change)

const slow = { ...PERFECT, delay: 80, jitter: 200 }
/** The unbroken end rekeys too, so that the broken one has to answer. */
const asked: Scenario['happenings'] = [20, 30, 40, 50, 60].map(s => ({
  at: s * 1000,
  what: 'rekey',
  side: 'b',
  sa: 'child',
}))
const plan: Scenario = {
  ...STILL,
  quality: { a: slow, b: slow },
  interval: { a: 20, b: 20 },
  happenings: asked,
}

for (const [name, bend, seen] of [
  [
    'never switches its outbound side',
    each(e => (e.do === 'child-use' ? [] : [e])),
    /is lost|no outbound SA/,
  ],
  [
    'gives old children no grace',
    each(e => (e.do === 'child-remove' ? [{ ...e, grace: millis(0) }] : [e])),
    /is lost/,
  ],
  [
    'sends on a child before the peer has it',
    each(e => (e.do === 'child-install' ? [{ ...e, outbound: true }] : [e])),
    /is lost/,
  ],
  [
    'forgets to remove children',
    each(e => (e.do === 'child-remove' ? [] : [e])),
    /leak|installed for one child/,
  ],
  ['installs a child twice', each(e => (e.do === 'child-install' ? [e, e] : [e])), /twice|wiped/],
  [
    'mixes up its keys',
    each(e =>
      e.do === 'child-install'
        ? [{ ...e, child: { ...e.child, keysIn: e.child.keysOut, keysOut: e.child.keysIn } }]
        : [e],
    ),
    /no data|lost|key/,
  ],
] as const) {
  t.test(`a machine that ${name} is found out`, async t => {
    t.equal(play(plan, false).violation, undefined, 'the unbroken one is not')
    t.match(play(plan, false, bend).violation?.what, seen)
  })
}
