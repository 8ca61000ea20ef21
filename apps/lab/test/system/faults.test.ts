/** What breaks comes back by itself within 15 s of its cause being gone, and leaves nothing behind. */
import t from 'tap'
import { ADDRESSES, type Side } from '../../src/net/topology.js'
import { ping } from '../../src/net/traffic.js'
import { pause, until } from '../../src/net/until.js'
import { peerDocument } from '../../src/peers/peer-document.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, tunnelTraces, twoSites } from './gear.js'

const BACK = 15_000

t.test('faults', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  await sites.connect()
  await sites.up()
  const clean = { A: await tunnelTraces(topology, 'A'), B: await tunnelTraces(topology, 'B') }
  t.same(clean.A.links, ['gre1'])

  /** Keeps sending meanwhile, as hosts do. */
  const crossing = async (): Promise<boolean> =>
    (await ping(topology.at.hostA, ADDRESSES.host.B[4])).received === 1

  async function back(
    t: { ok(v: unknown, text: string): unknown; same(a: unknown, b: unknown, text: string): unknown },
    what: string,
  ): Promise<void> {
    const began = performance.now()
    await until(`${what}: the link is back`, BACK, crossing)
    t.ok(true, `back after ${((performance.now() - began) / 1000).toFixed(1)} s`)
    await sites.up()
    for (const side of ['A', 'B'] as const)
      t.same(
        await tunnelTraces(topology, side),
        clean[side],
        `router ${side}: one interface, each route once`,
      )
    await sites.settled()
  }

  for (const side of ['B', 'A'] as Side[])
    await t.test(`bruneld of router ${side} is killed with SIGKILL and started again`, async t => {
      await routers[side].kill()
      t.same(await tunnelTraces(topology, side), { links: [], routes: [] }, 'nothing is left of it')
      await crossing()
      await routers[side].start()
      await back(t, 'after SIGKILL')
    })

  await t.test('both are killed at once and started again', async t => {
    await Promise.all([routers.A.kill(), routers.B.kill()])
    await Promise.all([routers.A.start(), routers.B.start()])
    await back(t, 'after both')
  })

  await t.test('the underlay is cut until both have given up, then mended', async t => {
    await topology.cut('B', true)
    const began = performance.now()
    await until('A has noticed', 30_000, async () => {
      await crossing()
      return (await routers.A.api.tunnel(tunnelName('A'))).state !== 'up'
    })
    t.ok(
      performance.now() - began < 12_000,
      `noticed after ${((performance.now() - began) / 1000).toFixed(1)} s of sending`,
    )
    await pause(Math.max(0, 30_000 - (performance.now() - began))) // the length of the cut is what is tested
    await topology.cut('B', false)
    await back(t, 'after the cut')
  })

  await t.test('SIGTERM tells the peer and removes the interface', async t => {
    const said = routers.B.log().length
    t.equal(await routers.A.stop(), 0)
    t.same(await tunnelTraces(topology, 'A'), { links: [], routes: [] })
    await until('B knows', 30_000, async () => (await routers.B.api.tunnel(tunnelName('B'))).state !== 'up')
    t.match(routers.B.log().slice(said), /BRUNEL_IKE_CLOSED_BY_PEER/, 'since it was told')
    await routers.A.start()
    await back(t, 'after SIGTERM')
  })

  await t.test('the address of a peer changes', async t => {
    for (const side of ['A', 'B'] as const) {
      const document = peerDocument({
        side,
        ...(side === 'B' ? { remote: 'any', initiate: false } : {}),
      }) as { local: { id: string } }
      await routers[side].api.send('DELETE', `/v1/peers/${tunnelName(side)}`)
      await routers[side].api.ask('POST', '/v1/peers', { ...document, local: { id: document.local.id } })
    }
    await until('up from the first address', BACK, crossing)
    await topology.at.routerA.ip([
      'addr del 192.0.2.2/24 dev wan0',
      'addr add 192.0.2.77/24 dev wan0',
      `route replace 198.51.100.0/24 via ${ADDRESSES.gateway.A[4]}`,
    ])
    await back(t, 'after the change')
    const { ike } = await routers.B.api.tunnel(tunnelName('B'))
    t.match(ike[0]?.remote, /192\.0\.2\.77/)
  })
})
