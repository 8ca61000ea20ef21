import {
  after,
  assertNever,
  type Drop,
  type Instant,
  instant,
  isDrop,
  type Machine,
  millis,
  Packet,
  seconds,
  sooner,
  type Tick,
} from '@brunel/base'
import { Address } from '@brunel/wire'
import { Traffic, wants } from './admission.js'
import { emitBeacon, parseBeacon } from './beacon.js'
import { type Carried, carried } from './carried.js'
import {
  type Kind,
  LAN,
  type Port,
  type RelayEffect,
  type RelayEvent,
  type RelayInput,
  type RelayReport,
  type RelaySettings,
  tunnelPort,
} from './contract.js'
import { DataWays } from './data-ways.js'
import { Doctor } from './doctor.js'
import { farewell } from './farewell.js'
import { Joining } from './joining.js'
import { leaving } from './leaving.js'
import { type Digest, digestOf, Recent } from './recent.js'
import type { KeptArea } from './routes/following.js'
import { type Source, Sources } from './sources.js'
import { Ways } from './ways.js'

/**
 * One group: the LAN interface and the tunnels of its peers are one segment, and the relay is its bridge.
 *
 *    packet ─▶ carried?  ─▶ port used?  ─▶ seen?    ─▶ source's port? ─▶ rate?     ─▶ learn, tell the doctor ─▶ send
 *              carried.ts   ways.ts        recent.ts   sources.ts        admission.ts  doctor.ts                leaving.ts
 *
 * Multicast goes to every other port once, never back; unicast to the port where its destination was heard. Each refusal
 * is a named drop. Nothing in here knows GRE or ESP: packets come and go as the routers sent them.
 */

/** Of beacons, of expiry, of the doctor's review. Others wait for three beacons (ways.ts). */
const PERIOD = seconds(1)
/** Between two of them: a far end that calls itself another relay with each beacon would have all of it done for each. */
const SOONEST = millis(250)
/** Of those kept for `failFast`: it names some 350 neighbours. */
const LARGEST_HELLO = 1500

/** Where a packet came in, and where the same one was refused before. */
interface Came {
  readonly in: Port
  readonly sooner: Port | undefined
}

export class Relay implements Machine<RelayInput, RelayEffect> {
  readonly #settings: RelaySettings
  readonly #ways: Ways
  readonly #sources = new Sources()
  readonly #recent = new Recent()
  readonly #doctor = new Doctor()
  readonly #dataWays: DataWays
  readonly #traffic = new Map<Port, Traffic>()
  /** Of what tunnels carry in pieces. */
  readonly #joining = new Map<Port, Joining>()
  #ownAddresses: ReadonlySet<string> = new Set()
  #effects: RelayEffect[] = []
  /** Of beacons, expiry and reviews. */
  #reviewAt: Instant | undefined
  #reviewedAt: Instant | undefined

  constructor(settings: RelaySettings) {
    this.#settings = settings
    this.#ways = new Ways(settings.id)
    this.#dataWays = new DataWays(this.#doctor, this.#ways)
  }

  get deadline(): Instant | undefined {
    return sooner(this.#reviewAt, this.#dataWays.deadline)
  }

  handle(now: Instant, input: RelayInput | Tick): readonly RelayEffect[] {
    this.#effects = []
    this.#reviewAt ??= now
    switch (input.on) {
      case 'packet':
        this.#arrived(now, input.port, input.packet)
        break
      case 'beacon':
        this.#beacon(now, input.port, input.beacon)
        break
      case 'own-addresses':
        this.#ownAddresses = new Set(input.addresses)
        break
      case 'tunnel-set':
        this.#ways.set(input.settings)
        break
      case 'tunnel-removed':
        this.#remove(now, tunnelPort(input.tunnel))
        break
      case 'tunnel-state':
        this.#tunnelState(now, tunnelPort(input.tunnel), input.carries)
        break
      case 'kept':
        this.#dataWays.restore(now, input.areas)
        break
      case 'lan-lost':
        this.#lanLost(now)
        break
      case 'tick':
        this.#tick(now)
        break
      default:
        assertNever(input)
    }
    return this.#effects
  }

  #tick(now: Instant): void {
    if (this.#reviewAt === undefined || now < this.#reviewAt) {
      this.#effects.push(...this.#dataWays.tick(now))
      return
    }
    this.#reviewAt = after(now, PERIOD)
    this.#reviewedAt = now
    for (const source of this.#sources.expired(now)) this.#forget(source)
    for (const [port, joining] of this.#joining) joining.expire(now, lost => this.#drop(port, lost))
    this.#review(now)
    const { appeared, gone, full, lost } = this.#doctor.review(now)
    for (const finding of gone) this.#event({ type: 'finding-gone', finding })
    for (const finding of appeared) this.#event({ type: 'finding', finding })
    for (const ends of lost) this.#event({ type: 'adjacency-lost', ends })
    for (const ends of full) this.#event({ type: 'adjacency-full', ends })
    for (const { port, beacon } of this.#ways.beacons())
      this.#effects.push({ do: 'beacon', port, beacon: emitBeacon(beacon) })
    this.#reroute(now, false)
  }

  #reroute(now: Instant, urgent: boolean): void {
    this.#dataWays.review(now, urgent)
    this.#effects.push(...this.#dataWays.tick(now))
  }

  /** Whoever is heard on another port when the ways have changed has not moved: the way to him has. */
  #review(now: Instant): void {
    const events = this.#ways.review(now)
    if (events.some(({ type }) => type === 'port-state')) this.#sources.loosen()
    for (const event of events) this.#event(event)
    if (events.some(({ type }) => type === 'port-state')) this.#reroute(now, true)
  }

  #event(event: RelayEvent): void {
    this.#effects.push({ do: 'event', event })
  }

  #beacon(now: Instant, port: Port, bytes: Uint8Array): void {
    if (!this.#ways.has(port)) return this.#drop(port, 'relay-not-carrying')
    if (!this.#trafficOf(port).beacons.allow(now)) return this.#drop(port, 'relay-rate')
    const beacon = parseBeacon(bytes)
    if (isDrop(beacon)) return this.#drop(port, beacon)
    const events = this.#ways.hear(now, port, beacon)
    for (const event of events) this.#event(event)
    // Who is new learns of us soon, and not when it has begun to forward.
    if (events.length > 0) {
      const earliest = this.#reviewedAt === undefined ? now : after(this.#reviewedAt, SOONEST)
      this.#reviewAt = sooner(this.#reviewAt, instant(Math.max(now, earliest)))
    }
    this.#review(now)
  }

  #tunnelState(now: Instant, port: Port, carries: boolean): void {
    const used = this.#ways.state(port) === 'forwarding'
    const spare = this.#ways.anotherWay(port)
    if (!this.#ways.carries(port, carries)) return
    this.#reviewAt = now
    this.#review(now)
    if (used && !spare && this.#ways.settings(port)?.failFast)
      this.#failFast(now, port, this.#others(port, 'ospf'))
  }

  /** Another relay of the LAN may still hear its neighbours. */
  #lanLost(now: Instant): void {
    const wanted = this.#others(LAN, 'ospf').filter(port => this.#ways.settings(port)?.failFast)
    if (wanted.length > 0 && this.#ways.lanRelays.length === 0) this.#failFast(now, LAN, wanted)
  }

  /** Tells others what the neighbours on this port can no longer say, and forgets them. */
  #failFast(now: Instant, port: Port, others: readonly Port[]): void {
    const [told, untold]: [string[], string[]] = [[], []]
    for (const source of this.#sources.of(port)) {
      const words = [...source.hellos.values()].map(farewell)
      for (const one of words) if (one !== undefined) this.#speakFor(now, port, one, others)
      const all = words.length > 0 && words.every(one => one !== undefined)
      if (source.dead !== undefined) (all ? told : untold).push(source.address)
      this.#forget(source)
    }
    this.#event({ type: 'fail-fast', port, told, untold })
  }

  #speakFor(now: Instant, port: Port, bytes: Uint8Array, others: readonly Port[]): void {
    const p = new Packet(bytes)
    const packet = carried(p)
    if (isDrop(packet)) return
    this.#recent.add(now, digestOf(p, packet), port)
    this.#doctor.hear(now, { port, payload: bytes.subarray(packet.payloadAt), ...packet })
    // RFC 2328 §9.5: on networks without multicast a Hello is for one neighbour.
    const to = packet.multicast ? undefined : this.#sources.find(Address.format(packet.destination))
    for (const other of others) if (packet.multicast || other === to?.port) this.#send(other, bytes)
  }

  #remove(now: Instant, port: Port): void {
    for (const source of this.#sources.of(port)) this.#forget(source)
    this.#ways.remove(port)
    this.#traffic.delete(port)
    this.#joining.delete(port)
    this.#doctor.forgetPort(port)
    this.#review(now)
    this.#reroute(now, true)
  }

  #forget(source: Source): void {
    this.#sources.remove(source)
    if (source.port === LAN && source.dead !== undefined) this.#resident(source.address, false)
    this.#neighbour(source.address, source.port, false)
  }

  #neighbour(address: string, port: Port, present: boolean): void {
    if (port !== LAN) this.#effects.push({ do: 'neighbour', address, port, present })
  }

  /** Pieces of what was too large for a tunnel are joined first; from a LAN the kernel gives whole packets. */
  #arrived(now: Instant, port: Port, bytes: Uint8Array): void {
    if (!this.#ways.has(port)) return this.#drop(port, 'relay-not-carrying')
    if (port === LAN) return this.#packet(now, port, bytes)
    const joining = this.#joining.get(port) ?? new Joining()
    this.#joining.set(port, joining)
    const whole = joining.take(now, bytes, lost => this.#drop(port, lost))
    if (isDrop(whole)) this.#drop(port, whole)
    else if (whole !== undefined) this.#packet(now, port, whole)
  }

  #packet(now: Instant, port: Port, bytes: Uint8Array): void {
    const p = new Packet(bytes)
    const packet = carried(p)
    if (isDrop(packet)) return this.#drop(port, packet)
    const source = Address.format(packet.source)
    const digest = packet.multicast ? digestOf(p, packet) : undefined
    const refused =
      this.#refuse(now, port, packet.kind, digest) ?? this.#refuseSource(now, port, source, packet.kind)
    if (refused === 'relay-source-port' && digest !== undefined) this.#recent.refuse(now, digest, port)
    if (refused !== undefined) return this.#drop(port, refused)
    this.#trafficOf(port).received++
    const sooner = digest === undefined ? undefined : this.#recent.elsewhere(now, digest)
    this.#learn(now, port, source)
    if (digest !== undefined && this.#sources.outrun(source, sooner !== undefined))
      this.#learn(now, sooner ?? port, source)
    if (digest !== undefined) this.#recent.add(now, digest, port)
    this.#forward(now, { in: port, sooner }, leaving(p, packet), packet)
  }

  /** `digest`: of multicast only; unicast has one way, and cannot go in a circle. */
  #refuse(now: Instant, port: Port, kind: Kind, digest: Digest | undefined): Drop | undefined {
    if (!this.#allows(port, kind)) return digest === undefined ? 'relay-protocol' : 'relay-group'
    const state = this.#ways.state(port)
    if (state === 'down') return 'relay-not-carrying'
    const seen = digest !== undefined && this.#recent.has(now, digest, port)
    if (state !== 'forwarding') {
      if (digest !== undefined) this.#ways.expect(now, port, digest, seen)
      return 'relay-standby'
    }
    if (digest !== undefined) this.#ways.met(digest)
    return seen ? 'relay-duplicate' : undefined
  }

  #refuseSource(now: Instant, port: Port, source: string, kind: Kind): Drop | undefined {
    if (this.#ownAddresses.has(source)) return 'relay-source'
    return (
      this.#sources.refuse(now, source, port) ??
      this.#trafficOf(port).admission.refuse(now, kind, this.#sources.find(source))
    )
  }

  #learn(now: Instant, port: Port, address: string): void {
    const { moved, from } = this.#sources.learn(now, address, port)
    if (!moved) return
    if (from !== undefined) this.#neighbour(address, from, false)
    if (from === LAN) this.#resident(address, false)
    this.#neighbour(address, port, true)
  }

  #resident(address: string, is: boolean): void {
    this.#effects.push({ do: 'resident', address, is })
  }

  #forward(now: Instant, by: Came, bytes: Uint8Array, packet: Carried): void {
    if (packet.kind === 'ospf') this.#examine(now, by.in, bytes, packet)
    if (!packet.multicast) return this.#unicast(by.in, bytes, packet)
    // RFC 2328 §8.1: to whoever is on the segment; once to each other port, never back, never where it was heard.
    const others = this.#others(by.in, packet.kind)
    if (others.length === 0) this.#drop(by.in, this.#ways.anyCarries ? 'relay-standby' : 'relay-not-carrying')
    for (const other of others) if (other !== by.sooner) this.#send(other, bytes)
  }

  #examine(now: Instant, port: Port, bytes: Uint8Array, packet: Carried): void {
    const payload = bytes.subarray(packet.payloadAt)
    const message = this.#doctor.hear(now, { port, payload, ...packet })
    if (isDrop(message)) return
    for (const drop of this.#dataWays.hear(now, { message, payload, ...packet })) this.#drop(port, drop)
    if (message.body.type !== 'hello') return
    const kept = bytes.length <= LARGEST_HELLO
    const address = Address.format(packet.source)
    if (port === LAN && this.#sources.find(address)?.dead === undefined) this.#resident(address, true)
    const { instance, body } = message
    this.#sources.hello(address, {
      deadInterval: body.deadInterval,
      instance,
      packet: kept ? bytes : undefined,
    })
  }

  /** RFC 2328 §8.1: most packets of an adjacency, and all retransmissions. */
  #unicast(port: Port, bytes: Uint8Array, packet: Carried): void {
    const destination = this.#sources.find(Address.format(packet.destination))
    if (destination === undefined) return this.#drop(port, 'relay-unknown-destination')
    if (destination.port === port) return this.#drop(port, 'relay-same-side')
    const open = this.#ways.state(destination.port) === 'forwarding'
    if (!open || !this.#allows(destination.port, packet.kind)) return this.#drop(port, 'relay-not-carrying')
    this.#send(destination.port, bytes)
  }

  /** On the LAN what any tunnel wants. */
  #allows(port: Port, kind: Kind): boolean {
    if (port !== LAN) return wants(this.#ways.settings(port), kind)
    return kind === 'ospf' || this.#ways.allSettings().some(settings => wants(settings, kind))
  }

  #others(port: Port, kind: Kind): readonly Port[] {
    return this.#ways.ports.filter(
      other => other !== port && this.#ways.state(other) === 'forwarding' && this.#allows(other, kind),
    )
  }

  #send(port: Port, packet: Uint8Array): void {
    this.#trafficOf(port).sent++
    this.#effects.push({ do: 'send', port, packet })
  }

  #drop(port: Port, drop: Drop): void {
    this.#effects.push({ do: 'drop', port, drop })
  }

  #trafficOf(port: Port): Traffic {
    const known = this.#traffic.get(port) ?? new Traffic()
    this.#traffic.set(port, known)
    return known
  }

  /** The LSAs that routes are made of, for the relay after this one. */
  kept(now: Instant): readonly KeptArea[] {
    return this.#dataWays.kept(now)
  }

  report(now: Instant): RelayReport {
    return {
      group: this.#settings.group,
      id: this.#settings.id,
      ports: this.#ways.ports.map(port => {
        const { received = 0, sent = 0 } = this.#traffic.get(port) ?? {}
        const farRelay = this.#ways.farRelay(port)
        return {
          port,
          state: this.#ways.state(port),
          received,
          sent,
          ...(farRelay === undefined ? {} : { farRelay }),
        }
      }),
      lanRelays: this.#ways.lanRelays,
      sources: [...this.#sources.all()].map(({ address, port }) => ({ address, port })),
      neighbours: this.#doctor.neighbours(now),
      findings: this.#doctor.findings(now),
      following: this.#dataWays.report(),
      unread: this.#doctor.unread(),
    }
  }
}
