/**
 * A 128-bit hash for simulations: fast in JavaScript, every bit of the input reaches every word of the state.
 * It resists chance, not an adversary; hostile peers of a simulation never hold keys, so that is enough.
 */
export class Mixing {
  #a = 0x243f6a88
  #b = 0x85a308d3
  #c = 0x13198a2e
  #d = 0x03707344

  word(w: number): this {
    let a = Math.imul(this.#a ^ w, 0x9e3779b1)
    a = (a << 15) | (a >>> 17)
    const b = (Math.imul(this.#b + a, 0x85ebca6b) ^ (w >>> 7)) | 0
    const c = Math.imul(this.#c ^ ((b << 13) | (b >>> 19)), 0xc2b2ae35)
    const d = (this.#d + Math.imul(c ^ (c >>> 16), 0x27d4eb2f)) | 0
    this.#a = (a + d) | 0
    this.#b = (b << 5) | (b >>> 27)
    this.#c = c ^ a
    this.#d = (d << 9) | (d >>> 23)
    return this
  }

  /** The length goes in first, so that ('ab', 'c') and ('a', 'bc') differ. */
  bytes(bytes: Uint8Array): this {
    this.word(bytes.length)
    let i = 0
    for (; i + 4 <= bytes.length; i += 4) {
      this.word(
        ((bytes[i] as number) << 24) |
          ((bytes[i + 1] as number) << 16) |
          ((bytes[i + 2] as number) << 8) |
          (bytes[i + 3] as number),
      )
    }
    let rest = 0
    for (; i < bytes.length; i++) rest = (rest << 8) | (bytes[i] as number)
    return this.word(rest)
  }

  /** As many octets as wanted; the state goes on, so a second call gives others. */
  squeeze(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let i = 0; i < length; i += 4) {
      const word = this.next()
      for (let j = 0; j < 4 && i + j < length; j++) out[i + j] = word >>> (24 - 8 * j)
    }
    return out
  }

  next(): number {
    this.word(0x5bd1e995)
    return (this.#a ^ this.#b ^ this.#c ^ this.#d) >>> 0
  }
}
