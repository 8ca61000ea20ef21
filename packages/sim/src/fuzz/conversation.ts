import { type Endpoint, type Instant, instant, millis } from '@brunel/base'
import { Ike, type IkeEffect, type IkeInput, type IkeSettings, type Lookup } from '@brunel/ikev2'
import { Dice, SeededRandom } from '../dice.js'
import { type PeerWishes, peerOf, WISHES } from '../peers.js'
import type { Side } from '../scenario.js'
import { TOY_WEB, toyCertification, toyProof, WALL_START } from '../toy-certification.js'
import { toyCryptography } from '../toy-cryptography.js'
import { throughNullCipher } from './null-cipher.js'

/** Two routers with something to talk about. Each kind goes through other payloads and states. */
export interface Topic {
  readonly name: string
  readonly wishes: Partial<PeerWishes>
  readonly wishesOfB?: Partial<PeerWishes>
  readonly settings?: Partial<IkeSettings>
}

export const TOPICS: readonly Topic[] = [
  { name: 'psk', wishes: {} },
  { name: 'hybrid', wishes: { kems: ['mlkem512'] } },
  { name: 'udp', wishes: { encapsulation: 'udp', mode: 'transport', cbc: true } },
  { name: 'cookie', wishes: { groups: ['ecp256', 'x25519'] }, settings: { cookieThreshold: 0 } },
  {
    name: 'hash-and-url',
    wishes: { own: 'certificate', theirs: 'certificate', hashAndUrl: true },
    settings: { datagram4: 4000 },
  },
  {
    name: 'other-group',
    wishes: { groups: ['x25519', 'ecp256'] },
    wishesOfB: { groups: ['ecp256'] },
    settings: { datagram4: 300 },
  },
]

/** What the two do one after the other, each when the one before is settled. */
const CUES: readonly (readonly (readonly [Side, IkeInput])[])[] = [
  [
    ['b', { on: 'up', peer: 'a' }],
    ['a', { on: 'up', peer: 'b' }],
  ],
  [['a', { on: 'rekey', peer: 'b', what: 'child' }]],
  [['b', { on: 'rekey', peer: 'a', what: 'ike' }]],
  [
    ['a', { on: 'rekey', peer: 'b', what: 'child' }],
    ['b', { on: 'rekey', peer: 'a', what: 'child' }],
  ],
  [
    ['a', { on: 'rekey', peer: 'b', what: 'ike' }],
    ['b', { on: 'rekey', peer: 'a', what: 'ike' }],
  ],
  [['b', { on: 'reauthenticate', peer: 'a' }]],
  [['a', { on: 'down', peer: 'b' }]],
]

export const ADDRESS: Readonly<Record<Side, string>> = { a: '192.0.2.1', b: '198.51.100.1' }
export const otherSide = (side: Side): Side => (side === 'a' ? 'b' : 'a')

export interface Said {
  readonly from: Side
  readonly bytes: Uint8Array
  readonly local: Endpoint
  readonly remote: Endpoint
}

/** The web of the two: their certificates, and nothing else. */
function pageAt(url: string): { readonly der: Uint8Array } | { readonly failed: string } {
  const name = url.slice(TOY_WEB.length)
  const [der] = toyProof(`${name}.example.net`).certificates
  return der !== undefined && (name === 'a' || name === 'b') ? { der } : { failed: 'HTTP 404' }
}

/** The same topic is always the same conversation, octet by octet, as long as nobody interferes. */
export class Conversation {
  readonly machines: Readonly<Record<Side, Ike>>
  readonly waiting: Said[] = []
  /** The IKE SPIs that each router answers to. */
  readonly spis: Readonly<Record<Side, Set<string>>> = { a: new Set(), b: new Set() }
  /** Sees every effect of every step. */
  onEffects: (side: Side, effects: readonly IkeEffect[]) => void = () => undefined
  now: Instant = instant(0)
  /** Fetched when the next message is due: what comes before meets an IKE_AUTH that is held. */
  readonly #wanted: (readonly [Side, Lookup])[] = []
  #cue = 0

  constructor(topic: Topic) {
    const crypto = throughNullCipher(toyCryptography(new Dice(1, 'keys')))
    const settings = { jitterPercent: 0, ...topic.settings }
    const certification = toyCertification(() => WALL_START + this.now)
    const machine = (side: Side): Ike =>
      new Ike({ random: new SeededRandom(1, side), crypto, certification }, settings)
    this.machines = { a: machine('a'), b: machine('b') }
    const place = (side: Side) => ({ name: side, address: ADDRESS[side] })
    const wishes = { ...WISHES, encapsulation: 'none' as const, ...topic.wishes, initiate: false }
    this.feed('a', { on: 'peer-set', peer: peerOf(place('a'), place('b'), wishes) })
    const ofB = { ...wishes, ...topic.wishesOfB }
    this.feed('b', { on: 'peer-set', peer: peerOf(place('b'), place('a'), ofB) })
  }

  feed(side: Side, input: IkeInput | { readonly on: 'tick' }): void {
    const effects = this.machines[side].handle(this.now, input)
    this.onEffects(side, effects)
    for (const effect of effects)
      if (effect.do === 'send')
        this.waiting.push({ from: side, bytes: effect.bytes, local: effect.local, remote: effect.remote })
      else if (effect.do === 'ike-spi') this.spis[side][effect.ours ? 'add' : 'delete'](effect.spi)
      else if (effect.do === 'certificate-wanted') this.#wanted.push([side, effect.lookup])
  }

  /** The next message on its way, after a new cue where all is said. undefined: it is over. */
  next(): Said | undefined {
    for (const [side, { key, url }] of this.#wanted.splice(0))
      this.feed(side, { on: 'certificate', key, answer: pageAt(url) })
    while (this.waiting.length === 0) {
      const cue = CUES[this.#cue++]
      if (cue === undefined) return undefined
      this.pass(1000)
      for (const [side, input] of cue) this.feed(side, input)
    }
    return this.waiting.shift()
  }

  hear(said: Said, bytes: Uint8Array = said.bytes): void {
    this.feed(otherSide(said.from), { on: 'datagram', bytes, local: said.remote, remote: said.local })
  }

  /** Lets time pass; timers ring, what they send waits. Returns how often they rang. */
  pass(wait: number): number {
    const until = instant(this.now + wait)
    let rings = 0
    for (;;) {
      const [side, at] = this.#first()
      if (at === undefined || at > until || rings >= 1000) break
      this.now = instant(Math.max(at, this.now))
      this.feed(side, { on: 'tick' })
      rings++
    }
    this.now = instant(until + millis(0))
    return rings
  }

  #first(): readonly [Side, Instant | undefined] {
    const a = this.machines.a.deadline
    const b = this.machines.b.deadline
    return b === undefined || (a !== undefined && a <= b) ? ['a', a] : ['b', b]
  }
}
