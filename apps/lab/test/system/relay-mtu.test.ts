/** OSPF packets as large as a LAN's MTU, through tunnels whose MTU is smaller. */
import { join } from 'node:path'
import t from 'tap'
import { Capture } from '../../src/net/capture.js'
import type { Namespace } from '../../src/net/namespace.js'
import { until } from '../../src/net/until.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { frrConf } from '../../src/peers/ospf-conf.js'
import { readFrr2, readFrr3 } from '../../src/peers/ospf-router.js'
import { linkName, type RelayLab, type RelayLink } from '../../src/relay-lab.js'
import { noLab, relayLab } from './gear.js'

/** External LSAs of each router: Database Descriptions and Updates of many packets, all but the last of 1500 octets. */
const MANY = 400
const ENDS = ['a', 'b'] as const
type End = (typeof ENDS)[number]
const number = (end: End): number => (end === 'a' ? 1 : 2)

const network4 = (end: End, i: number): string => `10.${100 + number(end)}.${i >> 8}.${i & 255}/32`
const network6 = (end: End, i: number): string => `fd00:${number(end)}:0:${(i + 1).toString(16)}::/64`

interface Site {
  readonly place: Namespace
  readonly frr: Frr
}

/** A router behind an appliance that tells of many networks. */
async function site(lab: RelayLab, end: End): Promise<Site> {
  const lan = `lan${end}`
  await lab.plug(end, lan, lan, [`10.20.0.${250 + number(end)}/24`])
  const place = await lab.host(`router${end}`, lan, {
    lan: [`10.20.0.${number(end)}/24`, `fe80::${number(end)}/64`],
    stub: [],
  })
  const each = Array.from({ length: MANY }, (_, i) => i)
  await place.ip(each.map(i => `route add blackhole ${network4(end, i)}`))
  await place.ip(each.map(i => `route add blackhole ${network6(end, i)}`))
  const frr = new Frr(place, join(lab.folder, `frr-${end}`))
  lab.switches.cleanup.add(`frr ${end}`, () => frr.stop())
  const { ospfd, ospf6d } = frrConf({
    routerId: `10.20.0.${number(end)}`,
    device: 'lan0',
    stubs: [],
    speaks: { 2: { network: 'broadcast' }, 3: { network: 'broadcast' } },
    timers: { hello: 1, dead: 8 },
  })
  await frr.run({ ospfd: `${ospfd} redistribute kernel\n`, ospf6d: `${ospf6d} redistribute kernel\n` })
  return { place, frr }
}

const learned = async ({ place }: Site, ...family: string[]): Promise<number> =>
  (await place.must(['ip', ...family, 'route', 'show', 'proto', 'ospf'])).split('\n').filter(Boolean).length

t.test(
  'RFC 2328 §10.6, RFC 791 §3.2, RFC 8200 §4.5: a large database crosses in packets of the LAN’s MTU',
  { skip: noLab() || withoutFrr(), timeout: 240_000 },
  async t => {
    const lab = await relayLab(t, ENDS)
    await lab.start()
    const sites = { a: await site(lab, 'a'), b: await site(lab, 'b') }
    const captures = {} as Record<End, Capture>
    for (const end of ENDS)
      captures[end] = await Capture.start(sites[end].place, 'lan0', join(lab.folder, `${end}.pcap`), 100)
    const link: RelayLink = {
      number: 1,
      ends: [
        { at: 'a', lan: 'lana' },
        { at: 'b', lan: 'lanb' },
      ],
    }
    await lab.link(link)
    await lab.forwarding([link])
    for (const end of ENDS) {
      const { frr } = sites[end]
      await until(`${end} is Full`, 120_000, async () => {
        const seen = [
          ...readFrr2(await frr.vtysh('show ip ospf neighbor')),
          ...readFrr3(await frr.vtysh('show ipv6 ospf6 neighbor')),
        ]
        return seen.length === 2 && seen.every(({ state }) => state === 'Full')
      })
      await until(`${end} knows all routes`, 60_000, async () => (await learned(sites[end])) >= MANY)
      await until(
        `${end} knows all routes of IPv6`,
        60_000,
        async () => (await learned(sites[end], '-6')) >= MANY,
      )
    }
    for (const end of ENDS) {
      await captures[end].stop()
      const [own] = await sites[end].place.json<{ address: string }[]>('link', 'show', 'dev', 'lan0')
      for (const filter of ['ip proto 89', 'ip6 proto 89']) {
        const whole = await captures[end].count(
          `${filter} and greater 1480 and not ether src ${own?.address}`,
        )
        t.ok(whole > 5, `${end}: ${whole} large packets of ${filter}, whole`)
      }
      const { tunnel } = (await lab.appliance(end).api.tunnel(linkName(1))).mtu
      t.ok(tunnel < 1480, `the tunnel takes ${tunnel} octets`)
      const drops = await lab
        .appliance(end)
        .api.ask<readonly { reason: string; count: number }[]>('GET', '/v1/drops')
      const wrong = drops.filter(({ reason, count }) => count > 0 && /fragment|too-big|lan-send/.test(reason))
      t.same(wrong, [])
    }
  },
)
