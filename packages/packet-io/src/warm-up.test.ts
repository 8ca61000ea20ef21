import t from 'tap'
import { warmUp } from './warm-up.js'

t.test('all packets of the warm-up come through, so that it exercises the whole path', async t => {
  const start = performance.now()
  t.equal(warmUp('inbound', 60_000), 250 * 64)
  t.comment(`${Math.round(performance.now() - start)} ms`)
})
