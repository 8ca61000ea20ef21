import type { Drop } from '@brunel/base'
import { Address, Checksum, Ipv6, Udp } from '@brunel/wire'
import { finishUdp, isUnfinished } from './lan-checksum.js'

/**
 * A raw socket of IPv6 gives no IP header, so that nobody says to whom a packet went. Its own checksum does: it covers
 * source and destination (RFC 8200 §8.1). Whose address makes it right is the one. OSPFv3 that is authenticated
 * (RFC 7166 §4.2) has no checksum, and EIGRP none over addresses: their hellos go to the group, and the rest to the only
 * neighbour there is.
 */
export interface Arrival {
  readonly protocol: number
  readonly source: Uint8Array
  readonly payload: Uint8Array
}

export interface Candidates {
  readonly groups: readonly Uint8Array[]
  /** Far neighbours. */
  readonly neighbours: readonly Uint8Array[]
  /** Of this machine: what is for them is none of the relay's business. */
  readonly own: readonly Uint8Array[]
}

const OSPF = 89
const EIGRP = 88
const UDP = 17
/** RFC 5340 §A.1, RFC 7868 §6.2, RFC 7761 §4.9: 1. RFC 5881 §5, RFC 5798 §5.1.2.3, RFC 2080 §2.1: 255. */
const LINK_HOPS: Readonly<Record<number, number>> = { [OSPF]: 1, [EIGRP]: 1, 103: 1, 112: 255, [UDP]: 255 }
const CS6 = 0xc0
const OSPF_HEADER = 16
const HELLO = 1
const EIGRP_HELLO = 5

/** The whole packet with the header that a neighbour on the link sends; undefined: it is for this machine. */
export function rebuilt(arrival: Arrival, among: Candidates): Uint8Array | Drop | undefined {
  const { source, protocol, payload } = arrival
  // The hop limit is not told either. No router forwards such a source (RFC 4291 §2.5.6): it is of this link.
  if (!(source[0] === 0xfe && (source[1]! & 0xc0) === 0x80)) return 'relay-ttl'
  const destination = destinationOf(arrival, among)
  if (typeof destination === 'string') return destination
  if (among.own.some(own => Address.equal(own, destination))) return undefined
  const packet = new Uint8Array(Ipv6.HEADER + payload.length)
  const view = new DataView(packet.buffer)
  view.setUint32(0, (0x6000_0000 | (CS6 << 20)) >>> 0)
  view.setUint16(4, payload.length)
  view.setUint8(6, protocol)
  view.setUint8(7, LINK_HOPS[protocol] ?? 1)
  packet.set(source, 8)
  packet.set(destination, 24)
  packet.set(payload, Ipv6.HEADER)
  if (protocol === UDP) finishUdp(packet, Ipv6.HEADER, sumOf(source) + sumOf(destination))
  return packet
}

function destinationOf(arrival: Arrival, among: Candidates): Uint8Array | Drop {
  const { groups, neighbours, own } = among
  const total = sumWithout(arrival)
  if (total === 'truncated') return 'ip-truncated'
  if (total !== 'silent') {
    const fits = [...groups, ...neighbours, ...own].filter(
      to => Checksum.good(total + sumOf(to)) || unfinishedFor(arrival, to),
    )
    // Two addresses of one sum: a guess would give one neighbour the words that are for another.
    return fits.length === 1 ? fits[0]! : 'relay-unknown-destination'
  }
  if (isHello(arrival) && groups[0] !== undefined) return groups[0]
  return neighbours.length === 1 ? neighbours[0]! : 'relay-unknown-destination'
}

function unfinishedFor({ protocol, source, payload }: Arrival, to: Uint8Array): boolean {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  return protocol === UDP && isUnfinished(view, 0, sumOf(source) + sumOf(to))
}

const sumOf = (octets: Uint8Array): number =>
  Checksum.sum(new DataView(octets.buffer, octets.byteOffset, octets.length), 0, octets.length)

/** All that the checksum covers less the destination. */
function sumWithout({ protocol, source, payload }: Arrival): number | 'silent' | 'truncated' {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  let length = payload.length
  if (protocol === EIGRP) return 'silent'
  if (protocol === OSPF) {
    if (length < OSPF_HEADER) return 'truncated'
    // RFC 5340 §A.3.1: of the pseudo-header too it is the length in the OSPF header; what follows is not covered.
    length = view.getUint16(2)
    if (length < OSPF_HEADER || length > payload.length) return 'truncated'
    if (view.getUint16(12) === 0) return 'silent'
  } else if (protocol === UDP && length < Udp.HEADER) return 'truncated'
  return Checksum.sum(view, 0, length, sumOf(source) + length + protocol)
}

const isHello = ({ protocol, payload }: Arrival): boolean =>
  protocol === OSPF ? payload[1] === HELLO : payload[1] === EIGRP_HELLO
