import { relayReport } from '@brunel/admin-api/fakes'
import { FINDINGS } from '@brunel/ospf-relay'
import t from 'tap'
import { relaySnapshot } from './relay-snapshot.js'

t.test('ports by the names of their tunnels, states counted, all codes of findings', async t => {
  const { findings, ...rest } = relaySnapshot(
    relayReport({ lanRelays: ['00112233445566cc', '00112233445566dd'] }),
  )
  t.same(rest, {
    interface: 'eth1',
    group: 'backbone',
    ports: [
      { port: 'lan', state: 'forwarding', received: 12, sent: 11, relays: 2, routes: 1 },
      { port: 'branch-7', state: 'forwarding', received: 11, sent: 12, relays: 1, routes: 0 },
    ],
    neighbours: [
      { port: 'lan', state: 'Full', count: 1 },
      { port: 'branch-7', state: 'ExStart', count: 1 },
    ],
    adjacencies: 0,
  })
  t.equal(findings.length, Object.keys(FINDINGS).length)
  t.same(
    findings.filter(({ count }) => count > 0),
    [{ code: 'BRUNEL_OSPF_MTU', count: 1 }],
  )
})

t.test('an adjacency is Full in both directions, of one version', async t => {
  const [here, there] = relayReport().neighbours
  if (here === undefined || there === undefined) return t.fail()
  const full = { ...there, states: [{ routerId: '1.1.1.1', address: '10.1.0.1', state: 'Full' }] }
  const count = (...neighbours: (typeof here)[]): number =>
    relaySnapshot(relayReport({ neighbours })).adjacencies
  t.equal(count(here, full), 1)
  t.equal(count(here, there), 0)
  t.equal(count(here, { ...full, instance: 1 }), 0)
  t.equal(count(here, full, { ...here, version: 3 }, { ...full, version: 3 }), 2)
})
