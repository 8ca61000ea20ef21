/** OSPF between routers that stand behind ours: FRR on the hosts of both sites. */
import { join } from 'node:path'
import t from 'tap'
import type { Side } from '../../src/net/topology.js'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Frr, type OspfOptions, withoutFrr } from '../../src/peers/frr.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

/** One subnet for the neighbours of both sites, and a stub network behind each. */
const LAN = {
  A: { host: '10.9.0.1', router: '10.9.0.253', stub: '10.91.0' },
  B: { host: '10.9.0.2', router: '10.9.0.254', stub: '10.92.0' },
} as const
const SIDES = ['A', 'B'] as const

t.test('the OSPF relay', { skip: noLab() || withoutFrr(), timeout: 300_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  for (const side of SIDES) {
    const { host, router, stub } = LAN[side]
    await topology.host(side).ip([`addr add ${host}/24 dev lan0`, `addr add ${stub}.1/24 dev lo`])
    await topology.router(side).ip([`addr add ${router}/24 dev lan0`])
  }
  await sites.connect()
  for (const side of SIDES)
    await routers[side].api.ask('PATCH', `/v1/peers/${tunnelName(side)}`, {
      ospfRelay: { interface: 'lan0' },
    })
  await sites.up()

  const shapes: readonly Pick<OspfOptions, 'network' | 'md5'>[] = [
    { network: 'point-to-point' },
    { network: 'broadcast' },
    { network: 'broadcast', md5: 'sword-and-shield' },
  ]
  for (const shape of shapes)
    await t.test(
      `RFC 2328 §8.1, §10.6, §13.5: ${shape.network}${shape.md5 === undefined ? '' : ', MD5'}: Full, and the routes carry`,
      async t => {
        const frr = {} as Record<Side, Frr>
        for (const side of SIDES) {
          const { host, stub } = LAN[side]
          frr[side] = new Frr(topology.host(side), join(topology.folder, `frr${side}-${performance.now()}`))
          t.teardown(() => frr[side].stop())
          const networks = ['10.9.0.0/24', `${stub}.0/24`]
          await frr[side].start({ routerId: host, interface: 'lan0', networks, passive: 'lo', ...shape })
        }
        for (const side of SIDES) await until(`${side} is Full`, 60_000, () => frr[side].full(), 250)
        await until(
          'a ping by the routes that OSPF brought',
          20_000,
          async () => (await ping(topology.at.hostA, `${LAN.B.stub}.1`)).received === 1,
        )
        await until('both directions are seen as Full', 5000, async () => {
          const [relay] = (await routers.A.api.ask('GET', '/v1/relay')) as {
            readonly neighbours: readonly { readonly states: readonly { readonly state: string }[] }[]
            readonly findings: readonly unknown[]
          }[]
          const states = relay?.neighbours.flatMap(({ states }) => states.map(({ state }) => state)) ?? []
          return (
            states.length === 2 && states.every(state => state === 'Full') && relay?.findings.length === 0
          )
        })
        for (const side of SIDES) await frr[side].stop()
      },
    )
})
