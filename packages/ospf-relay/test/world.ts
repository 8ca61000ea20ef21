import { type Drop, type Instant, instant, isDrop, Packet } from '@brunel/base'
import { Address } from '@brunel/wire'
import { carried } from '../src/carried.js'
import {
  LAN,
  type Port,
  Relay,
  type RelayEffect,
  type RelayEvent,
  type RelayInput,
  type TunnelSettings,
  tunnelPort,
} from '../src/index.js'

/**
 * LANs, relays and tunnels in virtual time. A LAN gives what one says to all others, and to the relay that said it as a
 * raw socket does; a tunnel takes 5 ms, a LAN 1 ms.
 */
const TUNNEL_DELAY = 5
const LAN_DELAY = 1

interface Job {
  readonly at: number
  readonly run: () => void
}

export class World {
  now = 0
  /** Whether a packet or beacon on its way to a relay is lost. */
  lost: () => boolean = () => false
  readonly #jobs: Job[] = []
  readonly relays: Station[] = []

  later(ms: number, run: () => void): void {
    this.#jobs.push({ at: this.now + ms, run })
  }

  /** Until nothing is left to do before `ms` have passed. */
  run(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const [next] = this.#jobs.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#jobs.splice(this.#jobs.indexOf(next), 1)
      this.now = next.at
      next.run()
    }
    this.now = end
  }

  lan(): Lan {
    return new Lan(this)
  }

  relay(id: string, lan: Lan): Station {
    const station = new Station(this, id.padStart(16, '0'), lan)
    this.relays.push(station)
    lan.stations.push(station)
    return station
  }

  /** A tunnel between two relays, which carries at once. */
  tunnel(a: Station, b: Station, options: Partial<TunnelSettings> = {}): void {
    a.addTunnel(b.id, b, options)
    b.addTunnel(a.id, a, options)
    a.feed({ on: 'tunnel-state', tunnel: b.id, carries: true })
    b.feed({ on: 'tunnel-state', tunnel: a.id, carries: true })
  }

  cut(a: Station, b: Station, carries = false): void {
    a.feed({ on: 'tunnel-state', tunnel: b.id, carries })
    b.feed({ on: 'tunnel-state', tunnel: a.id, carries })
  }
}

const destinationOf = (packet: Uint8Array): { multicast: boolean; address: string } => {
  const known = carried(new Packet(packet))
  if (!isDrop(known)) return { multicast: known.multicast, address: Address.format(known.destination) }
  return { multicast: true, address: '' }
}

export class Lan {
  readonly #world: World
  readonly stations: Station[] = []
  /** All that was said here by relays, and when. */
  readonly heard: { at: number; packet: Uint8Array }[] = []

  constructor(world: World) {
    this.#world = world
  }

  /** A router says something; unicast reaches the relay that answers ARP for it, if one does. */
  says(packet: Uint8Array): void {
    this.#spread(packet)
  }

  relayed(packet: Uint8Array): void {
    this.heard.push({ at: this.#world.now, packet })
    this.#spread(packet)
  }

  #spread(packet: Uint8Array): void {
    const { multicast, address } = destinationOf(packet)
    for (const station of this.stations)
      if (multicast || station.answers.has(address))
        this.#arrives(station, { on: 'packet', port: LAN, packet: packet.slice() })
  }

  beacon(beacon: Uint8Array): void {
    for (const station of this.stations) this.#arrives(station, { on: 'beacon', port: LAN, beacon })
  }

  #arrives(station: Station, input: RelayInput): void {
    if (!this.#world.lost()) this.#world.later(LAN_DELAY, () => station.feed(input))
  }
}

export class Station {
  readonly relay: Relay
  readonly id: string
  readonly lan: Lan
  readonly events: RelayEvent[] = []
  readonly drops: { port: Port; drop: Drop }[] = []
  readonly answers = new Set<string>()
  /** What it sent into each tunnel. */
  readonly sent = new Map<Port, Uint8Array[]>()
  dead = false
  readonly #world: World
  readonly #far = new Map<Port, Station | undefined>()
  #alarm = Number.POSITIVE_INFINITY

  constructor(world: World, id: string, lan: Lan) {
    this.#world = world
    this.id = id
    this.lan = lan
    this.relay = new Relay({ group: 'test', id })
  }

  addTunnel(name: string, far: Station | undefined, options: Partial<TunnelSettings> = {}): void {
    this.#far.set(tunnelPort(name), far)
    const settings = {
      tunnel: name,
      far: name,
      multicast: [],
      bfd: false,
      failFast: false,
      forward: true,
      ...options,
    }
    this.feed({ on: 'tunnel-set', settings })
  }

  feed(input: RelayInput | { on: 'tick' }): void {
    if (this.dead) return
    const now: Instant = instant(this.#world.now)
    for (const effect of this.relay.handle(now, input)) this.#perform(effect)
    const { deadline } = this.relay
    if (deadline === undefined || deadline === this.#alarm) return
    this.#alarm = deadline
    this.#world.later(Math.max(0, deadline - now), () => {
      if (this.#alarm === deadline) this.#alarm = Number.POSITIVE_INFINITY
      this.feed({ on: 'tick' })
    })
  }

  #perform(effect: RelayEffect): void {
    switch (effect.do) {
      case 'send':
        return this.#send(effect.port, effect.packet)
      case 'beacon':
        return this.#beacon(effect.port, effect.beacon)
      case 'neighbour':
        effect.present ? this.answers.add(effect.address) : this.answers.delete(effect.address)
        return
      case 'drop':
        this.drops.push({ port: effect.port, drop: effect.drop })
        return
      case 'event':
        this.events.push(effect.event)
    }
  }

  #send(port: Port, packet: Uint8Array): void {
    if (port === LAN) return this.lan.relayed(packet)
    this.sent.set(port, [...(this.sent.get(port) ?? []), packet])
    this.#crosses(port, { on: 'packet', port: tunnelPort(this.id), packet: packet.slice() })
  }

  #beacon(port: Port, beacon: Uint8Array): void {
    if (port === LAN) return this.lan.beacon(beacon)
    this.#crosses(port, { on: 'beacon', port: tunnelPort(this.id), beacon })
  }

  #crosses(port: Port, input: RelayInput): void {
    const far = this.#far.get(port)
    if (far !== undefined && !this.#world.lost()) this.#world.later(TUNNEL_DELAY, () => far.feed(input))
  }

  state(far: Station): string {
    return this.relay.report(instant(this.#world.now)).ports.find(({ port }) => port === tunnelPort(far.id))!
      .state
  }
}
