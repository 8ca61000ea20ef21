import { type Drop, isDrop, type Packet } from '@brunel/base'
import { Esp } from '@brunel/wire'
import { Lifetime, type LimitReason, type Limits } from './lifetime.js'
import { MINIMUM_WINDOW, ReplayWindow } from './replay-window.js'
import { alignmentOf, type Suite } from './suite.js'

const IPV4 = 4
const IPV6 = 41
const NO_NEXT_HEADER = 59 // RFC 4303 §2.6

export interface EspInboundSpec extends Suite {
  readonly spi: number
  readonly esn: boolean
  readonly mode: 'tunnel' | 'transport'
  readonly replayWindow: number
  readonly limits: Limits
}

/**
 * One inbound SA, in the two steps of RFC 4303 §3.4: `admit` before the ICV is checked, `accept` after it was good.
 * Between them the packet is the sealer's; what `admit` learned travels beside the packet, not in this object.
 */
export class EspInbound {
  readonly spi: number
  readonly window: ReplayWindow
  readonly lifetime: Lifetime
  /** High half of the sequence number of the packet admitted last: RFC 4303 §A2.2. */
  seqHigh = 0
  /** Octets of the packet accepted last that the cipher was applied to. */
  octets = 0
  /** A limit was reached by the packet accepted last: ask `takeLimit`. */
  limitReached = false
  readonly #tunnel: boolean
  readonly #front: number
  readonly #icvLength: number
  readonly #alignment: number
  readonly #shortest: number

  constructor(spec: EspInboundSpec) {
    this.spi = spec.spi
    this.window = new ReplayWindow(Math.max(MINIMUM_WINDOW, spec.replayWindow), spec.esn)
    this.lifetime = new Lifetime(spec.limits)
    this.#tunnel = spec.mode === 'tunnel'
    this.#front = Esp.HEADER + spec.ivLength
    this.#icvLength = spec.icvLength
    this.#alignment = alignmentOf(spec)
    this.#shortest = this.#front + this.#alignment + this.#icvLength
  }

  /** The window of `p` is an ESP packet of this SA's SPI: may it be decrypted? */
  admit(p: Packet): Drop | undefined {
    const length = p.end - p.start
    if (length < this.#shortest) return 'esp-truncated'
    if (((length - this.#front - this.#icvLength) & (this.#alignment - 1)) !== 0) return 'esp-truncated'
    if (this.lifetime.expired) return 'esp-expired'
    const drop = this.window.check(p.view.getUint32(p.start + 4))
    this.seqHigh = this.window.seqHigh
    return drop
  }

  /**
   * After the ICV was good: takes note of the number, then narrows `p` to the payload and returns the next header.
   * The header in front is as `admit` saw it.
   */
  accept(p: Packet, seqHigh: number): number | Drop {
    const replayed = this.window.commit(seqHigh, p.view.getUint32(p.start + 4))
    if (replayed !== undefined) return replayed
    const start = p.start + this.#front
    p.end -= this.#icvLength
    this.octets = p.end - start
    if (this.lifetime.add(this.octets, 0)) this.limitReached = true
    const trailer = Esp.openTrailer(p, start)
    if (isDrop(trailer)) return trailer
    const nextHeader = Esp.nextHeader(p, trailer)
    p.start = start
    p.end = Esp.payloadEnd(p, trailer)
    if (nextHeader === NO_NEXT_HEADER) return 'esp-dummy'
    const ip = nextHeader === IPV4 || nextHeader === IPV6
    if (ip !== this.#tunnel) return 'esp-next-header'
    return nextHeader
  }

  takeLimit(): { readonly limit: 'soft' | 'hard'; readonly why: LimitReason } {
    this.limitReached = false
    const limit = this.lifetime.news(0)
    return { limit, why: this.lifetime.why }
  }
}
