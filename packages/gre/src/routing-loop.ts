import { type Drop, isDrop, type Packet } from '@brunel/base'
import { Address, Ipv4, Ipv6, Udp } from '@brunel/wire'

/**
 * A tunnel whose own delivery packets are routed into it swallows itself (RFC 2003 §3.2). Two lines of defence:
 * the routes that would do it are named before they are set; a packet that arrives all the same is dropped.
 */

/** Those of `routes` that cover the underlay address of the tunnel's far end; text or addresses we cannot read cover nothing. */
export function loopingRoutes(routes: readonly string[], remote: string): string[] {
  const address = Address.parse(remote)
  if (!address) return []
  return routes.filter(route => {
    const prefix = Address.parsePrefix(route)
    return prefix !== undefined && Address.contains(prefix, address)
  })
}

const IKE = 500
const IKE_NAT_T = 4500
const upper = Ipv6.upper()

/** ESP, clear GRE, or UDP to a port of IKE: what we ourselves send to the far end. `at` is -1 in a later fragment. */
function isDelivery(p: Packet, protocol: number, at: number): boolean {
  if (protocol === Ipv4.PROTOCOL.esp || protocol === Ipv4.PROTOCOL.gre) return true
  if (protocol !== Ipv4.PROTOCOL.udp || at < 0) return false
  const udp = Udp.open(p, at)
  if (isDrop(udp)) return false
  const port = Udp.destinationPort(p, udp)
  return port === IKE || port === IKE_NAT_T
}

/**
 * 'gre-loop' where the packet that entered the tunnel is the tunnel's own delivery traffic to `remote`
 * (4 or 16 octets). Anything else, whatever its form, is not our business.
 */
export function refuseOwnDelivery(p: Packet, remote: Uint8Array): Drop | undefined {
  if (remote.length === 4) {
    const ip = Ipv4.open(p, p.start)
    if (isDrop(ip) || !Address.equalAt(p.bytes, Ipv4.destinationAt(ip), remote)) return undefined
    const at = Ipv4.fragmentOffset(p, ip) > 0 ? -1 : Ipv4.payloadAt(p, ip)
    return isDelivery(p, Ipv4.protocol(p, ip), at) ? 'gre-loop' : undefined
  }
  const ip = Ipv6.open(p, p.start)
  if (isDrop(ip) || !Address.equalAt(p.bytes, Ipv6.destinationAt(ip), remote)) return undefined
  if (Ipv6.walk(p, ip, upper) !== undefined) return undefined
  return isDelivery(p, upper.protocol, upper.fragmentOffset > 0 ? -1 : upper.at) ? 'gre-loop' : undefined
}
