import { type Drop, type Instant, type Millis, seconds, since } from '@brunel/base'
import { Address, Ospf } from '@brunel/wire'
import { stateOf, takes } from './adjacency.js'
import type { Port } from './contract.js'
import { compare, type Finding, type Found, instances, type Pair, sameRouterIds, silent } from './findings.js'
import {
  areaKind,
  authenticationText,
  isLate,
  isSilent,
  type Neighbour,
  type NeighbourReport,
  type Speaker,
  type Towards,
  towards,
} from './neighbours.js'
import type { SegmentRouter } from './routes/choice.js'
import { hasCompany, isStranger, subnetOf } from './subnets.js'

/**
 * Reads the OSPF that a relay carries and says in words where the two sides disagree. It sees what the routers send,
 * never what they think: a state is what follows from both sides' packets. Only routers of different ports are compared;
 * what two routers on one LAN say to one another does not pass here.
 */

/** How long a router is remembered that is silent: an operator comes later than the fault. */
const REMEMBERED: Millis = seconds(3600)
/** Sources of ports are bounded (sources.ts), and ports share no limit: beyond it the port with most forgets one. */
const MOST_NEIGHBOURS = 256
/** Instances in which one address speaks: IPv6, IPv4 (RFC 5838 §2.1), one more. So all of one port have not all the room. */
const MOST_OF_AN_ADDRESS = 3
/** Of a Hello: more than there are neighbours. One packet has room for 16,000. */
const MOST_NAMED = MOST_NEIGHBOURS
const MOST_FINDINGS = 128

type Ends = readonly [Speaker, Speaker]

/** What changed since the last review. */
export interface News {
  readonly appeared: readonly Finding[]
  readonly gone: readonly Finding[]
  readonly full: readonly Ends[]
  readonly lost: readonly Ends[]
}

const without = <T>(some: ReadonlyMap<string, T>, others: ReadonlyMap<string, unknown>): T[] =>
  [...some].filter(([key]) => !others.has(key)).map(([, one]) => one)
const speaker = ({ port, address, routerId }: Neighbour): Speaker => ({ port, address, routerId })

export interface Heard {
  readonly port: Port
  readonly source: Uint8Array
  readonly destination: Uint8Array
  /** The IP payload. */
  readonly payload: Uint8Array
  /** Of the authentication header before it. */
  readonly spi?: number
}

export class Doctor {
  readonly #neighbours = new Map<string, Neighbour>()
  readonly #unread = new Map<Drop, number>()
  #findings = new Map<string, Finding>()
  #full: ReadonlyMap<string, Ends> = new Map()

  /** Answers the message, or why it could not be read. */
  hear(now: Instant, { port, source, destination, payload, spi }: Heard): Ospf.Message | Drop {
    const message = Ospf.parse(payload, { source, destination })
    if (typeof message === 'string') {
      this.#unread.set(message, (this.#unread.get(message) ?? 0) + 1)
      return message
    }
    const neighbour = this.#neighbour(now, port, Address.format(source), message)
    neighbour.authentication = spi === undefined ? message.authentication : { type: 'ah', spi }
    const to = Address.isMulticast(destination) ? undefined : Address.format(destination)
    this.#body(now, neighbour, message.body, to)
    return message
  }

  #neighbour(now: Instant, port: Port, address: string, message: Ospf.Message): Neighbour {
    const { version, instance, routerId, areaId, authentication } = message
    const key = `${address} ${version} ${instance}`
    const known = this.#neighbours.get(key)
    // Who moves to another port begins anew with everybody.
    if (known !== undefined && known.port !== port) this.#forget(known)
    const fresh = { key, port, address, version, instance, withoutElection: 0, towards: new Map() }
    if (known === undefined) this.#makeRoom(port, address)
    const neighbour: Neighbour = Object.assign(this.#neighbours.get(key) ?? fresh, {
      routerId,
      area: areaId,
      authentication,
      heardAt: now,
    })
    // In the order in which they were heard.
    this.#neighbours.delete(key)
    this.#neighbours.set(key, neighbour)
    return neighbour
  }

  /** For one more. Who was heard longest ago is forgotten: of the same address, or of the port that has most. */
  #makeRoom(port: Port, address: string): void {
    const all = [...this.#neighbours.values()]
    const same = all.filter(n => n.address === address)
    if (same[0] !== undefined && same.length >= MOST_OF_AN_ADDRESS) return this.#forget(same[0])
    if (all.length < MOST_NEIGHBOURS) return
    const counts = new Map([[port, 1]])
    for (const n of all) counts.set(n.port, (counts.get(n.port) ?? 0) + 1)
    const most = Math.max(...counts.values())
    const oldest = all.find(n => counts.get(n.port) === most)
    if (oldest !== undefined) this.#forget(oldest)
  }

  /** The port is no more, and who was behind it is nobody's concern. */
  forgetPort(port: Port): void {
    for (const n of this.#neighbours.values()) if (n.port === port) this.#forget(n)
  }

  #forget(gone: Neighbour): void {
    this.#neighbours.delete(gone.key)
    for (const n of this.#neighbours.values()) n.towards.delete(gone.key)
  }

  /** Those to whom a packet of `from` can go: routers on other ports, of its version and instance. */
  #others(from: Neighbour, to: string | undefined): Neighbour[] {
    return [...this.#neighbours.values()].filter(
      n =>
        n.port !== from.port &&
        n.version === from.version &&
        n.instance === from.instance &&
        (to === undefined ? !isStranger(n, from) : n.address === to),
    )
  }

  /** Whether routers on other ports take, or give him, the LSAs that this one speaks of. */
  believed(now: Instant, address: string, { version, instance, body }: Ospf.Message): boolean {
    const from = this.#neighbours.get(`${address} ${version} ${instance}`)
    if (from === undefined) return false
    return this.#others(from, undefined).some(
      other =>
        other.area === from.area &&
        (takes(now, other, from) ||
          takes(now, from, other) ||
          // RFC 2328 §10.8: the first of its descriptions.
          (body.type === 'database-description' && stateOf(now, from, other) === 'ExStart')),
    )
  }

  /** Those that some router on another port has for a neighbour, in a fixed order. */
  onSegment(now: Instant): readonly SegmentRouter[] {
    return this.#sorted().flatMap(n =>
      this.#others(n, undefined).some(
        other => other.area === n.area && !['Down', 'Init'].includes(stateOf(now, other, n)),
      )
        ? [{ ...speaker(n), version: n.version, instance: n.instance, area: n.area }]
        : [],
    )
  }

  #body(now: Instant, from: Neighbour, body: Ospf.Body, to: string | undefined): void {
    switch (body.type) {
      case 'hello':
        return this.#hello(now, from, body)
      case 'database-description':
        from.mtu = body.mtu
        for (const other of this.#others(from, to)) describe(now, towards(from, other), body)
        return
      case 'link-state-request':
        for (const other of this.#others(from, to)) towards(from, other).asked = true
        return
      case 'link-state-update':
        for (const other of this.#others(from, to)) towards(other, from).asked = false
        return
      case 'link-state-acknowledgment':
        return
    }
  }

  #hello(now: Instant, from: Neighbour, hello: Ospf.Hello): void {
    const says = saying(from, hello)
    if (from.says !== says) this.#begins(from)
    from.says = says
    from.previousHelloAt = from.helloAt
    from.helloAt = now
    from.hello = { ...hello, neighbours: hello.neighbours.slice(0, MOST_NAMED) }
    from.subnet = subnetOf(from.address, hello.mask)
    const election = hello.designatedRouter !== '0.0.0.0'
    from.electsSince = election ? (from.electsSince ?? now) : undefined
    from.withoutElection = election ? 0 : from.withoutElection + 1
    for (const other of this.#others(from, undefined)) {
      const mine = towards(from, other)
      const named = hello.neighbours.includes(other.routerId)
      mine.namedSince = named ? (mine.namedSince ?? now) : undefined
      mine.deaf = named || other.hello === undefined || isSilent(now, other) ? 0 : mine.deaf + 1
      // RFC 2328 §10.3, 1-WayReceived: the adjacency is torn down.
      if (!named) mine.description = undefined
    }
  }

  /** It speaks otherwise than before: who did not accept its Hellos may accept the next one. */
  #begins(from: Neighbour): void {
    for (const other of this.#others(from, undefined))
      for (const one of [towards(from, other), towards(other, from)]) one.deaf = 0
  }

  findings(now: Instant): readonly Finding[] {
    return [...this.#examine(now).values()]
  }

  /** Forgets who is gone, and answers what is new and what is mended since the last time. */
  review(now: Instant): News {
    for (const n of this.#neighbours.values()) if (this.#isOver(now, n)) this.#forget(n)
    for (const n of this.#neighbours.values()) n.inCompany = hasCompany(now, n, this.#neighbours.values())
    const [before, after] = [this.#findings, this.#examine(now)]
    const [were, are] = [this.#full, this.#adjacencies(now)]
    this.#findings = after
    this.#full = are
    return {
      appeared: without(after, before),
      gone: without(before, after),
      full: without(are, were),
      lost: without(were, are),
    }
  }

  /** Long gone, or it speaks in another instance since, or from another address: a link may have several (RFC 5340 §2.5). */
  #isOver(now: Instant, n: Neighbour): boolean {
    if (since(n.heardAt, now) > REMEMBERED) return true
    const speaksOn = (one: Neighbour): boolean =>
      one.port === n.port &&
      one.version === n.version &&
      (one.address === n.address || (one.routerId === n.routerId && one.instance === n.instance)) &&
      !isSilent(now, one)
    return isSilent(now, n) && [...this.#neighbours.values()].some(speaksOn)
  }

  #examine(now: Instant): Map<string, Finding> {
    const findings = new Map<string, Finding>()
    for (const found of this.#found(now)) {
      const key = [found.code, ...found.sides.map(({ port, address }) => `${port} ${address}`)].join(' ')
      findings.set(key, { ...found, since: this.#findings.get(key)?.since ?? now })
      if (findings.size >= MOST_FINDINGS) break
    }
    return findings
  }

  *#found(now: Instant): Generator<Found> {
    for (const n of this.#neighbours.values()) if (isSilent(now, n)) yield silent(n)
    for (const pair of this.#pairs()) {
      yield* isStranger(...pair) ? sameRouterIds(now, pair) : compare(now, ...pair)
      if (this.#apart(now, pair)) yield* instances(pair)
    }
  }

  /** Both speak, in different instances, and nobody else is in theirs. */
  #apart(now: Instant, pair: Pair): boolean {
    const [a, b] = pair
    if (a.version !== b.version || a.instance === b.instance) return false
    return pair.every(n => !isLate(now, n) && this.#others(n, undefined).every(other => isLate(now, other)))
  }

  #adjacencies(now: Instant): Map<string, Ends> {
    const full = new Map<string, Ends>()
    for (const [a, b] of this.#pairs())
      if (
        a.towards.has(b.key) &&
        !isStranger(a, b) &&
        stateOf(now, a, b) === 'Full' &&
        stateOf(now, b, a) === 'Full'
      )
        full.set(`${a.key} ${b.key}`, [speaker(a), speaker(b)])
    return full
  }

  /** Of different ports, the LAN first: a pair has one order however its packets come. */
  *#pairs(): Generator<Pair> {
    const all = this.#sorted()
    for (const [i, a] of all.entries()) for (const b of all.slice(i + 1)) if (a.port !== b.port) yield [a, b]
  }

  #sorted(): readonly Neighbour[] {
    const place = ({ port, key }: Neighbour): string => `${port} ${key}`
    return [...this.#neighbours.values()].sort((a, b) => (place(a) < place(b) ? -1 : 1))
  }

  neighbours(now: Instant): readonly NeighbourReport[] {
    return this.#sorted().map(n => ({
      port: n.port,
      address: n.address,
      version: n.version,
      instance: n.instance,
      routerId: n.routerId,
      area: n.area,
      authentication: authenticationText(n.authentication),
      ...(n.hello === undefined ? {} : { hello: helloReport(n.hello) }),
      ...(n.mtu === undefined ? {} : { mtu: n.mtu }),
      heardAt: n.heardAt,
      ...(isSilent(now, n) ? { silentSince: n.heardAt } : {}),
      states: this.#others(n, undefined).map(other => ({
        routerId: other.routerId,
        address: other.address,
        state: stateOf(now, n, other),
      })),
    }))
  }

  unread(): Readonly<Partial<Record<Drop, number>>> {
    return Object.fromEntries(this.#unread)
  }
}

/** RFC 2328 §10.8: with the I bit the exchange begins anew, and what was asked for before is void. */
function describe(now: Instant, mine: Towards, body: Ospf.DatabaseDescription): void {
  if (body.init) mine.asked = false
  mine.description = body
  mine.describedAt = now
}

/** All in which a Hello may be unacceptable: RFC 2328 §8.2, §10.5. */
const saying = ({ routerId, area, authentication }: Neighbour, hello: Ospf.Hello): string =>
  [
    routerId,
    area,
    authenticationText(authentication),
    hello.helloInterval,
    hello.deadInterval,
    hello.mask,
    hello.options,
  ].join()

const helloReport = (hello: Ospf.Hello): NonNullable<NeighbourReport['hello']> => ({
  helloInterval: hello.helloInterval,
  deadInterval: hello.deadInterval,
  ...(hello.mask === undefined ? {} : { mask: hello.mask }),
  areaKind: areaKind(hello.options),
  options: hello.options,
  priority: hello.priority,
  designatedRouter: hello.designatedRouter,
  backupDesignatedRouter: hello.backupDesignatedRouter,
  neighbours: hello.neighbours,
})
