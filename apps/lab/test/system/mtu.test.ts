/** Both ends of a tunnel have one MTU, whatever either path takes. */
import { join } from 'node:path'
import t from 'tap'
import { ADDRESSES, type Side } from '../../src/net/topology.js'
import { until } from '../../src/net/until.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

const SIDES = ['A', 'B'] as const
/** PRODUCT: 1500 octets of underlay are 1422 inside, with AES-GCM in tunnel mode. */
const INSIDE = 1422

t.test(
  'RFC 7296 §3.12, RFC 2328 §10.6: the MTU of both ends',
  { skip: noLab(), timeout: 180_000 },
  async t => {
    const sites = await twoSites(t)
    const { topology, routers } = sites
    const underlay = (side: Side, mtu: number): Promise<unknown> =>
      topology.router(side).ip([`link set dev wan0 mtu ${mtu}`])
    const interfaceMtu = async (side: Side): Promise<number | undefined> =>
      (await topology.router(side).json<{ mtu: number }[]>('link', 'show', 'dev', 'gre1'))[0]?.mtu
    const report = async (side: Side) => (await routers[side].api.tunnel(tunnelName(side))).mtu
    const both = (mtu: number): Promise<unknown> =>
      until(`both ends have ${mtu}`, 15_000, async () => {
        for (const side of SIDES)
          if ((await interfaceMtu(side)) !== mtu || (await report(side)).tunnel !== mtu) return false
        return true
      })
    const spis = async (): Promise<string> =>
      (await routers.A.api.tunnel(tunnelName('A'))).ike.map(sa => sa.spiInitiator).join()

    await underlay('B', 1400)
    await sites.connect({}, { B: { initiate: false } })
    await sites.up()

    await t.test(
      'differ in their underlay: the lower one holds at both, and both say whose it is',
      async t => {
        await both(INSIDE - 100)
        t.match(await report('A'), { own: INSIDE, theirs: INSIDE - 100, elsewhere: [] })
        t.match(await report('B'), { own: INSIDE - 100, theirs: INSIDE, elsewhere: [] })
        const { layers } = await routers.A.api.tunnel(tunnelName('A'))
        t.match(layers.mtu.detail, /^1322 octets, told by the peer \(ours is 1422, computed\)/)
      },
    )

    await t.test('FRR on the routers becomes Full over it', { skip: withoutFrr() }, async t => {
      const frr = {} as Record<Side, Frr>
      for (const side of SIDES) {
        frr[side] = new Frr(topology.router(side), join(topology.folder, `frr${side}`))
        topology.cleanup.add(`FRR ${side}`, () => frr[side].stop())
        const networks = ['10.255.0.0/30', ADDRESSES.site[side][4]]
        const routerId = ADDRESSES.tunnel[side][4]
        await frr[side].start({ routerId, interface: 'gre1', networks, passive: 'lan0' })
      }
      for (const side of SIDES) await until(`${side} is Full`, 60_000, () => frr[side].full(), 250)
      t.pass('Full on both sides')
      for (const side of SIDES) await frr[side].stop()
    })

    await t.test('change while it is up: both follow, down and up again, on the same IKE SA', async t => {
      const before = await spis()
      await underlay('A', 1300)
      await both(INSIDE - 200)
      await underlay('A', 1500)
      await both(INSIDE - 100)
      await underlay('B', 1500)
      await both(INSIDE)
      t.equal(await spis(), before)
    })

    await t.test('an MTU that is set by hand at one end is that of both', async t => {
      const set = (mtu: number | 'auto'): Promise<unknown> =>
        routers.B.api.ask('PATCH', `/v1/peers/${tunnelName('B')}`, { tunnel: { mtu } })
      await set(1380)
      await both(1380)
      t.match(await report('A'), { own: INSIDE, theirs: 1380 })
      await set('auto')
      await both(INSIDE)
    })
  },
)
