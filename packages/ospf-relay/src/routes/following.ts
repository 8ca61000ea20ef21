import { after, type Drop, type Instant, isDrop, seconds, sooner } from '@brunel/base'
import { Address, Ospf } from '@brunel/wire'
import type { Port } from '../contract.js'
import { type Candidate, choose, type FollowedRoute, type Segment, type SegmentRouter } from './choice.js'
import { type Area, Database, keyOf, type Room } from './database.js'
import { type Direction, Exchanges } from './exchange.js'
import { type Path, pathsOf, preference, type Root } from './paths.js'
import { Throttle } from './throttle.js'

/**
 * Data follows the routes that the relay carried. A router sends it to the MAC address of this machine, which answers for
 * all far neighbours, so that the packet does not say which of them was meant. The LSAs do: for each prefix the next
 * router is the one on the segment that is nearest to it, as it was for whoever sent the packet.
 *
 *    Link State Update ─▶ Database, one an area ─▶ (100 ms) pathsOf: SPF from all routers of the segment ─▶ choose, a port each
 *    Database Description ─▶ which LSAs we never saw, or have an older instance of
 */

/** How often LSAs are looked at that grow too old. */
const EXPIRY = seconds(10)
/** An area has one on a segment. More are claims of somebody who invents them. */
const MOST_DATABASES = 16
/** RFC 5838 §2.1: above are other address families, whose next hops no Hello shows. */
const LAST_IPV6_INSTANCE = 31
/** Names of missing LSAs in a report. */
const NAMED = 20

/** The LSAs of an area as they are written down for the next start, with the age that they have. */
export interface KeptArea extends Area {
  readonly lsas: readonly Uint8Array[]
}

export interface AreaReport extends Area {
  readonly lsas: number
  /** LSAs that the routers have and that did not pass here: routes may be missing, or lead a longer way. */
  readonly missing: number
  /** Some of those, in words. */
  readonly missingNames: readonly string[]
}

export interface FollowingReport {
  readonly routes: readonly { readonly port: Port; readonly routes: readonly FollowedRoute[] }[]
  readonly areas: readonly AreaReport[]
}

export interface NewRoutes {
  readonly port: Port
  readonly routes: readonly FollowedRoute[]
}

/** A message that others on the segment believe. */
export interface Heard extends Ospf.Ends {
  readonly message: Ospf.Message
  readonly payload: Uint8Array
}

interface Offered extends Candidate {
  /** Those that could mean the same path: of its version, instance and area. */
  readonly here: readonly SegmentRouter[]
}

const nameOf = ({ version, instance, area }: Area): string => `${version} ${instance} ${area}`

export class Following {
  readonly #databases = new Map<string, Database>()
  readonly #room: Room = { lsas: 0, octets: 0, parts: 0 }
  readonly #throttle = new Throttle()
  readonly #exchanges = new Exchanges()
  #expiredAt: Instant | undefined
  #segment = ''
  #news = false
  #routes = new Map<Port, readonly FollowedRoute[]>()
  /** By area: who is spoken of and did not speak himself. */
  readonly #unknown = new Map<string, readonly string[]>()

  get deadline(): Instant | undefined {
    const expiry = this.#expiredAt === undefined ? undefined : after(this.#expiredAt, EXPIRY)
    return sooner(this.#throttle.deadline, expiry)
  }

  /** What a router said that others on the segment believe. Answers why something of it makes no routes. */
  hear(now: Instant, { message, payload, ...ends }: Heard): readonly Drop[] {
    const { body } = message
    if (body.type !== 'link-state-update' && body.type !== 'database-description') return []
    const database = this.#database({ ...message, area: message.areaId })
    if (database === undefined) return []
    if (body.type === 'link-state-update')
      return this.#take(now, database, Ospf.lsasOf(payload, { ...message, body }))
    const headers = Ospf.headersOf(payload, { ...message, body })
    for (const header of headers) database.described(now, header)
    const whole = this.#exchanges.described(now, directionOf(database, ends), body, headers.map(keyOf))
    if (whole !== undefined && database.purge(whole)) this.#throttle.changed(now)
    return []
  }

  #database({ version, instance, area }: Area): Database | undefined {
    if (version === 3 && instance > LAST_IPV6_INSTANCE) return undefined
    const name = nameOf({ version, instance, area })
    const known = this.#databases.get(name)
    if (known !== undefined || this.#databases.size >= MOST_DATABASES) return known
    const fresh = new Database({ version, instance, area }, this.#room)
    this.#databases.set(name, fresh)
    return fresh
  }

  #take(now: Instant, database: Database, lsas: readonly Uint8Array[]): Drop[] {
    const drops: Drop[] = []
    for (const lsa of lsas) {
      const taken = database.take(now, lsa)
      if (isDrop(taken)) drops.push(taken)
      else if (taken) this.#throttle.changed(now)
    }
    return drops
  }

  /** Since the last time, LSAs came; told as often as they are calculated with. */
  isNews(): boolean {
    const news = this.#news
    this.#news = false
    return news
  }

  /** What an earlier relay of this segment had. What has passed meanwhile is newer and stays. */
  restore(now: Instant, kept: readonly KeptArea[]): void {
    for (const { lsas, ...area } of kept) {
      const database = this.#database(area)
      if (database !== undefined) this.#take(now, database, lsas)
    }
  }

  kept(now: Instant): readonly KeptArea[] {
    return [...this.#databases.values()].map(one => ({
      version: one.version,
      instance: one.instance,
      area: one.area,
      lsas: one.kept(now),
    }))
  }

  /** Ports and routers as they are by now; `urgent`: a port is used no longer. */
  review(now: Instant, segment: Segment, urgent: boolean): void {
    const text = JSON.stringify(segment)
    if (text === this.#segment) return
    this.#segment = text
    if (urgent) this.#throttle.urgent(now)
    else this.#throttle.changed(now)
  }

  /** The ports whose routes are others than before; nothing before the deadline. */
  tick(now: Instant, segment: () => Segment): readonly NewRoutes[] {
    this.#expire(now)
    return this.#throttle.due(now) ? this.#calculate(now, segment()) : []
  }

  #expire(now: Instant): void {
    const before = this.#expiredAt ?? now
    if (this.#expiredAt !== undefined && now < after(before, EXPIRY)) return
    this.#expiredAt = now
    for (const [name, database] of this.#databases) {
      if (database.expire(now, before)) this.#throttle.changed(now)
      if (database.size > 0 || database.missing > 0) continue
      this.#databases.delete(name)
      this.#unknown.delete(name)
    }
    if (this.#databases.size === 0) this.#expiredAt = undefined
  }

  #calculate(now: Instant, { ports, routers }: Segment): readonly NewRoutes[] {
    this.#news = true
    const candidates = this.#candidates(now, routers)
    const before = this.#routes
    // A hub has a hundred ports and thousands of prefixes: what is the same on each port is found once.
    const each = candidates.map(one => ({ ...one, segment: { ports, routers: one.here } }))
    this.#routes = new Map(
      ports.map(port => [port, each.flatMap(one => choose(port, one, one.segment) ?? [])]),
    )
    return [...new Set([...before.keys(), ...ports])].flatMap(port => {
      const routes = this.#routes.get(port) ?? []
      return sameRoutes(routes, before.get(port) ?? []) ? [] : [{ port, routes }]
    })
  }

  #candidates(now: Instant, routers: readonly SegmentRouter[]): readonly Offered[] {
    const best = new Map<string, Offered>()
    for (const router of routers) this.#database(router)
    for (const [name, database] of this.#databases) {
      const here = routers.filter(router => nameOf(router) === name)
      const { paths, unknown } = pathsOf(database.version, database.current(now), rootsOf(here))
      this.#unknown.set(name, unknown)
      for (const [prefix, path] of paths) offer(best, prefix, path, here)
    }
    return [...best.values()]
  }

  report(): FollowingReport {
    return {
      routes: [...this.#routes].map(([port, routes]) => ({ port, routes })),
      areas: [...this.#databases].map(([name, one]) => {
        const unknown = this.#unknown.get(name) ?? []
        return {
          version: one.version,
          instance: one.instance,
          area: one.area,
          lsas: one.size,
          missing: one.missing + unknown.length,
          missingNames: [...unknown.map(vertex => `that of ${vertex}`), ...one.missingNames(NAMED)].slice(
            0,
            NAMED,
          ),
        }
      }),
    }
  }
}

function directionOf(area: Area, { source, destination }: Ospf.Ends): Direction {
  const of = (address: Uint8Array): string => `${nameOf(area)} ${Address.format(address)}`
  return { from: of(source), to: Address.isMulticast(destination) ? undefined : of(destination) }
}

function offer(best: Map<string, Offered>, prefix: string, path: Path, here: readonly SegmentRouter[]): void {
  const known = best.get(prefix)
  if (known !== undefined && preference(path, known.path) >= 0) return
  best.set(prefix, { path, here, routers: here.filter(({ routerId }) => path.origins.has(routerId)) })
}

function rootsOf(routers: readonly SegmentRouter[]): Root[] {
  const ids = [...new Set(routers.map(({ routerId }) => routerId))].sort()
  return ids.map(routerId => ({
    routerId,
    addresses: routers.filter(one => one.routerId === routerId).map(({ address }) => address),
  }))
}

const sameRoutes = (some: readonly FollowedRoute[], others: readonly FollowedRoute[]): boolean =>
  some.length === others.length &&
  some.every((a, i) => {
    const b = others[i]!
    return (
      a.to === b.to &&
      a.via === b.via &&
      a.neighbour === b.neighbour &&
      a.kind === b.kind &&
      a.cost === b.cost
    )
  })
