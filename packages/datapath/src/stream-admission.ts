import { after, type Drop, type Instant, type Millis, millis } from '@brunel/base'

/** Our own choices. Each says what happens if it is wrong. */
export interface AdmissionLimits {
  /** Connections that nobody authenticated yet. Too few: a flood locks peers out. Too many: memory, 64 KiB each at most. */
  readonly strangers: number
  /** Of them from one address. Too few: peers behind one NAT wait for one another. */
  readonly perAddress: number
  /** For "IKETCP". Too short: a slow line is cut off. */
  readonly prefixWait: Millis
  /** For an IKE SA. Too short: a slow handshake is cut off. Too long: silent connections stay. */
  readonly bindWait: Millis
}

export const DEFAULT_LIMITS: AdmissionLimits = {
  strangers: 256,
  perAddress: 32,
  prefixWait: millis(5_000),
  bindWait: millis(35_000),
}

interface Stranger {
  readonly address: string
  until: Instant
}

/**
 * Who may keep a TCP connection open without having proved anything: RFC 8229 §13. Once an IKE SA is bound to it, a
 * connection is no concern of this.
 */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #strangers = new Map<number, Stranger>()

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  accept(now: Instant, stream: number, address: string): Drop | undefined {
    const { strangers, perAddress, prefixWait } = this.#limits
    if (this.#strangers.size >= strangers) return 'tcp-limit'
    let same = 0
    for (const one of this.#strangers.values()) if (one.address === address) same++
    if (same >= perAddress) return 'tcp-limit'
    this.#strangers.set(stream, { address, until: after(now, prefixWait) })
    return undefined
  }

  /** The prefix has come; an IKE SA must follow. */
  opened(now: Instant, stream: number): void {
    const stranger = this.#strangers.get(stream)
    if (stranger !== undefined) stranger.until = after(now, this.#limits.bindWait)
  }

  /** An IKE SA is bound to it, or it is closed. */
  settled(stream: number): void {
    this.#strangers.delete(stream)
  }

  /** Those whose time is over: dropped as `tcp-idle`. */
  overdue(now: Instant): readonly { readonly stream: number; readonly drop: Drop }[] {
    return [...this.#strangers]
      .filter(([, { until }]) => until <= now)
      .map(([stream]) => ({ stream, drop: 'tcp-idle' as const }))
  }
}
