import { assertNever, type Drop, type Instant, type Tick } from '@brunel/base'
import {
  type FollowedRoute,
  type Kind,
  LAN,
  type Port,
  Relay,
  type RelayEffect,
  type RelayEvent,
  type RelayInput,
  type RelayReport,
  type TunnelSettings,
  tunnelPort,
} from '@brunel/ospf-relay'
import { type Alarm, guarded } from './alarm.js'
import { beaconIn, beaconPacket } from './relay-beacon.js'
import { Carrying, type TunnelCrossing } from './relay-carrying.js'
import type { LanHeard, RelayEdge, RelayLan, RelayLanState, TableRoute } from './relay-edge.js'

/** A tunnel that is open and joined to a LAN. */
export interface RelayedTunnel {
  /** `ospfRelay.interface` and `.group` of the peer. */
  readonly lan: string
  readonly group: string
  readonly tun: number
  /** The tunnel's own interface. */
  readonly device: string
  readonly crossing: TunnelCrossing
  readonly settings: TunnelSettings
}

export interface RelayGroupPorts {
  readonly edge: RelayEdge
  readonly now: () => Instant
  readonly alarm: Pick<Alarm, 'set' | 'clear'>
  /** 16 hex digits at random. */
  readonly newId: () => string
  readonly onEvent: (device: string, event: RelayEvent) => void
  readonly onDrop: (port: Port, drop: Drop, count: number) => void
  readonly onLan: (device: string, state: RelayLanState) => void
  /** A packet or a setting that the system did not take. */
  readonly onRefused: (device: string, error: unknown) => void
  /** The machine threw: our own mistake. */
  readonly onBug: (error: unknown) => void
}

const kindsOf = ({ bfd, multicast }: TunnelSettings): readonly Kind[] =>
  bfd ? ['ospf', 'bfd', ...multicast] : ['ospf', ...multicast]

interface Joined {
  tunnel: RelayedTunnel
  readonly carrying: Carrying
}

type Feed = (input: RelayInput | Tick) => void

/**
 * The relay of one LAN interface. A bug of its machine ends that machine alone: another one begins with an empty
 * memory a second later, and learns all from the next Hellos.
 */
export class RelayGroup {
  readonly device: string
  readonly group: string
  /** Of the ports that there are. */
  readonly drops = new Map<Port, Map<Drop, number>>()
  readonly #ports: RelayGroupPorts
  readonly #tunnels = new Map<string, Joined>()
  /** Far addresses that the LAN side answers for, and where they live. */
  readonly #present = new Map<string, Port>()
  /** Interfaces whose packets follow OSPF. */
  readonly #routed = new Set<string>()
  #ownAddresses: readonly string[] = []
  #relay: Relay
  #feed: Feed = () => undefined
  #lan: RelayLan | undefined
  #kinds: readonly Kind[] = []
  lan: RelayLanState = { is: 'starting' }

  constructor(device: string, group: string, ports: RelayGroupPorts) {
    this.device = device
    this.group = group
    this.#ports = ports
    this.#relay = this.#begin()
  }

  /** Brings it to these tunnels. Who is no longer among them is told to go first: the place of its TUN may be another's. */
  become(tunnels: readonly RelayedTunnel[]): void {
    const tuns = new Map(tunnels.map(({ settings, tun }) => [settings.tunnel, tun]))
    for (const { tunnel: old } of [...this.#tunnels.values()])
      if (tuns.get(old.settings.tunnel) !== old.tun) this.#remove(old)
    for (const tunnel of tunnels) this.#set(tunnel)
    this.#tendLan()
  }

  ownAddresses(addresses: readonly string[]): void {
    this.#ownAddresses = addresses
    this.#feed({ on: 'own-addresses', addresses })
  }

  /** From a tunnel. False: it is not one of this group. */
  packet(tun: number, packet: Uint8Array): boolean {
    const joined = [...this.#tunnels.values()].find(({ tunnel }) => tunnel.tun === tun)
    if (joined === undefined) return false
    const port = tunnelPort(joined.tunnel.settings.tunnel)
    const beacon = beaconIn(packet)
    if (beacon !== undefined) joined.carrying.heardBeacon(this.#ports.now())
    this.#feed(beacon === undefined ? { on: 'packet', port, packet } : { on: 'beacon', port, beacon })
    return true
  }

  /** A relay was heard at the far end of the tunnel, and is no longer. */
  silent(tunnel: string): boolean {
    return this.#tunnels.get(tunnel)?.carrying.silent ?? false
  }

  report(): RelayReport {
    return this.#relay.report(this.#ports.now())
  }

  /** Fulfilled once nothing of the LAN side is left. */
  async close(): Promise<void> {
    for (const { tunnel } of [...this.#tunnels.values()]) this.#remove(tunnel)
    this.#feed = () => undefined
    this.#ports.alarm.clear()
    this.#ports.edge.memory.flush(this.device)
    await this.#lan?.stop().catch(error => this.#ports.onRefused(this.device, error))
  }

  #begin(): Relay {
    const { now, alarm, newId } = this.#ports
    const relay = new Relay({ group: this.group, id: newId() })
    this.#feed = guarded<RelayInput, RelayEffect>(relay, {
      now,
      alarm,
      perform: effect => this.#perform(effect),
      onBug: error => this.#fell(error),
      anew: () => {
        this.#relay = this.#begin()
      },
    })
    this.#feed({ on: 'own-addresses', addresses: this.#ownAddresses })
    this.#feed({ on: 'kept', areas: this.#ports.edge.memory.read(this.device) })
    for (const { tunnel, carrying } of this.#tunnels.values()) {
      const { settings } = tunnel
      this.#feed({ on: 'tunnel-set', settings })
      this.#feed({ on: 'tunnel-state', tunnel: settings.tunnel, carries: carrying.is })
    }
    return relay
  }

  #fell(error: unknown): void {
    this.#ports.onBug(error)
    for (const [address, port] of [...this.#present]) this.#neighbour(address, port, false)
    for (const device of [...this.#routed]) this.#route(device, [])
  }

  #set(tunnel: RelayedTunnel): void {
    const { settings, tun, crossing } = tunnel
    const known = this.#tunnels.get(settings.tunnel)
    const joined = known ?? { tunnel, carrying: new Carrying() }
    const isNews = JSON.stringify(known?.tunnel.settings) !== JSON.stringify(settings)
    joined.tunnel = tunnel
    this.#tunnels.set(settings.tunnel, joined)
    if (isNews) {
      this.#feed({ on: 'tunnel-set', settings })
      this.#attempt(() => this.#ports.edge.command({ do: 'relay-set', tun, kinds: kindsOf(settings) }))
    }
    const was = joined.carrying.is
    const carries = joined.carrying.look(this.#ports.now(), crossing)
    if (carries !== was) this.#feed({ on: 'tunnel-state', tunnel: settings.tunnel, carries })
  }

  #remove({ settings: { tunnel }, tun }: RelayedTunnel): void {
    // What is behind it may be told to die (`failFast`), which it cannot be once the tunnel is forgotten.
    this.#feed({ on: 'tunnel-state', tunnel, carries: false })
    this.#feed({ on: 'tunnel-removed', tunnel })
    this.#tunnels.delete(tunnel)
    this.drops.delete(tunnelPort(tunnel))
    this.#attempt(() => this.#ports.edge.command({ do: 'relay-set', tun, kinds: [] }))
  }

  /** Opens the LAN, once there is a tunnel; tells it what is carried. */
  #tendLan(): void {
    const kinds = [
      ...new Set([...this.#tunnels.values()].flatMap(({ tunnel }) => kindsOf(tunnel.settings))),
    ].sort()
    const isNews = kinds.join() !== this.#kinds.join()
    this.#kinds = kinds
    if (this.#lan === undefined)
      this.#attempt(() => {
        this.#lan = this.#ports.edge.openLan(this.device, kinds, this.#heard())
      })
    else if (isNews) this.#lan.carry(kinds).catch(error => this.#ports.onRefused(this.device, error))
  }

  #heard(): LanHeard {
    return {
      packet: packet => this.#feed({ on: 'packet', port: LAN, packet }),
      beacon: beacon => this.#feed({ on: 'beacon', port: LAN, beacon }),
      drop: (drop, count) => this.#count(LAN, drop, count),
      changed: state => {
        // An interface that was down has lost its routes.
        if (state.is === 'open' && this.lan.is !== 'open') this.#ports.edge.tables.verify()
        if (state.is === 'waiting' && this.lan.is === 'open') this.#feed({ on: 'lan-lost' })
        this.lan = state
        this.#ports.onLan(this.device, state)
      },
    }
  }

  #perform(effect: RelayEffect): void {
    switch (effect.do) {
      case 'send':
        return this.#attempt(() => this.#send(effect.port, effect.packet))
      case 'beacon':
        return this.#attempt(() => this.#beacon(effect.port, effect.beacon))
      case 'neighbour':
        return this.#neighbour(effect.address, effect.port, effect.present)
      case 'routes':
        return this.#follow(effect.port, effect.routes)
      case 'keep':
        return this.#ports.edge.memory.write(this.device, () => this.#relay.kept(this.#ports.now()))
      case 'resident':
        return this.#attempt(() => this.#lan?.resident(effect.address, effect.is))
      case 'drop':
        return this.#count(effect.port, effect.drop, 1)
      case 'event':
        return this.#ports.onEvent(this.device, effect.event)
      default:
        return assertNever(effect)
    }
  }

  #send(port: Port, packet: Uint8Array): void {
    if (port === LAN) return this.#lan?.send(packet)
    const tun = this.#joined(port)?.tunnel.tun
    if (tun !== undefined) this.#ports.edge.command({ do: 'relay-send', tun, packet })
  }

  #beacon(port: Port, beacon: Uint8Array): void {
    if (port === LAN) return this.#lan?.beacon(beacon)
    if (this.#joined(port)?.carrying.mayBeacon(this.#ports.now())) this.#send(port, beaconPacket(beacon))
  }

  #joined(port: Port): Joined | undefined {
    return this.#tunnels.get(port.slice('tunnel:'.length))
  }

  #neighbour(address: string, port: Port, present: boolean): void {
    if (present) this.#present.set(address, port)
    else this.#present.delete(address)
    const tunnel = this.#joined(port)?.tunnel.device ?? ''
    this.#attempt(() => this.#lan?.neighbour({ address, tunnel }, present))
  }

  #follow(port: Port, routes: readonly FollowedRoute[]): void {
    const deviceOf = (one: Port): string | undefined =>
      one === LAN ? this.device : this.#joined(one)?.tunnel.device
    const device = deviceOf(port)
    if (device === undefined) return
    const ways = routes.flatMap(({ to, via, neighbour }) => {
      const out = deviceOf(via)
      return out === undefined ? [] : [{ to, device: out, via: via === LAN ? neighbour : undefined }]
    })
    this.#route(device, ways)
  }

  #route(device: string, routes: readonly TableRoute[]): void {
    if (routes.length === 0) this.#routed.delete(device)
    else this.#routed.add(device)
    this.#attempt(() => this.#ports.edge.tables.set(device, routes))
  }

  #count(port: Port, drop: Drop, count: number): void {
    const counts = this.drops.get(port) ?? new Map<Drop, number>()
    this.drops.set(port, counts)
    counts.set(drop, (counts.get(drop) ?? 0) + count)
    this.#ports.onDrop(port, drop, count)
  }

  /** What the system refuses is its matter, and no bug of the machine. */
  #attempt(action: () => unknown): void {
    try {
      action()
    } catch (error) {
      this.#ports.onRefused(this.device, error)
    }
  }
}
