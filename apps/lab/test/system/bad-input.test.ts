/** A stranger sends 100,000 malformed packets a second for 10 s, and the link goes on. */
import { join } from 'node:path'
import t from 'tap'
import { flood, malformedPool } from '../../src/net/flood.js'
import { ADDRESSES } from '../../src/net/topology.js'
import { IperfServer, iperf, ping } from '../../src/net/traffic.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

const PER_SECOND = 100_000
const SECONDS = 10

t.test('a flood of malformed IKE, ESP and GRE', { skip: noLab(), timeout: 120_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  const { hostA, hostB, stranger } = topology.at
  await sites.connect({ encapsulation: 'udp' })
  await sites.up()
  const server = await IperfServer.start(hostB, join(topology.folder, 'iperf.log'))
  await iperf(hostA, ADDRESSES.host.B[4], { seconds: 1 })
  const sum = (drops: Readonly<Record<string, number>>): number =>
    Object.values(drops).reduce((all, n) => all + n, 0)
  const before = await routers.B.api.drops()
  const resident = routers.B.resident()
  const spi = (await routers.B.api.tunnel(tunnelName('B'))).ike[0]?.spiInitiator

  const [sent, carried] = await Promise.all([
    flood(stranger, ADDRESSES.wan.B[4], { perSecond: PER_SECOND, seconds: SECONDS, pool: malformedPool(7) }),
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
