import { after, type Endpoint, type Instant, instant, type Millis, millis, type Random } from '@brunel/base'
import {
  type Certification,
  type Cryptography,
  parseEspProposal,
  parseIkeProposal,
  type Question,
} from '@brunel/crypto'
import type { Child, IkeEffect, IkeEvent, IkeInput, IkePeer, IkeSettings, Lookup } from '../src/index.js'
import { Ike } from '../src/index.js'
import { LabStreams } from './lab-streams.js'
import { describe, readableCryptography } from './wire-tap.js'

/** A datagram on its way. */
export interface Datagram {
  readonly from: Endpoint
  readonly to: Endpoint
  readonly bytes: Uint8Array
  /** As `describe` tells it. */
  readonly text: string
  readonly sender: string
}

/** What the wire does with a datagram: deliver after so many milliseconds, once for each number. */
export type Fate = readonly number[]
export type Rule = (datagram: Datagram, nth: number) => Fate | undefined

/** A seeded generator, good enough for tests; scripted draws come first. */
export class TestRandom implements Random {
  readonly nonces: Uint8Array[] = []
  readonly espSpis: number[] = []
  #state: number
  constructor(seed: number) {
    this.#state = seed * 2654435761 + 1
  }
  #next(): number {
    this.#state = (Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 13), 0x297a2d39)
    return (x ^ (x >>> 16)) >>> 0
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#next() & 0xff)
  }
  nonce(length: number): Uint8Array {
    return this.nonces.shift() ?? this.bytes(length)
  }
  ikeSpi(): Uint8Array {
    return Uint8Array.from([this.#next() | 1, ...this.bytes(7)])
  }
  espSpi(): number {
    return this.espSpis.shift() ?? 256 + (this.#next() % 0xfffffe00)
  }
  jitter(max: Millis): Millis {
    return millis(this.#next() % (max + 1))
  }
}

/** One router: the machine, and what the host would have made of its effects. */
export class Router {
  readonly name: string
  address: string
  /** Beside `address`. */
  further: readonly string[] = []
  readonly random: TestRandom
  readonly events: (IkeEvent & { at: number })[] = []
  readonly drops: string[] = []
  readonly children = new Map<number, Child>()
  /** Our IKE SPIs, as the effects tell them. */
  readonly spis = new Set<string>()
  /** Everything in order, for tests of order. */
  readonly effects: IkeEffect[] = []
  ike: Ike
  outbound: number | undefined

  constructor(
    name: string,
    address: string,
    made: {
      seed: number
      settings: Partial<IkeSettings>
      crypto: Cryptography
      certification?: Certification | undefined
    },
  ) {
    this.name = name
    this.address = address
    this.random = new TestRandom(made.seed)
    this.ike = new Ike(
      { random: this.random, crypto: made.crypto, certification: made.certification },
      made.settings,
    )
  }

  event<E extends IkeEvent['event']>(event: E): (Extract<IkeEvent, { event: E }> & { at: number })[] {
    return this.events.filter(e => e.event === event) as never
  }
}

interface Alarm {
  readonly at: Instant
  readonly order: number
  readonly run: () => void
}

export interface LabOptions {
  readonly rule?: Rule
  readonly settings?: Partial<IkeSettings>
  readonly crypto?: Cryptography
  readonly certification?: Certification
  readonly seed?: number
  /** What the host finds at an address, and after how many milliseconds; undefined: it never says. */
  readonly web?: (question: Question) => Page | undefined
  /** The same of certificates that a peer names by hash and URL. */
  readonly published?: (lookup: Lookup) => Page | undefined
  /** Rewrites what leaves a router behind it, and back. */
  readonly nat?: {
    readonly inside: string
    readonly outside: string
    readonly port: (port: number) => number
  }
}

export interface Page {
  readonly after: number
  readonly answer: { readonly der: Uint8Array } | { readonly failed: string }
}

/** Two routers, one wire, virtual time. */
export class Lab {
  readonly a: Router
  readonly b: Router
  readonly ladder: string[] = []
  readonly sent: Datagram[] = []
  readonly streams = new LabStreams(this)
  now: Instant = instant(0)
  rule: Rule
  readonly #options: LabOptions
  readonly crypto: Cryptography
  #alarms: Alarm[] = []
  #order = 0
  #ticks = 0

  constructor(options: LabOptions = {}) {
    this.#options = options
    this.rule = options.rule ?? (() => undefined)
    const settings = options.settings ?? {}
    const crypto = options.crypto ?? readableCryptography
    this.crypto = crypto
    const seed = options.seed ?? 1
    const made = { settings, crypto, certification: options.certification }
    this.a = new Router('A', '192.0.2.1', { seed, ...made })
    this.b = new Router('B', '192.0.2.2', { seed: seed + 1000, ...made })
  }

  get routers(): readonly Router[] {
    return [this.a, this.b]
  }

  other(router: Router): Router {
    return router === this.a ? this.b : this.a
  }

  /** A machine that has forgotten everything, at the same address. */
  restart(router: Router, seed: number): void {
    const settings = this.#options.settings ?? {}
    const random = new TestRandom(seed)
    router.ike = new Ike({ random, crypto: this.#options.crypto ?? readableCryptography }, settings)
    router.children.clear()
    router.outbound = undefined
  }

  feed(router: Router, input: IkeInput): readonly IkeEffect[] {
    return this.#perform(router, router.ike.handle(this.now, input))
  }

  #perform(router: Router, effects: readonly IkeEffect[]): readonly IkeEffect[] {
    for (const effect of effects) {
      router.effects.push(effect)
      switch (effect.do) {
        case 'send':
          if (effect.remote.stream === undefined) this.transmit(router, effect)
          else this.streams.send(router, effect.remote.stream, effect.bytes)
          break
        case 'stream-open':
          this.streams.open(router, effect)
          break
        case 'stream-close':
          this.streams.close(router, effect.stream, 'closed by the other end')
          break
        case 'child-install':
          if (router.children.has(effect.child.spiIn)) throw new Error('a child is installed twice')
          router.children.set(effect.child.spiIn, effect.child)
          if (effect.outbound) router.outbound = effect.child.spiIn
          break
        case 'child-use':
          if (!router.children.has(effect.spiIn)) throw new Error('a child is used that is not installed')
          router.outbound = effect.spiIn
          break
        case 'child-remove':
          if (!router.children.delete(effect.spiIn))
            throw new Error('a child is removed that is not installed')
          if (router.outbound === effect.spiIn) router.outbound = undefined
          break
        case 'ike-spi':
          if (effect.ours) router.spis.add(effect.spi)
          else router.spis.delete(effect.spi)
          break
        case 'report':
          router.events.push({ ...effect.event, at: this.now } as never)
          break
        case 'revocation-wanted':
          this.#fetch(router, 'revocation', effect.question, this.#options.web?.(effect.question))
          break
        case 'certificate-wanted':
          this.#fetch(router, 'certificate', effect.lookup, this.#options.published?.(effect.lookup))
          break
        case 'drop':
          router.drops.push(`${effect.drop}: ${effect.detail}`)
          break
        default:
          break
      }
    }
    return effects
  }

  #fetch(
    router: Router,
    on: 'revocation' | 'certificate',
    { key, url }: Question | Lookup,
    page: Page | undefined,
  ): void {
    this.ladder.push(`${this.now} ${router.name} ? ${url}`)
    if (page === undefined) return
    const { answer } = page
    this.at(after(this.now, millis(page.after)), () => this.feed(router, { on, key, answer }))
  }

  transmit(router: Router, send: { bytes: Uint8Array; local: Endpoint; remote: Endpoint }): void {
    const text = describe(send.bytes)
    const datagram = { from: send.local, to: send.remote, bytes: send.bytes, text, sender: router.name }
    this.sent.push(datagram)
    const nth = this.sent.filter(d => d.sender === router.name && d.text === text).length
    const fate = this.rule(datagram, nth) ?? [10]
    this.ladder.push(`${this.now} ${router.name} ${fate.length === 0 ? 'x' : '>'} ${text}`)
    for (const delay of fate) this.at(after(this.now, millis(delay)), () => this.deliver(datagram))
  }

  deliver(datagram: Datagram): void {
    const { nat } = this.#options
    let { from, to } = datagram
    if (nat !== undefined && from.address === nat.inside)
      from = { address: nat.outside, port: nat.port(from.port) }
    if (nat !== undefined && to.address === nat.outside) {
      const port = [500, 4500].find(p => nat.port(p) === to.port)
      if (port === undefined) return
      to = { address: nat.inside, port }
    }
    const router = this.routers.find(r => r.address === to.address || r.further.includes(to.address))
    if (router === undefined) return
    this.feed(router, { on: 'datagram', bytes: datagram.bytes.slice(), local: to, remote: from })
  }

  /** The host has other addresses now, and says so. */
  readdress(router: Router, address: string, further: readonly string[] = []): void {
    router.address = address
    router.further = further
    this.feed(router, {
      on: 'own-addresses',
      peer: this.other(router).name,
      addresses: [address, ...further],
    })
  }

  at(at: Instant, run: () => void): void {
    this.#alarms.push({ at, order: this.#order++, run })
  }

  /** Runs until nothing is due before `until` milliseconds from the start. */
  run(until: number): void {
    for (;;) {
      const alarm = this.#alarms.reduce<Alarm | undefined>(
        (first, a) =>
          first === undefined || a.at < first.at || (a.at === first.at && a.order < first.order) ? a : first,
        undefined,
      )
      const ticking = this.routers.filter(r => r.ike.deadline !== undefined)
      const tick = ticking.reduce<Router | undefined>(
        (first, r) =>
          first === undefined || (r.ike.deadline as number) < (first.ike.deadline as number) ? r : first,
        undefined,
      )
      const tickAt = tick?.ike.deadline
      const alarmFirst = alarm !== undefined && (tickAt === undefined || alarm.at <= tickAt)
      const next = alarmFirst ? alarm.at : tickAt
      if (next === undefined || next > until) break
      if (next > this.now) this.#ticks = 0
      this.now = instant(Math.max(this.now, next))
      if (alarmFirst) {
        this.#alarms = this.#alarms.filter(a => a !== alarm)
        alarm.run()
      } else if (tick !== undefined) {
        if (this.#ticks++ > 50) throw new Error(`${tick.name} asks for a tick at ${this.now} for ever`)
        this.#perform(tick, tick.ike.handle(this.now, { on: 'tick' }))
      }
    }
    this.now = instant(until)
  }

  /** The ladder without times and retransmission noise. */
  exchanges(): readonly string[] {
    return this.ladder.map(line => line.replace(/^\d+ /, ''))
  }

  both(change: Partial<PeerChange> = {}, onlyB: Partial<PeerChange> = {}): void {
    this.feed(this.b, {
      on: 'peer-set',
      peer: peerFor(this.b, this.a, { initiate: false, ...change, ...onlyB }),
    })
    this.feed(this.a, { on: 'peer-set', peer: peerFor(this.a, this.b, change) })
  }
}

export interface PeerChange {
  readonly initiate: boolean
  readonly psk: string
  readonly ppk: { readonly id: string; readonly secret?: string; readonly required?: boolean } | undefined
  readonly localId: string
  readonly remoteId: string | undefined
  readonly remoteAddress: string | undefined
  readonly ike: readonly string[]
  readonly esp: readonly string[]
  readonly mode: IkePeer['esp']['mode']
  readonly encapsulation: IkePeer['esp']['encapsulation']
  readonly ikeLifetime: number
  readonly espLifetime: number
  readonly liveness: number
  readonly tcp: IkePeer['ike']['tcp']
  readonly childless: boolean
  readonly selectors: IkePeer['selectors']
  /** Left out: none. */
  readonly mobike: IkePeer['ike']['mobike']
}

const fqdn = (name: string) => ({ type: 'fqdn', text: `${name.toLowerCase()}.example.net` }) as const

function parsed<T>(value: T | readonly unknown[]): T {
  if (Array.isArray(value)) throw new Error(JSON.stringify(value))
  return value as T
}

/** The peer `far` as `near` is configured. */
export function peerFor(near: Router, far: Router, change: Partial<PeerChange> = {}): IkePeer {
  return {
    name: far.name,
    localAddress: near.address,
    remoteAddress: 'remoteAddress' in change ? change.remoteAddress : far.address,
    localId: change.localId === undefined ? fqdn(near.name) : { type: 'fqdn', text: change.localId },
    remoteId:
      'remoteId' in change
        ? change.remoteId === undefined
          ? undefined
          : { type: 'fqdn', text: change.remoteId }
        : fqdn(far.name),
    auth: { method: 'psk', psk: new TextEncoder().encode(change.psk ?? 'shield') },
    ppk: change.ppk && {
      id: new TextEncoder().encode(change.ppk.id),
      secret: new TextEncoder().encode(change.ppk.secret ?? 'a secret of the two'),
      required: change.ppk.required ?? false,
    },
    initiate: change.initiate ?? true,
    ike: {
      proposals: (change.ike ?? ['aes256gcm16-prfsha384-x25519']).map(p =>
        parsed(parseIkeProposal(p) as never),
      ),
      lifetime: millis(change.ikeLifetime ?? 4 * 3600_000),
      liveness: millis(change.liveness ?? 10_000),
      ...(change.tcp === undefined ? {} : { tcp: change.tcp }),
      childless: change.childless ?? false,
      ...(change.mobike === undefined ? {} : { mobike: change.mobike }),
    },
    esp: {
      proposals: (change.esp ?? ['aes256gcm16-x25519-esn']).map(p => parsed(parseEspProposal(p) as never)),
      mode: change.mode ?? 'tunnel',
      lifetime: millis(change.espLifetime ?? 3600_000),
      encapsulation: change.encapsulation ?? 'auto',
    },
    selectors: change.selectors,
  }
}
