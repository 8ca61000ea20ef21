import type { Drop } from '@brunel/base'
import { Address, Checksum, Ipv6 } from '@brunel/wire'
import { finishUdp } from './lan-checksum.js'

/** What a raw socket of IPv6 gives, which keeps the IP header for itself; the destination is known by the socket. */
export interface Arrival {
  readonly protocol: number
  /** As text, perhaps with its interface: `fe80::1%lan0`. */
  readonly source: string
  readonly destination: string
  readonly payload: Uint8Array
}

const UDP = 17
/**
 * RFC 5340 §A.1, RFC 7868 §6.2, RFC 7761 §4.9: 1. RFC 5881 §5, RFC 5798 §5.1.2.3, RFC 2080 §2.1: 255. What AH protects
 * does not depend on it, nor on the other fields that are not told (RFC 4302 §3.3.3.1.2.1).
 */
const LINK_HOPS: Readonly<Record<number, number>> = { 112: 255, [UDP]: 255 }
const CS6 = 0xc0

/** The whole packet with the header that a neighbour on the link sends. */
export function rebuilt({ protocol, payload, ...ends }: Arrival): Uint8Array | Drop {
  const source = Address.parse(ends.source.split('%')[0]!)
  const destination = Address.parse(ends.destination)
  if (source === undefined || destination === undefined) return 'relay-source'
  // The hop limit is not told either. No router forwards such a source (RFC 4291 §2.5.6): it is of this link.
  if (!(source[0] === 0xfe && (source[1]! & 0xc0) === 0x80)) return 'relay-ttl'
  const packet = new Uint8Array(Ipv6.HEADER + payload.length)
  const view = new DataView(packet.buffer)
  view.setUint32(0, (0x6000_0000 | (CS6 << 20)) >>> 0)
  view.setUint16(4, payload.length)
  view.setUint8(6, protocol)
  view.setUint8(7, LINK_HOPS[protocol] ?? 1)
  packet.set(source, 8)
  packet.set(destination, 24)
  packet.set(payload, Ipv6.HEADER)
  if (protocol === UDP) finishUdp(packet, Ipv6.HEADER, Checksum.sum(view, 8, 40))
  return packet
}
