import t from 'tap'
import { probesFor } from './prober.js'

const all = { from: undefined, to: 'ff02::1%gre7' }

const at = (length: number) => {
  const network = { family: 4 as const, address: '10.255.0.0', length }
  return { ...network, address: '10.255.0.1', network }
}

t.test('a probe goes to the far end where the prefix tells it, and to all nodes of the link', async t => {
  t.same(probesFor('gre7', [at(30)]), [{ from: '10.255.0.1', to: '10.255.0.2' }, all])
  t.same(probesFor('gre7', [at(24)]), [all])
  t.same(probesFor('gre7', []), [all])
})
