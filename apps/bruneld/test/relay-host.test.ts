import { instant } from '@brunel/base'
import t from 'tap'
import { beaconIn } from '../src/relay-beacon.js'
import { relayOfTunnel, relayReport } from '../src/relay-report.js'
import { hello, relayRig, tunnelTo } from './relay-rig.js'

const A = { from: '10.1.0.1', id: '1.1.1.1' }
const B = { from: '10.1.0.2', id: '2.2.2.2' }

/** All promises that are due. */
const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const MOMENT = { now: instant(10_000), wall: Date.UTC(2026, 0, 1, 0, 0, 10) }
const DOWN = { stands: false, crossed: false, lastIn: undefined }

/** A relay that forwards between eth1 and the tunnels. */
function joined(...tunnels: ReturnType<typeof tunnelTo>[]) {
  const rig = relayRig()
  rig.state.tunnels = tunnels
  rig.host.look()
  rig.pass(3000)
  rig.done()
  return rig
}

t.test('a Hello of the LAN leaves by the tunnel, and the answer comes out on the LAN', async t => {
  const { host, state, lan, done, pass, events } = relayRig()
  state.tunnels = [tunnelTo('branch-7', {}, { bfd: true, multicast: ['pim'] })]
  host.look()
  t.same(done(), ['tun 3: ospf bfd pim', 'lan eth1 opened for bfd ospf pim'])
  pass(3000)
  t.match(
    events.map(({ event, tunnel, data }) => [event, tunnel, data['state']]),
    [
      ['relay-port', 'branch-7', 'listening'],
      ['relay-port', 'branch-7', 'forwarding'],
    ],
  )
  lan().heard.packet(hello(A))
  host.packet({ tun: 3, packet: hello(B) })
  host.packet({ tun: 9, packet: hello(B) })
  t.same(done(), [
    'tun 3 <- 10.1.0.1 protocol 89',
    'lan answers for 10.1.0.2 of gre-branch-7',
    'lan <- 10.1.0.2 protocol 89',
  ])
  t.same([...lan().residents], [A.from], 'whoever is heard on the LAN is to be heard in a flood too')
})

t.test('RFC 2328 §10.5: a LAN that loses its link is told where failFast wants it', async t => {
  const { lan, done } = joined(tunnelTo('branch-7', {}, { failFast: true }))
  lan().heard.changed({ is: 'open', warnings: [] })
  lan().heard.packet(hello(A))
  done()
  const because = { code: 'BRUNEL_RELAY_LAN', detail: 'no carrier', remedy: 'the cable' }
  lan().heard.changed({ is: 'waiting', because })
  t.same(done(), ['tun 3 <- 10.1.0.1 protocol 89'])
  t.equal(lan().residents.size, 0)
})

t.test('beacons go out on the LAN and as packets into tunnels, and come back as beacons', async t => {
  const one = joined(tunnelTo('branch-7'))
  const other = relayRig(8)
  other.state.tunnels = [tunnelTo('hq')]
  other.host.look()
  other.pass(3000)
  one.lan().heard.beacon(other.lan().beacons.at(-1)!)
  const inTunnel = other.state.relayed.at(-1)!
  t.ok(beaconIn(inTunnel))
  one.host.packet({ tun: 3, packet: inTunnel })
  const [report] = one.host.relays()
  t.same(report?.report.lanRelays, ['0000000000000008'])
  t.match(report?.report.ports[1], { port: 'tunnel:branch-7', farRelay: '0000000000000008' })
  t.match(
    one.events.filter(({ event }) => event === 'relay-heard').map(({ detail }) => detail),
    [
      'another relay on eth1 (0000000000000008) is heard',
      'a relay behind branch-7 (0000000000000008) is heard',
    ],
  )
})

t.test('a tunnel that closes lets its neighbours die first where failFast is asked for', async t => {
  const tunnel = tunnelTo('branch-7', {}, { failFast: true })
  const { host, state, done, events } = joined(tunnel)
  host.packet({ tun: 3, packet: hello(B) })
  done()
  state.tunnels = []
  host.look()
  t.same(done(), [
    'lan <- 10.1.0.2 protocol 89',
    'lan is silent for 10.1.0.2',
    'tun 3: nothing',
    'lan closed',
  ])
  t.match(
    events.find(({ event }) => event === 'relay-fail-fast'),
    {
      tunnel: 'branch-7',
      detail: 'branch-7 carries no data; eth1 was told that 10.1.0.2 is gone',
      data: { told: ['10.1.0.2'], untold: [] },
    },
  )
  t.same(host.relays(), [])
})

t.test('whether a tunnel carries is told as it changes', async t => {
  const { host, state, done, events, lan } = joined(tunnelTo('branch-7'))
  state.tunnels = [tunnelTo('branch-7', { crossing: DOWN })]
  host.look()
  t.match(events.at(-1), { event: 'relay-port', data: { state: 'down' }, detail: /carries no data/ })
  lan().heard.packet(hello(A))
  t.same(done(), [])
  t.equal(host.dropped('outbound', 'relay-not-carrying'), 1)
  t.equal(host.dropped('inbound', 'relay-not-carrying'), 0)
})

t.test('a relay at the far end that falls silent is an end before IKE notices', async t => {
  const tunnel = tunnelTo('branch-7', {}, { failFast: true })
  const { host, state, done, pass, events } = joined(tunnel)
  const far = relayRig(8)
  far.state.tunnels = [tunnelTo('hq')]
  far.host.look()
  far.pass(3000)
  host.packet({ tun: 3, packet: hello(B) })
  host.packet({ tun: 3, packet: far.state.relayed.at(-1) as Uint8Array })
  done()
  state.lastIn = instant(4000)
  pass(4500)
  t.same(done(), [])
  const sent = state.relayed.length
  pass(1500)
  t.same(done(), ['lan <- 10.1.0.2 protocol 89', 'lan is silent for 10.1.0.2'])
  t.match(events.at(-1), { event: 'relay-fail-fast' })
  pass(20_000)
  t.ok(state.relayed.length - sent <= 2, 'nor does it get beacons that nobody answers')
})

t.test(
  'a tunnel to a router of another kind that has nothing to say gets no beacons, and forwards',
  async t => {
    const { host, state, done, pass, lan } = joined(tunnelTo('branch-7'))
    state.lastIn = instant(4000)
    pass(6000)
    const sent = state.relayed.length
    pass(20_000)
    t.equal(state.relayed.length, sent)
    lan().heard.packet(hello(A))
    t.same(done(), ['tun 3 <- 10.1.0.1 protocol 89'])
    t.match(host.relays()[0]?.report.ports[1], { state: 'forwarding' })
  },
)

t.test('a tunnel that was closed and opened between two looks has its new place', async t => {
  const { host, state, done, pass, lan } = joined(tunnelTo('branch-7'))
  state.tunnels = [tunnelTo('branch-7', { tun: 5 })]
  host.look()
  t.same(done(), ['tun 3: nothing', 'tun 5: ospf'])
  pass(3000)
  done()
  lan().heard.packet(hello(A))
  t.same(done(), ['tun 5 <- 10.1.0.1 protocol 89'])
})

t.test(
  'another group on the same interface is another relay; a second group beside it is not carried',
  async t => {
    const { host, state, done } = joined(tunnelTo('branch-7'))
    state.tunnels = [tunnelTo('branch-7', { group: 'core' }), tunnelTo('branch-8', { tun: 4 })]
    host.look()
    t.same(done(), ['tun 3: nothing', 'lan closed'])
    await settled()
    t.same(done(), ['tun 3: ospf', 'lan eth1 opened for ospf'])
    t.match(host.relays(), [{ interface: 'eth1', report: { group: 'core', id: '0000000000000002' } }])
  },
)

t.test('two LAN interfaces are two relays', async t => {
  const { host, done, lans } = joined(tunnelTo('branch-7'), tunnelTo('branch-8', { tun: 4, lan: 'eth2' }))
  lans.get('eth2')?.heard.packet(hello(A))
  lans.get('eth1')?.heard.packet(hello(A))
  t.same(done(), ['tun 4 <- 10.1.0.1 protocol 89', 'tun 3 <- 10.1.0.1 protocol 89'])
  t.same(
    host.relays().map(relay => relay.interface),
    ['eth1', 'eth2'],
  )
})

t.test('a LAN that is not open is said once, and said when it is there', async t => {
  const { host, lan, events } = joined(tunnelTo('branch-7'))
  const because = { code: 'BRUNEL_RELAY_LAN', detail: 'eth1 is down.', remedy: 'Bring it up.' }
  const told = (): string[] => events.filter(({ event }) => event.startsWith('relay-lan')).map(e => e.detail)
  lan().heard.changed({ is: 'starting' })
  t.same(host.problems, [])
  for (let i = 0; i < 2; i++) lan().heard.changed({ is: 'waiting', because })
  t.same(told(), ['eth1 is down.'])
  t.same(host.problems, [because])
  t.same(
    host.relays().map(relay => relayReport(relay, MOMENT).problem),
    [because],
  )
  const warnings = [{ code: 'BRUNEL_RELAY_HOST', detail: 'rp_filter is on.', remedy: 'Turn it off.' }]
  lan().heard.changed({ is: 'open', warnings })
  t.same(told().slice(1), ['the relay of eth1 is open'])
  t.same(host.problems, warnings)
  t.match(
    host.relays().map(relay => relayReport(relay, MOMENT)),
    [{ problem: null, warnings }],
  )
})

t.test('what the LAN side drops is counted with the rest', async t => {
  const { host, lan } = joined(tunnelTo('branch-7'))
  lan().heard.drop('relay-rate', 40)
  t.equal(host.dropped('outbound', 'relay-rate'), 40)
  t.equal(host.relays()[0]?.drops.get('lan')?.get('relay-rate'), 40)
})

t.test('the LAN carries what any of its tunnels wants', async t => {
  const { host, state, done } = joined(tunnelTo('branch-7'))
  state.tunnels = [...state.tunnels, tunnelTo('branch-8', { tun: 4 }, { multicast: ['vrrp'] })]
  host.look()
  t.same(done(), ['tun 4: ospf vrrp', 'lan carries ospf vrrp'])
  host.look()
  t.same(done(), [])
})

t.test('a LAN is not opened again before its last relay has cleaned up', async t => {
  const { host, state, done, lan } = joined(tunnelTo('branch-7'))
  let cleaned = (): void => undefined
  lan().cleaning = new Promise(resolve => {
    cleaned = resolve
  })
  const { tunnels } = state
  state.tunnels = []
  host.look()
  state.tunnels = tunnels
  host.look()
  t.same(done(), ['tun 3: nothing', 'lan closed'])
  cleaned()
  await settled()
  t.same(done(), ['tun 3: ospf', 'lan eth1 opened for ospf'])
})

t.test('what the system refuses is no bug, and costs one packet', async t => {
  const { host, done, lan, refused, bugs } = joined(tunnelTo('branch-7'))
  lan().refusal = new Error('ENOBUFS')
  host.packet({ tun: 3, packet: hello(B) })
  t.same(refused, ['eth1: ENOBUFS'])
  lan().refusal = undefined
  host.packet({ tun: 3, packet: hello({ ...B, area: '0.0.0.1' }) })
  t.same(done(), ['lan answers for 10.1.0.2 of gre-branch-7', 'lan <- 10.1.0.2 protocol 89'])
  t.same(bugs, [])
})

t.test('a bug ends the machine and not the daemon: another one begins a second later', async t => {
  const { host, state, done, pass, bugs, lan } = joined(tunnelTo('branch-7'))
  host.packet({ tun: 3, packet: hello(B) })
  done()
  state.bug = new Error('not so')
  state.tunnels = [tunnelTo('branch-7', { crossing: DOWN })]
  host.look()
  t.same(bugs, [state.bug])
  t.same(done(), ['lan is silent for 10.1.0.2'])
  lan().heard.packet(hello(A))
  state.bug = undefined
  state.tunnels = [tunnelTo('branch-7')]
  pass(5000)
  lan().heard.packet(hello(A))
  t.same(done(), ['tun 3 <- 10.1.0.1 protocol 89'])
  t.match(host.relays(), [{ report: { id: '0000000000000002' } }])
})

t.test('a bug at a tick ends as one at a packet does', async t => {
  const { host, state, pass, bugs } = relayRig()
  state.tunnels = [tunnelTo('branch-7')]
  host.look()
  state.bug = new Error('not so')
  pass(2500)
  t.same(bugs[0], state.bug)
  state.bug = undefined
  pass(5000)
  t.match(host.relays()[0]?.report.ports[1], { state: 'forwarding' })
})

t.test('what we send ourselves is nobody else’s, also from an address that comes later', async t => {
  const { host, state, done, pass, lan } = joined(tunnelTo('branch-7'))
  lan().heard.packet(hello({ from: '10.1.0.254', id: '9.9.9.9' }))
  t.same(done(), [])
  t.equal(host.dropped('outbound', 'relay-source'), 1)
  state.addresses = ['10.1.0.253']
  pass(5500)
  lan().heard.packet(hello({ from: '10.1.0.253', id: '9.9.9.9' }))
  lan().heard.packet(hello({ from: '10.1.0.254', id: '9.9.9.9' }))
  t.same(done(), ['tun 3 <- 10.1.0.254 protocol 89'])
})

t.test('a LAN that is joined later knows our addresses at once', async t => {
  const { host, state, done, lans } = joined(tunnelTo('branch-7'))
  state.tunnels = [...state.tunnels, tunnelTo('branch-8', { tun: 4, lan: 'eth2' })]
  host.look()
  done()
  lans.get('eth2')?.heard.packet(hello({ from: '10.1.0.254', id: '9.9.9.9' }))
  t.equal(host.dropped('outbound', 'relay-source'), 1)
})

t.test('counts outlive the tunnels and the relays that they are of', async t => {
  const { host, state, lan } = joined(tunnelTo('branch-7'), tunnelTo('branch-8', { tun: 4 }))
  const noise = Uint8Array.of(0x45, 0)
  host.packet({ tun: 4, packet: noise })
  lan().heard.packet(noise)
  t.match([...(host.relays()[0]?.drops ?? [])].map(([port]) => port).sort(), ['lan', 'tunnel:branch-8'])
  state.tunnels = []
  host.look()
  t.equal(host.dropped('inbound', 'ip-truncated'), 1)
  t.equal(host.dropped('outbound', 'ip-truncated'), 1)
})

t.test('after the stop nothing comes and nothing goes', async t => {
  const { host, done, pass, lan } = joined(tunnelTo('branch-7'))
  const { heard } = lan()
  await host.stop()
  t.same(done(), ['tun 3: nothing', 'lan closed'])
  heard.packet(hello(A))
  host.packet({ tun: 3, packet: hello(B) })
  pass(1000)
  t.same(done(), [])
})

t.test(
  'the doctor’s view: neighbours of both sides, and what they disagree about, as events and reports',
  async t => {
    const { host, lan, pass, events } = joined(tunnelTo('branch-7'))
    for (let i = 0; i < 2; i++) {
      lan().heard.packet(hello(A))
      host.packet({
        tun: 3,
        packet: hello({ ...B, area: '0.0.0.7', neighbours: i === 0 ? [] : ['1.1.1.1'] }),
      })
      pass(1000)
    }
    t.match(events.at(-1), {
      event: 'ospf-finding',
      tunnel: 'branch-7',
      detail: /is in area 0\.0\.0\.0, .* is in area 0\.0\.0\.7\.$/,
      data: { interface: 'eth1', code: 'BRUNEL_OSPF_AREA', remedy: 'Give both interfaces the same area.' },
    })
    const moment = { now: instant(10_000), wall: Date.UTC(2026, 0, 1, 0, 0, 10) }
    const reports = host.relays().map(relay => relayReport(relay, moment))
    t.match(reports, [
      {
        interface: 'eth1',
        problem: null,
        ports: [
          { port: 'lan', tunnel: null, received: 2, sent: 2, farRelay: null },
          { port: 'tunnel:branch-7', tunnel: 'branch-7', state: 'forwarding', received: 2, sent: 2 },
        ],
        neighbours: [
          {
            routerId: '1.1.1.1',
            area: '0.0.0.0',
            mtu: null,
            heardAt: '2026-01-01T00:00:05.000Z',
            silentSince: null,
          },
          { routerId: '2.2.2.2', area: '0.0.0.7', hello: { helloInterval: 10, mask: '255.255.255.0' } },
        ],
        findings: [{ code: 'BRUNEL_OSPF_AREA', since: /^2026-01-01T00:00:0\d/ }],
        drops: [],
      },
    ])
    const one = relayOfTunnel(reports, 'branch-7')
    t.match(one, { interface: 'eth1', state: 'forwarding', findings: [{ code: 'BRUNEL_OSPF_AREA' }] })
    t.same(
      one?.neighbours.map(({ routerId }) => routerId),
      ['2.2.2.2'],
    )
    t.equal(relayOfTunnel(reports, 'branch-8'), undefined)

    host.packet({ tun: 3, packet: hello({ ...B, neighbours: ['1.1.1.1'] }) })
    pass(1000)
    t.match(events.at(-1), { event: 'ospf-finding-gone', tunnel: 'branch-7', detail: /^is so no longer: / })
  },
)
