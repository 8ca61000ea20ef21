import type { Random } from '@brunel/base'
import type { IkeEffect } from './contract.js'

/** The inbound SPIs of child SAs, and which of them the peer may use before their keys are here. */
export class ChildSpis {
  readonly #random: Random
  readonly #taken = new Set<number>()
  /** In a request of ours, and neither installed nor given back. */
  readonly #announced = new Set<number>()
  /** Which were announced or given back since the last effects that told so. */
  #news = new Map<number, boolean>()

  constructor(random: Random) {
    this.#random = random
  }

  draw(): number {
    for (;;) {
      const spi = this.#random.espSpi()
      if (spi <= 255 || this.#taken.has(spi)) continue // RFC 4303 §2.1
      this.#taken.add(spi)
      return spi
    }
  }

  announce(spi: number): void {
    this.#announced.add(spi)
    this.#news.set(spi, true)
  }

  /** Its `child-install` tells the rest. */
  installed(spi: number): void {
    this.#announced.delete(spi)
  }

  free(spi: number): void {
    this.#taken.delete(spi)
    if (this.#announced.delete(spi)) this.#news.set(spi, false)
  }

  /** They come before the effects of the turn: the request must not be faster. */
  before(effects: readonly IkeEffect[]): readonly IkeEffect[] {
    if (this.#news.size === 0) return effects
    const told = [...this.#news].map(([spi, ours]): IkeEffect => ({ do: 'esp-spi', spi, ours }))
    this.#news = new Map()
    return [...told, ...effects]
  }
}
