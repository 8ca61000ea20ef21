import t from 'tap'
import { quantile } from './measure.js'

t.test('quantiles of what was measured', async t => {
  const values = [5, 1, 4, 2, 3]
  t.equal(quantile(values, 0.5), 3)
  t.equal(quantile(values, 0.99), 5)
  t.ok(Number.isNaN(quantile([], 0.5)))
})
