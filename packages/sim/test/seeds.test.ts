import { readFileSync } from 'node:fs'
import { addFigures, failure, NO_FIGURES, type Scenario, scenario, simulate, simulateSeed } from '@brunel/sim'
import t from 'tap'

/** All of them by `npm run sim`; these many on every change. */
const SEEDS = 300

/** Pure computation, which a busy machine makes ten times longer. */
t.setTimeout(300_000)

/** Plans that failed once and were repaired: what `--shrink` or a failing seed wrote as scenario.json. */
const saved = JSON.parse(
  readFileSync(new URL('../../vectors/saved-plans.json', import.meta.url), 'utf8'),
) as readonly { readonly was: string; readonly plan: Scenario }[]

t.test(
  'RFC 7296 §2.8, §2.25: whatever happens, one IKE SA and one child in the end, and no nonce used twice',
  async t => {
    let figures = NO_FIGURES
    for (let seed = 1; seed <= SEEDS; seed++) {
      const played = simulateSeed(seed)
      figures = addFigures(figures, played.figures)
      if (played.violation !== undefined) t.fail(failure(scenario(seed)))
    }
    t.comment(JSON.stringify(figures))
    // Proof that the plans do what they are for.
    t.ok(figures.childRekeys > 10 * SEEDS, 'children were rekeyed')
    t.ok(figures.ikeRekeys > 5 * SEEDS, 'IKE SAs were rekeyed')
    t.ok(figures.childCrossings > SEEDS, 'rekeys crossed')
    t.ok(figures.delivered > 500 * SEEDS, 'data flowed')
  },
)

for (const { was, plan } of saved) {
  t.test(`seed ${plan.seed}, which once failed: ${was}`, async t => {
    if (simulate(plan).violation !== undefined) t.fail(failure(plan))
  })
}

t.test('a seed plays the same twice', async t => {
  for (const seed of [3, 17, 42]) t.same(simulateSeed(seed), simulateSeed(seed))
})
