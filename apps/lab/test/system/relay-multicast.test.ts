/** What a relay carries besides OSPF, where it is named and only there: PIM, RIP, EIGRP, VRRP and BFD between routers of FRR. */
import { join } from 'node:path'
import t from 'tap'
import { Capture } from '../../src/net/capture.js'
import { flood } from '../../src/net/flood.js'
import { until } from '../../src/net/until.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { linkName } from '../../src/relay-lab.js'
import { noLab, relayLab } from './gear.js'

const SIDES = ['a', 'b'] as const
type Side = (typeof SIDES)[number]
const ADDRESS = { a: '10.9.0.1', b: '10.9.0.2' } as const
const far = (side: Side): Side => (side === 'a' ? 'b' : 'a')
/** All that came from host A, and may not come unasked. */
const OTHER = `src host ${ADDRESS.a} and (ip proto 103 or ip proto 88 or ip proto 112 or udp port 520)`

const confs = (side: Side) => ({
  ospfd: `interface lan0
 ip ospf area 0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 5
router ospf
 ospf router-id ${ADDRESS[side]}
`,
  pimd: `interface lan0
 ip pim
 ip pim hello 1
${side === 'a' ? ' ip igmp\n ip igmp query-interval 1\n ip igmp query-max-response-time 5\n' : ''}`,
  ripd: `router rip
 version 2
 network lan0
 redistribute connected
 timers basic 5 60 60
`,
  ripngd: `router ripng
 network lan0
 redistribute connected
 timers basic 5 60 60
`,
  eigrpd: `router eigrp 4453
 network 10.9.0.0/24
`,
  bfdd: `bfd
 peer ${ADDRESS[far(side)]} interface lan0
  receive-interval 300
  transmit-interval 300
`,
})

/** RFC 5798 §5.1, §5.2: an advertisement of router 7 with TTL 255. */
const VRRP = `ip 45c0002000000000ff700000${hex(ADDRESS.a)}e00000123107640100640000c0a80001`

function hex(address: string): string {
  return Buffer.from(address.split('.').map(Number)).toString('hex')
}

t.test('other multicast and BFD', { skip: noLab() || withoutFrr(), timeout: 300_000 }, async t => {
  const lab = await relayLab(t, SIDES)
  await lab.start()
  const frr = {} as Record<Side, Frr>
  const hosts = {} as Record<Side, Awaited<ReturnType<typeof lab.host>>>
  for (const [i, side] of SIDES.entries()) {
    await lab.plug(side, 'lan0', `lan-${side}`, [`10.9.0.25${i + 1}/24`])
    hosts[side] = await lab.host(`host-${side}`, `lan-${side}`, {
      lan: [`${ADDRESS[side]}/24`],
      stub: [`10.9${i + 1}.0.1/24`, `fd00:9${i + 1}::1/64`],
    })
    await hosts[side].ip(['route add 224.0.0.0/4 dev lan0'])
    frr[side] = new Frr(hosts[side], join(lab.folder, `frr-${side}`))
    t.teardown(() => frr[side].stop())
  }
  const [one, other] = SIDES.map(at => ({ at, lan: 'lan0' }))
  await lab.link({ number: 1, ends: [one!, other!] })
  const here = await Capture.start(hosts.a, 'lan0', join(lab.folder, 'here.pcap'), 0, OTHER)
  const there = await Capture.start(hosts.b, 'lan0', join(lab.folder, 'there.pcap'), 0, `igmp or (${OTHER})`)
  for (const side of SIDES) await frr[side].run(confs(side))
  const shows = async (side: Side, command: string, wanted: RegExp): Promise<boolean> => {
    const shown = await frr[side].vtysh(command)
    if (wanted.test(shown)) return true
    throw new Error(`${command}: ${shown}`)
  }
  const bfd = (side: Side): Promise<boolean> => shows(side, 'show bfd peers', /Status: up/)
  for (const side of SIDES) await until(`${side} is Full`, 60_000, () => frr[side].full())

  await t.test('(policy): nothing but OSPF is carried unasked', async t => {
    for (const [what, filter] of [
      ['PIM', 'ip proto 103'],
      ['EIGRP', 'ip proto 88'],
      ['RIP', 'udp port 520'],
    ] as const)
      await until(`${what} is sent`, 30_000, async () => (await here.count(filter)) > 1)
    t.equal(await there.count(OTHER), 0)
    t.notOk(await bfd('b').catch(() => false), 'RFC 5881 §5: BFD that was routed has no TTL of 255')
  })

  await t.test(
    'RFC 5881 §5, (policy): what is named is carried, of both families, and BFD with TTL 255',
    async t => {
      const ospfRelay = { multicast: ['pim', 'rip', 'eigrp', 'vrrp'], bfd: true }
      for (const side of SIDES)
        await lab.appliance(side).api.ask('PATCH', `/v1/peers/${linkName(1)}`, { ospfRelay })
      for (const side of SIDES) {
        const [address, n] = [ADDRESS[far(side)], side === 'a' ? 2 : 1]
        await until('PIM', 60_000, () => shows(side, 'show ip pim neighbor', new RegExp(address)))
        await until('RIPv2', 60_000, () =>
          shows(side, 'show ip rip', new RegExp(`10\\.9${n}\\.0\\.0/24 +${address}`)),
        )
        await until('RIPng', 60_000, () =>
          shows(side, 'show ipv6 ripng', new RegExp(`fd00:9${n}::/64[^:]*\\n? *fe80`)),
        )
        await until('EIGRP', 60_000, () => shows(side, 'show ip eigrp neighbor', new RegExp(address)))
        await until('BFD', 60_000, () => bfd(side))
      }
      await until('VRRP', 30_000, async () => {
        await flood(hosts.a, '224.0.0.18', { perSecond: 5, seconds: 1, pool: VRRP })
        return (await there.count('ip proto 112 and ip[8] == 255')) > 0
      })
      for (const side of SIDES) t.ok(await frr[side].full(), 'and OSPF as before')
    },
  )

  await t.test('(policy): a group has a rate of its own, and IGMP never passes', async t => {
    const a = lab.appliance('a')
    const before = (await a.api.drops())['relay-rate'] ?? 0
    const passed = await there.count('ip proto 112')
    const sent = await flood(hosts.a, '224.0.0.18', { perSecond: 2000, seconds: 2, pool: manyVrrp() })
    const came = (await there.count('ip proto 112')) - passed
    t.comment(`${sent['ip']} advertisements sent, ${came} carried`)
    t.ok(came < (sent['ip'] ?? 0) / 2, 'VRRP is limited')
    t.ok(((await a.api.drops())['relay-rate'] ?? 0) > before, 'what is too much has a name')
    for (const side of SIDES) t.ok(await bfd(side), 'and BFD is not hurt')
    t.ok((await igmpSent()) > 0, 'IGMP was sent')
    t.equal(await there.count(`igmp and src host ${ADDRESS.a}`), 0)
  })

  async function igmpSent(): Promise<number> {
    const igmp = await Capture.start(
      hosts.a,
      'lan0',
      join(lab.folder, 'igmp.pcap'),
      0,
      `igmp and src host ${ADDRESS.a}`,
    )
    await until('a query', 30_000, async () => (await igmp.count('igmp')) > 0)
    const count = await igmp.count('igmp')
    await igmp.stop()
    return count
  }
})

/** No two alike: the same packet twice is carried once. */
const manyVrrp = (): string =>
  Array.from(
    { length: 4000 },
    (_, i) =>
      `ip 45c00020${i.toString(16).padStart(4, '0')}0000ff700000${hex(ADDRESS.a)}e000001231076401${i.toString(16).padStart(4, '0')}0000c0a80001`,
  ).join('\n')
