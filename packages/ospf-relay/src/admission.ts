import { type Drop, type Instant, millis, RateLimiter } from '@brunel/base'
import type { Kind, TunnelSettings } from './contract.js'
import type { Source } from './sources.js'

/**
 * How much may come in by one port. Each port has its own, so that a flood on the LAN takes nothing from the tunnels;
 * and on one port strangers and each known source have a share, so that a flood takes little from who is known.
 */

/** [milliseconds a packet, burst]. Too low, and a large database does not get across: an LSU has a few LSAs. */
const RATES: Readonly<Record<Kind, readonly [number, number]>> = {
  ospf: [1, 2000],
  bfd: [1, 1000],
  pim: [20, 100],
  rip: [10, 500],
  eigrp: [4, 1000],
  vrrp: [4, 500],
}
/** Fewer than a port has room for; more than the routers of a link that begin at once. */
const STRANGERS: readonly [number, number] = [100, 32]

const limiter = ([every, burst]: readonly [number, number]): RateLimiter =>
  new RateLimiter(millis(every), burst)

class Admission {
  readonly #kinds = new Map<Kind, RateLimiter>()
  readonly #strangers = limiter(STRANGERS)

  refuse(now: Instant, kind: Kind, source: Source | undefined): Drop | undefined {
    if (!(source?.limiter ?? this.#strangers).allow(now)) return 'relay-rate'
    return this.#kind(kind).allow(now) ? undefined : 'relay-rate'
  }

  #kind(kind: Kind): RateLimiter {
    const known = this.#kinds.get(kind) ?? limiter(RATES[kind])
    this.#kinds.set(kind, known)
    return known
  }
}

/** Of one port. */
export class Traffic {
  readonly admission = new Admission()
  /** Twenty a second: each relay of a LAN sends one. */
  readonly beacons = limiter([50, 40])
  received = 0
  sent = 0
}

/** Whether a tunnel takes such packets: all but OSPF only where the operator named it. */
export const wants = (settings: TunnelSettings | undefined, kind: Kind): boolean =>
  kind === 'ospf' ||
  (settings !== undefined && (kind === 'bfd' ? settings.bfd : settings.multicast.includes(kind)))
