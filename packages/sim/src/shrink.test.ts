import t from 'tap'
import { type Scenario, STILL } from './scenario.js'
import { shrink } from './shrink.js'

t.test('a plan that fails loses all that does not matter to its fault', async t => {
  // Power is cut for good halfway through what the plan calls lossless: that alone breaks it.
  const plan: Scenario = {
    ...STILL,
    nat: true,
    hostile: ['replayer'],
    happenings: [
      { at: 5000, what: 'rekey', side: 'a', sa: 'child' },
      { at: 8000, what: 'cut', side: 'a' },
      { at: 9000, what: 'rekey', side: 'b', sa: 'ike' },
    ],
  }
  const shortest = shrink(plan)
  t.same(shortest.happenings, [{ at: 8000, what: 'cut', side: 'a' }])
  t.same([shortest.nat, shortest.hostile], [false, []])
})
