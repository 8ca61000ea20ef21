import { bug, type Drop, type Instant, millis, type Packet, RateLimiter } from '@brunel/base'

/**
 * What a pump looks at before an IKE message goes up, RFC 7296 §3.1:
 *
 *    |                  IKE SA Initiator's SPI (8)                   |
 *    |                  IKE SA Responder's SPI (8)                   |
 *    |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
 *    |                          Message ID                           |
 *    |                            Length                             |
 */
const HEADER = 28
const VERSION = 17
const EXCHANGE_TYPE = 18
const FLAGS = 19
const LENGTH = 24

const MAJOR = 2
const VERSION_1 = 0x10
/** RFC 2408 §3.1: Identity Protection, which IKEv1 calls Main Mode, and Aggressive. */
const MAIN_MODE = 2
const AGGRESSIVE_MODE = 4
const IKE_SA_INIT = 34
/** RFC 7296 §3.10: where a notify that comes first has its type. */
const NEXT_PAYLOAD = 16
const NOTIFY = 41
const NOTIFY_TYPE = HEADER + 6
const COOKIE = 16390
const RESPONSE = 0x20
/** Sent by the original initiator of the IKE SA. */
const INITIATOR = 0x08

/** A message each so many milliseconds, and so many at once. The limits bound what a flood costs the control plane. */
const limiter = (perSecond: number, burst: number): RateLimiter =>
  new RateLimiter(millis(1000 / perSecond), burst)

/** Decides which IKE messages go up. Those of established IKE SAs do not wait behind those of strangers. */
export class IkeIngress {
  /** Our SPIs: the low halves under each high half, so that looking one up makes no string. */
  readonly #known = new Map<number, readonly number[]>()
  readonly #friends = limiter(20_000, 2048)
  readonly #initiators = limiter(2000, 256)
  /** They give a cookie back, RFC 7296 §2.6: in a flood of forged addresses those who receive have a way of their own. */
  readonly #returning = limiter(500, 256)
  readonly #others = limiter(200, 64)
  /** Only to be told of: RFC 9395. */
  readonly #version1 = limiter(2, 8)

  /** 16 hex digits; `ours` false: no longer. */
  know(spi: string, ours: boolean): void {
    if (!/^[0-9a-f]{16}$/i.test(spi)) bug(`not an IKE SPI: ${spi}`)
    const [high, low] = [Number.parseInt(spi.slice(0, 8), 16) | 0, Number.parseInt(spi.slice(8), 16) | 0]
    const lows = (this.#known.get(high) ?? []).filter(other => other !== low)
    if (ours) this.#known.set(high, [...lows, low])
    else if (lows.length > 0) this.#known.set(high, lows)
    else this.#known.delete(high)
  }

  /** undefined: it goes up. The window of `p` is the message without the non-ESP marker. */
  admit(p: Packet, now: Instant): Drop | undefined {
    const length = p.end - p.start
    if (length < HEADER) return 'ike-truncated'
    const at = p.start
    const major = p.view.getUint8(at + VERSION) >>> 4
    const response = (p.view.getUint8(at + FLAGS) & RESPONSE) !== 0
    if (beginsVersion1(p, at, length)) return this.#version1.allow(now) ? undefined : 'ike-v1'
    // RFC 7296 §2.5: a request of a higher version has an answer, which is the control plane's to give.
    if (major < MAJOR || (major > MAJOR && response)) return 'ike-version'
    if (p.view.getUint32(at + LENGTH) !== length) return 'ike-length'
    if (p.view.getInt32(at) === 0 && p.view.getInt32(at + 4) === 0) return 'ike-spi'
    return this.#limiterOf(p, at, major).allow(now) ? undefined : 'ike-queue-full'
  }

  #limiterOf(p: Packet, at: number, major: number): RateLimiter {
    const flags = p.view.getUint8(at + FLAGS)
    // Our SPI is the responder's in what the initiator sends, and the other way round.
    const mine = flags & INITIATOR ? at + 8 : at
    const lows = this.#known.get(p.view.getInt32(mine))
    if (lows?.includes(p.view.getInt32(mine + 4))) return this.#friends
    const noResponder = p.view.getInt32(at + 8) === 0 && p.view.getInt32(at + 12) === 0
    const request = (flags & (INITIATOR | RESPONSE)) === INITIATOR
    const init = p.view.getUint8(at + EXCHANGE_TYPE) === IKE_SA_INIT && noResponder && request
    if (!init || major !== MAJOR) return this.#others
    return beginsWithCookie(p, at) ? this.#returning : this.#initiators
  }
}

const beginsVersion1 = (p: Packet, at: number, length: number): boolean => {
  if (p.view.getUint8(at + VERSION) !== VERSION_1 || p.view.getUint32(at + LENGTH) !== length) return false
  const mode = p.view.getUint8(at + EXCHANGE_TYPE)
  const first = p.view.getInt32(at + 8) === 0 && p.view.getInt32(at + 12) === 0
  return first && (mode === MAIN_MODE || mode === AGGRESSIVE_MODE)
}

const beginsWithCookie = (p: Packet, at: number): boolean =>
  p.view.getUint8(at + NEXT_PAYLOAD) === NOTIFY &&
  p.end - at >= NOTIFY_TYPE + 2 &&
  p.view.getUint16(at + NOTIFY_TYPE) === COOKIE
