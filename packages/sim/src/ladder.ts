import { instant, isDrop, type Millis, millis } from '@brunel/base'
import type { SkCipher } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import { Dice, SeededRandom } from './dice.js'
import { disagreement } from './invariants.js'
import { Model } from './model.js'
import type { Datagram } from './network.js'
import { type PeerWishes, peerOf, WISHES } from './peers.js'
import { SimRouter } from './router.js'
import type { Side } from './scenario.js'
import { toyCryptography } from './toy-cryptography.js'
import { describe, sealName } from './trace.js'
import { VirtualTime } from './virtual-time.js'
import { NonceLedger } from './watched-cryptography.js'

const ADDRESS = { a: '192.0.2.1', b: '198.51.100.1' } as const
const LADDER_WISHES: PeerWishes = { ...WISHES, encapsulation: 'none', liveness: millis(3600_000) }
const other = (side: Side): Side => (side === 'a' ? 'b' : 'a')

/**
 * Two routers whose IKE messages a test delivers by hand, one by one, and a drawing of what it did:
 *
 *     a ──▶ b  rekey child
 *     a ◀── b  rekey child, done
 *
 * ESP is delivered at once. After each delivery both ends send a datum; while `traffic` is on, one that does not
 * arrive is a violation: PRODUCT promise 4.
 */
export class Ladder {
  readonly time = new VirtualTime()
  readonly picture: string[] = []
  readonly violations: string[] = []
  readonly random = { a: new SeededRandom(1, 'a'), b: new SeededRandom(1, 'b') }
  readonly routers: Readonly<Record<Side, SimRouter>>
  traffic = false
  readonly #wishes: Readonly<Record<Side, PeerWishes>>
  readonly #contents = new Map<string, string>()
  readonly #sealers = new Map<string, SkCipher>()
  readonly #model = new Model({ violation: what => this.violations.push(what), mayTrust: () => true })
  readonly #waiting: { readonly from: Side; datagram: Datagram }[] = []
  readonly #held: { readonly from: Side; datagram: Datagram }[] = []
  readonly #receivers = new Map<string, (datagram: Datagram) => void>()
  #data = 0
  #arrived = 0

  constructor(a: Partial<PeerWishes> = {}, b: Partial<PeerWishes> = a) {
    this.#wishes = { a: { ...LADDER_WISHES, ...a }, b: { ...LADDER_WISHES, ...b } }
    const ledger = new NonceLedger(what => this.violations.push(what))
    const cryptography = toyCryptography(new Dice(1, 'keys'))
    const router = (name: Side): SimRouter =>
      new SimRouter(
        { name, address: ADDRESS[name], limits: undefined, settings: { jitterPercent: 0, datagram4: 9000 } },
        {
          time: this.time,
          network: {
            attach: (address, receive) => this.#receivers.set(address, receive),
            detach: address => this.#receivers.delete(address),
            send: datagram => this.#sent(name, datagram),
          },
          random: this.random[name],
          cryptography,
          ledger,
          model: this.#model,
          trace: undefined,
          contents: this.#contents,
          sealers: this.#sealers,
          violation: what => this.violations.push(what),
          stepped: router => this.#model.stepped(router, this.routers[other(name)]),
          received: () => this.#arrived++,
        },
      )
    this.routers = { a: router('a'), b: router('b') }
  }

  /** Both ends up with one IKE SA that a began and one child; the drawing starts after it. */
  established(): this {
    this.boot('b', { initiate: false })
    this.boot('a')
    this.settle()
    this.routers.b.setPeer(this.#peer('b', {}))
    this.settle()
    this.traffic = true
    this.#exchangeData()
    this.settle()
    this.picture.length = 0
    return this
  }

  /** Starts a router, configured. */
  boot(side: Side, wishes: Partial<PeerWishes> = {}): void {
    this.routers[side].boot()
    this.routers[side].setPeer(this.#peer(side, wishes))
  }

  rekey(side: Side, what: 'ike' | 'child'): void {
    this.routers[side].feed({ on: 'rekey', peer: other(side), what })
  }

  /** How many messages of a side are under way. */
  waiting(from: Side): number {
    return this.#waiting.filter(m => m.from === from).length
  }

  /** Delivers the oldest message of a side, or the `nth` oldest. */
  deliver(from: Side, nth = 0): void {
    const { datagram, text } = this.#take(from, nth)
    this.#draw(from, text)
    this.#receivers.get(datagram.to.address)?.(datagram)
    this.#exchangeData()
  }

  /** Loses the oldest message of a side, or the `nth` oldest. */
  lose(from: Side, nth = 0): void {
    const { text } = this.#take(from, nth)
    this.picture.push(from === 'a' ? `a ──× b  ${text}` : `a ×── b  ${text}`)
  }

  /** The oldest message of a side is delayed until it is released. */
  hold(from: Side): void {
    const held = this.#waiting.find(m => m.from === from)
    if (held === undefined) throw new Error(`${from} says nothing`)
    this.#waiting.splice(this.#waiting.indexOf(held), 1)
    this.#held.push(held)
  }

  /** It is the oldest again. */
  release(from: Side): void {
    const held = this.#held.find(m => m.from === from)
    if (held === undefined) return
    this.#held.splice(this.#held.indexOf(held), 1)
    this.#waiting.unshift(held)
  }

  /** What the oldest message of a side that waits is for, or the `nth` oldest. */
  text(from: Side, nth = 0): string | undefined {
    const message = this.#waiting.filter(m => m.from === from)[nth]
    return message && this.#intention(message.datagram)
  }

  /** Puts other payloads into the oldest message of a side or the `nth` oldest, sealed as that side does: what another kind of peer says. */
  instead(
    from: Side,
    payloads: readonly Wire.PlainPayload[],
    other: { readonly exchangeType?: number; readonly messageId?: number; readonly nth?: number } = {},
  ): void {
    const { nth = 0, ...changed } = other
    const waiting = this.#waiting.filter(m => m.from === from)[nth]
    if (waiting === undefined) throw new Error(`${from} says nothing`)
    const { bytes } = waiting.datagram
    const [header, cipher] = [Wire.parseHeader(bytes), this.#sealers.get(sealName(bytes))]
    if (isDrop(header) || cipher === undefined) throw new Error('it is not protected')
    const said = Wire.emitProtected({ ...header, ...changed }, Wire.emitPayloads(payloads), cipher)
    this.#model.swapped(from, bytes, said)
    waiting.datagram = { ...waiting.datagram, bytes: said }
  }

  /** Delivers everything in order of sending until nobody has anything to say, without waiting. */
  flush(): void {
    for (let left = 200; left > 0; left--) {
      const next = this.#waiting[0]
      if (next === undefined) return
      this.deliver(next.from)
    }
    this.violations.push('they never stop talking')
  }

  /** Lets time pass; timers ring, what they send waits to be delivered. */
  pass(wait: Millis): void {
    this.time.runUntil(instant(this.time.now() + wait))
  }

  /** Lets `seconds` pass, delivering everything, so that grace, lingering and retries come to their end. */
  settle(seconds = 60): void {
    for (let n = 0; n < seconds * 4; n++) {
      this.flush()
      this.pass(millis(250))
      this.#exchangeData()
    }
    this.flush()
  }

  /** What is wrong with the link now: violations so far, or ends that do not agree. */
  fault(): string | undefined {
    return this.violations[0] ?? disagreement(this.routers.a, this.routers.b)
  }

  #peer(side: Side, wishes: Partial<PeerWishes>) {
    const place = (s: Side) => ({ name: s, address: ADDRESS[s] })
    return peerOf(place(side), place(other(side)), { ...this.#wishes[side], ...wishes })
  }

  #sent(from: Side, datagram: Datagram): void {
    if (datagram.protocol === 50) this.#receivers.get(datagram.to.address)?.(datagram)
    else this.#waiting.push({ from, datagram })
  }

  #take(from: Side, nth: number): { readonly datagram: Datagram; readonly text: string } {
    const mine = this.#waiting.filter(m => m.from === from)
    const found = mine[nth]
    if (found === undefined)
      throw new Error(`${from} has ${mine.length} messages under way:\n${this.picture.join('\n')}`)
    this.#waiting.splice(this.#waiting.indexOf(found), 1)
    return { datagram: found.datagram, text: this.#intention(found.datagram) }
  }

  #intention({ to, bytes }: Datagram): string {
    return intention(describe(bytes.subarray(to.port === 4500 ? 4 : 0), this.#contents))
  }

  #draw(from: Side, text: string): void {
    this.picture.push(from === 'a' ? `a ──▶ b  ${text}` : `a ◀── b  ${text}`)
  }

  #exchangeData(): void {
    if (!this.traffic) return
    for (const side of ['a', 'b'] as const) {
      const before = this.#arrived
      const sent = this.routers[side].transmit(other(side), this.#data++)
      if (!sent) this.violations.push(`${side} has no outbound SA after:\n${this.picture.join('\n')}`)
      else if (this.#arrived === before)
        this.violations.push(`a datum from ${side} is lost after:\n${this.picture.join('\n')}`)
    }
  }
}

/** What a message is for, in the fewest words; the order of payloads does not matter here. */
function intention(text: string): string {
  const [exchange = '', , kind = '', ...rest] = text.split(' ')
  const payloads = rest.join(' ')
  const errors = [...payloads.matchAll(/N\(([A-Z_]+)\)/g)]
    .map(m => m[1] as string)
    .filter(name => REFUSALS.includes(name))
  const done = kind === 'response' ? ', done' : ''
  if (errors.length > 0) return `${errors.join(', ')}`
  if (exchange === 'CREATE_CHILD_SA') {
    if (payloads.includes('N(REKEY_SA)')) return `rekey child${done}`
    if (payloads.includes('TSi')) return kind === 'response' ? 'child, done' : 'create child'
    return `rekey ike${done}`
  }
  if (exchange !== 'INFORMATIONAL') return `${exchange}${done}`
  if (payloads.includes('D(IKE)')) return `delete ike${done}`
  if (payloads.includes('D(ESP')) return `delete child${done}`
  return kind === 'response' ? 'empty' : 'are you there'
}

const REFUSALS = [
  'NO_PROPOSAL_CHOSEN',
  'INVALID_KE_PAYLOAD',
  'INVALID_SYNTAX',
  'TS_UNACCEPTABLE',
  'TEMPORARY_FAILURE',
  'CHILD_SA_NOT_FOUND',
  'NO_ADDITIONAL_SAS',
]
