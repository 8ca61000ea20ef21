import type { IkeEffect, IkeInput } from '@brunel/ikev2'

/**
 * What RFC 7296 §2.1, §2.2 and §2.3 let two routers put on the wire, from nothing but what they take in and send: one
 * request under way each way, Message IDs that go up by one, repetitions that are bitwise the same, and answers that
 * follow a genuine request at once.
 *
 *     request n ──> (again, the same octets) ──> answer n delivered ──> request n + 1
 *     request n delivered ──> answer n ──> request n again ──> the same answer
 */
export class WindowModel {
  readonly #violation: (what: string) => void
  /** What a router asked last on an IKE SA, and what it answered last. */
  readonly #asked = new Map<string, Said>()
  readonly #answered = new Map<string, Said>()
  /** The SPI that a router chose, and the peer's that belongs to it. */
  readonly #pairs = new Map<string, string>()
  /** The step in which a router first sent on an SPI. */
  readonly #begun = new Map<string, number>()
  /** SPIs that a router has told its filter of. */
  readonly #open = new Set<string>()
  #step = 0
  /** What the step under way takes in, if the peer has really sent it. */
  #taken: Message | undefined

  constructor(violation: (what: string) => void) {
    this.#violation = violation
  }

  /** Whether the peer has sent it and the router has not acted on it yet. */
  took(router: string, input: IkeInput | { readonly on: 'tick' }): boolean {
    this.#step++
    this.#taken = undefined
    if (input.on !== 'datagram') return false
    const message = read(input.bytes)
    if (message === undefined || message.exchange === SA_INIT) return false
    const from = router === 'a' ? 'b' : 'a'
    const last = (message.response ? this.#answered : this.#asked).get(keyOf(from, message))
    // One that was under way for long may come after its sender has gone on to the next.
    const said = last?.id === message.id ? last : last?.before
    if (said?.id !== message.id) return false
    const part = said.datagrams.findIndex(octets => sameOctets(octets, input.bytes))
    if (part < 0) return false
    this.#taken = message
    if (!message.response) return (this.#answered.get(keyOf(router, message))?.id ?? -1) < message.id
    const asked = this.#asked.get(keyOf(router, message))
    if (asked?.id !== message.id || asked.acted) return false
    asked.heard.add(part)
    if (asked.heard.size === said.datagrams.length) asked.over = true
    // In fragments it may have to come more than once: RFC 7383 §2.6.
    if (said.datagrams.length === 1) asked.acted = true
    return true
  }

  did(router: string, effect: IkeEffect): void {
    if (effect.do === 'ike-spi') {
      if (effect.ours) this.#open.add(`${router} ${effect.spi}`)
      else this.#open.delete(`${router} ${effect.spi}`)
    }
    if (effect.do !== 'send') return
    const message = read(effect.bytes)
    if (message === undefined) return this.#violation(`${router} sends what is no IKE message`)
    this.#pair(router, message)
    if (message.exchange === SA_INIT) {
      if (message.id !== 0) this.#violation(`${router}: IKE_SA_INIT with Message ID ${message.id}`)
      return
    }
    if (!message.sealed) {
      // RFC 7296 §1.5: to strangers, and never a request.
      if (!message.response) this.#violation(`${router} sends an unprotected request`)
      return
    }
    if (message.response) this.#answer(router, message, effect.bytes)
    else this.#request(router, message, effect.bytes)
  }

  swapped(router: string, old: Uint8Array, now: Uint8Array): void {
    const message = read(old)
    if (message === undefined) return
    const said = (message.response ? this.#answered : this.#asked).get(keyOf(router, message))
    const at = said?.datagrams.findIndex(octets => sameOctets(octets, old)) ?? -1
    if (at >= 0) said?.datagrams.splice(at, 1, now)
  }

  #request(router: string, message: Message, bytes: Uint8Array): void {
    const key = keyOf(router, message)
    const last = this.#asked.get(key)
    if (last?.id === message.id) {
      if (last.acted) return this.#violation(`${router} repeats request ${message.id}, which was answered`)
      if (this.#repeats(last, bytes) || this.#isCutSmaller(last, bytes)) return
      return this.#violation(`${router} repeats request ${message.id} with other octets: RFC 7296 §2.1`)
    }
    const first = message.exchange === AUTH || message.exchange === INTERMEDIATE ? 1 : 0
    const next = last === undefined ? first : last.id + 1
    if (message.id !== next)
      return this.#violation(`${router} sends request ${message.id} where ${next} is due: RFC 7296 §2.2`)
    if (last !== undefined && !last.over)
      return this.#violation(
        `${router} sends request ${message.id} before the answer to ${last.id}: RFC 7296 §2.3`,
      )
    this.#asked.set(key, this.#said(message.id, bytes, last))
  }

  #answer(router: string, message: Message, bytes: Uint8Array): void {
    const { id } = message
    if (this.#taken === undefined || this.#taken.response || this.#taken.id !== id)
      return this.#violation(`${router} answers ${id}, which the peer has not just asked: RFC 7296 §2.1`)
    const key = keyOf(router, message)
    const last = this.#answered.get(key)
    if (last?.id === id) {
      if (!this.#repeats(last, bytes))
        this.#violation(`${router} answers request ${id} a second time, and otherwise: RFC 7296 §2.1`)
      return
    }
    if (last !== undefined && id !== last.id + 1)
      return this.#violation(`${router} answers ${id} after ${last.id}: RFC 7296 §2.3`)
    this.#answered.set(key, this.#said(id, bytes, last))
  }

  #said(id: number, bytes: Uint8Array, last: Said | undefined): Said {
    const before = last && { ...last, before: undefined }
    return { before, id, datagrams: [bytes], step: this.#step, heard: new Set(), over: false, acted: false }
  }

  /** Fragments leave in one step (RFC 7383 §2.5); what leaves later was there before. */
  #repeats(said: Said, bytes: Uint8Array): boolean {
    if (said.datagrams.some(octets => sameOctets(octets, bytes))) return true
    if (said.step !== this.#step) return false
    said.datagrams.push(bytes)
    return true
  }

  /** A request in fragments may come again in more of them, which leave in one step: RFC 7383 §2.5.2. */
  #isCutSmaller(said: Said, bytes: Uint8Array): boolean {
    const before = totalOf(said.datagrams.at(-1) ?? bytes)
    if (before === 0 || totalOf(bytes) <= before) return false
    said.datagrams.push(bytes)
    said.step = this.#step
    return true
  }

  /** RFC 7296 §2.6: an SPI names one IKE SA, and nothing else ever. */
  #pair(router: string, message: Message): void {
    const [mine, theirs] = message.initiator
      ? [message.spis.slice(0, 16), message.spis.slice(16)]
      : [message.spis.slice(16), message.spis.slice(0, 16)]
    if (mine === NO_SPI || theirs === NO_SPI || (!message.sealed && message.exchange !== SA_INIT)) return
    const name = `${router} ${mine}`
    const known = this.#pairs.get(name)
    // The first message, and all its fragments, may leave in the step that opens the filter.
    const begun = this.#begun.get(name) ?? this.#step
    this.#begun.set(name, begun)
    if (begun !== this.#step && message.sealed && !this.#open.has(name))
      this.#violation(`${router} sends on an IKE SPI that its filter does not let in`)
    if (known === undefined) this.#pairs.set(name, theirs)
    else if (known !== theirs) this.#violation(`${router} uses the IKE SPI ${mine} for two IKE SAs`)
  }
}

interface Said {
  readonly before: Said | undefined
  readonly id: number
  readonly datagrams: Uint8Array[]
  step: number
  /** Which datagrams of the answer have been delivered. */
  readonly heard: Set<number>
  /** All of them have. */
  over: boolean
  /** One that came whole has been acted on. */
  acted: boolean
}

interface Message {
  readonly spis: string
  readonly exchange: number
  readonly initiator: boolean
  readonly response: boolean
  readonly sealed: boolean
  readonly id: number
}

const SA_INIT = 34
const AUTH = 35
const INTERMEDIATE = 43
const SK = 46
const SKF = 53
const NO_SPI = '0000000000000000'

function read(bytes: Uint8Array): Message | undefined {
  if (bytes.length < 28) return undefined
  const octet = (at: number): number => bytes[at] as number
  const flags = octet(19)
  return {
    spis: Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex'),
    exchange: octet(18),
    initiator: (flags & 0x08) !== 0,
    response: (flags & 0x20) !== 0,
    sealed: octet(16) === SK || octet(16) === SKF,
    id: octet(20) * 0x100_0000 + ((octet(21) << 16) | (octet(22) << 8) | octet(23)),
  }
}

/** Total Fragments, RFC 7383 §2.5; 0 for a message that came whole. */
const totalOf = (bytes: Uint8Array): number =>
  bytes[16] === SKF ? ((bytes[34] as number) << 8) | (bytes[35] as number) : 0

const keyOf = (router: string, message: Message): string => router + message.spis

const sameOctets = (a: Uint8Array, b: Uint8Array): boolean =>
  a === b || (a.length === b.length && Buffer.compare(a, b) === 0)
