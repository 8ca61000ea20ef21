import type { RelayReport, RouterEvent } from '@brunel/admin-api'
import type { Drop, Instant, Random } from '@brunel/base'
import { TUNNEL_COUNTER } from '@brunel/datapath'
import type { IkePeerReport } from '@brunel/ikev2'
import type { PacketIo } from '@brunel/packet-io'
import { Alarm, now } from './alarm.js'
import type { Log } from './log.js'
import type { TunnelCrossing } from './relay-carrying.js'
import type { RelayEdge, RelayedPacket, RelayProblem } from './relay-edge.js'
import { RelayHost } from './relay-host.js'
import { relayReport } from './relay-report.js'
import { machineAddresses, type RelayedPeer, relayedTunnel } from './relayed.js'
import type { Tunnel } from './tunnel.js'

export interface RouterRelayPorts {
  /** undefined: no relay. */
  readonly relayEdge: ((io: PacketIo) => RelayEdge) | undefined
  readonly random: Random
  readonly tunnels: () => Iterable<Tunnel>
  readonly ike: (peer: string) => IkePeerReport | undefined
  readonly onEvent: (event: RouterEvent) => void
  readonly log: Log
  readonly onBug: (error: unknown) => void
}

/** The relays on the tunnels of the router, from its start to its stop. */
export class RouterRelay {
  readonly #ports: RouterRelayPorts
  #host: RelayHost | undefined

  constructor(ports: RouterRelayPorts) {
    this.#ports = ports
  }

  start(io: PacketIo): void {
    const edge = this.#ports.relayEdge?.(io)
    if (edge === undefined) return
    const { tunnels, ike, random, log, onEvent, onBug } = this.#ports
    this.#host = new RelayHost({
      edge,
      now,
      newAlarm: () => new Alarm(),
      newId: () => Buffer.from(random.bytes(8)).toString('hex'),
      tunnels: () =>
        [...tunnels()].flatMap(tunnel => {
          const peer: RelayedPeer = tunnel.peer
          if (peer.ospfRelay === undefined) return []
          const remoteId = ike(peer.name)?.sas[0]?.remoteId
          const { tun } = tunnel
          return relayedTunnel({ peer, tun, crossing: crossingOf(tunnel, io), remoteId }) ?? []
        }),
      ownAddresses: machineAddresses,
      underlay: () => [...new Set([...tunnels()].flatMap(one => underlayOf(one, ike(one.peer.name))))].sort(),
      blocked: () => [...new Set([...tunnels()].flatMap(({ blocked }) => blocked))].sort(),
      onEvent,
      onRefused: (device, error) =>
        log.debug({ interface: device, error: String(error) }, 'the system refused what the relay wanted'),
      onBug,
    })
    this.#host.start()
  }

  async stop(): Promise<void> {
    await this.#host?.stop()
  }

  /** The relay at the far end of the tunnel has to speak every second and does not. */
  silent(tunnel: string): boolean {
    return this.#host?.silent(tunnel) ?? false
  }

  look(): void {
    this.#host?.look()
  }

  packet(packet: RelayedPacket): void {
    this.#host?.packet(packet)
  }

  reports(): readonly RelayReport[] {
    const moment = { now: now(), wall: Date.now() }
    return this.#host?.relays().map(relay => relayReport(relay, moment)) ?? []
  }

  get problems(): readonly RelayProblem[] {
    return this.#host?.problems ?? []
  }

  dropped(direction: 'inbound' | 'outbound', drop: Drop): number {
    return this.#host?.dropped(direction, drop) ?? 0
  }
}

/** Where the peer is by name or configuration, and where its IKE SAs say it is. */
const underlayOf = ({ bearing }: Tunnel, ike: IkePeerReport | undefined): readonly string[] => [
  ...(bearing?.is === 'known' ? [bearing.remote] : []),
  ...(ike?.sas.flatMap(({ remote, mobike }) => [remote.address, ...(mobike?.remote ?? [])]) ?? []),
]

function crossingOf(tunnel: Tunnel, { counters }: PacketIo): TunnelCrossing {
  const { baseline } = tunnel
  const { inbound, outbound } = tunnel.crossing()
  const lastIn = counters.cells[counters.tunnel('inbound', tunnel.tun) + TUNNEL_COUNTER.lastAt] || undefined
  return {
    stands: !tunnel.halted && tunnel.sas.current !== undefined,
    crossed: inbound > baseline.inbound && outbound > baseline.outbound,
    lastIn: lastIn as Instant | undefined,
  }
}
