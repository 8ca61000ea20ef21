/** When an SA should be replaced (soft) and when it ends (hard), RFC 4301 §4.4.2.1. 0 or Infinity: no limit. */
export interface Limits {
  readonly softBytes: number
  readonly hardBytes: number
  readonly softPackets: number
  readonly hardPackets: number
}

/** How far before the hard limit the soft one lies, and by how much more at most, drawn for each SA. */
export interface Margin {
  /** Share of the hard limit kept for the rekeying, 0 to 1. */
  readonly share: number
  /** Further share by which the soft limit is drawn earlier, so that the two ends seldom rekey at once (RFC 7296 §2.8). */
  readonly spread: number
  /** The draw, 0 to 1: chance is given, not made here. */
  readonly draw: number
}

const softOf = (hard: number, margin: Margin): number =>
  hard === 0 || hard === Number.POSITIVE_INFINITY
    ? hard
    : Math.max(1, Math.floor(hard * (1 - margin.share - margin.spread * margin.draw)))

export const limitsOf = (bytes: number, packets: number, margin: Margin): Limits => ({
  softBytes: softOf(bytes, margin),
  hardBytes: bytes,
  softPackets: softOf(packets, margin),
  hardPackets: packets,
})

export type LimitReason = 'bytes' | 'packets' | 'sequence'

const limit = (n: number): number => (n > 0 ? n : Number.POSITIVE_INFINITY)

/**
 * Counts what one SA has carried. Octets are those that the cipher was applied to, padding included
 * (RFC 4301 §4.4.2.1 (a)). `add` is true at most twice, at the soft and at the hard limit, if `news` is then asked.
 */
export class Lifetime {
  bytes = 0
  packets = 0
  /** The hard limit is reached: nothing more may pass. */
  expired = false
  /** Which count reached the limit that `news` told last. */
  why: LimitReason = 'bytes'
  readonly #hard: readonly [bytes: number, packets: number, sequence: number]
  #nextBytes: number
  #nextPackets: number
  #nextSequence: number

  constructor(limits: Limits, softSequence = 0, hardSequence = 0) {
    this.#hard = [limit(limits.hardBytes), limit(limits.hardPackets), limit(hardSequence)]
    this.#nextBytes = Math.min(limit(limits.softBytes), this.#hard[0])
    this.#nextPackets = Math.min(limit(limits.softPackets), this.#hard[1])
    this.#nextSequence = Math.min(limit(softSequence), this.#hard[2])
  }

  /** One packet more; true where a limit is newly reached. */
  add(octets: number, sequence: number): boolean {
    this.bytes += octets
    this.packets += 1
    return (
      this.bytes >= this.#nextBytes || this.packets >= this.#nextPackets || sequence >= this.#nextSequence
    )
  }

  /** After `add` said so: the limit. Hard hides soft, which it makes pointless. */
  news(sequence: number): 'soft' | 'hard' {
    const [bytes, packets, last] = this.#hard
    this.expired = this.bytes >= bytes || this.packets >= packets || sequence >= last
    this.why = this.#reason(sequence)
    this.#nextBytes = this.expired ? Number.POSITIVE_INFINITY : bytes
    this.#nextPackets = this.expired ? Number.POSITIVE_INFINITY : packets
    this.#nextSequence = this.expired ? Number.POSITIVE_INFINITY : last
    return this.expired ? 'hard' : 'soft'
  }

  #reason(sequence: number): LimitReason {
    const [bytes, packets, last] = this.expired
      ? this.#hard
      : [this.#nextBytes, this.#nextPackets, this.#nextSequence]
    if (sequence >= last) return 'sequence'
    return this.bytes >= bytes ? 'bytes' : this.packets >= packets ? 'packets' : 'sequence'
  }
}
