import { relayReport, tunnelRelay, tunnelReport } from '@brunel/admin-api/fakes'
import t from 'tap'
import { served } from './served.js'

t.test('relay shows ports, routers with the state of both directions, and where they disagree', async t => {
  const { brunel, router } = await served(t)
  router.relayReports = [relayReport()]
  const { exit, out } = await brunel('relay')
  t.equal(exit, 0)
  t.same(out.split('\n'), [
    'eth1, group backbone, relay 00112233445566aa',
    '',
    'PORT      STATE       IN  OUT  ROUTES  FAR RELAY',
    'lan       forwarding  12  11   1       -',
    'branch-7  forwarding  11  12   0       00112233445566bb',
    '',
    'ROUTER   ADDRESS   PORT      OSPF  AREA     HELLO/DEAD  MTU   AUTHENTICATION  HEARD    ITS STATE / STATE OF THE OTHER',
    '1.1.1.1  10.1.0.1  lan       v2    0.0.0.0  10/40 s     1500  none            10m ago  Full / ExStart 2.2.2.2',
    '2.2.2.2  10.1.0.2  branch-7  v2    0.0.0.0  10/40 s     9000  none            10m ago  ExStart / Full 1.1.1.1',
    '',
    'ROUTER   ADDRESS   MASK           OPTIONS, AREA  PRIORITY  DR        BDR',
    '1.1.1.1  10.1.0.1  255.255.255.0  0x2, normal    1         10.1.0.2  10.1.0.1',
    '2.2.2.2  10.1.0.2  255.255.255.0  0x2, normal    1         10.1.0.2  10.1.0.1',
    'carried and not read: 1 ospf-checksum',
    'not carried: 2 relay-duplicate (lan)',
    '',
    '10.1.0.2 announces an MTU of 9000, 10.1.0.1 one of 1500 and refuses it. (BRUNEL_OSPF_MTU, 10m ago)',
    '  Set the lower MTU on both interfaces.',
  ])
})

t.test('relay says what is not there: no relay, no LAN, no router, no finding', async t => {
  const { brunel, router } = await served(t)
  t.match((await brunel('relay')).out, /No LAN is joined to a tunnel\. .*--ospf-relay INTERFACE/)
  router.relayReports = [
    relayReport({
      problem: { code: 'BRUNEL_RELAY_LAN', detail: 'eth1 is not there.', remedy: 'Make it.' },
      warnings: [{ code: 'BRUNEL_RELAY_HOST', detail: 'rp_filter is on.', remedy: 'Turn it off.' }],
      lanRelays: ['00112233445566cc'],
      neighbours: [],
      findings: [],
      unread: [],
      drops: [],
    }),
  ]
  const { out } = await brunel('relay eth1')
  for (const text of [
    'eth1 is not there. (BRUNEL_RELAY_LAN)\n  Make it.',
    'rp_filter is on. (BRUNEL_RELAY_HOST)\n  Turn it off.',
    'other relays on this LAN: 00112233445566cc',
    'No OSPF router is heard.',
  ])
    t.match(out, text)
  t.notMatch(out, 'agree', 'there is nobody who could')
  t.match(await brunel('relay eth9'), { exit: 1, err: /No tunnel is joined to eth9/ })
})

t.test('many routers in one state are counted, those in another are named', async t => {
  const { brunel, router } = await served(t)
  const [here, there] = relayReport().neighbours
  if (here === undefined || there === undefined) return t.fail()
  const far = Array.from({ length: 30 }, (_, i) => ({
    ...there,
    routerId: `2.2.2.${i}`,
    address: `10.1.1.${i}`,
    states: [{ routerId: here.routerId, address: here.address, state: 'Full' as const }],
  }))
  const states = far.map(({ routerId, address }, i) => ({
    ...{ routerId, address },
    state: i === 7 ? ('Init' as const) : ('Full' as const),
  }))
  router.relayReports = [relayReport({ neighbours: [{ ...here, states }, ...far] })]
  t.match((await brunel('relay')).out, /ago {2}Full \/ Full 29 routers, Init \/ Full 2\.2\.2\.7\n/)
  router.reports = [tunnelReport('branch-7', { relay: tunnelRelay({ neighbours: [{ ...here, states }] }) })]
  t.match((await brunel('status branch-7')).out, /; Full with 29 routers, Init with 2\.2\.2\.7\n/)
})

t.test('routers that are all heard by one port are compared with nobody', async t => {
  const { brunel, router } = await served(t)
  const [here] = relayReport().neighbours
  if (here === undefined) return t.fail()
  router.relayReports = [relayReport({ neighbours: [here, here], findings: [] })]
  t.match((await brunel('relay')).out, /\n\nNothing to compare: routers are heard by lan only\.$/)
  router.relayReports = [relayReport({ findings: [] })]
  t.match((await brunel('relay')).out, /\n\nThe routers agree\.$/)
})

t.test('a router of which no Hello was seen, or that is silent, shows as such', async t => {
  const { brunel, router } = await served(t)
  const [here, there] = relayReport().neighbours
  if (here === undefined || there === undefined) return t.fail()
  router.relayReports = [
    relayReport({
      neighbours: [
        { ...here, hello: null, mtu: null, states: [] },
        { ...there, silentSince: there.heardAt },
      ],
    }),
  ]
  const { out } = await brunel('relay')
  t.match(out, /1\.1\.1\.1 .* - +- +none +10m ago +-\n/)
  t.match(out, /2\.2\.2\.2 .* 10m ago, silent +ExStart \/ \? 1\.1\.1\.1\n/)
})

t.test('relay --routes shows where data goes that comes in by each port, and what is left out', async t => {
  const { brunel, router } = await served(t)
  t.match((await brunel('relay --routes')).out, 'Data follows no routes of OSPF')
  router.relayReports = [relayReport()]
  t.same((await brunel('relay eth1 --routes')).out.split('\n'), [
    'LAN   COMES BY  TO           GOES BY   NEXT ROUTER  KIND        COST',
    'eth1  lan       10.7.0.0/16  branch-7  10.1.0.2     intra-area  10',
  ])
  const [lan, tunnel] = relayReport().ports
  if (lan === undefined || tunnel === undefined) return t.fail()
  router.relayReports = [relayReport({ ports: [{ ...lan, routes: 1500 }, tunnel] })]
  t.match((await brunel('relay --routes')).out, '\n1499 more: `ip rule` names the tables')
})

t.test('relay says that routes may be missing, and why', async t => {
  const { brunel, router } = await served(t)
  const [area] = relayReport().areas
  if (area === undefined) return t.fail()
  router.relayReports = [
    relayReport({ areas: [{ ...area, missing: 1, missingNames: ['that of router 3.3.3.3'] }] }),
  ]
  t.match(
    (await brunel('relay')).out,
    'OSPFv2, area 0.0.0.0: one LSA of the routers did not pass here, so that routes may be missing until all is said again, within half an hour: that of router 3.3.3.3',
  )
})

t.test('with --json relay prints the answer of the API', async t => {
  const { brunel, router } = await served(t)
  router.relayReports = [relayReport(), relayReport({ interface: 'eth2' })]
  t.same(JSON.parse((await brunel('relay --json')).out), router.relayReports)
  t.same(JSON.parse((await brunel('relay eth2 --json')).out), router.relayReports.slice(1))
})

t.test(
  'status of one tunnel shows its relay: routers behind it, and the findings with their remedies',
  async t => {
    const { brunel, router } = await served(t)
    t.notMatch((await brunel('status branch-7')).out, 'OSPF relay')
    router.reports = [tunnelReport('branch-7', { relay: tunnelRelay() })]
    t.match(
      (await brunel('status branch-7')).out,
      [
        'OSPF relay: forwarding between eth1 and the tunnel, group backbone, relay 00112233445566bb at the far end',
        '  2.2.2.2 (10.1.0.2): area 0.0.0.0, hello 10 s, dead 40 s, MTU 9000, authentication none; ExStart with 1.1.1.1',
        '10.1.0.2 announces an MTU of 9000, 10.1.0.1 one of 1500 and refuses it. (BRUNEL_OSPF_MTU, 10m ago)',
        '  Set the lower MTU on both interfaces.',
      ].join('\n'),
    )
  },
)

t.test('status of all tunnels tells each finding once, though the tunnels are up', async t => {
  const { brunel, router } = await served(t)
  router.reports = ['branch-7', 'branch-8'].map(name => tunnelReport(name, { relay: tunnelRelay() }))
  t.same((await brunel('status')).out.split('\n').slice(3), [
    '',
    'OSPF: 10.1.0.2 announces an MTU of 9000, 10.1.0.1 one of 1500 and refuses it. (BRUNEL_OSPF_MTU)',
    '  Set the lower MTU on both interfaces.',
  ])
})

t.test('a relay is switched on, changed and taken away by options, and nothing else of the peer', async t => {
  const { brunel, peers } = await served(t)
  const stored = () => peers.peers.get('b1')?.document
  const files = { key: 'correct horse battery staple' }
  await brunel('peer add b1 --remote 198.51.100.6 --psk-file key --ospf-relay lan0 --relay-bfd', { files })
  t.same(stored()?.ospfRelay, { interface: 'lan0', bfd: true })
  await brunel('peer edit b1 --relay-group core --relay-fail-fast --no-relay-bfd --no-relay-forward')
  await brunel('peer edit b1 --relay-multicast pim vrrp')
  const all = { interface: 'lan0', group: 'core', bfd: false, failFast: true, forward: false }
  t.same(stored()?.ospfRelay, { ...all, multicast: ['pim', 'vrrp'] })
  await brunel('peer edit b1 --relay-multicast none --ospf-relay lan1')
  t.same(stored()?.ospfRelay, { ...all, interface: 'lan1', multicast: [] })
  t.match(await brunel('peer edit b1 --no-ospf-relay'), { exit: 0 })
  t.equal(stored()?.ospfRelay, undefined)
  t.equal(stored()?.remote.address, '198.51.100.6')
  const refused = await brunel('peer edit b1 --relay-bfd')
  t.match(refused, { exit: 1, err: /\/ospfRelay/ }, 'which LAN has to be said')
  t.match(await brunel('peer edit b1 --relay-multicast igmp'), { exit: 2, err: /pim/ })
})

t.test('an option that takes the relay away does so with the document of a file, too', async t => {
  const { brunel, peers } = await served(t)
  const auth = { method: 'psk', psk: 'correct horse battery staple' }
  const b1 = { name: 'b1', remote: { address: '198.51.100.6' }, auth, ospfRelay: { interface: 'lan0' } }
  t.match(await brunel('peer add - --no-ospf-relay', { stdin: JSON.stringify(b1) }), { exit: 0 })
  t.equal(peers.peers.get('b1')?.document.ospfRelay, undefined)
})
