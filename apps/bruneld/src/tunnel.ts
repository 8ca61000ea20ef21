import { after, type Instant, millis } from '@brunel/base'
import type { Peer } from '@brunel/config'
import { type Counters, TUNNEL_COUNTER, type TunnelSpec } from '@brunel/datapath'
import type { Child } from '@brunel/ikev2'
import type { PacketIo, PathSpec } from '@brunel/packet-io'
import { Alarm } from './alarm.js'
import { Candidates } from './candidates.js'
import { farEnd } from './far-end.js'
import { Unanswered } from './gre-layer.js'
import { RekeyTally } from './ike-tally.js'
import type { HostInterfaces, InterfaceSettings } from './interfaces.js'
import type { Bearing } from './remote-address.js'
import { RouteGate } from './route-gate.js'
import { type MtuState, TunnelMtuState } from './tunnel-mtu.js'
import { type SaSettings, TunnelSas } from './tunnel-sas.js'

export interface TunnelPorts {
  readonly io: PacketIo
  readonly interfaces: HostInterfaces & { remove(names: readonly string[]): Promise<void> }
  readonly now: () => Instant
  /** 0 to 1, for the jitter of soft limits. */
  readonly chance: () => number
  /** Our MTU is another: the peer is to know. Never called from within an effect of IKE. */
  readonly tellMtu: (peer: string, own: number) => void
  /** The MTU that holds is another. */
  readonly onMtu: (tunnel: string, state: MtuState) => void
  readonly warn: (tunnel: string, what: string, error: unknown) => void
  /** Its routes lead into it again, or no longer. */
  readonly routed: (tunnel: Tunnel, are: boolean) => void
  /** One of its machines threw: our own mistake. */
  readonly onBug: (error: unknown) => void
}

/** After the kernel refused routes: somebody else may have had one of them. */
const ROUTES_AGAIN = millis(10_000)

/** What packets have crossed since the present IKE SA stands. */
export interface Crossing {
  readonly inbound: number
  readonly outbound: number
  /** Authentic packets that the tunnel would not have. */
  readonly refused: number
  readonly at: Instant
}

/**
 * One tunnel: its TUN interface, addresses, routes and MTU, and the SAs behind it. Changes of the interface run one
 * after the other; the data path is told at once.
 */
export class Tunnel {
  peer: Peer
  bearing: Bearing | undefined
  readonly candidates = new Candidates()
  /** Said `down` by an operator. */
  halted = false
  /** Counter values when the present IKE SA came up. */
  baseline: Crossing
  /** Unix time in ms at which the IKE SA last came up or was rekeyed. */
  handshakeAt: number | undefined
  readonly tun: number
  readonly sas: TunnelSas
  readonly mtu: TunnelMtuState
  readonly rekeys = new RekeyTally()
  readonly unanswered = new Unanswered()
  readonly #ports: TunnelPorts
  readonly #gate: RouteGate
  #routed = true
  #routedAgain: Instant
  #queue: Promise<void> = Promise.resolve()
  /** Our MTU as the peer was told it last. */
  #toldMtu: number | undefined

  /** Opens the TUN interface; throws with a code where the system refuses. */
  constructor(peer: Peer, ports: TunnelPorts) {
    this.peer = peer
    this.#ports = ports
    this.#gate = new RouteGate(ports.now())
    this.#routedAgain = ports.now()
    const name = peer.tunnel.interface
    if (ports.interfaces.exists(name))
      throw Object.assign(new Error(`There is an interface ${name} already, and it is not ours.`), {
        code: 'BRUNEL_INTERFACE_TAKEN',
        remedy: 'Give tunnel.interface another name, or remove that interface.',
      })
    this.tun = ports.io.openTun(name)
    const { now, onBug } = ports
    this.mtu = new TunnelMtuState(peer, { now, onBug, alarm: new Alarm(), onAged: () => this.applyMtu() })
    this.sas = new TunnelSas(this.tun, saSettings(peer, ports.chance), ports.io)
    this.baseline = this.crossing()
    this.#tell()
  }

  /** Another document for the same interface. Children that stand keep what they were negotiated with. */
  become(peer: Peer): void {
    this.peer = peer
    this.mtu.become(peer)
    this.#tellMtu()
    this.sas.settings = saSettings(peer, this.#ports.chance)
  }

  /** Addresses, MTU and routes as the document wants them. Rejected where `ip` refuses. */
  configure(): Promise<void> {
    this.#tell()
    return this.#enqueue(() => this.#ports.interfaces.configure(this.peer.tunnel.interface, this.#settings()))
  }

  install(child: Child, outbound: boolean): void {
    this.sas.install(child, outbound, this.#ports.now())
    this.tendRoutes(false)
    this.mtu.negotiated(child)
    this.applyMtu()
  }

  /** Whether `tunnel.routes` lead into it. */
  get routed(): boolean {
    return this.#routed
  }

  /** Networks behind it that are refused while it carries nothing. */
  get blocked(): readonly string[] {
    return this.#settings().blocked
  }

  /** Takes the routes away while it carries nothing, and puts them back. `silent`: as of RouteGate. */
  tendRoutes(silent: boolean): void {
    const now = this.#ports.now()
    const { cells, inbound, outbound } = cellsOf(this.#ports.io.counters, this.tun)
    const lastAt = (at: number): number => cells[at + TUNNEL_COUNTER.lastAt] ?? 0
    this.unanswered.look(lastAt(outbound), lastAt(inbound))
    const open = this.#gate.look(now, { stands: !this.halted && this.sas.current !== undefined, silent })
    if (open === this.#routed || now < this.#routedAgain) return
    this.#routed = open
    if (this.peer.tunnel.routes.length === 0 || this.peer.tunnel.whenDown === 'keep') return
    this.configure().then(
      () => this.#ports.routed(this, open),
      error => {
        this.#routed = !open
        this.#routedAgain = after(this.#ports.now(), ROUTES_AGAIN)
        this.#ports.warn(this.peer.name, 'the routes of the tunnel could not be changed', error)
      },
    )
  }

  /** Brings the interface and the data path to the MTU that holds, if it changed. */
  applyMtu(): void {
    this.#tellMtu()
    if (!this.mtu.takeChange()) return
    this.#tell()
    this.#ports.onMtu(this.peer.name, this.mtu.current)
    this.#enqueue(() =>
      this.#ports.interfaces.setMtu(this.peer.tunnel.interface, this.mtu.current.mtu),
    ).catch(error => this.#ports.warn(this.peer.name, 'the MTU of the interface could not be set', error))
  }

  /** What the peer tells of its own MTU: both ends use the lower one. */
  mtuTold(theirs: number | undefined): void {
    this.mtu.told(theirs)
    this.applyMtu()
  }

  /** Behind what goes on at this moment, which may be an effect of the machine that is to be told. */
  #tellMtu(): void {
    const { own } = this.mtu.current
    if (own === this.#toldMtu) return
    this.#toldMtu = own
    queueMicrotask(() => this.#ports.tellMtu(this.peer.name, this.mtu.current.own))
  }

  /** A new IKE SA: what crossed before does not prove that it works. */
  established(wall: number): void {
    this.handshakeAt = wall
    this.baseline = this.crossing()
    // RFC 2890 §2.2: established anew, both ends count GRE sequence numbers from 0. While a child stands it is a
    // reauthentication, whose two ends would not begin anew at the same packet.
    if (this.sas.all.length === 0) this.#ports.io.command({ do: 'tunnel-restart', tun: this.tun })
  }

  rekeyed(wall: number): void {
    this.handshakeAt = wall
  }

  /** One of the two ends is elsewhere now: the SAs go on there. */
  moved(path: PathSpec): void {
    this.sas.moved(path)
    this.mtu.elsewhere(path)
    this.applyMtu()
  }

  crossing(): Crossing {
    const { cells, ...at } = cellsOf(this.#ports.io.counters, this.tun)
    return {
      inbound: cells[at.inbound] ?? 0,
      outbound: cells[at.outbound] ?? 0,
      refused: cells[at.inbound + TUNNEL_COUNTER.refused] ?? 0,
      at: this.#ports.now(),
    }
  }

  async close(): Promise<void> {
    await this.#queue.catch(() => undefined) // its failure was reported where it was asked for
    for (const { child } of this.sas.all) this.sas.remove(child.spiIn, millis(0))
    this.sas.close()
    this.mtu.close()
    this.#ports.io.command({ do: 'tunnel-remove', tun: this.tun })
    await this.#ports.interfaces.remove([this.peer.tunnel.interface])
    this.#ports.io.closeTun(this.tun)
  }

  get mtuState(): MtuState {
    return this.mtu.current
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(step, step)
    this.#queue = done
    return done
  }

  #settings(): InterfaceSettings {
    const { addresses, routes, multicast, whenDown } = this.peer.tunnel
    const networks = routes.map(r => `${r.address}/${r.length}`)
    return {
      mtu: this.mtu.current.mtu,
      addresses: addresses.map(a => `${a.address}/${a.length}`),
      routes: this.#routed || whenDown === 'keep' ? networks : [],
      blocked: !this.#routed && whenDown === 'block' ? networks : [],
      multicast,
    }
  }

  #tell(): void {
    const { gre, name, esp, tunnel } = this.peer
    const { mtu, mss } = this.mtu.current
    const spec: TunnelSpec = {
      tun: this.tun,
      name,
      gre: { key: gre.key, checksum: gre.checksum, sequence: gre.sequence },
      mtu,
      mss,
      nearAddresses: tunnel.addresses.map(({ address }) => address),
      farAddresses: tunnel.addresses.map(farEnd).filter(address => address !== undefined),
      outer: { df: esp.df, dscp: esp.dscp },
      remoteAddress: this.bearing?.is === 'known' ? this.bearing.remote : undefined,
    }
    this.#ports.io.command({ do: 'tunnel-set', tunnel: spec })
  }
}

const cellsOf = (counters: Counters, tun: number) => ({
  cells: counters.cells,
  inbound: counters.tunnel('inbound', tun),
  outbound: counters.tunnel('outbound', tun),
})

const saSettings = (peer: Peer, chance: () => number): SaSettings => ({
  replayWindow: peer.esp.replayWindow,
  hardBytes: peer.esp.lifetimeBytes,
  softShare: 0.8 + 0.1 * chance(),
})
