/** A tunnel that carries nothing any more: what becomes of the OSPF neighbours behind it, and of the routes into it. */
import { join } from 'node:path'
import t from 'tap'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { linkName } from '../../src/relay-lab.js'
import { noLab, relayLab } from './gear.js'

const SIDES = ['a', 'b'] as const
type Side = (typeof SIDES)[number]
/** Longer than any machine needs to see that the line is cut. */
const DEAD = 15
const SITE = { a: '10.91.0', b: '10.92.0' } as const

const ospfd = (routerId: string): string => `interface lan0
 ip ospf area 0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval ${DEAD}
 ip ospf retransmit-interval 1
router ospf
 ospf router-id ${routerId}
`

t.test('a tunnel that carries no data', { skip: noLab() || withoutFrr(), timeout: 300_000 }, async t => {
  const lab = await relayLab(t, SIDES)
  await lab.start()
  const frr = {} as Record<Side, Frr>
  const lans = {} as Record<Side, string>
  for (const [i, side] of SIDES.entries()) {
    const n = i + 1
    lans[side] = await lab.plug(side, 'lan0', `lan-${side}`, [`10.9.0.25${n}/24`])
    // Another way between the two appliances, of which Brunel knows nothing.
    await lab.plug(side, 'back0', 'back', [`10.77.0.${n}/24`])
    const far = side === 'a' ? 'b' : 'a'
    await lab
      .appliance(side)
      .place.ip([
        `addr add ${SITE[side]}.1/24 dev lo`,
        `route add ${SITE[far]}.0/24 via 10.77.0.${3 - n} metric 100`,
      ])
    const host = await lab.host(`host-${side}`, `lan-${side}`, { lan: [`10.9.0.${n}/24`], stub: [] })
    frr[side] = new Frr(host, join(lab.folder, `frr-${side}`))
    t.teardown(() => frr[side].stop())
  }
  const ends = SIDES.map(at => ({ at, lan: 'lan0', routes: [`${SITE[at === 'a' ? 'b' : 'a']}.0/24`] }))
  await lab.link({ number: 1, ends: [ends[0]!, ends[1]!] })
  // Only one of the two wants it.
  const a = lab.appliance('a')
  await a.api.ask('PATCH', `/v1/peers/${linkName(1)}`, { ospfRelay: { failFast: true } })
  const events: string[] = []
  t.teardown(a.api.events(({ event }) => events.push(event)))
  for (const [i, side] of SIDES.entries()) await frr[side].run({ ospfd: ospfd(`10.9.0.${i + 1}`) })

  const full = async (): Promise<boolean> => (await frr.a.full()) && (await frr.b.full())
  const way = async (): Promise<string> => {
    const [route] = await a.place.json<{ dev?: string }[]>(
      'route',
      'get',
      `${SITE.b}.1`,
      'from',
      `${SITE.a}.1`,
    )
    return route?.dev ?? ''
  }
  const crosses = async (): Promise<boolean> =>
    (await ping(a.place, `${SITE.b}.1`, { from: `${SITE.a}.1` })).received === 1
  await until('both are Full', 60_000, full)
  t.equal(await way(), 'gre1', 'the routes lead into the tunnel, though another way is there')
  t.ok(await crosses())

  await t.test(
    'RFC 2328 §10.5: the line is cut: with failFast the neighbour is gone at once, without it after its dead interval',
    async t => {
      await lab.cut('b', true)
      const began = performance.now()
      await until('a is told', DEAD * 1000, async () => !(await frr.a.full()))
      t.comment(`a was told ${Math.round(performance.now() - began)} ms after the cut`)
      await until('b sees it too', DEAD * 1000, async () => (await lab.port('b', 1))?.state === 'down')
      const shown = await frr.b.vtysh('show ip ospf neighbor')
      const left = Number(/Full\/\S+ +\S+ +([\d.]+)s/.exec(shown)?.[1] ?? 0)
      t.comment(`b waits ${left} s more`)
      t.ok(left > 0, 'b has no failFast: its neighbour is Full still')
      t.ok(events.includes('relay-fail-fast'))
    },
  )

  await t.test('the routes leave the tunnel, and another way serves', async t => {
    await until('the other way', 30_000, async () => (await way()) === 'back0')
    await until('a ping by it', 30_000, crosses)
    t.ok(events.includes('routes-withdrawn'))
    const { layers } = await a.api.tunnel(linkName(1))
    t.match(layers.routing, { state: /down|degraded/ })
  })

  await t.test('without another way nothing follows the default route, unless that is wanted', async t => {
    await a.place.ip([`route del ${SITE.b}.0/24 metric 100`, 'route add default via 10.77.0.2'])
    await t.rejects(way(), /unreachable|No route/i, 'block')
    await a.api.ask('PATCH', `/v1/peers/${linkName(1)}`, { tunnel: { whenDown: 'withdraw' } })
    t.equal(await way(), 'back0', 'withdraw')
    await a.api.ask('PATCH', `/v1/peers/${linkName(1)}`, { tunnel: { whenDown: 'keep' } })
    t.equal(await way(), 'gre1', 'keep')
    await a.api.ask('PATCH', `/v1/peers/${linkName(1)}`, { tunnel: { whenDown: 'block' } })
    await t.rejects(way(), /unreachable|No route/i)
  })

  await t.test('the dead interval of b runs out, as it has to', async () => {
    await until('b gives up', (DEAD + 30) * 1000, async () => !(await frr.b.full()))
  })

  await t.test(
    'the line is mended: the routes are back, and the neighbours Full, without a hand',
    async t => {
      await lab.cut('b', false)
      await until('the tunnel again', 60_000, async () => (await way()) === 'gre1')
      await until('a ping through it', 30_000, crosses)
      await until('both are Full again', 60_000, full)
      t.ok(events.includes('routes-restored'))
      const left = await a.place.must(['ip', 'route', 'show', 'proto', '175', 'type', 'unreachable'])
      t.equal(left.trim(), '', 'and nothing is blocked')
    },
  )

  await t.test('RFC 2328 §10.5: a LAN that loses its link is told to the far side', async t => {
    await lab.switches.room.ip([`link set ${lans.a} down`])
    const began = performance.now()
    await until('b is told', DEAD * 1000, async () => !(await frr.b.full()))
    t.comment(`b was told ${Math.round(performance.now() - began)} ms after the link went down`)
    t.ok(await frr.a.full(), 'a has to wait: nobody can tell it')
    await lab.switches.room.ip([`link set ${lans.a} up`])
    await until('both are Full again', 60_000, full)
  })
})
