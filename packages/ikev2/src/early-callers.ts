import { after, type Instant, type Millis, sameEndpoint, seconds } from '@brunel/base'
import type { Incoming } from './sa-stage.js'

/** Longer: answers to whom has given up. Shorter than the first waits of others: nothing is gained. */
const WAITS: Millis = seconds(8)
/** Fewer: strangers push out the one that matters. More: memory for strangers. */
const MOST = 16

/**
 * IKE_SA_INIT requests that came before their peer was configured here. The two ends of a tunnel are configured one
 * after the other, and who was first would go on waiting for its retransmission: RFC 7296 §2.4 lets it wait for long.
 * The newest of each caller is kept a while; when a peer is added, it is as if it had only just come.
 */
export class EarlyCallers {
  #calls: readonly { readonly at: Instant; readonly m: Incoming }[] = []

  /** `m.bytes` is copied: it belongs to whoever received it. */
  remember(now: Instant, m: Incoming): void {
    const others = this.#waiting(now).filter(call => !sameEndpoint(call.m.remote, m.remote))
    this.#calls = [...others.slice(1 - MOST), { at: now, m: { ...m, bytes: m.bytes.slice() } }]
  }

  /** Those that somebody is for by now; they are forgotten here. */
  take(now: Instant, isExpected: (m: Incoming) => boolean): readonly Incoming[] {
    const waiting = this.#waiting(now)
    const taken = waiting.filter(({ m }) => isExpected(m))
    this.#calls = waiting.filter(call => !taken.includes(call))
    return taken.map(({ m }) => m)
  }

  #waiting(now: Instant): readonly { readonly at: Instant; readonly m: Incoming }[] {
    return this.#calls.filter(({ at }) => now < after(at, WAITS))
  }
}
