import type { RouterEvent } from '@brunel/admin-api'
import { millis, type Random } from '@brunel/base'
import type { Layer, Peer, Step } from '@brunel/config'
import { wipe } from '@brunel/crypto'
import type { PacketIo } from '@brunel/packet-io'
import { now } from './alarm.js'
import type { EventLog } from './event-log.js'
import { mtuEvent } from './event-stream.js'
import type { IkeHost } from './ike-host.js'
import { ikePeer, type PeerSecrets } from './ike-peer.js'
import type { IpRoute2 } from './interfaces.js'
import type { Log } from './log.js'
import { bearingOf, ownAddresses } from './own-addresses.js'
import { compassFor, sameBearing } from './remote-address.js'
import { Tunnel } from './tunnel.js'

/** What the router reads of the configuration. Only this side ever holds a PSK or a private key. */
export interface PeerSource {
  peers(): readonly Peer[]
  peer(name: string): Peer | undefined
  /** The caller wipes them. */
  secrets(name: string): PeerSecrets
}

export interface TunnelsPorts {
  /** undefined: not yet, or no more; nothing is opened then. */
  readonly io: () => PacketIo | undefined
  readonly ike: () => IkeHost | undefined
  readonly interfaces: IpRoute2
  readonly peers: PeerSource
  readonly random: Random
  readonly log: Log
  readonly hostname: string
  readonly eventLog: EventLog
  readonly onEvent: (event: RouterEvent) => void
  /** A tunnel was opened or changed, or is about to be closed and is listed no more. */
  readonly changed: () => void
  readonly onBug: (error: unknown) => void
}

/** Why a tunnel could not be opened. */
export interface Refusal {
  readonly code: string
  readonly detail: string
  readonly remedy: string
}

/**
 * The tunnels that are open, by name: opened, changed and closed as the configuration says, and IKE told of each peer
 * with its secrets and of where it is.
 */
export class Tunnels {
  readonly #ports: TunnelsPorts
  readonly #open = new Map<string, Tunnel>()
  /** What IKE was told last. */
  readonly #secrets = new Map<string, PeerSecrets>()
  readonly #failures = new Map<string, Refusal>()

  constructor(ports: TunnelsPorts) {
    this.#ports = ports
  }

  /** Tunnels that could not be opened, by name. */
  get failures(): ReadonlyMap<string, Refusal> {
    return this.#failures
  }

  get(name: string): Tunnel | undefined {
    return this.#open.get(name)
  }

  values(): Iterable<Tunnel> {
    return this.#open.values()
  }

  /** `silent`: the relay at the far end of a tunnel, which has to speak every second, does not. */
  tendRoutes(silent: (tunnel: string) => boolean): void {
    for (const [name, tunnel] of this.#open) tunnel.tendRoutes(silent(name))
  }

  async apply(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      const peer = this.#ports.peers.peer(step.peer)
      if (step.do === 'remove' || peer === undefined || !peer.enabled) await this.#close(step.peer)
      else if (step.do === 'change' && this.#open.has(step.peer)) await this.#change(peer, step.layers)
      else await this.open(peer)
    }
  }

  async #change(peer: Peer, layers: readonly Layer[]): Promise<void> {
    const tunnel = this.#open.get(peer.name)
    if (tunnel === undefined) return this.open(peer)
    if (tunnel.peer.tunnel.interface !== peer.tunnel.interface) {
      const before = tunnel.peer
      await this.#close(peer.name)
      return this.open(peer).catch(async error => {
        await this.open(before).catch(again => this.refused(peer.name, again))
        throw error
      })
    }
    this.#ports.eventLog.forget(peer.name) // whoever mended it wants to read whether it helped
    const before = tunnel.peer
    tunnel.become(peer)
    this.#ports.changed()
    try {
      if (layers.some(layer => layer !== 'ike')) await tunnel.configure()
    } catch (error) {
      tunnel.become(before)
      await tunnel.configure().catch(again => this.refused(peer.name, again))
      throw error
    }
    this.#failures.delete(peer.name)
    if (layers.includes('ike')) await this.point(tunnel, true)
  }

  async open(peer: Peer): Promise<void> {
    const io = this.#ports.io()
    if (io === undefined) return
    const tunnel = new Tunnel(peer, {
      io,
      interfaces: this.#ports.interfaces,
      now,
      chance: () => this.#ports.random.jitter(millis(1000)) / 1000,
      onBug: this.#ports.onBug,
      onMtu: (name, state) => this.#ports.onEvent(mtuEvent(name, state)),
      tellMtu: (name, mtu) => this.#ports.ike()?.feed({ on: 'inner-mtu', peer: name, mtu }),
      routed: (one, are) => this.#ports.onEvent(routesEvent(one.peer, are)),
      warn: (name, what, error) => this.#ports.log.warn({ tunnel: name, error: String(error) }, what),
    })
    this.#open.set(peer.name, tunnel)
    try {
      await tunnel.configure()
    } catch (error) {
      this.#open.delete(peer.name)
      this.#ports.changed()
      await tunnel.close()
      throw error
    }
    this.#failures.delete(peer.name)
    this.#ports.changed()
    this.#ports.log.info({ tunnel: peer.name, interface: peer.tunnel.interface }, 'tunnel opened')
    await this.point(tunnel, true)
  }

  async #close(name: string): Promise<void> {
    this.#failures.delete(name)
    const tunnel = this.#open.get(name)
    if (tunnel === undefined) return
    this.#ports.ike()?.feed({ on: 'peer-removed', peer: name })
    this.#forgetSecrets(name)
    this.#ports.eventLog.forget(name)
    this.#open.delete(name)
    this.#ports.changed()
    await tunnel.close()
    this.#ports.log.info({ tunnel: name }, 'tunnel closed')
  }

  async closeAll(): Promise<void> {
    await this.#ports.interfaces.remove([...this.#open.values()].map(t => t.peer.tunnel.interface))
    for (const name of [...this.#open.keys()]) await this.#close(name)
  }

  /** Finds out where the peer is, and which of our addresses lead there, and tells IKE. */
  async point(tunnel: Tunnel, anew: boolean): Promise<void> {
    await this.#locate(tunnel, anew)
    await this.tellAddresses(tunnel)
  }

  async tellAddresses(tunnel: Tunnel): Promise<void> {
    const { peer, bearing } = tunnel
    const at = { bearing, ike: this.#ports.ike()?.ike.report(peer.name) }
    const addresses = await ownAddresses(peer, at, compassFor(tunnel, this.#ports.interfaces))
    if (addresses !== undefined) this.#ports.ike()?.feed({ on: 'own-addresses', peer: peer.name, addresses })
  }

  /** Finds out where the peer is and tells IKE, where it differs from what IKE was told or `anew`. */
  async #locate(tunnel: Tunnel, anew: boolean): Promise<void> {
    const { peer } = tunnel
    const bearing = await bearingOf(peer, compassFor(tunnel, this.#ports.interfaces))
    const before = tunnel.bearing
    const ike = this.#ports.ike()
    if (this.#open.get(peer.name) !== tunnel || ike === undefined) return
    tunnel.bearing = bearing
    if (bearing.is === 'known') {
      if (before?.is === 'known' && !sameBearing(before, bearing)) tunnel.mtu.moved()
      tunnel.mtu.underlay(bearing.route.mtu)
      tunnel.applyMtu()
    }
    if (!anew && sameBearing(before, bearing)) return
    if (bearing.is === 'unknown') {
      const { code, sentence, remedy } = bearing
      if (!sameBearing(before, bearing)) this.#ports.log.warn({ tunnel: peer.name, code, remedy }, sentence)
      return
    }
    const secrets = this.#ports.peers.secrets(peer.name)
    const told = ikePeer(peer, secrets, bearing, this.#ports.hostname)
    if (told === undefined) return this.refused(peer.name, new Error('no PSK, PPK or private key is stored'))
    ike.feed({ on: 'peer-set', peer: { ...told, innerMtu: tunnel.mtu.current.own } })
    this.#forgetSecrets(peer.name)
    this.#secrets.set(peer.name, secrets)
    if (tunnel.halted) ike.feed({ on: 'down', peer: peer.name })
  }

  /** IKE holds others by now, or none. */
  #forgetSecrets(name: string): void {
    for (const secret of Object.values(this.#secrets.get(name) ?? {})) if (secret !== undefined) wipe(secret)
    this.#secrets.delete(name)
  }

  refused(name: string, error: unknown): void {
    const { code, remedy } = error as { code?: string; remedy?: string }
    const failure = {
      code: code ?? 'BRUNEL_TUNNEL',
      detail: (error as Error).message,
      remedy: remedy ?? 'See the log of bruneld; correct the peer and write it again.',
    }
    const isNews = this.#failures.get(name)?.detail !== failure.detail
    this.#failures.set(name, failure)
    if (!isNews) return
    this.#ports.log.error({ tunnel: name, code: failure.code, remedy: failure.remedy }, failure.detail)
  }
}

function routesEvent(
  { name, tunnel: { routes, whenDown, interface: device } }: Peer,
  are: boolean,
): RouterEvent {
  const networks = routes.map(({ address, length }) => `${address}/${length}`)
  const gone = `${name} carries no data: its routes are ${whenDown === 'block' ? 'blocked unless another way leads there' : 'withdrawn'}`
  return {
    at: new Date().toISOString(),
    event: are ? 'routes-restored' : 'routes-withdrawn',
    tunnel: name,
    detail: are ? `the routes of ${name} lead into ${device} again` : gone,
    data: { networks },
  }
}
