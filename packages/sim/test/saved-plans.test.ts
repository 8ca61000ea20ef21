import { readFileSync } from 'node:fs'
import { failure, type Scenario, simulate, simulateSeed } from '@brunel/sim'
import t from 'tap'

/** Plans that failed once and were repaired: what `--shrink` or a failing seed wrote as scenario.json. */
const saved = JSON.parse(
  readFileSync(new URL('../../vectors/saved-plans.json', import.meta.url), 'utf8'),
) as readonly { readonly was: string; readonly plan: Scenario }[]

for (const { was, plan } of saved) {
  t.test(`seed ${plan.seed}, which once failed: ${was}`, async t => {
    if (simulate(plan).violation !== undefined) t.fail(failure(plan))
  })
}

t.test('a seed plays the same twice', async t => {
  for (const seed of [3, 17, 42]) t.same(simulateSeed(seed), simulateSeed(seed))
})
