import { drive, type Endpoint, type Instant, type Machine, seconds } from '@brunel/base'
import type { Certification, Cryptography, SkCipher } from '@brunel/crypto'
import {
  Ike,
  type IkeEffect,
  type IkeEvent,
  type IkeInput,
  type IkePeer,
  type IkePeerReport,
  type IkeSettings,
} from '@brunel/ikev2'
import type { SeededRandom } from './dice.js'
import { EspModel, type PacketLimits } from './esp-model.js'
import { HostClock } from './host-clock.js'
import type { Model } from './model.js'
import type { Datagram, Network } from './network.js'
import { joined } from './octets.js'
import type { Trace } from './trace.js'
import type { VirtualTime } from './virtual-time.js'
import { type NonceLedger, Secrets, watchCryptography } from './watched-cryptography.js'

/** RFC 3948 §2.2. */
const MARKER = new Uint8Array(4)
const KEEPALIVE = Uint8Array.of(0xff)

export interface RouterPorts {
  readonly time: VirtualTime
  readonly network: Pick<Network, 'attach' | 'detach' | 'send'>
  readonly random: SeededRandom
  readonly cryptography: Cryptography
  /** Left out: nobody is proved by certificates. */
  readonly certification?: Certification | undefined
  readonly ledger: NonceLedger
  readonly model: Model
  readonly trace: Trace | undefined
  /** Where it is noted what sealed messages hold. */
  readonly contents: Map<string, string> | undefined
  /** Where it is noted who sealed them. */
  readonly sealers?: Map<string, SkCipher>
  violation(what: string): void
  /** Called after every step of the machine; `acted`: it had effects. */
  stepped(router: SimRouter, acted: boolean): void
  /** A datum came out of an SA. */
  received(router: SimRouter, number: number): void
}

export interface RouterOptions {
  readonly name: string
  readonly address: string
  readonly limits: PacketLimits | undefined
  readonly settings: Partial<IkeSettings>
  readonly sabotage?: Sabotage | undefined
}

/** Breaks a machine on purpose, to prove that the simulation notices. */
export interface Sabotage {
  readonly effects?: (effects: readonly IkeEffect[]) => readonly IkeEffect[]
  readonly machine?: (ike: Ike) => void
  readonly cryptography?: (cryptography: Cryptography) => Cryptography
  readonly certification?: (certification: Certification) => Certification
}

type Input = IkeInput | { readonly on: 'tick' }

const UNTOLD = { own: undefined, theirs: undefined }

/** Datagrams that wait for a router that is suspended; the rest is lost, as in the buffer of a socket. */
const BACKLOG = 20

/** One life of a router, from boot to the next crash: the real IKE machine and a model of ESP. */
interface Life {
  readonly ike: Ike
  readonly esp: EspModel
  readonly secrets: Secrets
  /** What the filter in front of the machine lets through. */
  readonly spis: Set<string>
  /** Announced, and neither installed nor withdrawn. */
  readonly espSpis: Set<number>
  readonly feed: (input: Input) => void
}

export class SimRouter {
  readonly name: string
  address: string
  readonly #ports: RouterPorts
  readonly #options: RouterOptions
  readonly #clock: HostClock
  #backlog: Datagram[] = []
  /** What the operator wanted meanwhile. */
  #asked: Input[] = []
  readonly events: { readonly at: Instant; readonly event: IkeEvent }[] = []
  readonly counters = { steps: 0, sent: 0, unsent: 0, received: 0, drops: new Map<string, number>() }
  #life: Life | undefined
  #buried = 0
  #effects = 0
  #activity = ''
  /** What follows from our side, and what the peer tells of its own. */
  innerMtu: { readonly own: number | undefined; readonly theirs: number | undefined } = UNTOLD
  #spinning = { at: -1, steps: 0 }

  constructor(options: RouterOptions, ports: RouterPorts) {
    this.name = options.name
    this.address = options.address
    this.#options = options
    this.#ports = ports
    this.#clock = new HostClock(ports.time)
  }

  get up(): boolean {
    return this.#life !== undefined
  }

  /** Up and not suspended. */
  get running(): boolean {
    return this.up && !this.#clock.suspended
  }

  /** Crossing rekeys of children, over all lives. */
  get crossings(): number {
    return this.#buried + (this.#life?.esp.counters.crossings ?? 0)
  }

  get esp(): EspModel {
    return this.#alive.esp
  }

  get secrets(): Secrets {
    return this.#alive.secrets
  }

  /** What is left when nothing should be: SAs, timers, SPIs, secrets. */
  remains(): readonly string[] {
    const { ike, esp, secrets, spis, espSpis } = this.#alive
    const { random } = this.#ports
    const left = [...secrets.left(), ...esp.remains()]
    if (espSpis.size > 0) left.push(`${espSpis.size} ESP SPIs that are waited for`)
    if (spis.size > 0) left.push(`${spis.size} IKE SPIs that peers may use`)
    if (ike.reports().length > 0) left.push(`reports of ${ike.reports().length} peers`)
    if (ike.deadline !== undefined) left.push(`an alarm at ${ike.deadline}`)
    // A SPI that was given back is taken again when it is drawn.
    const kept = random.drawnEspSpis.filter(spi => !random.laid(spi, () => ike.childSpis.draw()))
    if (kept.length > 0) left.push(`${kept.length} ESP SPIs never given back`)
    return left
  }

  get #alive(): Life {
    if (this.#life === undefined) throw new Error(`${this.name} is off`)
    return this.#life
  }

  report(peer: string): IkePeerReport | undefined {
    return this.#life?.ike.report(peer)
  }

  boot(): void {
    const { network, random, ledger, contents, sealers, model } = this.#ports
    const { sabotage } = this.#options
    const cryptography = sabotage?.cryptography?.(this.#ports.cryptography) ?? this.#ports.cryptography
    const certification =
      this.#ports.certification &&
      (sabotage?.certification?.(this.#ports.certification) ?? this.#ports.certification)
    random.drawnEspSpis = []
    const secrets = new Secrets()
    const ike = new Ike(
      { random, crypto: watchCryptography(cryptography, secrets, ledger, contents, sealers), certification },
      this.#options.settings,
    )
    const violation = (what: string): void => this.#ports.violation(`${this.name}: ${what}`)
    const esp = new EspModel(
      {
        now: () => this.#clock.now(),
        ledger,
        violation,
        installed: (child, keys) => model.installed(this.name, child, keys),
      },
      this.#options.limits,
    )
    const alarm = this.#clock.alarm()
    sabotage?.machine?.(ike)
    const feed = drive(sabotage?.effects === undefined ? ike : bent(ike, sabotage.effects), {
      now: () => this.#clock.now(),
      perform: (effect: IkeEffect) => this.#perform(esp, effect),
      wakeAt: t => alarm(t, () => life.feed({ on: 'tick' })),
    })
    const life: Life = {
      ike,
      esp,
      secrets,
      spis: new Set(),
      espSpis: new Set(),
      feed: input => {
        // The alarm of a life that is over rings into the void.
        if (this.#life === life) this.#step(life, input, feed)
      },
    }
    this.#life = life
    this.innerMtu = UNTOLD
    model.booted(this.name)
    network.attach(this.address, datagram => this.#receive(datagram))
    this.#watchActivity(life)
  }

  /** Power is cut: no message, no memory. */
  crash(): void {
    this.#buried = this.crossings
    this.#life = undefined
    this.resume(true)
    this.#ports.network.detach(this.address)
  }

  /** Nothing comes in and nothing rings: a paused VM, a stopped process. */
  suspend(): void {
    if (this.up) this.#clock.suspend()
  }

  /** `counted`: the clock went on counting, so that it leaps. */
  resume(counted: boolean): void {
    this.#clock.resume(counted)
    const [asked, waiting] = [this.#asked, this.#backlog]
    this.#asked = []
    this.#backlog = []
    for (const input of asked) this.feed(input)
    if (this.up) for (const datagram of waiting) this.#receive(datagram)
  }

  /** Another address on the same uplink; what is addressed to the old one is lost. */
  move(address: string): void {
    this.#ports.network.detach(this.address)
    this.address = address
    if (this.up) this.#ports.network.attach(address, datagram => this.#receive(datagram))
  }

  feed(input: Input): void {
    if (this.#clock.suspended) this.#asked.push(input)
    else this.#life?.feed(input)
  }

  setPeer(peer: IkePeer): void {
    this.feed({ on: 'peer-set', peer })
  }

  /** The child in use has carried all it may. */
  expire(): void {
    const child = this.#life?.esp.current?.child
    if (child === undefined) return
    this.feed({ on: 'child-limit', peer: child.peer, spiIn: child.spiIn, limit: 'hard', why: 'bytes' })
  }

  /** Sends a datum to `peer`. False: there is no SA, it was dropped. */
  transmit(peer: string, number: number): boolean {
    if (this.#life === undefined || this.#clock.suspended) return false
    const sealed = this.#life.esp.seal(number)
    if (sealed === undefined) {
      this.counters.unsent++
      this.feed({ on: 'acquire', peer })
      return false
    }
    this.counters.sent++
    const { bytes, local, remote, encapsulation, news } = sealed
    const protocol = encapsulation === 'udp' ? 17 : 50
    this.#ports.network.send({ protocol, from: local, to: remote, bytes })
    for (const input of news) this.feed(input)
    return true
  }

  #step(life: Life, input: Input, feed: (input: Input) => void): void {
    const now = this.#clock.now()
    const violation = (what: string): void => this.#ports.violation(`${this.name}: ${what}`)
    this.#ports.trace?.add(this.#ports.time.now(), this.name, input)
    this.#ports.model.took(this.name, input)
    if (input.on === 'peer-set') this.innerMtu = { ...this.innerMtu, own: input.peer.innerMtu }
    if (input.on === 'inner-mtu') this.innerMtu = { ...this.innerMtu, own: input.mtu }
    if (input.on === 'peer-removed') this.innerMtu = UNTOLD
    this.counters.steps++
    this.#effects = 0
    this.#spinning.steps = this.#spinning.at === now ? this.#spinning.steps + 1 : 0
    this.#spinning.at = now
    if (this.#spinning.steps > 500) {
      violation('500 steps without time going on')
      return
    }
    const before = life.ike.deadline
    try {
      feed(input)
    } catch (error) {
      violation(`the machine threw ${error instanceof Error ? error.stack : error}`)
      return
    }
    const { deadline } = life.ike
    // After a leap of the clock an input may come before the tick that is overdue.
    const overdue = input.on !== 'tick' && before !== undefined && before < now
    if (deadline !== undefined && !(deadline >= now) && !overdue)
      violation(`the deadline ${deadline} lies in the past at ${now}`)
    this.#ports.stepped(this, this.#effects > 0)
  }

  #perform(esp: EspModel, effect: IkeEffect): void {
    const { time, network, trace, model } = this.#ports
    this.#effects++
    model.did(this.name, effect)
    trace?.add(
      time.now(),
      this.name,
      effect.do === 'child-install' ? { ...effect, child: redacted(effect.child) } : effect,
    )
    if (effect.do === 'send') {
      const bytes = effect.marker ? joined(MARKER, effect.bytes) : joined(effect.bytes)
      network.send({ protocol: 17, from: effect.local, to: effect.remote, bytes })
    } else if (effect.do === 'keepalive') {
      network.send({ protocol: 17, from: effect.local, to: effect.remote, bytes: KEEPALIVE })
    } else if (effect.do === 'drop') {
      this.counters.drops.set(effect.drop, (this.counters.drops.get(effect.drop) ?? 0) + 1)
    } else if (effect.do === 'ike-spi') {
      if (effect.ours) this.#alive.spis.add(effect.spi)
      else this.#alive.spis.delete(effect.spi)
    } else if (effect.do === 'esp-spi') {
      if (effect.ours) this.#alive.espSpis.add(effect.spi)
      else this.#alive.espSpis.delete(effect.spi)
    } else if (effect.do === 'peer-mtu') {
      this.innerMtu = { ...this.innerMtu, theirs: effect.mtu }
    } else if (effect.do === 'report') {
      this.events.push({ at: time.now(), event: effect.event })
    } else {
      if (effect.do === 'child-install') this.#alive.espSpis.delete(effect.child.spiIn)
      esp.perform(effect)
    }
  }

  #receive(datagram: Datagram): void {
    if (this.#clock.suspended) {
      if (this.#backlog.length < BACKLOG) this.#backlog.push(datagram)
      return
    }
    const { protocol, from, to, bytes } = datagram
    if (protocol === 50) {
      this.#receiveEsp(bytes, from)
      return
    }
    if (to.port === 500) {
      this.feed({ on: 'datagram', bytes, local: to, remote: from })
      return
    }
    if (to.port !== 4500 || (bytes.length === 1 && bytes[0] === 0xff) || bytes.length < MARKER.length) return
    if (bytes.subarray(0, MARKER.length).some(octet => octet !== 0)) this.#receiveEsp(bytes, from)
    else this.feed({ on: 'datagram', bytes: bytes.slice(MARKER.length), local: to, remote: from })
  }

  #receiveEsp(bytes: Uint8Array, from: Endpoint): void {
    const opened = this.esp.open(bytes, from)
    if ('number' in opened) {
      this.counters.received++
      this.#ports.received(this, opened.number)
    }
    // The data path holds it back; the model loses it, as a network might.
    for (const input of 'number' in opened ? opened.news : opened)
      if (input.on !== 'unknown-esp-spi' || !this.#alive.espSpis.has(input.spi)) this.feed(input)
  }

  /** About once a second while it changes, as the data path does. */
  #watchActivity(life: Life): void {
    this.#ports.time.after(seconds(1), () => {
      if (this.#life !== life) return
      if (this.#clock.suspended) return this.#watchActivity(life)
      const { lastIn, lastOut } = life.esp
      const activity = `${lastIn} ${lastOut}`
      const peer = life.esp.current?.child.peer ?? life.esp.installed[0]?.child.peer
      if (activity !== this.#activity && peer !== undefined)
        this.feed({ on: 'child-activity', peer, lastIn, lastOut })
      this.#activity = activity
      this.#watchActivity(life)
    })
  }
}

function bent(
  ike: Ike,
  bend: (effects: readonly IkeEffect[]) => readonly IkeEffect[],
): Machine<IkeInput, IkeEffect> {
  return {
    get deadline() {
      return ike.deadline
    },
    handle: (now, input) => bend(ike.handle(now, input)),
  }
}

/** The child without the arrays of its keys, which are wiped at once and would only read as zeros. */
const redacted = <C extends { keysIn: unknown; keysOut: unknown }>(child: C): C => {
  const nothing = { encryption: new Uint8Array(0), integrity: new Uint8Array(0) }
  return { ...child, keysIn: nothing, keysOut: nothing }
}
