/** A stranger sends 100,000 malformed packets a second for 10 s, or forged beginnings of IKE, and the link goes on. */
import { join } from 'node:path'
import t from 'tap'
import { flood, malformedPool, spoofedPool } from '../../src/net/flood.js'
import { ADDRESSES } from '../../src/net/topology.js'
import { IperfServer, iperf, ping } from '../../src/net/traffic.js'
import { pause, until } from '../../src/net/until.js'
import { peerDocument } from '../../src/peers/peer-document.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

const PER_SECOND = 100_000
const SECONDS = 10
/** Seconds that a machine may take for it that cannot send as fast. */
const SLOW = 60

t.test('a flood of malformed IKE, ESP and GRE', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  const { hostA, hostB, stranger } = topology.at
  await sites.connect({ encapsulation: 'udp' })
  await sites.settled()
  const server = await IperfServer.start(hostB, join(topology.folder, 'iperf.log'))
  await iperf(hostA, ADDRESSES.host.B[4], { seconds: 1 })
  const sum = (drops: Readonly<Record<string, number>>): number =>
    Object.values(drops).reduce((all, n) => all + n, 0)
  const before = await routers.B.api.drops()
  const resident = routers.B.resident()
  const spi = (await routers.B.api.tunnel(tunnelName('B'))).ike[0]?.spiInitiator

  const [sent, carried] = await Promise.all([
    flood(stranger, ADDRESSES.wan.B[4], {
      perSecond: PER_SECOND,
      seconds: SECONDS,
      atMost: SLOW,
      pool: malformedPool(7),
    }),
    iperf(hostA, ADDRESSES.host.B[4], { seconds: SECONDS }),
  ])
  t.comment(JSON.stringify({ sent, megabits: Math.round(carried.bitsPerSecond / 1e6) }))
  const total = Object.values(sent).reduce((all, n) => all + n, 0)
  t.ok(total > 0.8 * PER_SECOND * SECONDS, `${total} packets were sent`)
  t.ok(carried.bytes > 5e6, `the link carried ${carried.bytes} octets meanwhile`)
  t.equal((await ping(hostA, ADDRESSES.host.B[4], { count: 5, interval: 0.05 })).received, 5)

  const after = await routers.B.api.drops()
  const grown = Object.entries(after).filter(([reason, count]) => count > (before[reason] ?? 0))
  t.comment(
    JSON.stringify(
      Object.fromEntries(grown.map(([reason, count]) => [reason, count - (before[reason] ?? 0)])),
    ),
  )
  t.ok(sum(after) - sum(before) > 1000, 'what came in is counted')
  for (const reason of ['esp-unknown-spi', 'gre-clear', 'ike-version', 'ike-length'])
    t.ok((after[reason] ?? 0) > (before[reason] ?? 0), `counted as ${reason}`)

  const growth = (routers.B.resident() - resident) / 2 ** 20
  t.ok(growth < 64, `memory grew by ${growth.toFixed(0)} MiB`)
  t.ok(routers.B.resident() < 200 * 2 ** 20, `${(routers.B.resident() / 2 ** 20).toFixed(0)} MiB resident`)
  const report = await routers.B.api.tunnel(tunnelName('B'))
  t.equal(report.ike[0]?.spiInitiator, spi, 'the IKE SA is the same')
  t.equal(report.state, 'up')
  await server.stop()
})

const FORGED_PER_SECOND = 5000

t.test(
  'RFC 7296 §2.6: a flood of IKE_SA_INIT from forged addresses, that of the peer among them',
  { skip: noLab(), timeout: 600_000 },
  async t => {
    const sites = await twoSites(t)
    const { topology, routers } = sites
    const { hostA, stranger } = topology.at
    await sites.connect({ encapsulation: 'udp' })
    await sites.settled()
    const name = tunnelName('A')
    const ike = async () => (await routers.A.api.tunnel(name)).ike[0]
    const before = await routers.B.api.drops()
    const first = await ike()
    const pool = spoofedPool(11, { target: ADDRESSES.wan.B[4], victim: ADDRESSES.wan.A[4] })
    const cpu = routers.B.cpuSeconds()
    const enough = new AbortController()
    const began = performance.now()
    const flooding = flood(stranger, ADDRESSES.wan.B[4], {
      perSecond: FORGED_PER_SECOND,
      seconds: SLOW,
      pool,
      until: enough.signal,
    })
    await until(
      'cookies are asked for',
      20_000,
      async () => ((await routers.B.api.drops())['ike-queue-full'] ?? 0) > (before['ike-queue-full'] ?? 0),
    )

    await routers.A.api.ask('POST', `/v1/tunnels/${name}/rekey`)
    const rekeyed = await until('the live tunnel is rekeyed in the flood', 20_000, async () => {
      const now = await ike()
      return (
        now?.spiInitiator !== first?.spiInitiator && now?.children[0]?.spiIn !== first?.children[0]?.spiIn
      )
    })
    t.ok(rekeyed)
    t.equal((await ping(hostA, ADDRESSES.host.B[4], { count: 20, interval: 0.05 })).received, 20)

    await routers.A.api.ask('DELETE', `/v1/peers/${name}`)
    await routers.A.api.ask('POST', '/v1/peers', peerDocument({ side: 'A', encapsulation: 'udp' }))
    const added = performance.now()
    await routers.A.up(name)
    const took = performance.now() - added
    await pause(Math.max(0, SECONDS * 1000 - (performance.now() - began)))
    const seconds = (performance.now() - began) / 1000
    enough.abort()
    const sent = await flooding
    t.comment(JSON.stringify({ sent, took: Math.round(took), cpu: routers.B.cpuSeconds() - cpu }))
    t.ok(seconds < SLOW - 1, `all that in the flood, which was ended after ${seconds.toFixed(1)} s`)
    t.ok((sent['ip'] ?? 0) > 0.7 * FORGED_PER_SECOND * SECONDS, `${sent['ip']} requests were sent`)
    const after = await routers.B.api.drops()
    t.ok((after['ike-queue-full'] ?? 0) > (before['ike-queue-full'] ?? 0), 'what was too much has a name')
    t.equal((await ping(hostA, ADDRESSES.host.B[4], { count: 5, interval: 0.05 })).received, 5)
    t.ok(((await routers.B.api.tunnel(tunnelName('B'))).ike.length ?? 0) >= 1)
  },
)
