import { isDrop, Packet } from '@brunel/base'
import { Ipv4, Ipv6 } from '@brunel/wire'
import type { Carried } from './carried.js'

/** Internetwork Control: RFC 2328 §A.1, RFC 5340 §A.1. */
const CS6 = 0xc0
const ECN = 0x03

/**
 * A copy of the packet as it leaves: marked CS6, nothing behind its end, everything from the IP payload on unchanged.
 * The TTL stays what it was: a relay is a cable, and a cable counts no hops.
 */
export function leaving(p: Packet, { family, endAt }: Carried): Uint8Array {
  const copy = new Packet(p.bytes.slice(p.start, endAt))
  if (family === 4) {
    const ip = Ipv4.open(copy, 0)
    if (!isDrop(ip)) Ipv4.setTos(copy, ip, CS6 | (Ipv4.tos(copy, ip) & ECN))
  } else {
    const ip = Ipv6.open(copy, 0)
    if (!isDrop(ip)) Ipv6.setTrafficClass(copy, ip, CS6 | (Ipv6.trafficClass(copy, ip) & ECN))
  }
  return copy.bytes
}
