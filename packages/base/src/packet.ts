/**
 * A window [start, end) over a slot of memory. `prepend` and `append` move the indices inside the slot's
 * headroom and tailroom, so offsets taken earlier stay true. One `Packet` is reused for every slot of a ring:
 * nothing is allocated per packet.
 *
 *     limitLow        start                     end         limitHigh
 *        | headroom     | octets of the packet    | tailroom   |
 */
export class Packet {
  readonly bytes: Uint8Array
  readonly view: DataView
  start: number
  end: number
  #low: number
  #high: number

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.start = start
    this.end = end
    this.#low = 0
    this.#high = bytes.length
  }

  get length(): number {
    return this.end - this.start
  }

  /** Points at another slot of the same memory: octets [start, end) inside the room [low, high). */
  point(start: number, end: number, low: number, high: number): void {
    this.start = start
    this.end = end
    this.#low = low
    this.#high = high
  }

  /** Grows to the front by `n` octets and returns the new start, or -1 where the headroom is too small. */
  prepend(n: number): number {
    if (this.start - n < this.#low) return -1
    this.start -= n
    return this.start
  }

  /** Grows to the back by `n` octets and returns the offset of the first new one, or -1 without the room. */
  append(n: number): number {
    const at = this.end
    if (at + n > this.#high) return -1
    this.end += n
    return at
  }
}
