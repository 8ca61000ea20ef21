import {
  DROP_NAMES,
  type Drop,
  dropIndex,
  type Endpoint,
  type Instant,
  instant,
  millis,
  RateLimiter,
} from '@brunel/base'
import type { DatapathEvent } from './commands.js'

/** RFC 4303 §4 and RFC 4301 §5.2: which drops are auditable events. */
const AUDITED = new Set<Drop>([
  'esp-unknown-spi',
  'ip-fragment',
  'esp-sequence-exhausted',
  'esp-replay',
  'esp-before-window',
  'esp-integrity',
  'esp-selectors',
])

interface AuditEnds {
  readonly remote: Endpoint | undefined
  readonly local: Endpoint | undefined
}

/** Events of a kind in a second: enough to see it, too few to be a flood of its own. */
const perSecond = (n: number): RateLimiter => new RateLimiter(millis(1000 / n), n)

const ACQUIRE_EVERY = 1000

/** Events of one pump, rate limited: what strangers send must not become work for the control plane. */
export class Reports {
  /** Of the batch; set once a batch. */
  now: Instant = instant(0)
  readonly emit: (event: DatapathEvent) => void
  readonly #audits: readonly (RateLimiter | undefined)[]
  readonly #unknownSpis = perSecond(10)
  readonly #sources = perSecond(10)
  readonly #tooBig = perSecond(100)
  readonly #acquired: (Instant | undefined)[] = []

  constructor(emit: (event: DatapathEvent) => void) {
    this.emit = emit
    this.#audits = DROP_NAMES.map(drop => (AUDITED.has(drop) ? perSecond(10) : undefined))
  }

  /** Whether this drop is to be audited and its turn has come: then say `audit`. */
  mayAudit(drop: Drop): boolean {
    return this.#audits[dropIndex(drop)]?.allow(this.now) ?? false
  }

  audit(drop: Drop, about: { spi: number; seq: number } & AuditEnds): void {
    this.emit({ on: 'audit', drop, ...about })
  }

  mayTellUnknownSpi(): boolean {
    return this.#unknownSpis.allow(this.now)
  }

  mayTellSource(): boolean {
    return this.#sources.allow(this.now)
  }

  mayTellTooBig(): boolean {
    return this.#tooBig.allow(this.now)
  }

  /** RFC 4301 §5.1: the packet is dropped; the control plane may negotiate. */
  acquire(tun: number): void {
    const last = this.#acquired[tun]
    if (last !== undefined && this.now - last < ACQUIRE_EVERY && this.now >= last) return
    this.#acquired[tun] = this.now
    this.emit({ on: 'acquire', tun })
  }
}
