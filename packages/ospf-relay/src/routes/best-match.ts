import { Address } from '@brunel/wire'

/**
 * The longest of some prefixes that an address lies in, in few steps: in the order of their addresses, a shorter prefix
 * before the longer ones inside it, each one knows the next shorter one around it. The last one that does not begin
 * behind the address holds it, or one of those around it does.
 */
export class BestMatch<T extends { readonly prefix: Address.Prefix }> {
  readonly #inOrder: readonly T[]
  /** By place in the order: the place of the next shorter one around it, or -1. */
  readonly #around: readonly number[]

  constructor(some: Iterable<T>) {
    this.#inOrder = [...some].sort(
      ({ prefix: a }, { prefix: b }) => Address.compare(a.address, b.address) || a.length - b.length,
    )
    const around: number[] = []
    for (const [i, { prefix }] of this.#inOrder.entries()) {
      let at = i - 1
      while (at >= 0 && !this.#holds(at, prefix.address)) at = around[at]!
      around.push(at)
    }
    this.#around = around
  }

  of(address: Uint8Array): T | undefined {
    let [low, high] = [0, this.#inOrder.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Address.compare(this.#inOrder[middle]!.prefix.address, address) <= 0) low = middle + 1
      else high = middle
    }
    let at = low - 1
    while (at >= 0 && !this.#holds(at, address)) at = this.#around[at]!
    return this.#inOrder[at]
  }

  #holds(at: number, address: Uint8Array): boolean {
    return Address.contains(this.#inOrder[at]!.prefix, address)
  }
}
