import { after, type Instant } from '@brunel/base'
import { blockOf } from './address-block.js'
import type { IkeSettings } from './settings.js'

interface Entry {
  readonly failures: number
  readonly forgetAt: Instant
  /** When an attempt of this address was heard last, or failed. */
  readonly triedAt: Instant
  readonly toldAt: Instant | undefined
}

/**
 * Who fails to prove itself again and again is slowed down: of its IKE_SA_INIT one in a while is heard. It is never
 * locked out for good, since two routers may stand behind one NAT and one of them be right. A failure counts only
 * after IKE_SA_INIT, when the sender has shown that it receives at its address, and only who gives back a cookie uses
 * up a turn: nobody can do this to another by forging its address.
 *
 *     failure ── × limit ──> one attempt each `failedAuthWait` ──success, or nothing for `failedAuthMemory`──> forgotten
 */
export class FailedAuthentications {
  readonly #settings: IkeSettings
  /** The oldest first. */
  readonly #entries = new Map<string, Entry>()

  constructor(settings: IkeSettings) {
    this.#settings = settings
  }

  /** Returns how often in a row, where that is told now: once in a while for each address. */
  failed(now: Instant, address: string): number | undefined {
    const { failedAuthLimit, failedAuthMemory, failedAuthAddresses } = this.#settings
    const block = blockOf(address)
    const before = this.#at(now, block)
    const failures = (before?.failures ?? 0) + 1
    const slow = failures >= failedAuthLimit
    const tells = slow && (before?.toldAt === undefined || now >= after(before.toldAt, failedAuthMemory))
    this.#entries.delete(block)
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined && this.#entries.size >= failedAuthAddresses) this.#entries.delete(oldest)
    this.#entries.set(block, {
      failures,
      forgetAt: after(now, failedAuthMemory),
      triedAt: now,
      toldAt: tells ? now : before?.toldAt,
    })
    return tells ? failures : undefined
  }

  proved(address: string): void {
    this.#entries.delete(blockOf(address))
  }

  /** What is configured changed: whoever was wrong may be right. */
  forgetAll(): void {
    this.#entries.clear()
  }

  isSlowed(now: Instant, address: string): boolean {
    return (this.#at(now, blockOf(address))?.failures ?? 0) >= this.#settings.failedAuthLimit
  }

  /** Takes a turn, or says that it is not yet time. `hasPeer`: an authenticated peer stands at this address. */
  mayTry(now: Instant, address: string, hasPeer: boolean): boolean {
    const { failedAuthWait, failedAuthWaitBesidePeer } = this.#settings
    const block = blockOf(address)
    const entry = this.#at(now, block)
    if (entry === undefined || !this.isSlowed(now, address)) return true
    if (now < after(entry.triedAt, hasPeer ? failedAuthWaitBesidePeer : failedAuthWait)) return false
    this.#entries.set(block, { ...entry, triedAt: now })
    return true
  }

  #at(now: Instant, block: string): Entry | undefined {
    const entry = this.#entries.get(block)
    return entry !== undefined && now < entry.forgetAt ? entry : undefined
  }
}
