import { isDrop, Packet } from '@brunel/base'
import { RELAY_BEACON } from '@brunel/datapath'
import { Address, Ipv4, Udp } from '@brunel/wire'

const { port: PORT } = RELAY_BEACON
const GROUP = Address.parse(RELAY_BEACON.ipv4) as Uint8Array
/** RFC 7600 §4.8: the source of whoever has no address. A tunnel needs none for its beacons. */
const NOBODY = Uint8Array.of(192, 0, 0, 8)
/** CS6, as OSPF: a saturated tunnel keeps no beacon waiting. */
const TOS = 0xc0

/** A beacon as a whole IP packet. */
export function beaconPacket(beacon: Uint8Array): Uint8Array {
  const headers = Ipv4.HEADER + Udp.HEADER
  const bytes = new Uint8Array(headers + beacon.length)
  bytes.set(beacon, headers)
  const p = new Packet(bytes, headers)
  Udp.push(p, PORT, PORT)
  Ipv4.push(p, {
    source: NOBODY,
    destination: GROUP,
    protocol: Ipv4.PROTOCOL.udp,
    ttl: 1,
    tos: TOS,
    identification: 0,
    dontFragment: true,
  })
  return bytes
}

/** What a beacon packet says; undefined: this is none. */
export function beaconIn(packet: Uint8Array): Uint8Array | undefined {
  const p = new Packet(packet)
  const ip = Ipv4.open(p, 0)
  if (isDrop(ip) || Ipv4.isFragment(p, ip) || Ipv4.protocol(p, ip) !== Ipv4.PROTOCOL.udp) return undefined
  if (!Address.equalAt(packet, Ipv4.destinationAt(ip), GROUP)) return undefined
  const udp = Udp.open(p, Ipv4.payloadAt(p, ip))
  if (isDrop(udp) || Udp.destinationPort(p, udp) !== PORT) return undefined
  return packet.slice(Udp.payloadAt(udp), Udp.endAt(p, udp))
}
