import { type Drop, isDrop, type Packet } from '@brunel/base'
import { Address, Ipv4, Ipv6 } from '@brunel/wire'

/** Delivery end points of a tunnel, 4 or 16 octets. */
export interface DeliveryEnds {
  readonly local: Uint8Array
  readonly remote: Uint8Array
}

const GRE = 47
const upper = Ipv6.upper()

const match = (p: Packet, sourceAt: number, ends: DeliveryEnds): boolean =>
  Address.equalAt(p.bytes, sourceAt, ends.remote) &&
  Address.equalAt(p.bytes, sourceAt + ends.remote.length, ends.local)

function checkV4(p: Packet, ends: DeliveryEnds): Drop | undefined {
  const ip = Ipv4.open(p, p.start)
  if (isDrop(ip)) return ip
  if (!Ipv4.checksumGood(p, ip)) return 'ip-checksum'
  if (Ipv4.isFragment(p, ip)) return 'ip-fragment'
  // RFC 2784 §4
  if (Ipv4.protocol(p, ip) !== GRE) return 'ip-protocol'
  if (ends.remote.length !== 4 || !match(p, Ipv4.sourceAt(ip), ends)) return 'gre-endpoints'
  p.start = Ipv4.payloadAt(p, ip)
  p.end = Ipv4.endAt(p, ip)
  return undefined
}

function checkV6(p: Packet, ends: DeliveryEnds): Drop | undefined {
  const ip = Ipv6.open(p, p.start)
  if (isDrop(ip)) return ip
  const chain = Ipv6.walk(p, ip, upper)
  if (chain !== undefined) return chain
  if (upper.fragmentOffset > 0 || upper.moreFragments) return 'ip-fragment'
  // RFC 7676 §4.1: the last next header is 47, extension headers may come before it.
  if (upper.protocol !== GRE) return 'ip-protocol'
  if (ends.remote.length !== 16 || !match(p, Ipv6.sourceAt(ip), ends)) return 'gre-endpoints'
  p.start = upper.at
  p.end = Ipv6.endAt(p, ip)
  return undefined
}

/**
 * Takes the delivery header off a received packet: afterwards it begins at the GRE header, and octets behind the
 * IP length (link padding, TFC) are gone. Only the configured pair of end points is decapsulated.
 */
export function checkDelivery(p: Packet, ends: DeliveryEnds): Drop | undefined {
  if (p.end <= p.start) return 'ip-truncated'
  switch (p.view.getUint8(p.start) >>> 4) {
    case 4:
      return checkV4(p, ends)
    case 6:
      return checkV6(p, ends)
    default:
      return 'ip-version'
  }
}
