import { after, type Instant, millis } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import type { Lookup } from './contract.js'
import { ANSWER_WITHIN } from './revocations.js'
import type { Ports, Turn } from './turn.js'

/**
 * Certificates and bundles that peers named by hash and URL, kept by hash. What an address gives counts only if its
 * SHA-1 hash is the one that was told (RFC 7296 §3.6), so that it is the same whoever asked for it.
 */

/** How long a failure counts. Longer: a tunnel comes back late after its web server. Shorter: each repetition fetches. */
const FAILURE_COUNTS = millis(10_000)
/** What is kept. Fewer: peers beyond it are fetched at every authentication. */
const MOST = 256

interface Asked {
  readonly lookup: Lookup
  readonly at: Instant
  readonly failed: string | undefined
}

export class Lookups {
  readonly #ports: Ports
  readonly #found = new Map<string, Uint8Array>()
  /** By hash and address: an address that leads nowhere says nothing about another one. */
  readonly #asked = new Map<string, Asked>()

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** Asks for what nobody is getting already. */
  ask(turn: Turn, lookups: readonly Lookup[]): void {
    for (const lookup of lookups) {
      const asked = this.#asked.get(lookup.key)
      if (asked?.failed === undefined && asked && turn.now < after(asked.at, ANSWER_WITHIN)) continue
      keep(this.#asked, lookup.key, { lookup, at: turn.now, failed: undefined })
      turn.do({ do: 'certificate-wanted', lookup })
    }
  }

  answered(
    now: Instant,
    key: string,
    answer: { readonly der: Uint8Array } | { readonly failed: string },
  ): void {
    const asked = this.#asked.get(key)
    if (asked === undefined) return
    const { lookup } = asked
    const hash = 'der' in answer ? Wire.hex(this.#ports.crypto.sha1(answer.der)) : ''
    if ('der' in answer && hash === lookup.hash) {
      this.#asked.delete(key)
      return keep(this.#found, hash, answer.der)
    }
    const failed = 'failed' in answer ? answer.failed : `what is there has another SHA-1 hash, ${hash}`
    keep(this.#asked, key, { lookup, at: now, failed })
  }

  /** undefined: it must be asked for. */
  state(now: Instant, { hash, key }: Lookup): Uint8Array | { readonly failed: string } | undefined {
    const found = this.#found.get(hash)
    if (found !== undefined) return found
    const asked = this.#asked.get(key)
    return asked?.failed !== undefined && now < after(asked.at, FAILURE_COUNTS)
      ? { failed: asked.failed }
      : undefined
  }
}

/** The oldest is forgotten. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > MOST && oldest !== undefined) map.delete(oldest)
}
