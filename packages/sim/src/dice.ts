import { type Millis, millis, type Random } from '@brunel/base'

/** A seeded generator (xoshiro128**, seeded by splitmix32). The same seed gives the same run on every machine. */
export class Dice {
  readonly #s = new Uint32Array(4)

  constructor(seed: number, label = '') {
    let z = seed >>> 0
    for (let i = 0; i < label.length; i++) z = Math.imul(z ^ label.charCodeAt(i), 0x01000193) >>> 0
    z = (z ^ (Math.floor(seed / 0x1_0000_0000) >>> 0)) >>> 0
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e3779b9) >>> 0
      let x = z
      x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
      x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
      this.#s[i] = x ^ (x >>> 15)
    }
    if (this.#s.every(word => word === 0)) this.#s[0] = 1
  }

  uint32(): number {
    const s = this.#s as unknown as [number, number, number, number]
    const five = Math.imul(s[1], 5)
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result
  }

  /** From 0 to below 1. */
  unit(): number {
    return this.uint32() / 0x1_0000_0000
  }

  /** A whole number from 0 to below `n`. */
  below(n: number): number {
    return Math.floor(this.unit() * n)
  }

  /** A whole number from `low` to `high`, both possible. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** Draws nothing where the answer is certain. */
  chance(p: number): boolean {
    return p > 0 && (p >= 1 || this.unit() < p)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let i = 0; i < length; i += 4) {
      const word = this.uint32()
      for (let j = 0; j < 4 && i + j < length; j++) out[i + j] = word >>> (8 * j)
    }
    return out
  }
}

/** The `Random` port from a seed; a test may lay nonces, SPIs and jitters ready, which are drawn before the dice. */
export class SeededRandom implements Random {
  readonly nonces: Uint8Array[] = []
  readonly espSpis: number[] = []
  readonly ikeSpis: Uint8Array[] = []
  readonly jitters: number[] = []
  /** All that were drawn since somebody emptied it. */
  drawnEspSpis: number[] = []
  readonly #dice: Dice

  constructor(seed: number, label: string) {
    this.#dice = new Dice(seed, label)
  }

  nonce(length: number): Uint8Array {
    return this.nonces.shift() ?? this.#dice.bytes(length)
  }

  ikeSpi(): Uint8Array {
    const laid = this.ikeSpis.shift()
    if (laid !== undefined) return laid
    const spi = this.#dice.bytes(8)
    if (spi.every(octet => octet === 0)) spi[7] = 1
    return spi
  }

  espSpi(): number {
    const spi = this.espSpis.shift() ?? 256 + this.#dice.below(0x1_0000_0000 - 256)
    this.drawnEspSpis.push(spi)
    return spi
  }

  /** Whether `draw` takes this SPI when it is drawn. */
  laid(spi: number, draw: () => number): boolean {
    this.espSpis.push(spi)
    return draw() === spi
  }

  bytes(length: number): Uint8Array {
    return this.#dice.bytes(length)
  }

  jitter(max: Millis): Millis {
    return millis(Math.min(this.jitters.shift() ?? this.#dice.between(0, max), max))
  }
}
