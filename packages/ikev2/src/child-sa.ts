import type { Instant } from '@brunel/base'
import type { Encryption, Integrity } from '@brunel/crypto'
import type { Encapsulation, Mode, TrafficSelector } from './contract.js'
import type { Lifetime } from './lifetimes.js'

/**
 * Who may move where:
 *
 *     installed ──we send REKEY_SA──> rekeying ──answer──> rekeyed ──Delete──> (gone)
 *         │  ^                          │ refused            ^
 *         │  └──────────────────────────┘                    │
 *         ├──the peer's REKEY_SA answered────────────────────┘
 *         └──we want it gone──> closing ──Delete answered──> (gone)
 */
export type ChildState =
  | { readonly is: 'installed' }
  | { readonly is: 'rekeying' }
  /** `by` the child with this inbound SPI. Whoever made that one deletes this one: RFC 7296 §2.8.1. */
  | { readonly is: 'rekeyed'; readonly by: number; readonly deleteAt: Instant }
  /** Our Delete waits or is under way. */
  | { readonly is: 'closing' }

/** A pair of ESP SAs as IKE knows it: no key is kept here. */
export interface ChildSa {
  readonly spiIn: number
  readonly spiOut: number
  readonly encryption: Encryption
  readonly integrity: Integrity | undefined
  readonly esn: boolean
  readonly suite: string
  readonly mode: Mode
  readonly modeReason: string | undefined
  encapsulation: Encapsulation
  readonly localSelectors: readonly TrafficSelector[]
  readonly remoteSelectors: readonly TrafficSelector[]
  /** Our request made it. */
  readonly ours: boolean
  /** The lower of the two nonces that made it, RFC 7296 §2.8.1. */
  readonly lowestNonce: Uint8Array
  readonly replaces: number | undefined
  readonly establishedAt: Instant
  lifetime: Lifetime
  state: ChildState
}

/** Carries traffic and has no successor. */
export const isLive = (child: ChildSa): boolean =>
  child.state.is === 'installed' || child.state.is === 'rekeying'

/** The children of one session, by our inbound SPI. */
export class Children {
  readonly #bySpi = new Map<number, ChildSa>()

  add(child: ChildSa): void {
    this.#bySpi.set(child.spiIn, child)
  }

  remove(spiIn: number): void {
    this.#bySpi.delete(spiIn)
  }

  /** By the SPI that we receive. */
  inbound(spiIn: number): ChildSa | undefined {
    return this.#bySpi.get(spiIn)
  }

  /** By the SPI that the peer receives: what its REKEY_SA and Delete name (RFC 7296 §1.3.3, §1.4.1). */
  outbound(spiOut: number): ChildSa | undefined {
    return this.all.find(child => child.spiOut === spiOut)
  }

  get all(): readonly ChildSa[] {
    return [...this.#bySpi.values()]
  }

  get live(): readonly ChildSa[] {
    return this.all.filter(isLive)
  }
}
