/** An address of either router changes under a ping: RFC 4555, two Brunels, then ours against strongSwan in both roles. */
import { join } from 'node:path'
import t from 'tap'
import { ADDRESSES, type Side, Topology } from '../../src/net/topology.js'
import { LongPing, type Pinged, ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { MOVED, renumber, SECOND, secondUplink, switchUplink } from '../../src/net/uplink.js'
import { Bruneld } from '../../src/peers/bruneld.js'
import { startGreRouter } from '../../src/peers/gre-router.js'
import { id, PSK, peerDocument } from '../../src/peers/peer-document.js'
import { StrongSwan, withoutStrongSwan } from '../../src/peers/strongswan.js'
import type { SwanConnection } from '../../src/peers/swanctl-conf.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, owned, tail, twoSites } from './gear.js'

/** Seconds between two pings. */
const BEAT = 0.02
/** What a move may cost at most, in pings: one retransmission of IKE on a busy machine. */
const MOST = 150

const target = ADDRESSES.host.B[4]

async function spisOf(router: Bruneld, tunnel: string): Promise<string> {
  const { ike } = await router.api.tunnel(tunnel)
  return ike
    .map(sa =>
      [sa.spiInitiator, sa.spiResponder, ...sa.children.map(c => `${c.spiIn}/${c.spiOut}`)].join(' '),
    )
    .join('; ')
}

/** Changes something under a ping from host A to host B, until `done`. */
async function under(
  lab: Topology,
  change: () => Promise<unknown>,
  done: () => Promise<unknown>,
): Promise<Pinged> {
  const { hostA } = lab.at
  const steady = new LongPing(hostA, target, join(lab.folder, `ping-${performance.now()}`), BEAT)
  try {
    await until('the ping runs', 30_000, async () => /icmp_seq=10 /.test(steady.text()))
    await change()
    await until('the move', 30_000, done)
    await until('ping', 30_000, async () => (await ping(hostA, target)).received === 1)
    await ping(hostA, target, { count: 5, interval: BEAT })
  } finally {
    await steady.stop()
  }
  return steady.stop()
}

t.test('two Brunels', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const lab = sites.topology
  const { A, B } = sites.routers
  await secondUplink(lab)
  await sites.connect({ local: [] }, { B: { initiate: false } })
  await sites.settled()
  const before = await spisOf(A, tunnelName('A'))
  const seen = async (router: Bruneld, name: string) => (await router.api.tunnel(name)).ike[0]?.remote
  t.match((await A.api.tunnel(tunnelName('A'))).ike[0]?.local, /:4500$/, 'RFC 4555 §3.3')

  const moves: readonly (readonly [string, () => Promise<unknown>, () => Promise<unknown>])[] = [
    [
      'the address of A changes',
      () => renumber(lab, 'A', 4, MOVED.A[4]),
      async () => (await seen(B, tunnelName('B')))?.includes(MOVED.A[4]),
    ],
    [
      'the address of B changes',
      () => renumber(lab, 'B', 4, MOVED.B[4]),
      async () => (await seen(A, tunnelName('A')))?.includes(MOVED.B[4]),
    ],
    [
      'the line of A goes down, and it has another',
      () => switchUplink(lab, 4),
      async () => (await seen(B, tunnelName('B')))?.includes(SECOND[4]),
    ],
  ]
  for (const [what, change, done] of moves)
    await t.test(`RFC 4555 §3.5: ${what}: the SAs go on`, async t => {
      const { sent, gaps } = await under(lab, change, done)
      t.equal(await spisOf(A, tunnelName('A')), before, 'the same SPIs')
      t.ok(gaps.length < MOST, `${gaps.length} of ${sent} lost`)
      t.comment(`${what}: ${gaps.length} of ${sent} pings lost, ${(gaps.length * BEAT).toFixed(2)} s`)
    })

  await t.test('it is told: the report, an event, a metric', async t => {
    const [sa] = (await A.api.tunnel(tunnelName('A'))).ike
    t.not(sa?.mobike, null)
    t.match(A.log(), /the SAs moved: 192\.0\.2\.77:4500 to 198\.51\.100\.2:4500/)
    t.match((await A.api.send('GET', '/metrics')).text, /brunel_ike_moves_total\{cause="here"\} 2/)
  })
  await t.test('and rekeying goes on there, without a lost packet', async t => {
    const { gaps } = await under(
      lab,
      () => B.api.ask('POST', `/v1/tunnels/${tunnelName('B')}/rekey`),
      async () => (await spisOf(A, tunnelName('A'))) !== before,
    )
    t.same(gaps, [])
  })
})

t.test('without MOBIKE', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const lab = sites.topology
  const { A, B } = sites.routers
  await sites.connect({ local: [], mobike: false }, { B: { initiate: false } })
  await sites.settled()
  const before = await spisOf(A, tunnelName('A'))
  const { ike } = await A.api.tunnel(tunnelName('A'))
  t.same([ike[0]?.mobike, ike[0]?.local], [null, `${ADDRESSES.wan.A[4]}:500`])
  await renumber(lab, 'A', 4, MOVED.A[4])
  const back = async () => (await ping(lab.at.hostA, target)).received === 1
  await until('a new IKE SA from the new address, within 15 s', 15_000, back)
  t.not(await spisOf(A, tunnelName('A')), before)
  t.match((await B.api.tunnel(tunnelName('B'))).ike[0]?.remote, MOVED.A[4])
})

const NAME = 'site-b'

const theirs: SwanConnection = {
  name: 'net',
  local: { address: '%any', id: id('B') },
  remote: { address: ADDRESSES.wan.A[4], id: id('A') },
  psk: PSK,
  ike: 'aes128gcm16-prfsha256-x25519',
  esp: 'aes128gcm16-x25519',
  mode: 'tunnel',
  // `dynamic` would follow the addresses, and GRE between fixed ones would find no SA.
  selectors: [`${ADDRESSES.wan.B[4]}/32[47]`, `${ADDRESSES.wan.A[4]}/32[47]`],
  mobike: true,
}

t.test('Brunel and strongSwan', { skip: noLab() || withoutStrongSwan(), timeout: 600_000 }, async t => {
  for (const role of ['initiator', 'responder'] as const)
    await t.test(`ours is the ${role}`, async t => {
      const lab = owned(t, await Topology.build())
      const ours = new Bruneld(lab.at.routerA, join(lab.folder, 'ours'))
      const swan = new StrongSwan(lab.at.routerB, join(lab.folder, 'swan'))
      t.teardown(async () => {
        if (!t.passing()) t.comment(`bruneld:\n${tail(ours.log())}\nstrongSwan:\n${tail(swan.log(), 20_000)}`)
      })
      await ours.start()
      lab.cleanup.add('bruneld', () => ours.stop())
      // The GRE of the other end stays at its address, wherever its ESP goes; nobody outside finds it there.
      await lab.at.routerB.sysctl({ 'net.ipv4.conf.all.arp_ignore': 1 })
      await lab.at.routerB.ip([`addr add ${ADDRESSES.wan.B[4]}/32 dev lo`])
      await swan.start([theirs])
      await startGreRouter(lab.at.routerB, join(lab.folder, 'gre.log'), {
        local: ADDRESSES.wan.B[4],
        remote: ADDRESSES.wan.A[4],
        interface: 'gre1',
        addresses: [`${ADDRESSES.tunnel.B[4]}/30`, `${ADDRESSES.tunnel.B[6]}/64`],
        routes: [ADDRESSES.site.A[4], ADDRESSES.site.A[6]],
        mtu: 1382,
        with: [],
      })
      const document = peerDocument({
        side: 'A',
        local: [],
        ike: [theirs.ike],
        esp: [theirs.esp],
        initiate: role === 'initiator',
      })
      await ours.api.ask('POST', '/v1/peers', document)
      if (role === 'responder') {
        const { code, out, err } = await swan.initiate('net')
        if (code !== 0) throw new Error(`strongSwan could not initiate: ${out}${err}`)
      }
      await until('ping', 30_000, async () => (await ping(lab.at.hostA, target)).received === 1)
      const sa = async () => (await ours.api.tunnel(NAME)).ike[0]
      const ikeSpis = async () => [(await sa())?.spiInitiator, (await sa())?.spiResponder]
      const before = await ikeSpis()
      t.equal((await sa())?.role, role)
      t.not((await sa())?.mobike, null, 'RFC 4555 §3.2: both speak it')

      const moves: readonly (readonly [string, Side, () => Promise<unknown>])[] = [
        [
          'our address changes',
          'A',
          async () =>
            (await swan.sas()).text.includes(MOVED.A[4]) && (await sa())?.local.includes(MOVED.A[4]),
        ],
        ['its address changes', 'B', async () => (await sa())?.remote.includes(MOVED.B[4])],
      ]
      for (const [what, side, done] of moves)
        await t.test(`RFC 4555 §3.5, §3.6: ${what}: the SAs go on`, async t => {
          const { sent, gaps } = await under(lab, () => renumber(lab, side, 4, MOVED[side][4]), done)
          // kernel-libipsec cannot move an SA (NOT_SUPPORTED), so that strongSwan rekeys the child there.
          t.same(await ikeSpis(), before, 'the same IKE SA')
          t.ok(gaps.length < MOST, `${gaps.length} of ${sent} lost`)
          t.comment(
            `${role}, ${what}: ${gaps.length} of ${sent} pings lost, ${(gaps.length * BEAT).toFixed(2)} s`,
          )
        })
      await swan.stop()
    })
})
