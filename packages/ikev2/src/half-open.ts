import { blockOf } from './address-block.js'
import type { IkeSa } from './sa.js'
import type { IkeSettings } from './settings.js'

interface Entry {
  readonly block: string
  /** Its initiator gave back a cookie: it receives at its address. */
  readonly proven: boolean
}

/**
 * The half-open IKE SAs of strangers, RFC 7296 §2.6. Those whose initiators did not show that they receive at their
 * address are few, in all and for each address; then a cookie is asked for. Forged addresses fill this share alone:
 * whoever gives back a cookie is counted apart, so that nobody is kept out by what another sends in his name.
 */
export class HalfOpenSas {
  readonly #settings: IkeSettings
  readonly #entries = new Map<IkeSa, Entry>()

  constructor(settings: IkeSettings) {
    this.#settings = settings
  }

  add(sa: IkeSa, proven: boolean): void {
    this.#entries.set(sa, { block: blockOf(sa.remote.address), proven })
  }

  delete(sa: IkeSa): void {
    this.#entries.delete(sa)
  }

  /** Whether a cookie is asked of whoever comes from this address. */
  wantsProof(address: string): boolean {
    const { cookieThreshold, cookieThresholdPerAddress } = this.#settings
    if (this.#count(() => true) >= cookieThreshold) return true
    const block = blockOf(address)
    return this.#count(entry => entry.block === block) >= cookieThresholdPerAddress
  }

  /** What is full for one whose address is proven, in words. `known`: a peer is configured with this very address. */
  full(address: string, known: boolean): string | undefined {
    const { halfOpenLimit, halfOpenPerAddress } = this.#settings
    const block = blockOf(address)
    const here = this.#count(entry => entry.block === block && entry.proven)
    if (here >= halfOpenPerAddress) return `${here} half-open IKE SAs of this address`
    const all = this.#entries.size
    // Proven strangers, however many addresses they have, leave a quarter to the peers.
    return all >= (known ? halfOpenLimit : halfOpenLimit * 0.75) ? `${all} half-open IKE SAs` : undefined
  }

  #count(which: (entry: Entry) => boolean): number {
    let n = 0
    for (const [sa, entry] of this.#entries) {
      if (sa.stage.is !== 'half-open') this.#entries.delete(sa)
      else if (which(entry)) n++
    }
    return n
  }
}
