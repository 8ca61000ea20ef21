import { type Drop, type Family, isDrop } from '@brunel/base'
import type { Kind } from '@brunel/ospf-relay'
import { Address, Checksum } from '@brunel/wire'
import { LanBeacons } from './lan-beacons.js'
import { finishUdp } from './lan-checksum.js'
import { type Arrival, rebuilt } from './lan-destination.js'
import { clear, type FarNeighbour, type Steered, Steering } from './lan-host.js'
import { type LanLink, lookAt, readSettings, sameLink, unseen, warningsOf } from './lan-link.js'
import { LanNeighbours, type Presence } from './lan-neighbours.js'
import { LanPieces } from './lan-pieces.js'
import { isRelayed, protocolsOf, steeredBy, UDP } from './lan-protocols.js'
import { LanReception } from './lan-reception.js'
import { LanSender } from './lan-socket.js'
import { UdpSink } from './lan-udp-sink.js'
import { LastWill } from './lan-will.js'
import { RouteWatch } from './route-watch.js'
import type { Refusal } from './tunnels.js'

/** What the LAN port tells its relay. */
export interface LanPorts {
  /** A whole IP packet, a copy. */
  readonly packet: (packet: Uint8Array) => void
  readonly beacon: (beacon: Uint8Array) => void
  readonly drop: (drop: Drop, count: number) => void
  /** The state is another than before. */
  readonly changed: (state: LanState) => void
}

/** Waiting: with the reason; it comes back by itself. */
export type LanState =
  | { readonly is: 'starting' | 'stopped' }
  | { readonly is: 'waiting'; readonly because: Refusal }
  | { readonly is: 'open'; readonly link: LanLink; readonly warnings: readonly Refusal[] }

/** If the kernel says nothing, an interface that is waited for is looked at this often. */
const LOOK_MS = 2000
/** What somebody else took from the kernel is back after so long, and a sysctl that somebody set is seen. */
const RENEW_MS = 10_000

interface Open {
  readonly link: LanLink
  readonly close: () => void
  readonly senders: Readonly<Record<Family, LanSender | undefined>>
  readonly beacons: LanBeacons | undefined
  readonly receptions: readonly LanReception[]
}

/** What a relay left behind in a process that was killed; once, before the first port is opened. */
export const clearAll = (): Promise<void> => clear()

/**
 * The LAN interface of a relay group, the only place where its packets meet the system. Main thread only.
 *
 * In: raw sockets of the interface (lan-ears.ts says which). Multicast comes by membership; unicast for far neighbours, which the
 * kernel would forward and count the TTL of, comes since a rule makes their addresses local to what is relayed and to
 * nothing else. Out: raw sockets that take the IP header from us.
 */
export class LanPort {
  readonly #name: string
  readonly #ports: LanPorts
  readonly #watch: RouteWatch
  readonly #neighbours = new LanNeighbours()
  readonly #will = new LastWill()
  readonly #steering = new Steering()
  readonly #pieces = new LanPieces()
  /** Routers of this LAN, who is known for longest first. */
  readonly #residents = new Set<string>()
  #kinds: readonly Kind[]
  #state: LanState = { is: 'starting' }
  #open: Open | undefined
  #own: readonly Uint8Array[] = []
  #queue: Promise<void> = Promise.resolve()
  #look: NodeJS.Timeout | undefined
  #renew: NodeJS.Timeout | undefined

  constructor(name: string, kinds: readonly Kind[], ports: LanPorts) {
    this.#name = name
    this.#kinds = kinds
    this.#ports = ports
    this.#watch = new RouteWatch(
      () => this.#enqueue(() => this.#check()),
      device => device !== name,
    )
  }

  get state(): LanState {
    return this.#state
  }

  get neighbours(): readonly { readonly address: string; readonly presence: Presence }[] {
    return this.#neighbours.report
  }

  /** Never rejected: what is wrong is in `state`. */
  async start(): Promise<void> {
    this.#watch.start()
    this.#look = setInterval(() => {
      if (this.#state.is === 'waiting') this.#enqueue(() => this.#check())
    }, LOOK_MS)
    this.#look.unref()
    this.#renew = setInterval(() => this.#enqueue(() => this.#check(true)), RENEW_MS)
    this.#renew.unref()
    await this.#enqueue(() => this.#check())
  }

  async stop(): Promise<void> {
    this.#watch.stop()
    clearInterval(this.#look)
    clearInterval(this.#renew)
    await this.#queue
    await this.#neighbours.stop()
    this.#become({ is: 'stopped' }, undefined)
    await this.#steering.end()
    this.#will.close()
  }

  /** What is carried, all tunnels of the group together. */
  async carry(kinds: readonly Kind[]): Promise<void> {
    if (kinds.join() === this.#kinds.join()) return
    this.#kinds = kinds
    await this.#enqueue(async () => {
      this.#shut()
      await this.#check()
    })
  }

  /**
   * Exactly these octets, as fragments where the LAN does not carry them in one piece; only the kernel fills in an IPv4
   * identification of zero (RFC 6864 §4.1).
   */
  send(packet: Uint8Array): void {
    const six = packet[0]! >>> 4 === 6
    const sender = this.#open?.senders[six ? 6 : 4]
    if (sender === undefined || this.#state.is !== 'open') return this.#ports.drop('relay-lan-send', 1)
    const pieces = this.#pieces.of(packet, this.#state.link.mtu)
    if (isDrop(pieces)) return this.#ports.drop(pieces, 1)
    const destination = Address.format(six ? packet.subarray(24, 40) : packet.subarray(16, 20))
    for (const piece of pieces) sender.send(piece, destination)
  }

  beacon(beacon: Uint8Array): void {
    this.#open?.beacons?.send(beacon)
  }

  /** The machine answers ARP or ND for it on the LAN, unless the LAN has it itself; `tunnel`: the interface towards it. */
  neighbour(far: FarNeighbour, present: boolean): void {
    if (present) {
      this.#will.open(this.#name)
      this.#neighbours.set(far)
    } else this.#neighbours.remove(far.address)
    this.#tell(this.#open?.receptions ?? [])
  }

  /** A router of this LAN, or no longer: what it sends is heard whatever others send. */
  resident(address: string, is: boolean): void {
    if (is) this.#residents.add(address)
    else this.#residents.delete(address)
    this.#tell(this.#open?.receptions ?? [])
  }

  /** Who is where decides which sockets there are. */
  #tell(receptions: readonly LanReception[]): void {
    for (const reception of receptions) reception.know(this.#residents, this.#neighbours.addresses)
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#state.is !== 'stopped') await step()
    })
    return this.#queue
  }

  async #check(renew = false): Promise<void> {
    const seen = await lookAt(this.#name)
    // That `ip` does not run says nothing of a LAN that is in use.
    if (seen === undefined && this.#open !== undefined) return
    if (seen === undefined || 'code' in seen)
      return this.#become({ is: 'waiting', because: seen ?? unseen(this.#name) }, undefined)
    this.#own = seen.addresses.map(text => Address.parse(text)!)
    const steered = (family: Family): Steered => steeredBy(this.#kinds, family)
    if (this.#open === undefined || !sameLink(this.#open.link, seen)) {
      this.#shut()
      await this.#steering.begin(seen, steered)
    } else if (renew) await this.#steering.renew(steered)
    // Looked at behind the steering: it switches on what it may.
    const warnings = warningsOf(seen, readSettings(this.#name), this.#neighbours.addresses)
    try {
      this.#become({ is: 'open', link: seen, warnings }, this.#open ?? this.#openOn(seen))
    } catch (error) {
      this.#become({ is: 'waiting', because: explain(this.#name, error as Error) }, undefined)
    }
  }

  #become(state: LanState, open: Open | undefined): void {
    if (this.#open !== open) {
      this.#shut()
      this.#open = open
      if (open !== undefined) this.#neighbours.on(open.link)
    }
    const news = JSON.stringify(state) !== JSON.stringify(this.#state)
    this.#state = state
    if (news) this.#ports.changed(state)
  }

  #shut(): void {
    if (this.#open === undefined) return
    this.#open.close()
    this.#open = undefined
    this.#neighbours.on(undefined)
  }

  /** A socket says that it is of no use; one that was closed meanwhile says nothing new. */
  async #failed(close: () => void, error: Error): Promise<void> {
    if (this.#open?.close === close)
      this.#become({ is: 'waiting', because: explain(this.#name, error) }, undefined)
  }

  #openOn(link: LanLink): Open {
    const closers: (() => void)[] = []
    const opened = <T extends { close(): void }>(thing: T): T => {
      closers.push(() => thing.close())
      return thing
    }
    const close = (): void => {
      for (const step of closers) step()
    }
    const failed = (error: Error): void => void this.#enqueue(() => this.#failed(close, error))
    const refused = (): void => this.#ports.drop('relay-lan-send', 1)
    const receptions: LanReception[] = []
    const senders: Record<Family, LanSender | undefined> = { 4: undefined, 6: undefined }
    try {
      for (const family of [4, 6] as const) {
        if (!(family === 4 ? link.ipv4 : link.ipv6)) continue
        senders[family] = opened(new LanSender(link, family, { refused, failed }))
        for (const wire of protocolsOf(this.#kinds, family)) {
          const { protocol } = wire
          const packet = (octets: Uint8Array, source: string, to: string | undefined): void =>
            to === undefined
              ? this.#fromV4(octets, protocol)
              : this.#fromV6({ protocol, source, destination: to, payload: octets })
          const lost = (count: number): void => this.#ports.drop('relay-flood', count)
          const heard = { packet, lost, failed }
          receptions.push(opened(new LanReception(link, wire, heard)))
        }
      }
      for (const [first, last] of link.ipv6 ? steeredBy(this.#kinds, 6).ports : [])
        for (let port = first; port <= last; port++) opened(new UdpSink(port))
      const beacons = link.ipv6
        ? opened(
            new LanBeacons(link.name, {
              heard: this.#ports.beacon,
              lost: () => this.#ports.drop('relay-flood', 1),
            }),
          )
        : undefined
      this.#tell(receptions)
      return { link, close, senders, beacons, receptions }
    } catch (error) {
      close()
      throw error
    }
  }

  #fromV4(packet: Uint8Array, protocol: number): void {
    if (protocol === UDP && !isRelayed(this.#kinds, portOf(packet, (packet[0]! & 15) * 4))) return
    // A routing daemon of this machine gets it by itself.
    if (this.#own.some(address => Address.equalAt(packet, 16, address))) return
    if (protocol === UDP) finishUdp(packet, (packet[0]! & 15) * 4, addressesOf(packet))
    this.#ports.packet(packet)
  }

  #fromV6(arrival: Arrival): void {
    const { protocol, payload } = arrival
    if (protocol === UDP && !isRelayed(this.#kinds, portOf(payload, 0))) return
    const packet = rebuilt(arrival)
    if (isDrop(packet)) this.#ports.drop(packet, 1)
    else this.#ports.packet(packet)
  }
}

/** Of IPv4, as words of a checksum. */
const addressesOf = (packet: Uint8Array): number =>
  Checksum.sum(new DataView(packet.buffer, packet.byteOffset, packet.length), 12, 20)

/** The destination port; a packet too short for one has none. */
const portOf = (octets: Uint8Array, at: number): number =>
  octets.length < at + 4 ? -1 : (octets[at + 2]! << 8) | octets[at + 3]!

function explain(name: string, error: Error): Refusal {
  if (/not permitted/i.test(error.message))
    return {
      code: 'BRUNEL_NO_CAPABILITY',
      detail: `The OSPF relay may not open raw sockets on ${name}: CAP_NET_RAW or CAP_NET_ADMIN is missing.`,
      remedy: 'Run as root, or give the capabilities as deploy/systemd/bruneld.service does.',
    }
  return {
    code: 'BRUNEL_RELAY_LAN',
    detail: `The system refuses sockets on ${name} to the OSPF relay: ${error.message}.`,
    remedy: 'It is tried again every two seconds; `ip address` shows the interface.',
  }
}
