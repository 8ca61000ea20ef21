import type { RouterEvent } from '@brunel/admin-api'
import { after, type Drop, type Instant, millis } from '@brunel/base'
import { LAN, type Port, type RelayReport } from '@brunel/ospf-relay'
import type { Alarm } from './alarm.js'
import type { RelayEdge, RelayedPacket, RelayLanState, RelayProblem } from './relay-edge.js'
import { lanEvent, relayEvent } from './relay-events.js'
import { type RelayedTunnel, RelayGroup } from './relay-group.js'

/** How often it is looked whether tunnels carry. Longer: `failFast` is later by as much. */
const LOOK_MS = 500
/** How often our own addresses are read. Longer: a new one may be taken for a neighbour's by as much. */
const ADDRESSES = millis(5000)

export interface RelayHostPorts {
  readonly edge: RelayEdge
  readonly now: () => Instant
  readonly newAlarm: () => Pick<Alarm, 'set' | 'clear'>
  /** 16 hex digits at random. */
  readonly newId: () => string
  /** Those that are open and joined to a LAN, at this moment. */
  readonly tunnels: () => readonly RelayedTunnel[]
  /** All addresses of this machine, in canonical text. */
  readonly ownAddresses: () => readonly string[]
  /** Addresses at which peers are reached, of all tunnels. */
  readonly underlay: () => readonly string[]
  /** Networks of tunnels that are down, which nothing else is to serve unless another route leads to them. */
  readonly blocked: () => readonly string[]
  readonly onEvent: (event: RouterEvent) => void
  readonly onRefused: (device: string, error: unknown) => void
  readonly onBug: (error: unknown) => void
}

/** What a relay is made known by: the machine's report, and what only the host knows. */
export interface HostedRelay {
  readonly interface: string
  readonly lan: RelayLanState
  readonly report: RelayReport
  readonly drops: RelayGroup['drops']
}

/** The relays of this router, one for each LAN interface that a peer is joined to. */
export class RelayHost {
  readonly #ports: RelayHostPorts
  readonly #groups = new Map<string, RelayGroup>()
  /** Groups and tunnels go; counters only grow. */
  readonly #dropped = { inbound: new Map<Drop, number>(), outbound: new Map<Drop, number>() }
  readonly #told = new Map<string, string>()
  /** Of LAN interfaces whose relay is still cleaning up. */
  readonly #closing = new Map<string, Promise<void>>()
  #stopped = false
  #addresses = ''
  #addressesAgain: Instant
  #timer: NodeJS.Timeout | undefined

  constructor(ports: RelayHostPorts) {
    this.#ports = ports
    this.#addressesAgain = ports.now()
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    for (const group of [...this.#groups.values()]) this.#close(group)
    await Promise.all(this.#closing.values())
    await this.#ports.edge.tables.stop()
  }

  /** Brings the relays to what the tunnels are by now. To be called before a tunnel closes, when it is listed no more. */
  look(): void {
    try {
      this.#look()
    } catch (error) {
      this.#ports.onBug(error)
    }
  }

  silent(tunnel: string): boolean {
    return [...this.#groups.values()].some(group => group.silent(tunnel))
  }

  /** From the data path. */
  packet({ tun, packet }: RelayedPacket): void {
    for (const group of this.#groups.values()) if (group.packet(tun, packet)) return
  }

  relays(): readonly HostedRelay[] {
    return [...this.#groups.values()].flatMap(group => {
      try {
        return [hosted(group)]
      } catch (error) {
        this.#ports.onBug(error)
        return []
      }
    })
  }

  get problems(): readonly RelayProblem[] {
    const { problem } = this.#ports.edge.tables
    return [
      ...[...this.#groups.values()].flatMap(({ lan }) => problemsOf(lan)),
      ...(problem ? [problem] : []),
    ]
  }

  /** What came from tunnels is inbound, what came from a LAN outbound. */
  dropped(direction: 'inbound' | 'outbound', drop: Drop): number {
    return this.#dropped[direction].get(drop) ?? 0
  }

  #look(): void {
    if (this.#stopped) return
    this.#ports.edge.tables.spare(this.#ports.underlay())
    this.#ports.edge.tables.refused(this.#ports.blocked())
    const wanted = new Map<string, RelayedTunnel[]>()
    for (const tunnel of this.#ports.tunnels()) {
      const others = wanted.get(tunnel.lan) ?? []
      // A LAN has one group: the configuration says so, and the first of two that do not is right.
      if (others[0] === undefined || others[0].group === tunnel.group)
        wanted.set(tunnel.lan, [...others, tunnel])
    }
    for (const group of [...this.#groups.values()])
      if (wanted.get(group.device)?.[0]?.group !== group.group) this.#close(group)
    for (const [device, tunnels] of wanted) {
      if (this.#closing.has(device)) continue
      const group = this.#groups.get(device) ?? this.#open(device, tunnels[0]?.group ?? '')
      group.become(tunnels)
    }
    if (wanted.size > 0) this.#tellAddresses()
  }

  #open(device: string, group: string): RelayGroup {
    const { newAlarm, onEvent, ...ports } = this.#ports
    const opened = new RelayGroup(device, group, {
      ...ports,
      alarm: newAlarm(),
      onEvent: (on, event) => onEvent(relayEvent(on, event)),
      onDrop: (port, drop, count) => this.#count(port, drop, count),
      onLan: (on, state) => this.#tell(on, state),
    })
    this.#groups.set(device, opened)
    this.#addresses = '' // it does not know them yet
    this.#addressesAgain = this.#ports.now()
    return opened
  }

  #close(group: RelayGroup): void {
    const { device } = group
    this.#groups.delete(device)
    this.#told.delete(device)
    const closed = group.close().finally(() => {
      this.#closing.delete(device)
      this.look()
    })
    this.#closing.set(device, closed)
  }

  #count(port: Port, drop: Drop, count: number): void {
    const counts = this.#dropped[port === LAN ? 'outbound' : 'inbound']
    counts.set(drop, (counts.get(drop) ?? 0) + count)
  }

  /** Each failure of a LAN once, and that it is over. */
  #tell(device: string, lan: RelayLanState): void {
    if (lan.is === 'starting' || lan.is === 'stopped') return
    const problem = lan.is === 'waiting' ? lan.because : undefined
    const told = this.#told.get(device)
    if (told === (problem?.detail ?? '')) return
    this.#told.set(device, problem?.detail ?? '')
    this.#ports.onEvent(lanEvent(device, problem))
  }

  #tellAddresses(): void {
    const now = this.#ports.now()
    if (now < this.#addressesAgain) return
    this.#addressesAgain = after(now, ADDRESSES)
    const addresses = this.#ports.ownAddresses()
    if (addresses.join() === this.#addresses) return
    this.#addresses = addresses.join()
    for (const group of this.#groups.values()) group.ownAddresses(addresses)
    this.#ports.edge.tables.verify()
  }
}

const hosted = (group: RelayGroup): HostedRelay => ({
  interface: group.device,
  lan: group.lan,
  report: group.report(),
  drops: group.drops,
})

export const problemsOf = (lan: RelayLanState): readonly RelayProblem[] =>
  lan.is === 'waiting' ? [lan.because] : lan.is === 'open' ? lan.warnings : []
