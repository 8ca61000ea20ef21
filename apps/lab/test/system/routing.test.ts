/** The tunnel as an interface like any other: routing protocols, multicast, MTU and MSS. */
import { join } from 'node:path'
import t from 'tap'
import { Capture } from '../../src/net/capture.js'
import { ADDRESSES, type Side } from '../../src/net/topology.js'
import { IperfServer, iperf, ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

t.test('over the tunnel interface', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  const { hostA, hostB } = topology.at

  await t.test(
    'FRR’s ospfd becomes Full and brings the routes of the sites',
    { skip: withoutFrr() },
    async t => {
      await sites.connect({ routes: [] })
      await sites.up()
      const frr = {} as Record<Side, Frr>
      for (const side of ['A', 'B'] as const) {
        frr[side] = new Frr(topology.router(side), join(topology.folder, `frr${side}`))
        topology.cleanup.add(`FRR ${side}`, () => frr[side].stop())
        await frr[side].start({
          routerId: ADDRESSES.tunnel[side][4],
          interface: 'gre1',
          networks: ['10.255.0.0/30', ADDRESSES.site[side][4]],
          passive: 'lan0',
        })
      }
      for (const side of ['A', 'B'] as const)
        await until(`ospfd of ${side} is Full`, 40_000, () => frr[side].full(), 250)
      t.pass('Full on both sides')
      await until(
        'a ping by the route that OSPF brought',
        30_000,
        async () => (await ping(hostA, ADDRESSES.host.B[4])).received === 1,
      )
      const routes = await topology.at.routerA.json<{ dst: string; dev: string; protocol: string }[]>(
        'route',
        'show',
        'proto',
        'ospf',
      )
      t.match(
        routes.find(route => route.dst === ADDRESSES.site.B[4]),
        { dev: 'gre1' },
      )
      for (const side of ['A', 'B'] as const) await frr[side].stop()
    },
  )

  await t.test('the MSS of SYN and SYN/ACK is clamped both ways, for IPv4 and IPv6', async t => {
    await sites.connect()
    await sites.up()
    const { mtu } = await routers.A.api.tunnel(tunnelName('A'))
    const server = await IperfServer.start(hostB, join(topology.folder, 'iperf.log'))
    for (const [family, header] of [
      [4, 40],
      [6, 60],
    ] as const) {
      const at = { A: hostA, B: hostB }
      const captures = await Promise.all(
        (['A', 'B'] as const).map(side =>
          Capture.start(at[side], 'lan0', join(topology.folder, `syn-${side}-${family}.pcap`), 128),
        ),
      )
      await iperf(hostA, ADDRESSES.host.B[family], { seconds: 1 })
      for (const capture of captures) {
        await capture.stop()
        const source = capture === captures[0] ? ADDRESSES.host.B[family] : ADDRESSES.host.A[family]
        const syns = (await capture.lines(`src host ${source} and tcp`, 200)).filter(line =>
          /Flags \[S\.?\]/.test(line),
        )
        t.ok(syns.length > 0)
        for (const line of syns)
          t.equal(/mss (\d+)/.exec(line)?.[1], `${mtu.tunnel - header}`, `IPv${family}: ${line.slice(0, 60)}`)
      }
    }
    await server.stop()
  })

  await t.test('RFC 4301 §8: "too big" from the underlay lowers the MTU of the tunnel', async t => {
    const before = (await routers.A.api.tunnel(tunnelName('A'))).mtu.tunnel
    await topology.at.underlay.ip(['link set dev toB mtu 1400'])
    await topology.at.routerB.ip(['link set dev wan0 mtu 1400'])
    const after = await until('a lower MTU', 30_000, async () => {
      await ping(hostA, ADDRESSES.host.B[4], { size: before - 28, whole: true })
      const { mtu } = await routers.A.api.tunnel(tunnelName('A'))
      return mtu.tunnel < before ? mtu.tunnel : undefined
    })
    t.equal(after, before - 100)
    const whole = await ping(hostA, ADDRESSES.host.B[4], {
      size: after - 28,
      whole: true,
      count: 2,
      interval: 0.1,
    })
    t.equal(whole.received, 2, whole.text)
    const [link] = await topology.at.routerA.json<{ mtu: number }[]>('link', 'show', 'dev', 'gre1')
    t.equal(link?.mtu, after, 'the interface follows')
  })
})
