import t from 'tap'
import { DROP_NAMES, DROPS, dropIndex, isDrop } from './drop.js'
import { endpointText, familyOf, sameEndpoint } from './endpoint.js'

t.test('each reason has a row of its own and a sentence', async t => {
  t.equal(new Set(DROP_NAMES.map(dropIndex)).size, DROP_NAMES.length)
  t.ok(DROP_NAMES.length < 128, 'the rows that threads share hold 128')
  for (const name of DROP_NAMES) t.match(DROPS[name], /^[A-Z].*\.$/, name)
})

t.test('a drop is told from an offset by its type', async t => {
  t.ok(isDrop('gre-truncated'))
  t.notOk(isDrop(0))
})

t.test('end points are compared by address and port, and written as users read them', async t => {
  const v6 = { address: '2001:db8::1', port: 4500 }
  t.equal(endpointText(v6), '[2001:db8::1]:4500')
  t.equal(endpointText({ address: '192.0.2.1', port: 500 }), '192.0.2.1:500')
  t.equal(endpointText({ ...v6, stream: 7 }), '[2001:db8::1]:4500/tcp')
  t.notOk(sameEndpoint(v6, { ...v6, stream: 7 }), 'a connection is an end of its own')
  t.equal(familyOf(v6.address), 6)
  t.ok(sameEndpoint(v6, { ...v6 }))
  t.notOk(sameEndpoint(v6, { ...v6, port: 500 }))
})
