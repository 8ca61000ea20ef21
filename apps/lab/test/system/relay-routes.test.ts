/** Data follows the routes that OSPF brought through the relay; nobody has written one down. */
import { join } from 'node:path'
import type { RelayReport } from '@brunel/admin-api'
import t from 'tap'
import type { Namespace } from '../../src/net/namespace.js'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { frrConf } from '../../src/peers/ospf-conf.js'
import { linkName } from '../../src/relay-lab.js'
import { noLab, relayLab } from './gear.js'

/**
 *     stub A ── router A ── LAN ── appliance a ══ tunnel ══ appliance b ── LAN ── router B ── stub B
 *     10.91/24   10.9.0.1              │ wan                               10.9.0.2   10.92/24, 10.93/24
 *                                   internet 203.0.113.1
 */
const ENDS = [
  { at: 'a', id: '10.9.0.1', stubs: ['10.91.0.1/24', 'fd00:91::1/64'] },
  { at: 'b', id: '10.9.0.2', stubs: ['10.92.0.1/24', '10.93.0.1/24', 'fd00:92::1/64'] },
] as const
const FROM = { 4: '10.91.0.1', 6: 'fd00:91::1' } as const
const TO = { 4: '10.92.0.1', 6: 'fd00:92::1' } as const
const GONE = '10.93.0.0/24'
const OWN = { network: '10.94.0.0/24', ours: '10.94.0.9/24', theirs: '10.94.0.1/24' } as const
const INTERNET = '203.0.113.1'
/** Behind router B, and no router says so. */
const UNSAID = '198.18.0.1'

interface Rule {
  readonly priority: number
  readonly iif?: string
  readonly table: string
}

/** Where packets that come in by the LAN go, as the kernel has it. */
async function followed(place: Namespace, family: 4 | 6): Promise<string[]> {
  const rules = await place.json<Rule[]>(`-${family}`, 'rule', 'show')
  const rule = rules.find(({ priority, iif }) => priority === 1756 && iif === 'lan0')
  if (rule === undefined) return []
  const rows = await place.json<{ dst: string; dev?: string }[]>(
    `-${family}`,
    'route',
    'show',
    'table',
    rule.table,
  )
  return rows.filter(({ dev }) => dev !== undefined).map(({ dst }) => dst)
}

t.test('data follows OSPF', { skip: noLab() || withoutFrr(), timeout: 300_000 }, async t => {
  const lab = await relayLab(t, ['a', 'b'])
  const frr: Frr[] = []
  t.teardown(async () => {
    for (const one of frr) await one.stop()
  })
  const hosts: Namespace[] = []
  for (const [i, { at, id, stubs }] of ENDS.entries()) {
    await lab.plug(at, 'lan0', `lan-${at}`, [`10.9.0.${253 + i}/24`])
    const lan = [`${id}/24`, `fe80::${i + 1}/64`]
    const host = await lab.host(`router-${at}`, `lan-${at}`, { lan, stub: stubs })
    await host.ip([`route add default via 10.9.0.${253 + i}`])
    hosts.push(host)
    frr.push(new Frr(host, join(lab.folder, `frr-${at}`)))
  }
  const [a, b] = [lab.appliance('a').place, hosts[1] as Namespace]
  const from = hosts[0] as Namespace
  const internet = await lab.switches.place('internet')
  await lab.switches.plug(internet, 'wan0', 'wan', ['192.0.2.99/24'])
  await internet.ip([`addr add ${INTERNET}/32 dev lo`, 'route add 10.91.0.0/24 via 192.0.2.1'])
  await a.ip(['route add default via 192.0.2.99'])
  await b.ip([`addr add ${UNSAID}/32 dev lo`])
  await lab.start()
  const link = {
    number: 1,
    ends: [
      { at: 'a', lan: 'lan0' },
      { at: 'b', lan: 'lan0' },
    ],
  } as const
  await lab.link(link)
  await lab.forwarding([link])
  const speech = { network: 'point-to-point' } as const
  for (const [i, { id }] of ENDS.entries())
    await frr[i]?.run(
      frrConf({
        routerId: id,
        device: 'lan0',
        stubs: ['stub0'],
        speaks: { 2: speech, 3: speech },
        // Nobody is to die while bruneld is away.
        timers: { hello: 1, dead: 120 },
      }),
    )
  const answered = (to: string, limit = 60_000, source: string = to.includes(':') ? FROM[6] : FROM[4]) =>
    until(`a ping to ${to}`, limit, async () => (await ping(from, to, { from: source })).received === 1)

  await t.test('RFC 2328 §16, RFC 5340 §4.8: between stub networks that nobody has a route for', async t => {
    for (const to of [TO[4], TO[6], '10.93.0.1']) await answered(to)
    t.same((await followed(a, 4)).sort(), ['10.92.0.0/24', GONE])
    t.same(await followed(a, 6), ['fd00:92::/64'])
    const relay = await until('all LSAs are there', 20_000, async () => {
      const [seen] = (await lab.appliance('a').api.ask('GET', '/v1/relay')) as readonly {
        readonly routes: readonly { readonly to: string }[]
        readonly areas: readonly { readonly missing: number }[]
      }[]
      return seen?.areas.length === 2 && seen.areas.every(({ missing }) => missing === 0) ? seen : undefined
    })
    t.match(
      relay.routes.find(({ to }) => to === GONE),
      { port: 'lan', via: 'tunnel:link-1', neighbour: '10.9.0.2', kind: 'intra-area' },
    )
  })

  await t.test('our own network is not followed elsewhere, until it is ours no longer', async t => {
    await a.ip([
      'link add own0 type veth peer name own1',
      'link set own0 up',
      'link set own1 up',
      `addr add ${OWN.ours} dev own0`,
    ])
    await b.ip([`addr add ${OWN.theirs} dev stub0`])
    await until('OSPF says it', 20_000, async () =>
      JSON.stringify(await lab.appliance('a').api.ask('GET', '/v1/relay')).includes(OWN.network),
    )
    t.notOk((await followed(a, 4)).includes(OWN.network))
    await a.ip(['link del own0'])
    await until('it is followed', 20_000, async () => (await followed(a, 4)).includes(OWN.network))
    await b.ip([`addr del ${OWN.theirs} dev stub0`])
    await until('it is gone', 20_000, async () => !(await followed(a, 4)).includes(OWN.network))
  })

  await t.test('RFC 1191 §4: a router behind is told that its packet is too large', async t => {
    await until('the error comes', 20_000, async () => {
      const { text } = await ping(from, TO[4], { from: FROM[4], size: 1472, whole: true })
      return /mtu ?= ?1[34]\d\d/.test(text)
    })
    t.pass()
  })

  await t.test('what OSPF did not bring goes where the appliance sends it', async () => {
    await answered(INTERNET, 20_000)
  })

  await t.test('RFC 2328 §14.1: a network that is taken away is followed no longer', async t => {
    await b.ip(['addr del 10.93.0.1/24 dev stub0'])
    await until(`${GONE} is gone`, 20_000, async () => !(await followed(a, 4)).includes(GONE))
    t.same(await followed(a, 4), ['10.92.0.0/24'])
  })

  await t.test('a table that somebody changed is as OSPF wants it again', async () => {
    await a.ip([
      'route del 10.92.0.0/24 table 1751000001',
      'route add 10.95.0.0/24 dev gre1 table 1751000001 proto 175',
    ])
    await until('it is', 30_000, async () => (await followed(a, 4)).join() === '10.92.0.0/24')
  })

  await t.test(
    'RFC 2328 §12.4.4.1: a default route is followed from the LAN, and not by the appliance itself',
    async t => {
      await frr[1]?.configure('router ospf', 'default-information originate always')
      await answered(UNSAID)
      const [own] = await a.json<{ dev: string }[]>('route', 'get', UNSAID)
      t.equal(own?.dev, 'wan0')
      await frr[1]?.configure('router ospf', 'no default-information originate')
      await answered(INTERNET)
    },
  )

  const changes = async (): Promise<string | undefined> =>
    /(\d+) state changes/.exec((await frr[0]?.vtysh('show ip ospf neighbor detail')) ?? '')?.[1]

  await t.test('after SIGKILL data goes on by what was kept, though no router says it again', async t => {
    const before = await changes()
    await lab.appliance('a').kill()
    await lab.appliance('a').start()
    await answered(TO[4])
    await answered(TO[6])
    t.ok(before)
    t.equal(await changes(), before, 'the routers stayed Full all the time')
  })

  for (const group of ['renamed', 'lan0'])
    await t.test(`and when its group is called ${group}`, async t => {
      const before = await changes()
      const { api } = lab.appliance('a')
      await api.ask('PATCH', `/v1/peers/${linkName(1)}`, { ospfRelay: { group } })
      await until('the relay has the new name', 20_000, async () => {
        const [relay] = await api.ask<readonly RelayReport[]>('GET', '/v1/relay')
        return relay?.group === group && relay.ports.every(port => port.state === 'forwarding')
      })
      await answered(TO[4])
      await answered(TO[6])
      t.equal(await changes(), before, 'the routers stayed Full all the time')
    })

  await t.test('a tunnel that is down is followed by nothing, until it is up', async t => {
    const { api } = lab.appliance('a')
    await api.ask('POST', `/v1/tunnels/${linkName(1)}/down`)
    await until('nothing is followed', 20_000, async () => (await followed(a, 4)).length === 0)
    await api.ask('POST', `/v1/tunnels/${linkName(1)}/up`)
    await answered(TO[4])
    t.pass()
  })

  await t.test('what is blocked since its tunnel is down goes the other way that OSPF knows', async t => {
    const second = { ...link, number: 2, parallel: true }
    await lab.link(second)
    const { api } = lab.appliance('a')
    const name = linkName(1)
    await api.ask('PATCH', `/v1/peers/${name}`, { tunnel: { routes: ['10.92.0.0/24'] } })
    await until('the second is ready', 30_000, async () => (await lab.port('a', 2))?.state === 'standby')
    await answered(TO[4])
    await api.ask('POST', `/v1/tunnels/${name}/down`)
    await until('main refuses it', 20_000, async () =>
      /unreachable 10\.92\.0\.0\/24/.test(await a.must(['ip', 'route', 'show'])),
    )
    await answered(TO[4])
    t.match(await a.must(['ip', 'route', 'get', TO[4]]), /dev gre2/, 'what the appliance itself sends, too')
  })

  await t.test('nothing is left in the kernel when bruneld ends', async t => {
    await lab.appliance('a').stop()
    for (const family of ['-4', '-6']) {
      t.notMatch((await a.run(['ip', family, 'rule', 'show'])).out, /proto 175/)
      t.equal((await a.run(['ip', family, 'route', 'show', 'table', 'all', 'proto', '175'])).out, '')
    }
  })
})
