import t from 'tap'
import { configDoc, errorsDoc } from './docs.js'

t.test('the page of codes lists ours and those of other packages', async t => {
  const page = errorsDoc({ BRUNEL_IKE_AUTH: { meaning: 'a | b', remedy: 'c' } })
  t.match(page, '| `BRUNEL_IKE_AUTH` | a \\| b | c |')
  t.match(page, '`BRUNEL_CONFIG_ROUTE_LOOP`')
})

t.test('the page of the configuration has a row for every member', async t => {
  const page = configDoc()
  for (const member of ['name', 'auth.psk', 'esp.lifetimeBytes', 'gre.keepalive.retries', 'tunnel.routes']) {
    t.match(page, `| \`${member}\` |`)
  }
  t.match(page, '| `remote.address` | string | required |')
  t.match(page, '| `ike.lifetime` | string | `"4h"` |')
})
