import { relayReport, tunnelRelay } from '@brunel/admin-api/fakes'
import type { Instant } from '@brunel/base'
import { Relay } from '@brunel/ospf-relay'
import t from 'tap'
import { relayOfTunnel, relayReport as reported, routingWithRelay } from './relay-report.js'

const routes = { state: 'up', detail: 'One route leads into gre7.' } as const
const problem = { code: 'BRUNEL_RELAY_LAN', detail: 'eth1 is not there.', remedy: 'Make it.' }

for (const [what, more, state, detail] of [
  [
    'who disagrees is told with the remedy',
    {},
    'degraded',
    '10.1.0.2 announces an MTU of 9000, 10.1.0.1 one of 1500 and refuses it. Set the lower MTU on both interfaces.',
  ],
  ['a LAN that is not open comes first', { problem }, 'degraded', 'eth1 is not there. Make it.'],
  [
    'neighbours are counted',
    { findings: [] },
    'up',
    'One route leads into gre7. The relay joins it to eth1; one OSPF router is heard behind it.',
  ],
  [
    'none is no fault: they may be yet to come',
    { findings: [], neighbours: [] },
    'up',
    'One route leads into gre7. The relay joins it to eth1; no OSPF routers are heard behind it.',
  ],
  [
    'another way is used',
    { findings: [], state: 'standby' },
    'up',
    'One route leads into gre7. The relay of eth1 uses another way to the same LAN.',
  ],
] as const)
  t.test(`the routing layer of a tunnel with a relay: ${what}`, async t => {
    t.same(routingWithRelay(routes, tunnelRelay(more as never)), { state, detail })
  })

t.test('of several findings the first is told, and how many more there are', async t => {
  const [one] = tunnelRelay().findings
  if (one === undefined) return t.fail()
  const { detail } = routingWithRelay(routes, tunnelRelay({ findings: [one, one, one] }))
  t.match(detail, /refuses it\. And 2 more\. Set the lower MTU/)
})

t.test('a tunnel shows what concerns it, of the relay that has it', async t => {
  const others = relayReport({ interface: 'eth0', ports: [] })
  t.same(relayOfTunnel([others, relayReport()], 'branch-7'), tunnelRelay())
  t.equal(relayOfTunnel([others], 'branch-7'), undefined)
})

t.test('a LAN that cannot be used is down, whatever its tunnels do', async t => {
  const now = 0 as Instant
  const report = new Relay({ group: 'eth1', id: '00112233445566aa' }).report(now)
  const state = (lan: Parameters<typeof reported>[0]['lan']) =>
    reported({ interface: 'eth1', lan, report, drops: new Map() }, { now, wall: 0 }).ports[0]
  t.match(state({ is: 'open', warnings: [] }), { port: 'lan', state: 'forwarding' })
  t.match(state({ is: 'waiting', because: problem }), { port: 'lan', state: 'down' })
})
