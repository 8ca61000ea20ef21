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
 * Which addresses of a peer answered and which did not. The one that answered last comes first, then those that were not
 * tried; when all were, it begins again. So a name with an IPv6 address that leads nowhere is reached by IPv4, one
 * attempt later, and stays there.
 */
export class Candidates {
  readonly #silent = new Set<string>()
  #good: string | undefined

  /** An attempt at it ended without an answer. */
  failed(address: string): void {
    this.#silent.add(address)
    if (this.#good === address) this.#good = undefined
  }

  /** It answers: the others are worth trying when it is lost. */
  answered(address: string): void {
    this.#silent.clear()
    this.#good = address
  }

  inOrder(addresses: readonly string[]): readonly string[] {
    const good = this.#good
    if (good !== undefined && addresses.includes(good))
      return [good, ...addresses.filter(one => one !== good)]
    const fresh = addresses.filter(address => !this.#silent.has(address))
    if (fresh.length > 0) return [...fresh, ...addresses.filter(address => this.#silent.has(address))]
    this.#silent.clear()
    return addresses
  }
}
