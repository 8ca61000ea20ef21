import { type Drop, isDrop, type Packet } from '@brunel/base'
import { Esp } from '@brunel/wire'
import { Lifetime, type LimitReason, type Limits } from './lifetime.js'
import { SEQUENCE_END, type Suite } from './suite.js'

const NO_NEXT_HEADER = 59 // RFC 4303 §2.6

/**
 * When to ask for another SA before the sequence numbers run out: 2^29 numbers are nine minutes at a million packets
 * a second. Too late, and traffic stops until the rekeying is done.
 */
const SEQUENCE_RESERVE = 2 ** 29

export interface EspOutboundSpec extends Suite {
  readonly spi: number
  readonly esn: boolean
  readonly limits: Limits
}

/**
 * One outbound SA: numbers packets and puts header, IV, padding and trailer around them; sealing is the next step.
 *
 *     | SPI | sequence | IV | plaintext | padding 1,2,3.. | pad length | next header | room for the ICV |
 */
export class EspOutbound {
  readonly spi: number
  readonly lifetime: Lifetime
  /** Number of the packet pushed last, as two uint32: RFC 4303 §2.2.1. */
  seqHigh = 0
  seqLow = 0
  /** Octets of the packet pushed last that the cipher is applied to. */
  octets = 0
  /** A limit was reached by the packet pushed last: ask `takeLimit`. */
  limitReached = false
  readonly #icvLength: number
  readonly #ivLength: number
  readonly #counterIv: boolean
  readonly #blockLength: number
  readonly #last: number
  #sequence: number

  /** `sequence`: of the packet before the first; other than 0 only in tests. */
  constructor(spec: EspOutboundSpec, sequence = 0) {
    this.spi = spec.spi
    this.#icvLength = spec.icvLength
    this.#ivLength = spec.ivLength
    this.#counterIv = spec.counterIv
    this.#blockLength = spec.blockLength
    this.#last = spec.esn ? SEQUENCE_END.extended : SEQUENCE_END.short
    this.#sequence = sequence
    this.lifetime = new Lifetime(spec.limits, this.#last - SEQUENCE_RESERVE, this.#last)
  }

  get sequence(): number {
    return this.#sequence
  }

  /** Wraps the packet. A refusal changes neither the packet nor the counter. */
  push(p: Packet, nextHeader: number): Drop | undefined {
    // RFC 4303 §3.3.3: the counter never cycles; RFC 4301 §4.4.2.1: nothing passes after the hard lifetime.
    if (this.#sequence >= this.#last) return 'esp-sequence-exhausted'
    if (this.lifetime.expired) return 'esp-expired'
    const start = p.start
    const end = p.end
    if (!this.#pushTrailer(p, nextHeader) || !this.#pushHeader(p, this.#sequence + 1)) {
      p.start = start
      p.end = end
      return 'underlay-room'
    }
    this.#sequence += 1
    if (this.lifetime.add(this.octets, this.#sequence)) this.limitReached = true
    return undefined
  }

  /** Makes the packet a dummy of the length it has, which the receiver discards: RFC 4303 §2.6. */
  pushDummy(p: Packet): Drop | undefined {
    p.bytes.fill(0, p.start, p.end)
    return this.push(p, NO_NEXT_HEADER)
  }

  takeLimit(): { readonly limit: 'soft' | 'hard'; readonly why: LimitReason } {
    this.limitReached = false
    const limit = this.lifetime.news(this.#sequence)
    return { limit, why: this.lifetime.why }
  }

  #pushTrailer(p: Packet, nextHeader: number): boolean {
    const padding = Esp.paddingFor(p.end - p.start, this.#blockLength)
    if (isDrop(Esp.pushTrailer(p, padding, nextHeader))) return false
    this.octets = p.end - p.start
    return p.append(this.#icvLength) >= 0
  }

  #pushHeader(p: Packet, sequence: number): boolean {
    this.seqLow = sequence >>> 0
    this.seqHigh = (sequence - this.seqLow) / 2 ** 32
    const iv = p.prepend(this.#ivLength)
    if (iv < 0) return false
    // RFC 4106 §3.1: an IV never repeats under a key. Nor does the sequence number, so it serves as the counter.
    if (this.#counterIv) {
      p.view.setUint32(iv, this.seqHigh)
      p.view.setUint32(iv + 4, this.seqLow)
    }
    return !isDrop(Esp.push(p, this.spi, this.seqLow))
  }
}
