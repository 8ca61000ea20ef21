/** OSPF behind the routers while the tunnel is offered more than it can carry, both ways. */
import { join } from 'node:path'
import t from 'tap'
import { flood } from '../../src/net/flood.js'
import type { Namespace } from '../../src/net/namespace.js'
import { OspfWatch } from '../../src/net/ospf-watch.js'
import { ADDRESSES, type Side } from '../../src/net/topology.js'
import { IperfServer, iperf } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { withoutFrr } from '../../src/peers/frr.js'
import { type OspfRouter, ospfRouter } from '../../src/peers/ospf-router.js'
import { far } from '../../src/peers/peer-document.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

const SOAK = process.env['BRUNEL_TEST_SOAK_SECONDS']
const SECONDS = Number(SOAK ?? 14)
/** Four Hellos are for a soak; a machine that is busy with other things may stand still for longer. */
const TIMERS = { hello: 1, dead: SOAK === undefined ? 10 : 4 } as const
/** Of each of the two loads. */
const HALF = Math.ceil(SECONDS / 2)
/** UDP as fast as it can be sent: 11 Gbit/s each way are more than a tunnel carries. */
const FLOOD = { perSecond: 1_000_000, pool: `udp9999 ${'00'.repeat(1350)}` } as const
/** Of one such packet on Ethernet. */
const LENGTH = 1350 + 8 + 20 + 14
const SIDES = ['A', 'B'] as const
const ROUTER_ID = { A: '10.9.0.1', B: '10.9.0.2' } as const
const SOURCE = { A: '0a090001', B: '0a090002' } as const

/** Octets that a host has had from its LAN. Packets would not do: UDP too is handed to the kernel in trains. */
async function arrived(host: Namespace): Promise<number> {
  const [link] = await host.json<{ stats64: { rx: { bytes: number } } }[]>('-s', 'link', 'show', 'lan0')
  return link?.stats64.rx.bytes ?? 0
}

t.test('a saturated tunnel', { skip: noLab() || withoutFrr(), timeout: (SECONDS + 150) * 1000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  const { hostA, hostB } = topology.at
  const host = { A: hostA, B: hostB } as const
  await sites.connect()
  const ospf = {} as Record<Side, OspfRouter>
  for (const side of SIDES) {
    await host[side].ip([`addr add ${ROUTER_ID[side]}/24 dev lan0`])
    await topology.router(side).ip([`addr add 10.9.0.25${side === 'A' ? 3 : 4}/24 dev lan0`])
    await routers[side].api.ask('PATCH', `/v1/peers/${tunnelName(side)}`, {
      ospfRelay: { interface: 'lan0' },
    })
    ospf[side] = ospfRouter('frr', host[side], join(topology.folder, `frr${side}`))
    t.teardown(() => ospf[side].stop())
  }
  await sites.up()
  for (const side of SIDES)
    await ospf[side].start({
      routerId: ROUTER_ID[side],
      device: 'lan0',
      stubs: [],
      timers: TIMERS,
      // With MD5 no two Hellos are alike, so that each can be looked for.
      speaks: { 2: { network: 'point-to-point', auth: { algorithm: 'md5', key: 'count-me' } } },
    })
  const isFull = async (side: Side): Promise<boolean> =>
    (await ospf[side].neighbours(2)).some(({ state }) => state === 'Full')
  for (const side of SIDES) await until(`${side} is Full`, 40_000, () => isFull(side), 250)

  const lost: string[] = []
  const watches = {} as Record<Side, OspfWatch>
  for (const side of SIDES) {
    watches[side] = await OspfWatch.start(host[side], 'lan0', join(topology.folder, `${side}.pcap`))
    const stop = routers[side].api.events(({ event, detail }) => {
      if (event === 'ospf-lost') lost.push(`${side}: ${detail}`)
    })
    t.teardown(async () => stop())
  }

  const servers = await Promise.all(
    SIDES.map(side => IperfServer.start(host[side], join(topology.folder, `iperf${side}.log`))),
  )
  const streams = await Promise.all(
    SIDES.map(side => iperf(host[side], ADDRESSES.host[far(side)][4], { seconds: HALF })),
  )
  for (const server of servers) await server.stop()
  const before = await Promise.all(SIDES.map(side => arrived(host[far(side)])))
  const sent = await Promise.all(
    SIDES.map(side => flood(host[side], ADDRESSES.host[far(side)][4], { ...FLOOD, seconds: HALF })),
  )

  const marks = (at: Side, from: Side): readonly string[] =>
    watches[at].hellos(2, SOURCE[from]).map(({ mark }) => mark)
  for (const [i, side] of SIDES.entries()) {
    const said = marks(side, side)
    const missing = (): readonly string[] => {
      const met = new Set(marks(far(side), side))
      return said.filter(mark => !met.has(mark))
    }
    await until('the last Hello has come', 3000, () => missing().length === 0).catch(() => 0)
    const offered = sent[i]?.['udp9999'] ?? 0
    const carried = Math.round(((await arrived(host[far(side)])) - (before[i] ?? 0)) / LENGTH)
    t.comment(`from ${side}: TCP ${((streams[i]?.bitsPerSecond ?? 0) / 1e9).toFixed(2)} Gbit/s;`)
    t.comment(
      `  UDP ${offered} packets sent, ${carried} arrived; Hellos ${said.length}, ${missing().length} lost`,
    )
    t.ok(carried < 0.95 * offered, 'more was offered than the tunnel carries')
    t.ok(said.length > 0, 'there were Hellos')
    // One, at most: where others use the cores too, the kernel's queue of a router can be full for a moment.
    t.ok(missing().length <= Math.max(1, said.length / 100), 'RFC 2328 §A.1: they are not lost as data is')
    t.ok(await isFull(side), `${side} is Full`)
  }
  t.same(lost, [], 'the adjacency was Full all the time')
  for (const side of SIDES) await watches[side].stop()
})
