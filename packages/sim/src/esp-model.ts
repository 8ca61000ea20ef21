import { after, type Endpoint, type Instant, type Millis, sameEndpoint, since } from '@brunel/base'
import type { Child, IkeEffect, IkeInput } from '@brunel/ikev2'
import { Mixing } from './mixing.js'
import type { NonceLedger } from './watched-cryptography.js'

/**
 * ESP as IKE sees it: SAs installed, used and removed by effects, numbered packets, news back. A packet is
 * SPI | sequence | number of the datum | a tag that only the same keys and values give.
 */
const PACKET = 32
const TAG_AT = 12

interface Inbound {
  readonly child: Child
  readonly key: string
  readonly tagger: Tagger
  readonly seen: Set<number>
  remote: Endpoint
  packets: number
  /** Set by `child-remove`: receives until then. */
  until: Instant | undefined
}

interface Outbound {
  readonly child: Child
  readonly key: string
  readonly tagger: Tagger
  local: Endpoint
  remote: Endpoint
  encapsulation: Child['encapsulation']
  seq: number
}

export interface EspPorts {
  now(): Instant
  readonly ledger: NonceLedger
  violation(what: string): void
  /** A child comes in, with its keys in words before they are wiped. */
  installed(child: Child, keys: { readonly in: string; readonly out: string }): void
}

/** Soft and hard limit of packets on one SA, in either direction; undefined: none. */
export interface PacketLimits {
  readonly soft: number
  readonly hard: number
}

export interface Opened {
  readonly number: number
  readonly news: readonly IkeInput[]
}

const keyText = (keys: { encryption: Uint8Array; integrity: Uint8Array }): string =>
  Buffer.concat([keys.encryption, keys.integrity]).toString('hex')

export class EspModel {
  readonly #ports: EspPorts
  readonly #limits: PacketLimits | undefined
  readonly #inbound = new Map<number, Inbound>()
  readonly #ready = new Map<number, Outbound>()
  #current: Outbound | undefined
  lastIn: Instant | undefined
  lastOut: Instant | undefined
  /** Installed SAs, those of them that replace what another one replaces already (crossing rekeys),
   * authentic packets refused by replay protection, packets with an SPI nobody knows, and forged ones. */
  readonly counters = { installs: 0, crossings: 0, replays: 0, unknown: 0, forged: 0, expired: 0 }

  constructor(ports: EspPorts, limits: PacketLimits | undefined) {
    this.#ports = ports
    this.#limits = limits
  }

  get current(): { readonly child: Child; readonly key: string } | undefined {
    return this.#current
  }

  /** SAs that receive and were not told to end. */
  get installed(): readonly { readonly child: Child; readonly key: string }[] {
    return [...this.#inbound.values()].filter(sa => sa.until === undefined)
  }

  get receiving(): number {
    return this.#inbound.size
  }

  /** What is left when nothing should be. */
  remains(): readonly string[] {
    this.#expire()
    const left = [...this.#inbound.keys()].map(spi => `the inbound ESP SA ${hex(spi)}`)
    return this.#ready.size === 0 ? left : [...left, `${this.#ready.size} outbound ESP SAs`]
  }

  /** Whether packets with this SPI are taken, those in their grace included. */
  receives(spiIn: number): boolean {
    return this.#inbound.has(spiIn)
  }

  perform(effect: IkeEffect): void {
    if (effect.do === 'child-install') this.#install(effect.child, effect.outbound)
    else if (effect.do === 'child-use') this.#use(effect.spiIn)
    else if (effect.do === 'child-remove') this.#remove(effect.spiIn, effect.grace)
    else if (effect.do === 'peer-moved') this.#move(effect)
  }

  /** A model serves one peer, so all its children move. */
  #move({ local, remote, encapsulation }: Extract<IkeEffect, { do: 'peer-moved' }>): void {
    for (const sa of [...this.#inbound.values(), ...this.#ready.values()]) sa.remote = remote
    for (const sa of this.#ready.values()) {
      sa.local = local
      sa.encapsulation = encapsulation
    }
  }

  #use(spiIn: number): void {
    const ready = this.#ready.get(spiIn)
    if (ready === undefined) this.#ports.violation(`child-use of ${hex(spiIn)}, which is not there`)
    else this.#current = ready
  }

  #remove(spiIn: number, grace: Millis): void {
    const sa = this.#inbound.get(spiIn)
    if (sa === undefined || sa.until !== undefined) {
      this.#ports.violation(`child-remove of ${hex(spiIn)}, which is not there`)
      return
    }
    sa.until = after(this.#ports.now(), grace)
    if (this.#current?.child.spiIn === spiIn) this.#current = undefined
    this.#ready.delete(spiIn)
  }

  #install(child: Child, outbound: boolean): void {
    this.#expire()
    if (child.spiIn < 256 || child.spiOut < 256) this.#ports.violation('a reserved ESP SPI, RFC 4303 §2.1')
    if (this.#inbound.has(child.spiIn))
      this.#ports.violation(`inbound SPI ${hex(child.spiIn)} installed twice`)
    this.counters.installs++
    const { replaces } = child
    if (replaces !== undefined && [...this.#inbound.values()].some(sa => sa.child.replaces === replaces))
      this.counters.crossings++
    const [keyIn, keyOut] = [keyText(child.keysIn), keyText(child.keysOut)]
    this.#ports.installed(child, { in: keyIn, out: keyOut })
    if (keyIn === keyOut) this.#ports.violation('both directions have one key')
    if (/^0*$/.test(keyIn) || /^0*$/.test(keyOut)) this.#ports.violation('a child came with wiped keys')
    for (const keys of [child.keysIn, child.keysOut]) {
      keys.encryption.fill(0)
      keys.integrity.fill(0)
    }
    this.#inbound.set(child.spiIn, {
      child,
      key: keyIn,
      tagger: taggerOf(keyIn),
      seen: new Set(),
      remote: child.remote,
      packets: 0,
      until: undefined,
    })
    const { local, remote, encapsulation } = child
    const ready = { child, key: keyOut, tagger: taggerOf(keyOut), local, remote, encapsulation, seq: 0 }
    this.#ready.set(child.spiIn, ready)
    if (outbound) this.#current = ready
  }

  /** The packet that carries datum `number` and where to send it; undefined without an outbound SA. */
  seal(number: number):
    | {
        readonly bytes: Uint8Array
        readonly child: Child
        readonly local: Endpoint
        readonly remote: Endpoint
        readonly encapsulation: Child['encapsulation']
        readonly news: readonly IkeInput[]
      }
    | undefined {
    const sa = this.#current
    if (sa === undefined) return undefined
    if (this.#limits !== undefined && sa.seq >= this.#limits.hard) {
      this.counters.expired++
      return undefined
    }
    const { child } = sa
    sa.seq++
    this.#ports.ledger.esp(sa.key, sa.seq)
    const bytes = new Uint8Array(PACKET)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, child.spiOut)
    view.setUint32(4, sa.seq)
    view.setUint32(8, number)
    bytes.set(sa.tagger(bytes), TAG_AT)
    this.lastOut = this.#ports.now()
    const { local, remote, encapsulation } = sa
    return { bytes, child, local, remote, encapsulation, news: this.#limitNews(child, sa.seq) }
  }

  /** What an ESP packet from `remote` holds, if it is authentic and fresh, and what IKE must hear of it. */
  open(bytes: Uint8Array, remote: Endpoint): Opened | readonly IkeInput[] {
    if (bytes.length !== PACKET) {
      this.counters.forged++
      return []
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const spi = view.getUint32(0)
    this.#expire()
    const sa = this.#inbound.get(spi)
    if (sa === undefined) {
      this.counters.unknown++
      return [{ on: 'unknown-esp-spi', spi, remote }]
    }
    if (Buffer.compare(sa.tagger(bytes), bytes.subarray(TAG_AT)) !== 0) {
      this.counters.forged++
      return []
    }
    const seq = view.getUint32(4)
    if (sa.seen.has(seq)) {
      this.counters.replays++
      return []
    }
    sa.seen.add(seq)
    sa.packets++
    this.lastIn = this.#ports.now()
    const { peer, spiIn } = sa.child
    const news: IkeInput[] = []
    if (sa.packets === 1 && sa.until === undefined) news.push({ on: 'child-used', peer, spiIn })
    const seen = sa.child.encapsulation === 'udp' ? remote : { address: remote.address, port: sa.remote.port }
    if (!sameEndpoint(seen, sa.remote)) news.push({ on: 'esp-source', peer, spiIn, remote })
    news.push(...this.#limitNews(sa.child, sa.packets))
    return { number: view.getUint32(8), news }
  }

  #limitNews(child: Child, packets: number): readonly IkeInput[] {
    const limits = this.#limits
    if (limits === undefined || (packets !== limits.soft && packets !== limits.hard)) return []
    const limit = packets === limits.soft ? 'soft' : 'hard'
    return [{ on: 'child-limit', peer: child.peer, spiIn: child.spiIn, limit, why: 'packets' }]
  }

  #expire(): void {
    for (const [spi, sa] of this.#inbound) {
      if (sa.until !== undefined && since(sa.until, this.#ports.now()) > 0) this.#inbound.delete(spi)
    }
  }
}

const hex = (spi: number): string => spi.toString(16).padStart(8, '0')

/** The tag of a packet under one key, which is read once. */
type Tagger = (packet: Uint8Array) => Uint8Array

function taggerOf(key: string): Tagger {
  const words = new Mixing().bytes(Buffer.from(key, 'hex')).squeeze(16)
  return packet =>
    new Mixing()
      .bytes(words)
      .bytes(packet.subarray(0, TAG_AT))
      .squeeze(PACKET - TAG_AT)
}
