import { type Drop, type Endpoint, familyOf, type Instant, isDrop, sooner } from '@brunel/base'
import type { Cryptography, SkCipher } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import {
  contentRoom,
  emitFragments,
  messageRoom,
  needsFragments,
  Reassembly,
  triggersAnswer,
} from './fragments.js'
import type { IkeKeys, IkeSuite } from './key-schedule.js'
import type { Incoming } from './sa-stage.js'
import type { IkeSettings } from './settings.js'

/** What came out of a message. `part`: one authentic fragment, and the rest is not there yet. */
export type Opened =
  | {
      readonly is: 'message'
      readonly payloads: readonly Wire.Payload[]
      readonly first: boolean
      readonly octets: Uint8Array | undefined
    }
  /** Authentic and yet malformed: RFC 7296 §2.21.3. */
  | { readonly is: 'malformed'; readonly detail: string; readonly first: boolean }
  | { readonly is: 'part'; readonly first: boolean }
  /** Not protected at all. */
  | { readonly is: 'clear'; readonly payloads: readonly Wire.Payload[] }
  | { readonly is: 'drop'; readonly drop: Drop; readonly detail: string }

/** Whether both ends announced fragmentation, RFC 7383 §2.3, and whether the path wants it finer. Successors share it. */
export interface Fragmentation {
  readonly agreed: boolean
  small: boolean
}

/** The protection of one IKE SA, both directions: RFC 7296 §3.14, RFC 5282, RFC 7383. */
export class Channel {
  readonly #out: SkCipher
  readonly #in: SkCipher
  readonly #settings: IkeSettings
  readonly fragmentation: Fragmentation
  /** Of one request and one response at most, since the window is 1. */
  readonly #reassembly = new Map<string, Reassembly>()

  constructor(
    crypto: Cryptography,
    settings: IkeSettings,
    made: {
      readonly suite: Omit<IkeSuite, 'group'>
      readonly keys: IkeKeys
      readonly initiator: boolean
      readonly fragmentation: Fragmentation
    },
  ) {
    const { encryption, integrity } = made.suite
    const { ai, ar, ei, er } = made.keys
    const toResponder = crypto.skCipher(encryption, ei, integrity, ai)
    const toInitiator = crypto.skCipher(encryption, er, integrity, ar)
    this.#out = made.initiator ? toResponder : toInitiator
    this.#in = made.initiator ? toInitiator : toResponder
    this.#settings = settings
    this.fragmentation = made.fragmentation
  }

  /** One datagram, or the fragments of one: RFC 7383 §2.5. */
  seal(
    header: Wire.OutgoingHeader,
    payloads: readonly Wire.PlainPayload[],
    remote: Endpoint,
  ): readonly Uint8Array[] {
    const inside = Wire.emitPayloads(payloads)
    const { agreed, small } = this.fragmentation
    const room = this.#room(remote.address, small)
    // RFC 8229 §9: not in a stream, which cuts and joins by itself.
    const may = agreed && remote.stream === undefined
    if (may && needsFragments(inside, this.#out, room))
      return emitFragments(header, inside, this.#out, { room, moreThan: 0 })
    return [Wire.emitProtected(header, inside, this.#out)]
  }

  /**
   * The fragments that `seal` made, anew and smaller, if there is a smaller size; their Total is greater, RFC 7383
   * §2.5.2. From here on all messages are cut like this.
   */
  sealSmaller(
    header: Wire.OutgoingHeader,
    payloads: readonly Wire.PlainPayload[],
    before: { readonly remote: Endpoint; readonly total: number },
  ): readonly Uint8Array[] | undefined {
    const { remote, total } = before
    const room = this.#room(remote.address, true)
    if (total < 2 || remote.stream !== undefined || this.fragmentation.small) return undefined
    if (room >= this.#room(remote.address, false)) return undefined
    this.fragmentation.small = true
    return emitFragments(header, Wire.emitPayloads(payloads), this.#out, { room, moreThan: total })
  }

  #room(remote: string, small: boolean): number {
    const { datagram4, datagram6, small4, small6 } = this.#settings
    const family = familyOf(remote)
    const [whole, cut] = family === 4 ? [datagram4, small4] : [datagram6, small6]
    return messageRoom(small ? Math.min(whole, cut) : whole, family)
  }

  /** `collect`: a fragment of it is kept. Of what was answered already nothing is kept. */
  open(now: Instant, m: Incoming, collect: boolean): Opened {
    const message = Wire.parseMessage(m.bytes)
    if (isDrop(message)) return { is: 'drop', drop: message, detail: 'the outside of a protected message' }
    const last = message.payloads.at(-1)
    if (last?.type === 'SK') return this.#openWhole(m, last)
    if (last?.type === 'SKF') return this.#openPart(now, m, last, collect)
    return { is: 'clear', payloads: message.payloads }
  }

  #openWhole(m: Incoming, sk: Wire.SkPayload): Opened {
    const { bytes } = m
    const payloads = Wire.openProtected(bytes, sk, this.#in)
    if (!isDrop(payloads)) return { is: 'message', payloads, first: true, octets: this.#octets(m, sk) }
    if (payloads === 'ike-integrity') return { is: 'drop', drop: payloads, detail: 'an SK payload' }
    return { is: 'malformed', detail: payloads, first: true }
  }

  /** What IntAuth covers of a whole message, RFC 9242 §3.3.2. */
  #octets({ header, bytes }: Incoming, sk: Wire.SkPayload): Uint8Array | undefined {
    const inside = isIntermediate(header) ? Wire.openSk(bytes, sk, this.#in) : undefined
    if (inside === undefined || isDrop(inside)) return undefined
    return Wire.authenticatedOctets(Wire.receivedOutside(bytes, sk), { first: sk.first, bytes: inside })
  }

  #openPart(now: Instant, m: Incoming, skf: Wire.SkfPayload, collect: boolean): Opened {
    if (!this.fragmentation.agreed)
      return { is: 'drop', drop: 'ike-fragment', detail: 'fragmentation was not agreed' }
    const first = triggersAnswer(skf)
    const open = (): Uint8Array | Drop => Wire.openSk(m.bytes, skf, this.#in)
    if (!collect) {
      const content = open()
      return isDrop(content) ? { is: 'drop', drop: content, detail: 'an SKF payload' } : { is: 'part', first }
    }
    const key = keyOf(m)
    const reassembly = this.#reassembly.get(key) ?? new Reassembly(now, this.#settings.fragmentTimeout)
    const step = reassembly.accept(skf, open)
    if (step.is === 'refused')
      return { is: 'drop', drop: step.drop, detail: `fragment ${skf.number} of ${skf.total}` }
    this.#reassembly.set(key, reassembly)
    if (first && isIntermediate(m.header)) reassembly.outside = Wire.receivedOutside(m.bytes, skf)
    if (step.is === 'waiting') return { is: 'part', first }
    this.#reassembly.delete(key)
    // RFC 7383 §2.5.1: what the peer had to cut small is answered in kind.
    const content = Math.ceil(step.inside.bytes.length / skf.total)
    if (content <= contentRoom(this.#out, this.#room(m.remote.address, true))) this.fragmentation.small = true
    const payloads = Wire.parsePayloads(step.inside.first, step.inside.bytes)
    if (isDrop(payloads)) return { is: 'malformed', detail: payloads, first }
    const { outside } = reassembly
    const octets = outside && Wire.authenticatedOctets(outside, step.inside)
    return { is: 'message', payloads, first, octets }
  }

  /** RFC 7383 §2.6: an incomplete set is dropped after a time, as if it never came. */
  expire(now: Instant): void {
    for (const [key, reassembly] of this.#reassembly)
      if (reassembly.deadline <= now) this.#reassembly.delete(key)
  }

  get deadline(): Instant | undefined {
    return [...this.#reassembly.values()].reduce<Instant | undefined>(
      (first, r) => sooner(first, r.deadline),
      undefined,
    )
  }

  wipe(): void {
    this.#out.wipe()
    this.#in.wipe()
    this.#reassembly.clear()
  }
}

const isIntermediate = ({ exchangeType }: Wire.Header): boolean =>
  exchangeType === Wire.EXCHANGE.IKE_INTERMEDIATE

const keyOf = ({ header }: Incoming): string =>
  `${header.response ? 'response' : 'request'} ${header.messageId}`
