import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Namespace } from '../../src/net/namespace.js'
import { ADDRESSES } from '../../src/net/topology.js'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Bruneld } from '../../src/peers/bruneld.js'
import { id, PSK, peerDocument } from '../../src/peers/peer-document.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

/** Underlays that are awkward: names, two families, many peers behind one NAT. */

const NAME = 'router-b.lab'

t.test(
  'a peer known by a name with addresses of both families',
  { skip: noLab(), timeout: 600_000 },
  async t => {
    const sites = await twoSites(t)
    const { topology, routers } = sites
    // `ip netns exec` puts these files over those of the machine.
    const folder = `/etc/netns/${topology.at.routerA.name}`
    const hosts = (...addresses: readonly string[]): void =>
      writeFileSync(join(folder, 'hosts'), addresses.map(address => `${address} ${NAME}\n`).join(''))
    mkdirSync(folder, { recursive: true })
    t.teardown(async () => rmSync(folder, { recursive: true, force: true }))
    hosts(ADDRESSES.wan.B[6], ADDRESSES.wan.B[4])
    await routers.A.stop()
    await routers.A.start()
    const { A: a, B: b } = routers
    const remoteOfA = async (): Promise<string> => (await a.api.tunnel(tunnelName('A'))).ike[0]?.remote ?? ''
    const crossing = async (): Promise<boolean> =>
      (await ping(topology.at.hostA, ADDRESSES.host.B[4])).received === 1
    const connect = async (prefer: 'ipv4' | 'ipv6'): Promise<void> => {
      const ofA = peerDocument({ side: 'A', remote: NAME }) as { local: { id: string }; remote: object }
      const ofB = peerDocument({ side: 'B', remote: 'any', initiate: false }) as { local: { id: string } }
      for (const side of ['A', 'B'] as const)
        await routers[side].api.send('DELETE', `/v1/peers/${tunnelName(side)}`)
      await b.api.ask('POST', '/v1/peers', { ...ofB, local: { id: ofB.local.id } })
      await a.api.ask('POST', '/v1/peers', {
        ...ofA,
        local: { id: ofA.local.id },
        remote: { ...ofA.remote, prefer },
      })
    }

    for (const [prefer, address] of [
      ['ipv4', `${ADDRESSES.wan.B[4]}:`],
      ['ipv6', `[${ADDRESSES.wan.B[6]}]:`],
    ] as const)
      await t.test(`\`remote.prefer\`: ${prefer} is tried first`, async t => {
        await connect(prefer)
        await until('ping', 30_000, crossing)
        t.ok((await remoteOfA()).startsWith(address), await remoteOfA())
      })

    await t.test('IPv6 leads nowhere: IPv4 carries the tunnel, one attempt later', async t => {
      await topology.at.underlay.must(['nft', '-f', '-'], {
        input: 'table ip6 gone { chain f { type filter hook forward priority 0; drop; }; }\n',
      })
      await until('ping by the other family', 60_000, crossing)
      t.ok((await remoteOfA()).startsWith(`${ADDRESSES.wan.B[4]}:`), await remoteOfA())
    })

    await t.test('the name leads elsewhere by now: it is resolved anew at each attempt', async t => {
      const moved = '198.51.100.77'
      await topology.at.routerB.ip([
        `addr del ${ADDRESSES.wan.B[4]}/24 dev wan0`,
        `addr add ${moved}/24 dev wan0`,
        `route replace 192.0.2.0/24 via ${ADDRESSES.gateway.B[4]}`,
      ])
      hosts(moved)
      await until('ping to the new address', 40_000, crossing)
      t.ok((await remoteOfA()).startsWith(`${moved}:`), await remoteOfA())
    })
  },
)

t.test('two peers behind one NAT', { skip: noLab(), timeout: 600_000 }, async t => {
  const { topology, routers } = await twoSites(t, { nat: true })
  // A second router on the inside of the same NAT.
  const place = await Namespace.make(topology.at.routerA.name.replace('routerA', 'routerC'))
  topology.cleanup.add('routerC', () => place.remove())
  await topology.at.underlay.ip([
    `link add toC type veth peer name wan0 netns ${place.name}`,
    'addr add 192.0.2.129/32 peer 192.0.2.130/32 dev toC',
    'link set toC up',
  ])
  await place.ip([
    'addr add 192.0.2.130/32 peer 192.0.2.129/32 dev wan0',
    'link set wan0 up',
    'route add default via 192.0.2.129',
  ])
  const c = new Bruneld(place, join(topology.folder, 'router-C'))
  topology.cleanup.add('bruneld C', () => c.stop())
  await c.start()

  const ofB = (name: string, far: string, n: number): Record<string, unknown> => ({
    name,
    local: { id: id('B') },
    remote: { address: 'any', id: far },
    auth: { method: 'psk', psk: PSK },
    tunnel: { interface: `gre${n}`, addresses: [`10.255.${n}.2/30`] },
  })
  const ofBranch = (own: string, n: number): Record<string, unknown> => ({
    name: 'site-b',
    local: { id: own },
    remote: { address: ADDRESSES.wan.B[4], id: id('B') },
    auth: { method: 'psk', psk: PSK },
    tunnel: { interface: 'gre1', addresses: [`10.255.${n}.1/30`] },
  })
  await routers.B.api.ask('POST', '/v1/peers', ofB('branch-a', 'a.lab', 1))
  await routers.B.api.ask('POST', '/v1/peers', ofB('branch-c', 'c.lab', 3))
  await routers.A.api.ask('POST', '/v1/peers', ofBranch('a.lab', 1))
  await c.api.ask('POST', '/v1/peers', ofBranch('c.lab', 3))
  for (const name of ['branch-a', 'branch-c']) await routers.B.up(name)

  const remotes = await Promise.all(
    ['branch-a', 'branch-c'].map(async name => (await routers.B.api.tunnel(name)).ike[0]?.remote ?? ''),
  )
  t.equal(new Set(remotes).size, 2, `RFC 3948 §5.2: told apart by their ports: ${remotes.join(' ')}`)
  for (const remote of remotes) t.match(remote, /^198\.51\.100\.1:/, 'one public address')
  for (const [what, from, to] of [
    ['to A', topology.at.routerB, '10.255.1.1'],
    ['to C', topology.at.routerB, '10.255.3.1'],
    ['from A', topology.at.routerA, '10.255.1.2'],
    ['from C', place, '10.255.3.2'],
  ] as const)
    t.equal((await ping(from, to, { count: 5, interval: 0.05 })).received, 5, what)

  await t.test('the rekey of one leaves the other alone', async t => {
    const before = (await routers.B.api.tunnel('branch-c')).ike[0]?.children[0]?.spiIn
    await routers.A.api.ask('POST', '/v1/tunnels/site-b/rekey')
    await c.api.ask('POST', '/v1/tunnels/site-b/rekey?what=ike')
    t.equal((await ping(topology.at.routerB, '10.255.1.1', { count: 5, interval: 0.05 })).received, 5)
    t.equal((await ping(topology.at.routerB, '10.255.3.1', { count: 5, interval: 0.05 })).received, 5)
    t.equal((await routers.B.api.tunnel('branch-c')).ike[0]?.children[0]?.spiIn, before)
  })
})
