/** What the relay says when two routers behind it disagree: each mismatch made on purpose, with FRR on the hosts of both sites. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OspfNeighbour, RelayReport, RouterEvent } from '@brunel/admin-api'
import t from 'tap'
import { Capture } from '../../src/net/capture.js'
import { run } from '../../src/net/command.js'
import { PLAIN_NODE } from '../../src/net/environment.js'
import type { Side } from '../../src/net/topology.js'
import { until } from '../../src/net/until.js'
import { BRUNEL } from '../../src/peers/bruneld.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

const SIDES = ['A', 'B'] as const
const ROUTER_ID = { A: '10.9.0.1', B: '10.9.0.2' } as const
const LINK_LOCAL = { A: 'fe80::a', B: 'fe80::b' } as const

const ospfd = (side: Side): string => `interface lan0
 ip ospf area 0.0.0.1
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf retransmit-interval 1
router ospf
 ospf router-id ${ROUTER_ID[side]}
 timers throttle spf 0 50 500
`
const ospf6d = (side: Side): string => `interface lan0
 ipv6 ospf6 area 0.0.0.1
 ipv6 ospf6 network point-to-point
 ipv6 ospf6 hello-interval 1
 ipv6 ospf6 dead-interval 4
 ipv6 ospf6 retransmit-interval 1
router ospf6
 ospf6 router-id ${ROUTER_ID[side]}
 timers throttle spf 0 50 500
`

interface Case {
  readonly title: string
  readonly code: string
  /** What each side's values are then: A's and B's. */
  readonly values: readonly [string, string]
  readonly versions: readonly (2 | 3)[]
  readonly sentence: RegExp
  /** Lines for the FRR of B, or what else is done there. */
  readonly spoil: Doing
  readonly mend: Doing
  /** What both need to be beforehand. */
  readonly before?: readonly string[]
  /** It takes two routers that have elected one. */
  readonly elected?: boolean
  /** Until the dead interval the other still names it: nothing shows before. */
  readonly afterDead?: boolean
}
interface Doing {
  /** Lines for FRR. */
  readonly frr?: readonly string[]
  /** Lines for `ip`. */
  readonly ip?: readonly string[]
  /** OSPF begins anew. */
  readonly clear?: boolean
}

const both = (v2: string, v3: string): readonly string[] => ['interface lan0', v2, v3]
const routerId = (id: string): Doing => ({
  frr: ['router ospf', `ospf router-id ${id}`, 'exit', 'router ospf6', `ospf6 router-id ${id}`],
  clear: true,
})

const CASES: readonly Case[] = [
  {
    title: 'RFC 2328 §8.2: another area',
    code: 'BRUNEL_OSPF_AREA',
    values: ['0.0.0.1', '0.0.0.2'],
    versions: [2, 3],
    sentence: /is in area 0\.0\.0\.1, .* is in area 0\.0\.0\.2\./,
    spoil: {
      frr: [
        ...both('no ip ospf area', 'no ipv6 ospf6 area 0.0.0.1'),
        'ip ospf area 0.0.0.2',
        'ipv6 ospf6 area 0.0.0.2',
      ],
    },
    mend: {
      frr: [
        ...both('no ip ospf area', 'no ipv6 ospf6 area 0.0.0.2'),
        'ip ospf area 0.0.0.1',
        'ipv6 ospf6 area 0.0.0.1',
      ],
    },
  },
  {
    title: 'RFC 2328 §10.5: another hello interval',
    code: 'BRUNEL_OSPF_HELLO_INTERVAL',
    values: ['1 s', '2 s'],
    versions: [2, 3],
    sentence: /has a hello interval of 1 s, .* has a hello interval of 2 s\./,
    spoil: { frr: both('ip ospf hello-interval 2', 'ipv6 ospf6 hello-interval 2') },
    mend: { frr: both('ip ospf hello-interval 1', 'ipv6 ospf6 hello-interval 1') },
  },
  {
    title: 'RFC 2328 §10.5: another dead interval',
    code: 'BRUNEL_OSPF_DEAD_INTERVAL',
    values: ['4 s', '7 s'],
    versions: [2, 3],
    sentence: /has a dead interval of 4 s, .* has a dead interval of 7 s\./,
    spoil: { frr: both('ip ospf dead-interval 7', 'ipv6 ospf6 dead-interval 7') },
    mend: { frr: both('ip ospf dead-interval 4', 'ipv6 ospf6 dead-interval 4') },
  },
  {
    title: 'RFC 2328 §10.5: a stub area here, a normal one there',
    code: 'BRUNEL_OSPF_STUB',
    values: ['normal', 'stub'],
    versions: [2, 3],
    sentence: /says that its area is normal, .* says that its area is a stub\./,
    spoil: { frr: ['router ospf', 'area 0.0.0.1 stub', 'exit', 'router ospf6', 'area 0.0.0.1 stub'] },
    mend: { frr: ['router ospf', 'no area 0.0.0.1 stub', 'exit', 'router ospf6', 'no area 0.0.0.1 stub'] },
  },
  {
    title: 'RFC 2328 §8.2, §D.3: another authentication type',
    code: 'BRUNEL_OSPF_AUTHENTICATION',
    values: ['none', 'simple password'],
    versions: [2],
    sentence: /authenticates by: none, .* authenticates by: simple password\./,
    spoil: { frr: ['interface lan0', 'ip ospf authentication', 'ip ospf authentication-key shield'] },
    mend: { frr: ['interface lan0', 'no ip ospf authentication', 'no ip ospf authentication-key'] },
  },
  {
    title: 'RFC 2328 §1.2: the router id of the other',
    code: 'BRUNEL_OSPF_ROUTER_ID',
    values: [ROUTER_ID.A, ROUTER_ID.A],
    versions: [2, 3],
    sentence: /have the same router id\./,
    spoil: routerId(ROUTER_ID.A),
    mend: routerId(ROUTER_ID.B),
  },
  {
    title: 'RFC 5340 §2.4: another instance id',
    code: 'BRUNEL_OSPF_INSTANCE',
    values: ['0', '9'],
    versions: [3],
    sentence: /speaks in instance 0, .* speaks in instance 9\./,
    spoil: { frr: ['interface lan0', 'ipv6 ospf6 instance-id 9'] },
    mend: { frr: ['interface lan0', 'ipv6 ospf6 instance-id 0'] },
  },
  {
    title: 'RFC 2328 §10.6: another MTU',
    code: 'BRUNEL_OSPF_MTU',
    values: ['1500', '1400'],
    versions: [2, 3],
    sentence: /\(router 10\.9\.0\.1, .*\) announces an MTU of 1500, .* one of 1400 and refuses it\./,
    spoil: { ip: ['link set lan0 mtu 1400'], frr: ['interface lan0', 'ipv6 ospf6 ifmtu 1400'] },
    mend: { ip: ['link set lan0 mtu 1500'], frr: ['interface lan0', 'ipv6 ospf6 ifmtu 1500'] },
  },
  {
    title: 'RFC 2328 §9.4: broadcast here, point-to-point there',
    code: 'BRUNEL_OSPF_NETWORK_TYPE',
    values: ['broadcast', 'point-to-point'],
    versions: [2, 3],
    sentence: /elects a Designated Router, .* knows of no Designated Router\./,
    before: both('ip ospf network broadcast', 'ipv6 ospf6 network broadcast'),
    elected: true,
    spoil: { frr: both('ip ospf network point-to-point', 'ipv6 ospf6 network point-to-point') },
    mend: { frr: both('ip ospf network broadcast', 'ipv6 ospf6 network broadcast') },
  },
  {
    title: 'RFC 2328 §10.5: another network mask',
    code: 'BRUNEL_OSPF_MASK',
    values: ['255.255.255.0', '255.255.255.128'],
    versions: [2],
    sentence: /has the network mask 255\.255\.255\.0, .* has the network mask 255\.255\.255\.128\./,
    spoil: { ip: ['addr del 10.9.0.2/24 dev lan0', 'addr add 10.9.0.2/25 dev lan0'] },
    mend: { ip: ['addr del 10.9.0.2/25 dev lan0', 'addr add 10.9.0.2/24 dev lan0'] },
  },
  {
    title: 'RFC 2328 §D.4.3: another key of the same id',
    code: 'BRUNEL_OSPF_UNHEARD',
    values: ['does not name the other', 'does not name the other'],
    versions: [2],
    sentence: /do not accept each other's Hellos\./,
    before: [
      'interface lan0',
      'ip ospf network point-to-point',
      'ip ospf authentication message-digest',
      'ip ospf message-digest-key 1 md5 shield',
    ],
    spoil: {
      frr: ['interface lan0', 'no ip ospf message-digest-key 1', 'ip ospf message-digest-key 1 md5 sword'],
    },
    mend: {
      frr: ['interface lan0', 'no ip ospf message-digest-key 1', 'ip ospf message-digest-key 1 md5 shield'],
    },
    afterDead: true,
  },
]

/** The first one and those of two intervals; as many again for a machine that is busy elsewhere. */
const MOST_HELLOS = 6

/** Hellos of one router on Ethernet: when, in Unix milliseconds, and how many neighbours they name. */
function hellosIn(file: string, from: string): readonly { readonly when: number; readonly names: number }[] {
  const octets = readFileSync(file)
  const found: { when: number; names: number }[] = []
  const source = from.includes(':')
    ? Buffer.from(`fe80${from.slice(6).padStart(28, '0')}`, 'hex')
    : Buffer.from(from.split('.').map(Number))
  for (let at = 24; at + 16 <= octets.length; ) {
    const length = octets.readUInt32LE(at + 8)
    const when = octets.readUInt32LE(at) * 1000 + octets.readUInt32LE(at + 4) / 1000
    const packet = octets.subarray(at + 16 + 14, at + 16 + length)
    at += 16 + length
    const four = packet.readUInt8(0) >>> 4 === 4
    const [protocol, ospf, sourceAt, bare] = four ? [9, 20, 12, 44] : [6, 40, 8, 36]
    if (packet.length < ospf + 4 || packet[protocol] !== 89 || packet[ospf + 1] !== 1) continue
    if (!packet.subarray(sourceAt, sourceAt + source.length).equals(source)) continue
    found.push({ when, names: (packet.readUInt16BE(ospf + 2) - bare) / 4 })
  }
  return found
}

t.test('the OSPF doctor', { skip: noLab() || withoutFrr(), timeout: 300_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  const frr = {} as Record<Side, Frr>
  for (const side of SIDES) {
    await topology
      .host(side)
      .ip([
        'addr flush dev lan0',
        `addr add ${ROUTER_ID[side]}/24 dev lan0`,
        `addr add ${LINK_LOCAL[side]}/64 dev lan0 nodad`,
      ])
    await topology.router(side).ip([`addr add 10.9.0.25${side === 'A' ? 3 : 4}/24 dev lan0`])
  }
  await sites.connect()
  for (const side of SIDES)
    await routers[side].api.ask('PATCH', `/v1/peers/${tunnelName(side)}`, {
      ospfRelay: { interface: 'lan0' },
    })
  await sites.up()
  const events: RouterEvent[] = []
  t.teardown(routers.A.api.events(event => events.push(event)))
  for (const side of SIDES) {
    frr[side] = new Frr(topology.host(side), join(topology.folder, `frr${side}`))
    t.teardown(() => frr[side].stop())
    await frr[side].run({ ospfd: ospfd(side), ospf6d: ospf6d(side) })
  }

  const report = async (side: Side = 'A'): Promise<RelayReport> => {
    const [relay] = await routers[side].api.ask<RelayReport[]>('GET', '/v1/relay')
    if (relay === undefined) throw new Error('no relay')
    return relay
  }
  const addresses = (version: 2 | 3): readonly string[] =>
    SIDES.map(s => (version === 2 ? ROUTER_ID : LINK_LOCAL)[s])
  /** Of both versions, in both directions. */
  const agree = async (state: RegExp, elected = false): Promise<boolean> => {
    const { neighbours, findings } = await report()
    const states = neighbours.flatMap(n => n.states.map(one => one.state))
    if (findings.length > 0) throw new Error(findings.map(one => one.sentence).join('\n'))
    if (states.length !== 4 || !states.every(one => state.test(one))) throw new Error(states.join())
    return !elected || neighbours.every(({ hello }) => hello?.designatedRouter !== '0.0.0.0')
  }
  const at = async (side: Side, { ip, frr: lines, clear }: Doing): Promise<void> => {
    if (ip !== undefined) await topology.host(side).ip(ip)
    if (lines !== undefined) await frr[side].configure(...lines)
    if (clear === true) await frr[side].vtysh('clear ip ospf process', 'clear ipv6 ospf6 process')
  }
  const capture = await Capture.start(topology.host('A'), 'lan0', join(topology.folder, 'ospf.pcap'))
  await until('all are Full', 60_000, () => agree(/Full/))

  await t.test('RFC 2328 §A.3.2, RFC 5340 §A.3.2: all that a Hello says is in the report', async t => {
    // On a point-to-point network databases may be exchanged before a Hello names the other.
    const neighbours = await until('all Hellos name the other', 30_000, async () => {
      const { neighbours } = await report()
      return neighbours.every(({ hello }) => hello?.neighbours.length === 1) && neighbours
    })
    const hello = { helloInterval: 1, deadInterval: 4, priority: 1, areaKind: 'normal' }
    const none = { designatedRouter: '0.0.0.0', backupDesignatedRouter: '0.0.0.0' }
    const theirs = (n: OspfNeighbour): boolean => n.routerId === ROUTER_ID.B
    const shared = { area: '0.0.0.1', authentication: 'none', mtu: 1500, silentSince: null }
    t.match(neighbours.filter(theirs), [
      {
        ...{ ...shared, version: 2, address: ROUTER_ID.B, port: `tunnel:${tunnelName('A')}` },
        hello: { ...hello, ...none, mask: '255.255.255.0', options: 2, neighbours: [ROUTER_ID.A] },
        states: [{ routerId: ROUTER_ID.A, address: ROUTER_ID.A, state: 'Full' }],
      },
      {
        ...{ ...shared, version: 3, address: LINK_LOCAL.B, port: `tunnel:${tunnelName('A')}` },
        hello: { ...hello, ...none, mask: null, neighbours: [ROUTER_ID.A] },
        states: [{ routerId: ROUTER_ID.A, address: LINK_LOCAL.A, state: 'Full' }],
      },
    ])
    const metrics = await routers.A.api.metrics()
    t.match(metrics, /^brunel_ospf_adjacencies_full\{.*\} 2$/m)
    t.match(metrics, /^brunel_ospf_findings\{.*BRUNEL_OSPF_AREA.*\} 0$/m)
    const { relay } = await routers.A.api.tunnel(tunnelName('A'))
    t.equal(relay?.neighbours.length, 2)
  })

  for (const one of CASES)
    await t.test(one.title, async t => {
      if (one.before !== undefined) {
        for (const side of SIDES) await at(side, { frr: one.before })
        await until('they agree', 60_000, () => agree(/2-Way|Ex|Loading|Full/, one.elected))
      }
      const count = (name: string): number => events.filter(({ event }) => event === name).length
      await until('nothing is open', 5000, () => count('ospf-finding') === count('ospf-finding-gone'))
      const heard = events.length
      const told = (name: string): RouterEvent[] => events.slice(heard).filter(({ event }) => event === name)
      const began = Date.now()
      await at('B', one.spoil)
      const found = await until(one.code, 30_000, async () => {
        const all = (await report()).findings.filter(
          ({ code, sentence }) => code === one.code && one.sentence.test(sentence),
        )
        return all.length === one.versions.length && all
      })
      for (const version of one.versions) {
        const finding = found.find(({ sides }) =>
          sides.every(({ address }) => addresses(version).includes(address)),
        )
        t.same(
          finding?.sides.map(({ value }) => value),
          one.values,
          `OSPFv${version}`,
        )
      }
      const { out } = await run([...PLAIN_NODE, BRUNEL, '--data-dir', routers.A.dataDir, 'relay'], {
        limit: 30_000,
      })
      for (const { sentence, remedy } of found)
        t.ok(out.includes(sentence) && out.includes(remedy), 'brunel relay says it')
      await until('the events', 5000, () => told('ospf-finding').length >= found.length)
      t.match(
        await routers.A.api.metrics(),
        new RegExp(`^brunel_ospf_findings.*${one.code}.* ${found.length}$`, 'm'),
      )
      for (const { at: moment, data } of told('ospf-finding')) {
        t.equal(data['code'], one.code, 'and nothing else is found')
        const { address } = (data['sides'] as { address: string }[])[1] ?? { address: '' }
        const hellos = hellosIn(capture.file, address).filter(
          ({ when, names }) =>
            when > began && when < Date.parse(moment) && (one.afterDead !== true || names === 0),
        ).length
        t.comment(
          `${one.title}: found ${Date.parse(moment) - began} ms and ${hellos} Hellos of ${address} later`,
        )
        t.ok(hellos <= MOST_HELLOS, 'within two hello intervals')
      }
      await at('B', one.mend)
      await until('it is mended', 60_000, () => agree(/2-Way|Ex|Loading|Full/))
      await until('the events', 5000, () => told('ospf-finding-gone').length >= told('ospf-finding').length)
      for (const { tunnel, data } of told('ospf-finding-gone'))
        t.match({ tunnel, data }, { tunnel: tunnelName('A'), data: { code: one.code } })
    })
  await until('all are Full again', 60_000, () => agree(/Full/))
  await capture.stop()
})
