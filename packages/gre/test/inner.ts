import { isDrop, type Packet } from '@brunel/base'
import { content, inSlot } from '@brunel/base/testing'
import { Address, Ipv4, Ipv6 } from '@brunel/wire'

const bytesOf = (text: string): Uint8Array => Address.parse(text)!

/** A whole IP packet from one address to another, of the family of the addresses. */
export function ipPacket(
  source: string,
  destination: string,
  options: { protocol?: number; payload?: Uint8Array; ttl?: number } = {},
): Uint8Array {
  const { protocol = 17, payload = Uint8Array.of(0, 53, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4), ttl = 64 } = options
  const p: Packet = inSlot(payload)
  const ends = { source: bytesOf(source), destination: bytesOf(destination) }
  const pushed = source.includes(':')
    ? Ipv6.push(p, { ...ends, nextHeader: protocol, hopLimit: ttl, trafficClass: 0, flowLabel: 0 })
    : Ipv4.push(p, { ...ends, protocol, ttl, tos: 0, identification: 1, dontFragment: false })
  if (isDrop(pushed)) throw new Error(pushed)
  return content(p)
}

export const inner4 = ipPacket('10.1.0.1', '10.7.0.1')
export const inner6 = ipPacket('fd00:1::1', 'fd00:7::1')
