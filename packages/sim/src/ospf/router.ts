import { after, type Instant, type Machine, seconds, sooner, type Tick } from '@brunel/base'
import type { Dice } from '../dice.js'
import { elect } from './election.js'
import { Exchange } from './exchange.js'
import { Flooding } from './flooding.js'
import { externalLsa, type Lsa, routerLsa } from './lsa.js'
import { atLeast, fall, type Neighbour, newNeighbour, type State } from './neighbour.js'
import {
  ALL_ROUTERS,
  DEAD_SECONDS,
  DESIGNATED_ROUTERS,
  endsOf,
  HELLO_SECONDS,
  helloBody,
  NOBODY,
  packet,
  type Received,
  read,
  readDescription,
  readHeaders,
  readHello,
  readRequest,
  readUpdate,
  TYPE,
} from './packets.js'

/**
 * An OSPFv2 router with one interface, enough of RFC 2328 to become Full or to fall back, and independent of the product:
 * Hello and election (§9), neighbours (§10), flooding with retransmission (§13). It has no routing table, no network-LSA
 * and no ageing.
 */
export interface OspfRouterOptions {
  readonly id: string
  readonly address: string
  /** Its own network, which its router-LSA tells. */
  readonly network: string
  readonly type: 'broadcast' | 'point-to-point'
  readonly priority: number
  readonly externals: readonly string[]
}

export type OspfInput = { readonly on: 'packet'; readonly packet: Uint8Array }
export type OspfEffect =
  | { readonly do: 'send'; readonly packet: Uint8Array }
  /** RFC 2328 §10.3, InactivityTimer. */
  | { readonly do: 'died'; readonly neighbour: string }

const DEAD = seconds(DEAD_SECONDS)
/** Something of its own changes so often; RFC 2328 §B: MinLSInterval is 5 s. */
const ORIGINATES = { least: seconds(10), most: seconds(60) }
const MIN_LS_INTERVAL = seconds(5)

export class OspfRouter implements Machine<OspfInput, OspfEffect> {
  deadline: Instant | undefined
  readonly #own: OspfRouterOptions
  readonly #dice: Dice
  readonly #neighbours = new Map<string, Neighbour>()
  readonly #exchange: Exchange
  readonly #flooding: Flooding
  readonly #originated = new Map<string, number>()
  #effects: OspfEffect[] = []
  #identification = 0
  #helloAt: Instant
  /** RFC 2328 §9.1: while it waits it elects nobody. */
  #waitsUntil: Instant | undefined
  #originateAt: Instant
  #routerLsaAt: Instant | undefined
  designatedRouter = NOBODY
  backup = NOBODY

  constructor(now: Instant, own: OspfRouterOptions, dice: Dice) {
    this.#own = own
    this.#dice = dice
    this.#helloAt = now
    this.#waitsUntil = own.type === 'broadcast' ? after(now, DEAD) : undefined
    this.#originateAt = now
    this.deadline = now
    this.#exchange = new Exchange({
      routerId: own.id,
      send: (n, type, body) => this.#direct(n, type, body),
      database: () => this.#flooding.database,
      lacks: lsa => this.#flooding.lacks(lsa),
      twoWay: (at, n) => this.#twoWay(at, n),
      full: at => this.#fullChanged(at),
    })
    this.#flooding = new Flooding({
      neighbours: () => this.#neighbours.values(),
      direct: (n, type, body) => this.#direct(n, type, body),
      again: (n, type, body) => this.#send(n.address, type, body),
      spread: (type, body) => this.#spread(type, body),
      role: () => this.#role,
      isDesignatedRouter: n => n.address === this.designatedRouter,
      isLeader: n => n.address === this.designatedRouter || n.address === this.backup,
      got: (at, n, key) => this.#exchange.got(at, n, key),
      badRequest: (at, n) => this.#exchange.begin(at, n),
    })
    for (const id of own.externals) this.#originate(now, id)
    this.#originateRouterLsa(now)
  }

  handle(now: Instant, input: OspfInput | Tick): readonly OspfEffect[] {
    this.#effects = []
    if (input.on === 'packet') this.#hear(now, input.packet)
    else this.#tick(now)
    this.deadline = this.#nextDeadline()
    return this.#effects
  }

  /** What it thinks of the router at this address. */
  stateOf(address: string): State {
    return [...this.#neighbours.values()].find(n => n.address === address)?.state ?? 'Down'
  }

  /** Keys and sequence numbers. */
  get database(): ReadonlyMap<string, number> {
    return new Map(this.#flooding.database.map(({ key, sequence }) => [key, sequence]))
  }

  get #role(): 'designated router' | 'backup' | 'other' {
    const { address } = this.#own
    return this.designatedRouter === address
      ? 'designated router'
      : this.backup === address
        ? 'backup'
        : 'other'
  }

  #nextDeadline(): Instant {
    const all = [...this.#neighbours.values()].flatMap(n => [n.deadAt, n.describeAt, n.requestAt, n.updateAt])
    const own = [this.#waitsUntil, this.#routerLsaAt, this.#flooding.acknowledgeAt]
    return [...all, ...own].reduce<Instant>(
      (first, one) => sooner(first, one) ?? first,
      sooner(this.#helloAt, this.#originateAt) ?? this.#helloAt,
    )
  }

  #tick(now: Instant): void {
    for (const n of [...this.#neighbours.values()]) if (now >= n.deadAt) this.#kill(now, n)
    if (this.#waitsUntil !== undefined && now >= this.#waitsUntil) this.#elect(now)
    if (now >= this.#helloAt) this.#hello(now)
    if (this.#routerLsaAt !== undefined && now >= this.#routerLsaAt) this.#originateRouterLsa(now)
    if (now >= this.#originateAt) this.#change(now)
    for (const n of this.#neighbours.values()) this.#exchange.tick(now, n)
    this.#flooding.tick(now)
  }

  #hello(now: Instant): void {
    this.#helloAt = after(now, seconds(HELLO_SECONDS))
    const { priority } = this.#own
    const neighbours = [...this.#neighbours.values()].map(({ id }) => id)
    const { designatedRouter, backup } = this
    this.#send(ALL_ROUTERS, TYPE.hello, helloBody({ priority, designatedRouter, backup, neighbours }))
  }

  #change(now: Instant): void {
    const { least, most } = ORIGINATES
    this.#originateAt = after(now, least)
    this.#originateAt = (this.#originateAt + this.#dice.below(most - least)) as Instant
    this.#originate(now, this.#dice.pick(this.#own.externals))
  }

  #originate(now: Instant, id: string): void {
    const times = this.#times(id)
    this.#flooding.originate(now, externalLsa({ router: this.#own.id, id, times }, 20 + (times % 5)))
  }

  #originateRouterLsa(now: Instant): void {
    this.#routerLsaAt = undefined
    const { id, network } = this.#own
    const full = [...this.#neighbours.values()].filter(({ state }) => state === 'Full').length
    this.#flooding.originate(now, routerLsa({ router: id, id, times: this.#times(id) }, network, full))
  }

  #times(id: string): number {
    const times = this.#originated.get(id) ?? 0
    this.#originated.set(id, times + 1)
    return times
  }

  #fullChanged(now: Instant): void {
    this.#routerLsaAt ??= after(now, MIN_LS_INTERVAL)
  }

  #hear(now: Instant, bytes: Uint8Array): void {
    const { from, to } = endsOf(bytes)
    const mine = to === this.#own.address || to === ALL_ROUTERS
    if (from === this.#own.address || !(mine || (to === DESIGNATED_ROUTERS && this.#role !== 'other'))) return
    const received = read(bytes)
    if (received === undefined || received.routerId === this.#own.id) return
    if (received.type === TYPE.hello) return this.#hearHello(now, received)
    const n = this.#neighbours.get(received.routerId)
    if (n?.address !== from) return
    if (received.type === TYPE.description) return this.#exchange.hear(now, n, readDescription(received))
    if (atLeast(n, 'Exchange')) this.#flooded(now, n, received)
  }

  #flooded(now: Instant, n: Neighbour, received: Received): void {
    switch (received.type) {
      case TYPE.request:
        return this.#flooding.requested(now, n, readRequest(received))
      case TYPE.update:
        return this.#hearUpdate(now, n, readUpdate(received))
      case TYPE.acknowledgment:
        return this.#flooding.acknowledged(n, readHeaders(received.body, 0))
      default:
        return
    }
  }

  #hearUpdate(now: Instant, n: Neighbour, lsas: readonly Lsa[]): void {
    this.#flooding.hear(now, n, lsas)
    this.#exchange.loaded(now, n)
  }

  /** RFC 2328 §10.5 */
  #hearHello(now: Instant, received: Received): void {
    const hello = readHello(received)
    if (hello === undefined || !hello.agrees) return
    const { routerId, from } = received
    const known = this.#neighbours.get(routerId)
    const n = known ?? newNeighbour(routerId, from, after(now, DEAD))
    if (n.address !== from) return
    this.#neighbours.set(routerId, n)
    n.deadAt = after(now, DEAD)
    const was = { ...n }
    n.priority = hello.priority
    n.designatedRouter = hello.designatedRouter
    n.backup = hello.backup
    if (!hello.neighbours.includes(this.#own.id)) return this.#oneWay(now, n)
    this.#twoWay(now, n)
    if (this.#waitsUntil !== undefined && backupSeen(n)) this.#elect(now)
    else if (claimsDiffer(was, n)) this.#neighbourChange(now)
  }

  #twoWay(now: Instant, n: Neighbour): void {
    if (n.state !== 'Init') return
    n.state = '2-Way'
    if (this.#shouldBeAdjacent(n)) this.#exchange.begin(now, n)
    this.#neighbourChange(now)
  }

  #oneWay(now: Instant, n: Neighbour): void {
    if (!atLeast(n, '2-Way')) return
    fall(n, 'Init')
    this.#fullChanged(now)
    this.#neighbourChange(now)
  }

  #kill(now: Instant, n: Neighbour): void {
    this.#neighbours.delete(n.id)
    this.#effects.push({ do: 'died', neighbour: n.address })
    this.#fullChanged(now)
    this.#neighbourChange(now)
  }

  #neighbourChange(now: Instant): void {
    if (this.#own.type === 'broadcast' && this.#waitsUntil === undefined) this.#elect(now)
  }

  /** RFC 2328 §9.4 */
  #elect(now: Instant): void {
    this.#waitsUntil = undefined
    const { id, address, priority } = this.#own
    const { designatedRouter, backup } = this
    const others = [...this.#neighbours.values()].filter(n => atLeast(n, '2-Way'))
    const elected = elect({ id, address, priority, designatedRouter, backup }, others)
    if (elected.designatedRouter === designatedRouter && elected.backup === backup) return
    this.designatedRouter = elected.designatedRouter
    this.backup = elected.backup
    for (const n of others) this.#adjacencyOk(now, n)
  }

  /** RFC 2328 §10.3, AdjOK? */
  #adjacencyOk(now: Instant, n: Neighbour): void {
    if (n.state === '2-Way' && this.#shouldBeAdjacent(n)) this.#exchange.begin(now, n)
    else if (atLeast(n, 'ExStart') && !this.#shouldBeAdjacent(n)) fall(n, '2-Way')
  }

  /** RFC 2328 §10.4 */
  #shouldBeAdjacent({ address }: Neighbour): boolean {
    const leads = (one: string): boolean => one === this.designatedRouter || one === this.backup
    return this.#own.type === 'point-to-point' || leads(this.#own.address) || leads(address)
  }

  /** RFC 2328 §8.1: on a point-to-point network always AllSPFRouters, but for retransmissions. */
  #direct(n: Neighbour, type: number, body: Uint8Array): void {
    this.#send(this.#own.type === 'point-to-point' ? ALL_ROUTERS : n.address, type, body)
  }

  #spread(type: number, body: Uint8Array): void {
    const all = this.#own.type === 'point-to-point' || this.#role !== 'other'
    this.#send(all ? ALL_ROUTERS : DESIGNATED_ROUTERS, type, body)
  }

  #send(to: string, type: number, body: Uint8Array): void {
    const { address, id } = this.#own
    const sender = { address, routerId: id, identification: ++this.#identification }
    this.#effects.push({ do: 'send', packet: packet(sender, to, type, body) })
  }
}

/** RFC 2328 §9.2: there is an election already. */
const backupSeen = ({ address, designatedRouter, backup }: Neighbour): boolean =>
  backup === address || (designatedRouter === address && backup === NOBODY)

/** RFC 2328 §9.2, NeighborChange: of the priority, or of what it declares itself. */
const claimsDiffer = (was: Neighbour, is: Neighbour): boolean =>
  was.priority !== is.priority ||
  (was.designatedRouter === was.address) !== (is.designatedRouter === is.address) ||
  (was.backup === was.address) !== (is.backup === is.address)
