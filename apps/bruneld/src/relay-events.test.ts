import { instant } from '@brunel/base'
import type { Finding, RelayEvent, Speaker } from '@brunel/ospf-relay'
import t from 'tap'
import { lanEvent, relayEvent } from './relay-events.js'

const port = 'tunnel:branch-7'
const here: Speaker = { port: 'lan', address: '10.1.0.1', routerId: '1.1.1.1' }
const there: Speaker = { port, address: '10.1.0.2', routerId: '2.2.2.2' }
const id = '00112233445566aa'
const finding: Finding = {
  code: 'BRUNEL_OSPF_MTU',
  sentence: 'They differ.',
  remedy: 'Set the lower one on both.',
  sides: [
    { ...here, value: '1500' },
    { ...there, value: '1400' },
  ],
  since: instant(0),
}

for (const [input, event, tunnel, detail] of [
  [
    { type: 'port-state', port, state: 'down' },
    'relay-port',
    'branch-7',
    'branch-7 carries no data: nothing is relayed between it and eth1',
  ],
  [
    { type: 'port-state', port, state: 'listening' },
    'relay-port',
    'branch-7',
    'the relay of eth1 listens whether another way leads where branch-7 leads',
  ],
  [
    { type: 'port-state', port, state: 'standby' },
    'relay-port',
    'branch-7',
    'another way leads where branch-7 leads and is used; the relay of eth1 keeps this one for later',
  ],
  [
    { type: 'port-state', port, state: 'forwarding' },
    'relay-port',
    'branch-7',
    'the relay of eth1 carries OSPF through branch-7',
  ],
  [{ type: 'relay-heard', port: 'lan', id }, 'relay-heard', null, `another relay on eth1 (${id}) is heard`],
  [
    { type: 'relay-gone', port, id },
    'relay-gone',
    'branch-7',
    `a relay behind branch-7 (${id}) is heard no longer`,
  ],
  [
    { type: 'claim-refuted', port },
    'relay-claim-refuted',
    'branch-7',
    'another relay claims to carry what nobody puts on eth1; for five minutes branch-7 is used in spite of it',
  ],
  [
    { type: 'fail-fast', port, told: ['10.1.0.2'], untold: ['10.1.0.3'] },
    'relay-fail-fast',
    'branch-7',
    'branch-7 carries no data; eth1 was told that 10.1.0.2 is gone; 10.1.0.3 authenticates, so that its dead interval has to run out',
  ],
  [
    { type: 'fail-fast', port: 'lan', told: ['10.1.0.1'], untold: [] },
    'relay-fail-fast',
    null,
    'eth1 has no link; the routers behind its tunnels were told that 10.1.0.1 is gone',
  ],
  [
    { type: 'fail-fast', port, told: [], untold: [] },
    'relay-fail-fast',
    'branch-7',
    'branch-7 carries no data',
  ],
  [
    { type: 'adjacency-full', ends: [here, there] },
    'ospf-full',
    'branch-7',
    '1.1.1.1 (10.1.0.1) and 2.2.2.2 (10.1.0.2) are Full',
  ],
  [
    { type: 'adjacency-lost', ends: [here, there] },
    'ospf-lost',
    'branch-7',
    '1.1.1.1 (10.1.0.1) and 2.2.2.2 (10.1.0.2) are Full no longer',
  ],
  [{ type: 'finding-gone', finding }, 'ospf-finding-gone', 'branch-7', 'is so no longer: They differ.'],
] as const satisfies readonly (readonly [RelayEvent, string, string | null, string])[])
  t.test(`in words: ${detail}`, async t => {
    t.match(relayEvent('eth1', input), { event, tunnel, detail, data: { interface: 'eth1' } })
  })

t.test('a LAN that failed has code and remedy', async t => {
  const problem = { code: 'BRUNEL_RELAY_LAN', detail: 'eth1 is not there.', remedy: 'Make it.' }
  t.match(lanEvent('eth1', problem), {
    event: 'relay-lan-failed',
    tunnel: null,
    detail: problem.detail,
    data: { code: problem.code, remedy: problem.remedy },
  })
})
