import t from 'tap'
import { refusedRoutes } from '../src/relay-tables.js'
import { hello, relayRig, tunnelTo } from './relay-rig.js'

const DOWN = { stands: false, crossed: false, lastIn: undefined }

/** LSAs of FRR, both routers and the network between them. */
const KEPT = [
  'AAECAQoJAAEKCQABgAAABbnEADAAAAACCgkAAgoJAAECAAAKClsAAf////8DAAAA',
  'AAECAQoJAAIKCQACgAAABM2tADAAAAACCgkAAgoJAAICAAAKClwAAf////8DAAAA',
  'AAECAgoJAAIKCQACgAAAAV+nACD///8ACgkAAQoJAAI=',
].map(text => Uint8Array.from(Buffer.from(text, 'base64')))
const [NEAR, FAR] = ['10.9.0.1', '10.9.0.2']

/** Two routers that are Full, with what an earlier relay has kept of them. */
function following(...tunnels: ReturnType<typeof tunnelTo>[]) {
  const rig = relayRig()
  rig.state.kept = [{ version: 2, instance: 0, area: '0.0.0.0', lsas: KEPT }]
  rig.state.tunnels = tunnels
  rig.host.look()
  rig.pass(3000)
  rig.done()
  const greet = (): void => {
    rig.lan().heard.packet(hello({ from: NEAR, id: NEAR, neighbours: [FAR] }))
    rig.host.packet({ tun: 3, packet: hello({ from: FAR, id: FAR, neighbours: [NEAR] }) })
    rig.pass(1500)
  }
  greet()
  return { ...rig, greet, told: () => rig.done().filter(line => line.includes('follows')) }
}

const FOLLOWED = [
  'eth1 follows 10.92.0.1/32 by gre-branch-7',
  'gre-branch-7 follows 10.91.0.1/32 by eth1 10.9.0.1',
]
const NOTHING = ['eth1 follows nothing', 'gre-branch-7 follows nothing']

t.test('data follows what was kept as soon as both routers are heard; it is kept on', async t => {
  const { told, state } = following(tunnelTo('branch-7'))
  t.same(told(), FOLLOWED)
  t.same(
    state.keep().map(({ lsas }) => lsas.length),
    [3],
  )
  t.equal(state.spared[0], '198.51.100.7')
  t.equal(state.refused[0], '10.99.0.0/24')
})

t.test(
  'a tunnel that stops carrying, or closes, is followed by nothing; what is known is written',
  async t => {
    const { told, state, pass, greet, host } = following(tunnelTo('branch-7'))
    told()
    state.tunnels = [tunnelTo('branch-7', { crossing: DOWN })]
    host.look()
    t.same(told(), NOTHING)
    state.tunnels = [tunnelTo('branch-7')]
    pass(4000)
    greet()
    t.same(told(), FOLLOWED)
    state.tunnels = []
    host.look()
    t.same(told(), NOTHING)
    t.equal(state.flushed, 1)
  },
)

t.test('after a bug nothing is followed until the next relay has heard the routers', async t => {
  const { told, state, pass, greet, bugs, host } = following(tunnelTo('branch-7'))
  told()
  state.bug = new Error('a bug')
  state.tunnels = [tunnelTo('branch-7', { crossing: DOWN })]
  host.look()
  t.equal(bugs.length, 1)
  t.same(told().slice(-2), NOTHING)
  state.bug = undefined
  state.tunnels = [tunnelTo('branch-7')]
  pass(5000)
  greet()
  t.same(told().slice(-2), FOLLOWED)
})

t.test(
  'a LAN that is open again is looked at: its routes went with it; and when our addresses change',
  async t => {
    const { lan, state, pass } = following(tunnelTo('branch-7'))
    const open = { is: 'open', warnings: [] } as const
    const before = state.verified
    lan().heard.changed(open)
    lan().heard.changed(open)
    t.equal(state.verified, before + 1)
    lan().heard.changed({ is: 'waiting', because: { code: 'x', detail: 'x', remedy: 'x' } })
    lan().heard.changed(open)
    t.equal(state.verified, before + 2)
    pass(10_000)
    t.equal(state.verified, before + 2)
    state.addresses = ['10.1.0.253']
    pass(6000)
    t.equal(state.verified, before + 3)
  },
)

t.test('forward: false of a tunnel is heard', async t => {
  t.same(following(tunnelTo('branch-7', {}, { forward: false })).told(), [])
})

t.test('what the kernel refuses of the routes is a warning as long as it lasts', async t => {
  const { host, state } = following(tunnelTo('branch-7'))
  t.same(host.problems, [])
  state.problem = refusedRoutes('Error: Nexthop has invalid gateway.')
  t.match(host.problems, [{ code: 'BRUNEL_RELAY_ROUTES', detail: /: Error: Nexthop has invalid gateway\.$/ }])
})
