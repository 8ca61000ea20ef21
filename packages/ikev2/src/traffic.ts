import type { Millis } from '@brunel/base'
import type { Child } from './contract.js'
import type { Turn } from './turn.js'

/** By inbound SPI: what may carry the packets of a child that goes. */
export interface Heirs {
  /** RFC 7296 §2.8: the Delete of the old one says that the peer is ready for these, and for no other. */
  readonly successors: readonly number[]
  readonly others: readonly number[]
}

/**
 * Which child carries a peer's outbound packets. RFC 7296 §2.8: the initiator of a new child sends on it at once;
 * the responder goes on sending on the old one until a packet came on the new one or the old one is deleted.
 * There is never an installed child and none that sends.
 */
export class Traffic {
  readonly #peer: string
  /** Inbound SPIs, oldest first. */
  readonly #installed: number[] = []
  /** The peer can receive on these: it made the answer, or has used them. */
  readonly #ready = new Set<number>()
  #outbound: number | undefined

  constructor(peer: string) {
    this.#peer = peer
  }

  get outbound(): number | undefined {
    return this.#outbound
  }

  /** The peer has shown that it holds this one too. */
  isReady(spiIn: number): boolean {
    return this.#ready.has(spiIn)
  }

  /** The peer named it in a message of its own: it holds it. */
  confirm(spiIn: number): void {
    if (this.#installed.includes(spiIn)) this.#ready.add(spiIn)
  }

  install(turn: Turn, child: Child, takeOver: boolean): void {
    const outbound = takeOver || this.#outbound === undefined
    this.#installed.push(child.spiIn)
    if (takeOver) this.#ready.add(child.spiIn)
    if (outbound) this.#outbound = child.spiIn
    turn.do({ do: 'child-install', child, outbound })
  }

  /** An authentic packet came in on it: only a younger child takes over. */
  used(turn: Turn, spiIn: number): void {
    this.confirm(spiIn)
    if (this.#outbound === undefined || spiIn === this.#outbound) return
    if (this.#installed.indexOf(spiIn) > this.#installed.indexOf(this.#outbound)) this.use(turn, spiIn)
  }

  use(turn: Turn, spiIn: number): void {
    if (spiIn === this.#outbound || !this.#installed.includes(spiIn)) return
    this.#outbound = spiIn
    turn.do({ do: 'child-use', peer: this.#peer, spiIn })
  }

  /** These go as soon as the peer hears of it: the one that sends gives way to one that stays, if there is any. */
  leave(turn: Turn, leaving: readonly number[], heirs: Heirs): void {
    if (this.#outbound === undefined || !leaving.includes(this.#outbound)) return
    const staying = this.#installed.filter(spi => !leaving.includes(spi))
    const heir = this.#heir(heirs, staying)
    if (heir !== undefined) this.use(turn, heir)
  }

  /** Takes over before its predecessor goes, so that there is no gap. */
  remove(turn: Turn, spiIn: number, options: { readonly grace: Millis; readonly heirs: Heirs }): void {
    const at = this.#installed.indexOf(spiIn)
    if (at < 0) return
    this.#installed.splice(at, 1)
    this.#ready.delete(spiIn)
    if (this.#outbound === spiIn) {
      const heir = this.#heir(options.heirs)
      this.#outbound = undefined
      if (heir !== undefined) this.use(turn, heir)
    }
    turn.do({ do: 'child-remove', peer: this.#peer, spiIn, grace: options.grace })
  }

  /** The youngest that the peer is ready for. One that it may not know of yet only where there is no other. */
  #heir({ successors, others }: Heirs, staying: readonly number[] = this.#installed): number | undefined {
    const installed = (heirs: readonly number[]): number[] => staying.filter(spi => heirs.includes(spi))
    const ready = (heirs: readonly number[]): number | undefined =>
      heirs.findLast(spi => this.#ready.has(spi))
    const next = installed(successors)
    const live = installed(others)
    return ready(next) ?? next.at(-1) ?? ready(live) ?? ready(staying) ?? live.at(-1) ?? staying.at(-1)
  }
}
