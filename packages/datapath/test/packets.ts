import { Packet } from '@brunel/base'
import { Address, Checksum, Ipv4, Ipv6 } from '@brunel/wire'

const bytes = (text: string): Uint8Array => Address.parse(text) as Uint8Array

export interface IpOptions {
  readonly source?: string
  readonly destination?: string
  readonly protocol?: number
  readonly payload?: Uint8Array
  readonly length?: number
  readonly tos?: number
  readonly ttl?: number
  readonly dontFragment?: boolean
}

const bodyOf = (o: IpOptions, header: number): Uint8Array =>
  o.payload ?? Uint8Array.from({ length: (o.length ?? 60) - header }, (_, i) => i & 0xff)

export function ipv4(o: IpOptions = {}): Uint8Array {
  const body = bodyOf(o, 20)
  const p = new Packet(Uint8Array.of(...new Uint8Array(20), ...body), 20)
  Ipv4.push(p, {
    source: bytes(o.source ?? '10.1.0.9'),
    destination: bytes(o.destination ?? '10.7.0.9'),
    protocol: o.protocol ?? 253,
    ttl: o.ttl ?? 64,
    tos: o.tos ?? 0,
    identification: 0x1234,
    dontFragment: o.dontFragment ?? true,
  })
  return p.bytes
}

export function ipv6(o: IpOptions = {}): Uint8Array {
  const body = bodyOf(o, 40)
  const p = new Packet(Uint8Array.of(...new Uint8Array(40), ...body), 40)
  Ipv6.push(p, {
    source: bytes(o.source ?? 'fd01::9'),
    destination: bytes(o.destination ?? 'fd07::9'),
    nextHeader: o.protocol ?? 253,
    hopLimit: o.ttl ?? 64,
    trafficClass: o.tos ?? 0,
    flowLabel: 0x12345,
  })
  return p.bytes
}

/** A SYN with an MSS option and a right checksum. */
export function syn(family: 4 | 6, mss: number): Uint8Array {
  const tcp = Uint8Array.of(
    0x30,
    0x39,
    0,
    80,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0x60,
    2,
    0xff,
    0xff,
    0,
    0,
    0,
    0,
    2,
    4,
    mss >>> 8,
    mss & 0xff,
  )
  const packet = family === 4 ? ipv4({ protocol: 6, payload: tcp }) : ipv6({ protocol: 6, payload: tcp })
  const view = new DataView(packet.buffer)
  view.setUint16(packet.length - 8, Checksum.finish(tcpSum(packet)))
  return packet
}

/** Sum over pseudo header and segment: all ones where the checksum is right. */
export function tcpSum(packet: Uint8Array): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const [addresses, end] = packet[0]! >>> 4 === 4 ? [12, 20] : [8, 40]
  return Checksum.sum(view, addresses, packet.length) + 6 + (packet.length - end)
}

export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
export const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')
