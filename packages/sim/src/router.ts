import { drive, type Endpoint, type Instant, type Machine, seconds } from '@brunel/base'
import type { Cryptography } from '@brunel/crypto'
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
  readonly ledger: NonceLedger
  readonly trace: Trace | undefined
  /** Where it is noted what sealed messages hold. */
  readonly contents: Map<string, string> | undefined
  violation(what: string): void
  /** Called after every step of the machine. */
  stepped(router: SimRouter): void
  /** A datum came out of an SA. */
  received(router: SimRouter, number: number): void
}

export interface RouterOptions {
  readonly name: string
  readonly address: string
  readonly limits: PacketLimits | undefined
  readonly settings: Partial<IkeSettings>
  /** Breaks a machine on purpose, to prove that the simulation notices. */
  readonly bend?: ((effects: readonly IkeEffect[]) => readonly IkeEffect[]) | undefined
}

type Input = IkeInput | { readonly on: 'tick' }

/** One life of a router, from boot to the next crash: the real IKE machine and a model of ESP. */
interface Life {
  readonly ike: Ike
  readonly esp: EspModel
  readonly secrets: Secrets
  readonly feed: (input: Input) => void
}

export class SimRouter {
  readonly name: string
  address: string
  readonly #ports: RouterPorts
  readonly #options: RouterOptions
  readonly events: { readonly at: Instant; readonly event: IkeEvent }[] = []
  readonly counters = { steps: 0, sent: 0, unsent: 0, received: 0, drops: new Map<string, number>() }
  #life: Life | undefined
  #buried = 0
  #activity = ''
  #spinning = { at: -1, steps: 0 }

  constructor(options: RouterOptions, ports: RouterPorts) {
    this.name = options.name
    this.address = options.address
    this.#options = options
    this.#ports = ports
  }

  get up(): boolean {
    return this.#life !== undefined
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

  get deadline(): Instant | undefined {
    return this.#alive.ike.deadline
  }

  get #alive(): Life {
    if (this.#life === undefined) throw new Error(`${this.name} is off`)
    return this.#life
  }

  report(peer: string): IkePeerReport | undefined {
    return this.#life?.ike.report(peer)
  }

  boot(): void {
    const { time, network, random, cryptography, ledger, contents } = this.#ports
    const secrets = new Secrets()
    const ike = new Ike(
      { random, crypto: watchCryptography(cryptography, secrets, ledger, contents) },
      this.#options.settings,
    )
    const violation = (what: string): void => this.#ports.violation(`${this.name}: ${what}`)
    const esp = new EspModel({ now: () => time.now(), ledger, violation }, this.#options.limits)
    const alarm = time.alarm()
    const { bend } = this.#options
    const feed = drive(bend === undefined ? ike : bent(ike, bend), {
      now: () => time.now(),
      perform: (effect: IkeEffect) => this.#perform(esp, effect),
      wakeAt: t => alarm(t, () => life.feed({ on: 'tick' })),
    })
    const life: Life = {
      ike,
      esp,
      secrets,
      feed: input => {
        // The alarm of a life that is over rings into the void.
        if (this.#life === life) this.#step(life, input, feed)
      },
    }
    this.#life = life
    network.attach(this.address, datagram => this.#receive(datagram))
    this.#watchActivity(life)
  }

  /** Power is cut: no message, no memory. */
  crash(): void {
    this.#buried = this.crossings
    this.#life = undefined
    this.#ports.network.detach(this.address)
  }

  /** Another address on the same uplink; what is addressed to the old one is lost. */
  move(address: string): void {
    this.#ports.network.detach(this.address)
    this.address = address
    if (this.up) this.#ports.network.attach(address, datagram => this.#receive(datagram))
  }

  feed(input: Input): void {
    this.#life?.feed(input)
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
    if (this.#life === undefined) return false
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
    const now = this.#ports.time.now()
    const violation = (what: string): void => this.#ports.violation(`${this.name}: ${what}`)
    this.#ports.trace?.add(now, this.name, input)
    this.counters.steps++
    this.#spinning.steps = this.#spinning.at === now ? this.#spinning.steps + 1 : 0
    this.#spinning.at = now
    if (this.#spinning.steps > 500) {
      violation('500 steps without time going on')
      return
    }
    try {
      feed(input)
    } catch (error) {
      violation(`the machine threw ${error instanceof Error ? error.stack : error}`)
      return
    }
    const { deadline } = life.ike
    if (deadline !== undefined && !(deadline >= now))
      violation(`the deadline ${deadline} lies in the past at ${now}`)
    this.#ports.stepped(this)
  }

  #perform(esp: EspModel, effect: IkeEffect): void {
    const { time, network, trace } = this.#ports
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
    } else if (effect.do === 'report') {
      this.events.push({ at: time.now(), event: effect.event })
    } else esp.perform(effect)
  }

  #receive({ protocol, from, to, bytes }: Datagram): void {
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
    for (const input of 'number' in opened ? opened.news : opened) this.feed(input)
  }

  /** About once a second while it changes, as the data path does. */
  #watchActivity(life: Life): void {
    this.#ports.time.after(seconds(1), () => {
      if (this.#life !== life) return
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
