import { isIP } from 'node:net'

/** The addresses of a name, in the order in which they are worth trying: the preferred family first, then as resolved. */
export function preferred(
  addresses: readonly string[],
  prefer: 'ipv4' | 'ipv6' | undefined,
): readonly string[] {
  if (prefer === undefined) return addresses
  const first = (address: string): boolean => `ipv${isIP(address)}` === prefer
  return [...addresses.filter(first), ...addresses.filter(address => !first(address))]
}

/**
 * Which addresses of a peer did not answer. Those that were not tried come first; when all were, it begins again. So a
 * name with an IPv6 address that leads nowhere is reached by IPv4, one attempt later.
 */
export class Candidates {
  readonly #silent = new Set<string>()

  /** An attempt at it ended without an answer. */
  failed(address: string): void {
    this.#silent.add(address)
  }

  /** It answers: all are worth trying when it is lost the next time. */
  answered(): void {
    this.#silent.clear()
  }

  inOrder(addresses: readonly string[]): readonly string[] {
    const fresh = addresses.filter(address => !this.#silent.has(address))
    if (fresh.length === 0) this.#silent.clear()
    return fresh.length === 0
      ? addresses
      : [...fresh, ...addresses.filter(address => this.#silent.has(address))]
  }
}
