import { type Instant, instant, millis, type Tick } from '@brunel/base'
import type { RelayEffect, RelayInput } from '@brunel/ospf-relay'
import { Dice } from '../dice.js'
import { Network, PERFECT, type Quality } from '../network.js'
import { VirtualTime } from '../virtual-time.js'
import { Lan } from './lan.js'
import type { State } from './neighbour.js'
import { endsOf } from './packets.js'
import { type Happening, type RelayPlan, START, TROUBLE } from './plan.js'
import { type OspfEffect, OspfRouter } from './router.js'
import { addressOf, type RelaySabotage, relayedIn, Station } from './station.js'
import { Watch } from './watch.js'

/** Within so long after an outage all adjacencies stand again: Hellos, an election, an exchange with some losses. */
const BACK = 60_000
/** An outage so short is no reason to lose an adjacency; with `failFast` five seconds of silence are. */
const SHORT = { slow: 8000, fast: 3000 }
/** A relay that begins anew knows nobody before the next Hello. */
const UNLEARNED = 15_000
/** So many Hellos of a router lost in a row kill it: RouterDeadInterval is four, and the fourth may come late. */
const LOST_HELLOS = 3
const HELLO_MEMORY = 45_000

export interface Violation {
  readonly at: number
  readonly what: string
}

export interface Member {
  readonly site: number
  readonly address: string
  readonly router: OspfRouter
}

/** Who wants to see everything: what is said on each LAN, and each step of each relay. */
export interface Record {
  said(at: Instant, site: number, packet: Uint8Array): void
  step(at: Instant, site: number, input: RelayInput | Tick, effects: readonly RelayEffect[]): void
}

/** What is excused, and until when: a packet may be dropped, or an adjacency be lost and the doctor speak. */
interface Window {
  readonly from: number
  readonly to: number
  readonly adjacencies: boolean
}

/** A plan, played: sites with their LANs, relays and routers, and lines between them. */
export class RelayWorld {
  readonly plan: RelayPlan
  readonly time = new VirtualTime()
  readonly network: Network
  readonly lans: readonly Lan[]
  readonly stations: readonly Station[]
  readonly members: Member[] = []
  readonly watch: Watch
  violation: Violation | undefined
  steps = 0
  /** Neighbours that died since the loss alone took three Hellos in a row. */
  diedOfLoss = 0
  /** From the end of an outage until all adjacencies stood. */
  slowestBack = 0
  readonly #record: Record | undefined
  readonly #windows: Window[]
  readonly #lostHellos = new Map<string, number[]>()

  constructor(plan: RelayPlan, sabotage?: RelaySabotage, record?: Record) {
    this.plan = plan
    this.#record = record
    this.#windows = [{ from: 0, to: START, adjacencies: true }, ...plan.happenings.map(h => this.#excuse(h))]
    this.network = new Network(this.time, new Dice(plan.seed, 'lines'))
    this.watch = new Watch(
      () => this.time.now(),
      plan.quality.duplicate > 0,
      what => this.object(what),
    )
    const sites = Array.from({ length: plan.sites }, (_, site) => site)
    this.lans = sites.map(site => new Lan(this.time, (...said) => this.#said(site, ...said)))
    this.stations = sites.map(site => this.#station(site, sabotage))
    this.quality(plan.quality)
    this.network.tap((datagram, fate) => {
      const packet = fate === 'lost' ? relayedIn(datagram) : undefined
      if (packet !== undefined && isHello(packet)) this.#lostHello(endsOf(packet).from)
    })
    for (const [i] of plan.routers.entries()) this.#router(i)
    for (const happening of plan.happenings) this.#happen(happening)
  }

  quality(quality: Quality): void {
    for (const { site } of this.stations) this.network.quality(addressOf(site), quality)
  }

  perfect(): void {
    this.quality({ ...PERFECT, mtu: this.plan.quality.mtu })
  }

  object(what: string): void {
    this.violation ??= { at: this.time.now(), what }
  }

  /** Plays on until then, or until something is wrong. */
  run(until: number): boolean {
    this.time.runUntil(instant(until), () => this.violation === undefined)
    return this.violation === undefined
  }

  #station(site: number, sabotage: RelaySabotage | undefined): Station {
    const lan = this.lans[site] as Lan
    const all = this.lans.map((_, other) => other)
    const station = new Station(site, site === 0 ? all.slice(1) : [0], this.plan.failFast, {
      ...{ time: this.time, network: this.network, lan, sabotage },
      watch: (...step) => this.#step(...step),
    })
    lan.station = station
    station.start()
    return station
  }

  #said(site: number, packet: Uint8Array, by: 'relay' | 'router'): void {
    this.#record?.said(this.time.now(), site, packet)
    this.watch.said(site, packet, by)
  }

  #router(number: number): void {
    const { site, priority, startAt, externals } = this.plan.routers[number] as RelayPlan['routers'][number]
    const address = `10.9.0.${number + 1}`
    this.time.at(startAt, () => {
      const own = {
        id: `1.1.1.${number + 1}`,
        address,
        network: `10.${91 + number}.0.0`,
        type: this.plan.type,
        priority,
        externals: Array.from({ length: externals }, (_, i) => `172.${16 + number}.${i}.0`),
      }
      const router = new OspfRouter(this.time.now(), own, new Dice(this.plan.seed, address))
      this.members.push({ site, address, router })
      this.lans[site]?.join(address, router, effect => this.#told(effect))
    })
  }

  #happen({ at, until, what, site }: Happening): void {
    const station = this.stations[site] as Station
    const [begin, end] =
      what === 'relay'
        ? [() => station.stop(), () => station.start()]
        : [() => this.network.cut(addressOf(site)), () => this.network.mend(addressOf(site))]
    this.time.at(at, begin)
    this.time.at(until, end)
  }

  #excuse({ at, until }: Happening): Window {
    const adjacencies = until - at > (this.plan.failFast ? SHORT.fast : SHORT.slow)
    return { from: at, to: until + (adjacencies ? BACK : UNLEARNED), adjacencies }
  }

  /** Whether adjacencies stand and the doctor is silent, if all is well. */
  get calm(): boolean {
    const now = this.time.now()
    return !this.#windows.some(({ from, to, adjacencies }) => adjacencies && now >= from && now <= to)
  }

  /** Whether not even a packet may be dropped. */
  get quiet(): boolean {
    const now = this.time.now()
    return !this.#windows.some(({ from, to }) => now >= from && now <= to)
  }

  /** All windows are behind us by then. */
  get end(): number {
    return Math.max(START + TROUBLE, ...this.#windows.map(({ to }) => to))
  }

  /** When the last outage was over; now, while it lasts. */
  lastExcuse(now: number): number {
    const begun = this.plan.happenings.filter(({ at }) => at <= now)
    return Math.min(now, Math.max(0, ...begun.map(({ until }) => until)))
  }

  #lostHello(address: string): void {
    const now = this.time.now()
    const recent = (this.#lostHellos.get(address) ?? []).filter(at => now - at < HELLO_MEMORY)
    this.#lostHellos.set(address, [...recent, now])
  }

  #told(effect: OspfEffect): void {
    if (effect.do !== 'died') return
    const now = this.time.now()
    const lost = (this.#lostHellos.get(effect.neighbour) ?? []).filter(at => now - at < HELLO_MEMORY)
    if (lost.length < LOST_HELLOS) return
    // While all else is excused it is not counted, but it may take longer than that.
    if (this.calm) this.diedOfLoss++
    this.#windows.push({ from: now, to: now + BACK, adjacencies: true })
  }

  #step(station: Station, input: RelayInput | Tick, effects: readonly RelayEffect[], echo: boolean): void {
    this.steps++
    this.#record?.step(this.time.now(), station.site, input, effects)
    const { deadline } = station.relay ?? {}
    if (deadline !== undefined && deadline < this.time.now()) this.object('a deadline in the past')
    this.watch.step(station, input, effects, echo)
    for (const effect of effects) {
      if (effect.do === 'drop' && effect.drop !== 'relay-duplicate' && this.quiet)
        this.object(`the relay of LAN ${station.site} drops ${effect.drop}`)
      if (effect.do === 'event') this.#event(station, effect.event)
    }
  }

  #event({ site }: Station, event: Extract<RelayEffect, { readonly do: 'event' }>['event']): void {
    if (event.type === 'fail-fast') {
      const farewells = new Set(event.told)
      this.time.after(millis(100), () => this.#letGo(site, farewells))
    }
    if (!this.calm) return
    if (event.type === 'finding') this.object(`the doctor of LAN ${site}: ${event.finding.sentence}`)
    if (event.type === 'adjacency-lost') this.object(`the doctor of LAN ${site} sees an adjacency lost`)
  }

  /** `failFast`: the LAN has heard the last words. */
  #letGo(site: number, addresses: ReadonlySet<string>): void {
    for (const member of this.members)
      for (const address of addresses)
        if (member.site === site && isAdjacent(member.router.stateOf(address)))
          this.object(`${member.address} is still adjacent to ${address}, which failFast let die`)
  }
}

const isAdjacent = (state: State): boolean => state !== 'Down' && state !== 'Init'
const isHello = (packet: Uint8Array): boolean => packet[21] === 1
