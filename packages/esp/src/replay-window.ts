import { bug, type Drop } from '@brunel/base'

/** RFC 4303 §3.4.3: 32 packets must be supported. */
export const MINIMUM_WINDOW = 32

const TWO_32 = 2 ** 32
/** Beyond it a number no longer counts by one. 2^53 packets take centuries; what claims more is not from our peer. */
const MAX_HIGH = 2 ** 21 - 1

/**
 * The anti-replay window of one inbound SA, a ring of bits as in RFC 6479:
 *
 *      | word w+1 .. | word w-1 | word w |        one word more than the window needs, so that sliding
 *        oldest                   top ^           clears whole words and never shifts
 *
 * `check` before decryption, `commit` after the ICV is good (RFC 4303 §3.4.3): a forged number moves nothing.
 * Sequence numbers travel as two uint32; the inferred high half is in `seqHigh` after `check`.
 */
export class ReplayWindow {
  readonly size: number
  /** High half that `check` inferred, RFC 4303 §A2.2; 0 without extended sequence numbers. */
  seqHigh = 0
  readonly #esn: boolean
  readonly #bits: Int32Array
  readonly #mask: number
  /** Highest committed sequence number; 0 before the first packet. */
  #top = 0

  constructor(size: number, esn: boolean) {
    if (!Number.isInteger(size) || size < MINIMUM_WINDOW || size > 2 ** 20) bug(`a replay window of ${size}`)
    let words = 2
    while (words * 32 < size + 32) words *= 2
    this.size = size
    this.#esn = esn
    this.#bits = new Int32Array(words)
    this.#mask = words - 1
  }

  get top(): number {
    return this.#top
  }

  /** Whether the packet may be worth decrypting. Changes nothing but `seqHigh`. */
  check(seqLow: number): Drop | undefined {
    const high = this.#esn ? this.#infer(seqLow) : 0
    this.seqHigh = high
    return this.#judge(high, seqLow)
  }

  /** After the ICV was good. Judges once more: two copies may have stood in one batch. */
  commit(seqHigh: number, seqLow: number): Drop | undefined {
    const drop = this.#judge(seqHigh, seqLow)
    if (drop !== undefined) return drop
    const seq = seqHigh * TWO_32 + seqLow
    if (seq > this.#top) this.#slide(seq)
    const word = (seqLow >>> 5) & this.#mask
    this.#bits[word] = (this.#bits[word] as number) | (1 << (seqLow & 31))
    return undefined
  }

  /** RFC 4303 §A2.2: which 2^32 the low half belongs to. -1 where it would lie before the first packet. */
  #infer(seqLow: number): number {
    const topLow = this.#top >>> 0
    const topHigh = (this.#top - topLow) / TWO_32
    const bottom = topLow - this.size + 1
    if (bottom >= 0) return seqLow >= bottom ? topHigh : topHigh + 1 // Case A: the window lies within one 2^32
    return seqLow >= bottom + TWO_32 ? topHigh - 1 : topHigh // Case B: it spans two
  }

  #judge(seqHigh: number, seqLow: number): Drop | undefined {
    if (seqHigh < 0) return 'esp-before-window'
    if (seqHigh > MAX_HIGH) return 'esp-sequence-exhausted'
    const seq = seqHigh * TWO_32 + seqLow
    if (seq > this.#top) return undefined
    // The first packet has number 1 (RFC 4303 §3.3.3): 0 is left of every window.
    if (seq === 0 || this.#top - seq >= this.size) return 'esp-before-window'
    const word = this.#bits[(seqLow >>> 5) & this.#mask] as number
    return (word & (1 << (seqLow & 31))) === 0 ? undefined : 'esp-replay'
  }

  #slide(seq: number): void {
    const from = Math.floor(this.#top / 32)
    const fresh = Math.min(Math.floor(seq / 32) - from, this.#bits.length)
    for (let i = 1; i <= fresh; i++) this.#bits[(from + i) & this.#mask] = 0
    this.#top = seq
  }
}
