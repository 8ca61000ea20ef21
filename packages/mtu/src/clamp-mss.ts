import { isDrop, type Packet } from '@brunel/base'
import { Checksum, Ipv4, Ipv6, Tcp } from '@brunel/wire'

const TCP = 6
const upper = Ipv6.upper()

/** Lowers the MSS of the segment at `at`, which ends at `end`, to `mss`. Never raises it; malformed options stay. */
function clampSegment(p: Packet, at: number, limit: { end: number; mss: number }): boolean {
  if (limit.end - at < Tcp.HEADER || (p.view.getUint8(at + 13) & Tcp.FLAG.syn) === 0) return false
  const tcp = Tcp.open(p, at)
  if (isDrop(tcp) || Tcp.payloadAt(p, tcp) > limit.end) return false
  const mssAt = Tcp.mssAt(p, tcp)
  if (mssAt < 0) return false
  const was = p.view.getUint16(mssAt)
  if (was <= limit.mss) return false
  change.was = was
  change.is = limit.mss
  p.view.setUint16(mssAt, limit.mss)
  Tcp.setChecksum(p, tcp, Checksum.replacedAt(Tcp.checksum(p, tcp), mssAt - tcp, change))
  return true
}

// Reused by every call: the hot path allocates nothing.
const change = { was: 0, is: 0 }
const limit = { end: 0, mss: 0 }

function clampV4(p: Packet, at: number, mss: number): boolean {
  if (p.end - at < Ipv4.HEADER + Tcp.HEADER || p.view.getUint8(at + 9) !== TCP) return false
  const ip = Ipv4.open(p, at)
  // Later fragments hold no TCP header.
  if (isDrop(ip) || Ipv4.fragmentOffset(p, ip) > 0) return false
  limit.end = Ipv4.endAt(p, ip)
  limit.mss = mss
  return clampSegment(p, Ipv4.payloadAt(p, ip), limit)
}

function clampV6(p: Packet, at: number, mss: number): boolean {
  const ip = Ipv6.open(p, at)
  if (isDrop(ip) || Ipv6.walk(p, ip, upper) !== undefined) return false
  if (upper.protocol !== TCP || upper.fragmentOffset > 0) return false
  limit.end = Ipv6.endAt(p, ip)
  limit.mss = mss
  return clampSegment(p, upper.at, limit)
}

/**
 * Lowers the MSS option of a SYN or SYN/ACK at `at` to `mss4` or `mss6`, with its TCP checksum (RFC 1624 §3 eq. 3),
 * and says whether it did. A limit of 0 leaves that family alone. Whatever is not understood is left as it is.
 */
export function clampMss(p: Packet, at: number, mss4: number, mss6: number): boolean {
  if (p.end - at < Ipv4.HEADER) return false
  const version = p.view.getUint8(at) >>> 4
  if (version === 4) return mss4 > 0 && clampV4(p, at, mss4)
  return version === 6 && mss6 > 0 && clampV6(p, at, mss6)
}
