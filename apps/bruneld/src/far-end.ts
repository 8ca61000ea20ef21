import type { InterfaceAddress } from '@brunel/config'
import { Address } from '@brunel/wire'

/**
 * The far end's own address on the tunnel, where the prefix leaves only one: /30 and /31 (RFC 3021), /127 (RFC 6164).
 * undefined: it cannot be told from our address.
 */
export function farEnd(address: InterfaceAddress): string | undefined {
  const bits = (address.family === 4 ? 32 : 128) - address.length
  if (bits !== 1 && !(bits === 2 && address.family === 4)) return undefined
  const bytes = Address.parse(address.address)
  if (bytes === undefined) return undefined
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) ^ (bits === 1 ? 1 : 3)
  return Address.format(bytes)
}
