/** More than two routers on one relayed segment: a hub with two spokes, and two relays on one LAN. */
import { join } from 'node:path'
import t from 'tap'
import type { Namespace } from '../../src/net/namespace.js'
import { OspfWatch } from '../../src/net/ospf-watch.js'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { withoutBird } from '../../src/peers/bird.js'
import type { Bruneld } from '../../src/peers/bruneld.js'
import { withoutFrr } from '../../src/peers/frr.js'
import {
  type OspfNeighbour,
  type OspfProgram,
  type OspfRouter,
  type OspfVersion,
  ospfRouter,
} from '../../src/peers/ospf-router.js'
import type { RelayLab, RelayLink, RelayPort } from '../../src/relay-lab.js'
import { noLab, relayLab, type Test } from './gear.js'

const VERSIONS = [2, 3] as const
const hex = (octets: readonly number[]): string => Buffer.from(octets).toString('hex')

interface Where {
  /** Of version 2. FRR speaks version 3: its RFC 7166 and that of BIRD 2.0 refuse one another on a cable, too. */
  readonly program: OspfProgram
  /** The third octet of the segment's addresses, and the last one of the router's. */
  readonly net: number
  readonly host: number
  readonly lan: string
  readonly timers: { readonly hello: number; readonly dead: number }
  readonly priority?: number
}

const SPEECH = {
  // With MD5 no two packets are alike, so that each can be counted.
  2: { network: 'broadcast', auth: { algorithm: 'md5', key: 'count-me' } },
  // RFC 7166 §4.2: without the checksum, which would tell for which of several neighbours a packet is.
  3: { network: 'broadcast', auth: { algorithm: 'hmac-sha-256', key: 'no-checksum' } },
} as const

/** A router of the segment, with ears at its plug. */
class Member {
  readonly id: string
  /** Of its router, in a network of its own behind it. */
  readonly stub: string
  readonly address: string
  readonly #where: Where
  readonly #lab: RelayLab
  readonly #plug: string
  readonly #place: Namespace
  #routers: Readonly<Record<OspfVersion, OspfRouter>>
  #starts = 0

  private constructor(lab: RelayLab, where: Where, place: Namespace, plug: string) {
    this.#lab = lab
    this.#where = where
    this.#place = place
    this.#plug = plug
    this.id = `10.30.${where.net}.${where.host}`
    this.stub = `10.${30 + where.net}.${where.host}.1`
    this.address = hex([10, 30, where.net, where.host])
    this.#routers = this.#newRouters()
  }

  static async make(t: Test, lab: RelayLab, where: Where): Promise<Member> {
    const { net, host } = where
    const place = await lab.switches.place(`router${net}-${host}`)
    const plug = await lab.plug(place, 'lan0', where.lan, [`10.30.${net}.${host}/24`])
    await lab.stub(place, [`10.${30 + net}.${host}.1/24`])
    const member = new Member(lab, where, place, plug)
    t.teardown(() => member.stop())
    return member
  }

  /** One, if one program speaks both. */
  #newRouters(): Readonly<Record<OspfVersion, OspfRouter>> {
    const { program, net, host } = this.#where
    const router = (program: OspfProgram): OspfRouter =>
      ospfRouter(program, this.#place, join(this.#lab.folder, `ospf${net}-${host}-${++this.#starts}`))
    const frr = router('frr')
    return { 2: program === 'frr' ? frr : router(program), 3: frr }
  }

  async start(): Promise<void> {
    this.#routers = this.#newRouters()
    const { 2: v2, 3: v3 } = this.#routers
    const { timers, priority } = this.#where
    const wish = {
      routerId: this.id,
      device: 'lan0',
      stubs: ['stub0'],
      timers,
      ...(priority === undefined ? {} : { priority }),
    }
    const { 2: two, 3: three } = SPEECH
    if (v2 === v3) return v2.start({ ...wish, speaks: SPEECH })
    await v2.start({ ...wish, speaks: { 2: two } })
    await v3.start({ ...wish, speaks: { 3: three } })
  }

  async stop(): Promise<void> {
    for (const router of new Set(Object.values(this.#routers))) await router.stop()
  }

  neighbours(version: OspfVersion): Promise<readonly OspfNeighbour[]> {
    return this.#routers[version].neighbours(version)
  }

  /** By the routes that OSPF brought, from network to network. */
  async reaches(other: Member): Promise<void> {
    const once = () => ping(this.#place, other.stub, { from: this.stub })
    await until(`${this.id} reaches ${other.stub}`, 20_000, async () => (await once()).received === 1)
  }

  watch(): Promise<OspfWatch> {
    const { net, host } = this.#where
    const file = join(this.#lab.folder, `watch${net}-${host}-${performance.now()}.pcap`)
    return OspfWatch.start(this.#lab.switches.room, this.#plug, file)
  }
}

/** `id state role` of each neighbour, sorted. */
const seenBy = async (member: Member, version: OspfVersion): Promise<string> =>
  (await member.neighbours(version))
    .map(({ routerId, state, role }) => `${routerId} ${state} ${role}`)
    .sort()
    .join(', ')

/** Waits until each router sees the others as the roles demand: RFC 2328 §10.4. */
async function settled(roles: ReadonlyMap<Member, string>, limit = 40_000): Promise<void> {
  for (const [self, own] of roles) {
    const wanted = [...roles]
      .filter(([other]) => other !== self)
      .map(([other, role]) => {
        const adjacent = own !== 'DROther' || role !== 'DROther'
        return `${other.id} ${adjacent ? 'Full' : '2-Way'} ${role}`
      })
      .sort()
      .join(', ')
    for (const version of VERSIONS) {
      let last = ''
      await until(
        `OSPFv${version} of ${self.id} sees ${wanted}`,
        limit,
        async () => {
          last = await seenBy(self, version)
          return last === wanted
        },
        400,
      ).catch(error => {
        throw new Error(`${(error as Error).message}; it sees ${last}`)
      })
    }
  }
}

/**
 * Counts, over so many Hellos of each router: on its own LAN each packet is met once, and on each other LAN once.
 * Answers how many Hellos of both versions each member met for one of the first.
 */
async function eachOnce(t: Tap, members: readonly Member[], hellos: number): Promise<readonly number[]> {
  const ears = new Map<Member, OspfWatch>()
  for (const member of members) ears.set(member, await member.watch())
  const at = (member: Member): OspfWatch => ears.get(member) as OspfWatch
  const before = new Map(members.map(one => [one, at(one).hellos(2, one.address).length]))
  const enough = (one: Member): boolean =>
    at(one).hellos(2, one.address).length >= (before.get(one) ?? 0) + hellos + 1
  for (const one of members) await until(`${hellos} Hellos of ${one.id}`, 60_000, () => enough(one))
  const rates: number[] = []
  for (const one of members) {
    const said = at(one)
      .hellos(2, one.address)
      .slice(before.get(one), (before.get(one) ?? 0) + hellos)
    for (const other of members) {
      const met = (): readonly number[] => {
        const all = at(other).all()
        return said.map(({ mark }) => all.filter(heard => heard.mark === mark).length)
      }
      await until(`${other.id} has met them`, 3000, () => met().every(count => count > 0)).catch(() => 0)
      // A daemon that gets no time for seconds loses some; what is twice is never right.
      const counts = met()
      t.ok(
        counts.every(count => count <= 1) && counts.filter(count => count === 1).length > hellos / 2,
        `${other.id} meets each Hello of ${one.id} once: ${counts}`,
      )
    }
  }
  for (const one of members) {
    await at(one).stop()
    const v2 = at(one)
      .all()
      .filter(({ version }) => version === 2)
    t.equal(new Set(v2.map(({ mark }) => mark)).size, v2.length, `nothing is twice on the LAN of ${one.id}`)
    const clock = at(one).hellos(2, (members[0] as Member).address)
    rates.push(
      at(one)
        .all()
        .filter(({ isHello }) => isHello).length / clock.length,
    )
  }
  return rates
}

/** Waits until each of two is Full with the other. */
async function full(pair: readonly [Member, Member]): Promise<void> {
  for (const self of pair)
    for (const version of VERSIONS)
      await until(
        `OSPFv${version} of ${self.id} is Full`,
        60_000,
        async () => {
          const seen = await self.neighbours(version)
          return seen.length === 1 && seen[0]?.state === 'Full'
        },
        400,
      )
}

/** The one of parallel ways that forwards, once all relays have heard of one another and chosen. */
async function chosen(lab: RelayLab, ways: readonly RelayLink[]): Promise<RelayLink | undefined> {
  const ports = await Promise.all(
    ways.map(({ number, ends }) => Promise.all(ends.map(({ at }) => lab.port(at, number)))),
  )
  const settled = (port: RelayPort | undefined): boolean =>
    port !== undefined && port.farRelay !== null && ['forwarding', 'standby'].includes(port.state)
  if (!ports.flat().every(settled)) return undefined
  const used = ways.filter((_, i) => ports[i]?.every(port => port?.state === 'forwarding'))
  return used.length === 1 ? used[0] : undefined
}

/** The same over two beacons. */
async function usedOf(lab: RelayLab, ways: readonly RelayLink[]): Promise<RelayLink> {
  let before: RelayLink | undefined
  return until(
    `one of ${ways.length} ways is used`,
    40_000,
    async () => {
      const last = before
      before = await chosen(lab, ways)
      return before === last && before
    },
    2200,
  )
}

/** What an appliance says of adjacencies that are Full no longer, from here on. */
function lostAdjacencies(t: Test, { api }: Bruneld): readonly string[] {
  const lost: string[] = []
  const stop = api.events(({ event, detail }) => {
    if (event === 'ospf-lost') lost.push(detail)
  })
  t.teardown(async () => stop())
  return lost
}

type Tap = Test & Pick<typeof t, 'ok' | 'equal'>

t.test('a relayed segment', { skip: noLab() || withoutFrr() || withoutBird(), timeout: 300_000 }, async t => {
  const appliances = ['p', 'q', 'r', 's'] as const
  const lab = await relayLab(t, appliances)
  for (const [i, name] of appliances.entries()) {
    await lab.plug(name, 'lan0', name === 's' ? 'spare' : `lan-${name}`, [`10.30.1.${251 + i}/24`])
    await lab.plug(name, 'lan1', i < 2 ? 'west' : 'east', [`10.30.2.${251 + i}/24`])
  }
  await lab.start()
  const join = (number: number, one: string, two: string, lan: string): RelayLink => {
    return {
      number,
      parallel: true,
      ends: [
        { at: one, lan },
        { at: two, lan },
      ],
    }
  }
  const spokes = [join(1, 'p', 'q', 'lan0'), join(2, 'p', 'r', 'lan0')]
  const ways = [join(3, 'p', 'r', 'lan1'), join(4, 'q', 'r', 'lan1'), join(5, 'q', 's', 'lan1')]
  const single = ways.slice(0, 1)
  const links = [...spokes, ...single]
  for (const link of links) await lab.link(link)
  await lab.forwarding(links)

  // Their dead interval is longer than any change of ways; they wait for it while the hub is looked at.
  const patient = { net: 2, timers: { hello: 1, dead: 20 }, program: 'frr' } as const
  const west = await Member.make(t, lab, { ...patient, host: 1, lan: 'west' })
  const east = await Member.make(t, lab, { ...patient, host: 2, lan: 'east' })
  await Promise.all([west.start(), east.start()])

  await t.test('hub and two spokes', async t => {
    // Who waits shorter elects itself, on a machine that lets Hellos be late (RFC 2328 §9.4).
    const timers = { hello: 1, dead: 8 }
    const member = (program: OspfProgram, host: number, lan: string, priority: number) =>
      Member.make(t, lab, { program, net: 1, host, lan, timers, priority })
    const hub = await member('frr', 1, 'lan-p', 100)
    const second = await member('bird', 2, 'lan-p', 50)
    const spoke = await member('frr', 3, 'lan-q', 1)
    const late = await member('frr', 4, 'lan-r', 200)

    const before = new Map([
      [hub, 'DR'],
      [second, 'Backup'],
      [spoke, 'DROther'],
    ])
    const after = new Map([...before, [late, 'DROther'] as const])
    const without = new Map([...after].filter(([one]) => one !== spoke))
    await t.test(
      'RFC 2328 §9.4: one election over all LANs, and who comes later changes nothing',
      async () => {
        await Promise.all([hub.start(), second.start(), spoke.start()])
        await settled(before)
        await late.start()
        await settled(after)
      },
    )

    await t.test('RFC 2328 §8.1: each packet goes once into each tunnel, and never back', async t => {
      await eachOnce(t, [hub, second, spoke, late], 4)
    })

    await t.test('what one spoke sends to the other goes by the hub', () => spoke.reaches(late))

    const lost = lostAdjacencies(t, lab.appliance('p'))
    await t.test('RFC 2328 §10.5: the router of a spoke is killed, and comes back', async () => {
      await spoke.stop()
      await settled(without)
      await spoke.start()
      await settled(after)
    })
    await t.test('the appliance of a spoke is killed, and comes back', async () => {
      await lab.appliance('q').kill()
      await settled(without)
      await lab.appliance('q').start()
      await settled(after)
    })
    t.same(
      lost.filter(detail => !detail.includes(spoke.id)),
      [],
      'no other adjacency was disturbed',
    )
    for (const one of [hub, second, spoke, late]) await one.stop()
  })

  await t.test('two relays on one LAN', async t => {
    await full([west, east])
    const alone = await eachOnce(t, [west, east], 4)

    await t.test('RFC 2328 §8.1: packets are as many as with one relay', async t => {
      for (const link of ways.slice(1)) await lab.link(link)
      await usedOf(lab, ways)
      const rates = await eachOnce(t, [west, east], 6)
      t.comment(`Hellos for one of a router: one relay ${alone}, with three ways ${rates}`)
      for (const [i, rate] of rates.entries())
        t.ok(Math.abs(rate - (alone[i] ?? 0)) < 1, `${rate}, and ${alone[i]} with one relay`)
      await full([west, east])
    })

    await t.test('the relay that is used is killed: another takes over, and the adjacency stays', async t => {
      const used = await usedOf(lab, ways)
      const killed = used.ends[0].at
      const rest = ways.filter(({ ends }) => ends.every(({ at }) => at !== killed))
      const lost = lostAdjacencies(t, lab.appliance('s'))
      await lab.appliance(killed).kill()
      await usedOf(lab, rest)
      await eachOnce(t, [west, east], 3)
      await full([west, east])
      t.same(lost, [], 'the adjacency was Full all the time')
      await east.stop()
      await east.start()
      await full([east, west])
      await lab.appliance(killed).start()
      await usedOf(lab, ways)
      await eachOnce(t, [west, east], 3)
      await full([west, east])
    })
  })
})
