/** A host that means no good, on the LAN of a relay: floods, forgeries, fragments, lies. */
import { join } from 'node:path'
import type { RelayReport } from '@brunel/admin-api'
import t from 'tap'
import { flood } from '../../src/net/flood.js'
import { ospfPool } from '../../src/net/ospf-flood.js'
import { IperfServer, iperf, type Transfer } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { noLab, relayLab } from './gear.js'

const SIDES = ['a', 'b'] as const
type Side = (typeof SIDES)[number]
const PER_SECOND = 50_000
/** Longer than the dead interval. */
const SECONDS = 9
const ATTACKER = '10.9.0.66'
const ADDRESS = { a: '10.9.0.1', b: '10.9.0.2' } as const
const SITE = { a: '10.91.0', b: '10.92.0' } as const

/** What of the flood the relay refuses (docs/drops.md). Fragments that never become whole end in the kernel, and so do packets from our own addresses. */
const NAMED = [
  'ospf-length',
  'ospf-truncated',
  'ospf-version',
  'relay-flood',
  'relay-source-port',
  'relay-ttl',
]
const gbit = ({ bitsPerSecond }: Transfer): string => (bitsPerSecond / 1e9).toFixed(2)

const ospfd = (routerId: string): string => `interface lan0
 ip ospf area 0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 8
 ip ospf retransmit-interval 1
router ospf
 ospf router-id ${routerId}
`

t.test('a hostile LAN', { skip: noLab() || withoutFrr(), timeout: 300_000 }, async t => {
  const lab = await relayLab(t, SIDES)
  await lab.start()
  const frr = {} as Record<Side, Frr>
  for (const [i, side] of SIDES.entries()) {
    const n = i + 1
    await lab.plug(side, 'lan0', `lan-${side}`, [`10.9.0.25${n}/24`])
    await lab.appliance(side).place.ip([`addr add ${SITE[side]}.1/24 dev lo`])
    const host = await lab.host(`host-${side}`, `lan-${side}`, { lan: [`10.9.0.${n}/24`], stub: [] })
    frr[side] = new Frr(host, join(lab.folder, `frr-${side}`))
    t.teardown(() => frr[side].stop())
  }
  const ends = SIDES.map(at => ({ at, lan: 'lan0', routes: [`${SITE[at === 'a' ? 'b' : 'a']}.0/24`] }))
  await lab.link({ number: 1, ends: [ends[0]!, ends[1]!] })
  const [a, b] = [lab.appliance('a'), lab.appliance('b')]
  for (const [i, side] of SIDES.entries()) await frr[side].run({ ospfd: ospfd(`10.9.0.${i + 1}`) })
  const attacker = await lab.switches.place('attacker')
  await lab.switches.plug(attacker, 'lan0', 'lan-a', [`${ATTACKER}/24`])
  await attacker.ip(['route add 224.0.0.0/4 dev lan0'])
  const full = async (): Promise<boolean> => (await frr.a.full()) && (await frr.b.full())
  const report = async (): Promise<RelayReport> => {
    const [relay] = await a.api.ask<RelayReport[]>('GET', '/v1/relay')
    if (relay === undefined) throw new Error('no relay')
    return relay
  }
  /** Since when each of the two has the other: begins anew when an adjacency does. */
  const hellos = async (): Promise<readonly number[]> =>
    Promise.all(
      SIDES.map(async (side, i) => {
        const shown = await frr[side].vtysh('show ip ospf neighbor detail')
        const [, other = ''] = shown.split(`Neighbor 10.9.0.${2 - i},`)
        return Number(/(\d+) state changes/.exec(other)?.[1] ?? -1)
      }),
    )
  /** RFC 4293: fragments that the kernel received, to join them. */
  const ipReasmReqds = async (): Promise<number> => {
    const [names, values] = (await a.place.must(['grep', '^Ip:', '/proc/net/snmp'])).split('\n')
    const at = names?.split(' ').indexOf('ReasmReqds') ?? -1
    return Number(values?.split(' ')[at])
  }
  await until('both are Full', 60_000, full)
  const server = await IperfServer.start(b.place, join(lab.folder, 'iperf.log'))
  t.teardown(() => server.stop())
  const before = await iperf(a.place, `${SITE.b}.1`, { seconds: 2 })
  await t.test('(policy): OSPF that is routed into the tunnel does not cross it', async t => {
    const to = `${SITE.b}.1`
    await attacker.ip([`route add ${SITE.b}.0/24 via 10.9.0.251`])
    const count = async (): Promise<number> => (await a.api.drops())['relay-routed'] ?? 0
    const arrived = async (): Promise<number> => {
      const [relay] = await b.api.ask<RelayReport[]>('GET', '/v1/relay')
      return relay?.ports.find(({ tunnel }) => tunnel !== null)?.received ?? Number.NaN
    }
    const before = [await count(), await arrived()] as const
    await flood(attacker, to, {
      perSecond: 1200,
      seconds: 1,
      pool: ospfPool({ to, from: [ATTACKER], seed: 1 }),
    })
    const routed = (await count()) - before[0]
    t.ok(routed >= 50, `${routed} that left the LAN with TTL 2`)
    t.ok((await arrived()) - before[1] < 20, 'the far relay takes none of them for ours')
    t.ok(await full(), 'both are Full')
  })
  const strangers = Array.from({ length: 40 }, (_, i) => `10.9.1.${i + 1}`)
  const forged = [ATTACKER, ADDRESS.b, '10.9.0.251', '10.9.0.252', ...strangers]
  for (const [what, to] of [
    ['all OSPF routers', '224.0.0.5'],
    ['the neighbour behind the tunnel', ADDRESS.b],
  ] as const)
    await t.test(
      `RFC 2328 §8.2: ${PER_SECOND} packets a second to ${what}: refused by name, and nobody is hurt`,
      async t => {
        const drops = await a.api.drops()
        const fragments = await ipReasmReqds()
        const resident = a.resident()
        const began = await hellos()
        const cpu = a.cpuSeconds()
        const flooding = flood(attacker, to, {
          perSecond: PER_SECOND,
          seconds: SECONDS,
          pool: ospfPool({ to, from: forged, seed: 1 }),
        })
        const during = await iperf(a.place, `${SITE.b}.1`, { seconds: 2 })
        const sent = await flooding
        const used = (a.cpuSeconds() - cpu) / SECONDS
        const after = await a.api.drops()
        const grown = Object.entries(after)
          .map(([reason, count]) => [reason, count - (drops[reason] ?? 0)] as const)
          .filter(([, count]) => count > 0)
        t.comment(
          `sent ${sent['ip']}, ${used.toFixed(2)} s of CPU a second with iperf3; ${JSON.stringify(Object.fromEntries(grown))}`,
        )
        t.comment(
          `Gbit/s before ${gbit(before)}, during ${gbit(during)}; memory ${resident >> 20} MiB, then ${a.resident() >> 20}`,
        )
        const named = new Set(grown.map(([reason]) => reason))
        for (const reason of NAMED) t.ok(named.has(reason), reason)
        t.ok(
          (await ipReasmReqds()) - fragments > sent['ip']! / 12,
          'fragments end in the kernel, which counts them',
        )
        t.ok(during.bitsPerSecond > before.bitsPerSecond / 20, 'the tunnel carries')
        t.ok(a.resident() - resident < 64 << 20, 'memory is bounded')
        t.ok((await report()).neighbours.length < 256, 'and so are the tables')
        t.ok(await full(), 'both are Full')
        t.same(await hellos(), began, 'and have been all the time')
      },
    )
})
