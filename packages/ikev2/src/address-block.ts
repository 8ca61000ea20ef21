import { Ike as Wire } from '@brunel/wire'

/**
 * Whom a limit per address counts as one: an IPv4 address, or the /64 of an IPv6 address, since whoever has one
 * address there has them all (RFC 4291 §2.5.4).
 */
export function blockOf(address: string): string {
  const octets = Wire.addressBytes(address)
  return Wire.hex(octets.length === 16 ? octets.subarray(0, 8) : octets)
}
