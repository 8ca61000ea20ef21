import { type Drop, isDrop, type Packet } from '@brunel/base'
import { Ipv4, Ipv6 } from '@brunel/wire'

/** The IP header that came out of a tunnel mode SA: what the selectors look at. One instance is used again and again. */
export class PayloadHeader {
  /** Octets of an address: 4 or 16. */
  addressLength = 4
  sourceAt = 0
  destinationAt = 0
  /** Of the upper layer, behind IPv6 extension headers. */
  protocol = 0
  payloadAt = 0
  /** Type of service or traffic class. */
  tos = 0
  readonly #upper = Ipv6.upper()

  /**
   * Reads the header that `nextHeader` (4 or 41) promises and cuts what stands behind the packet's own length: traffic
   * flow confidentiality padding, RFC 4303 §2.7. A fragment has no upper layer to select by: RFC 4301 §7.
   */
  open(p: Packet, nextHeader: number): Drop | undefined {
    return nextHeader === Ipv4.PROTOCOL.ipip ? this.#openV4(p) : this.#openV6(p)
  }

  #openV4(p: Packet): Drop | undefined {
    const ip = Ipv4.open(p, p.start)
    if (isDrop(ip)) return ip
    if (!Ipv4.checksumGood(p, ip)) return 'ip-checksum'
    if (Ipv4.isFragment(p, ip)) return 'ip-fragment'
    p.end = Ipv4.endAt(p, ip)
    this.addressLength = 4
    this.sourceAt = Ipv4.sourceAt(ip)
    this.destinationAt = Ipv4.destinationAt(ip)
    this.protocol = Ipv4.protocol(p, ip)
    this.payloadAt = Ipv4.payloadAt(p, ip)
    this.tos = Ipv4.tos(p, ip)
    return undefined
  }

  #openV6(p: Packet): Drop | undefined {
    const ip = Ipv6.open(p, p.start)
    if (isDrop(ip)) return ip
    const drop = Ipv6.walk(p, ip, this.#upper)
    if (drop !== undefined) return drop
    if (this.#upper.fragmentOffset > 0 || this.#upper.moreFragments) return 'ip-fragment'
    p.end = Ipv6.endAt(p, ip)
    this.addressLength = 16
    this.sourceAt = Ipv6.sourceAt(ip)
    this.destinationAt = Ipv6.destinationAt(ip)
    this.protocol = this.#upper.protocol
    this.payloadAt = this.#upper.at
    this.tos = Ipv6.trafficClass(p, ip)
    return undefined
  }
}
