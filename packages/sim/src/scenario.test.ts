import t from 'tap'
import { type Scenario, scenario } from './scenario.js'

const MANY: readonly Scenario[] = Array.from({ length: 1000 }, (_, seed) => scenario(seed))

t.test('a seed is a plan, always the same', async t => {
  for (const seed of [0, 1, 999, 2 ** 40]) t.same(scenario(seed), scenario(seed))
  t.not(JSON.stringify(scenario(1)), JSON.stringify(scenario(2)))
})

t.test('a lossless plan has nothing in it that could cost a datum', async t => {
  for (const plan of MANY.filter(p => p.lossless)) {
    t.ok(plan.quality.a.loss === 0 && plan.quality.b.loss === 0)
    for (const { what } of plan.happenings)
      t.ok(['rekey', 'extra-tick', 'reauthenticate', 'wall', 'mtu'].includes(what), what)
  }
})

t.test('every happening and every hostile peer is drawn, and everything ends before the calm', async t => {
  const kinds = new Set(MANY.flatMap(p => p.happenings.map(h => h.what)))
  for (const kind of [
    'rekey',
    'reauthenticate',
    'down',
    'up',
    'remove',
    'add',
    'crash',
    'boot',
    'cut',
    'mend',
    'quality',
    'wishes',
    'rebind',
    'suspend',
    'resume',
    'wall',
    'readdress',
    'expire',
    'extra-tick',
  ] as const) {
    t.ok(kinds.has(kind), kind)
  }
  t.equal(new Set(MANY.flatMap(p => p.hostile)).size, 5)
  for (const plan of MANY) {
    const times = plan.happenings.map(h => h.at)
    t.ok(times.every(at => at <= plan.calmAt + 1000))
    t.same(
      times,
      times.toSorted((x, y) => x - y),
    )
  }
})

t.test('what is taken away is given back', async t => {
  const pairs = { crash: 'boot', cut: 'mend', down: 'up', remove: 'add', suspend: 'resume' } as const
  for (const plan of MANY) {
    for (const [taken, given] of Object.entries(pairs)) {
      const count = (what: string): number => plan.happenings.filter(h => h.what === what).length
      t.equal(count(taken), count(given))
    }
  }
})
