import { isDrop, type Packet } from '@brunel/base'
import { inSlot, octets, words } from '@brunel/base/testing'
import { Address, Ipv4, Ipv6, Tcp } from '@brunel/wire'

const bytesOf = (text: string): Uint8Array => Address.parse(text)!

export interface IpOptions {
  readonly source?: string
  readonly destination?: string
  readonly protocol?: number
  readonly dontFragment?: boolean
  readonly identification?: number
}

/** An IPv4 packet around a payload, in a slot. */
export function ipv4(payload: Uint8Array, options: IpOptions = {}): Packet {
  const p = inSlot(payload)
  const ip = Ipv4.push(p, {
    source: bytesOf(options.source ?? '10.1.0.1'),
    destination: bytesOf(options.destination ?? '10.7.0.1'),
    protocol: options.protocol ?? 17,
    ttl: 64,
    tos: 0,
    identification: options.identification ?? 0x1234,
    dontFragment: options.dontFragment ?? false,
  })
  if (isDrop(ip)) throw new Error(ip)
  return p
}

/** Flags and fragment offset set, header checksum right. */
export function withFlags(p: Packet, word: number): Packet {
  const ip = Ipv4.open(p, p.start)
  if (isDrop(ip)) throw new Error(ip)
  p.view.setUint16(ip + 6, word)
  Ipv4.setChecksum(p, ip)
  return p
}

/** An IPv6 packet around a payload, in a slot. */
export function ipv6(payload: Uint8Array, options: IpOptions = {}): Packet {
  const p = inSlot(payload)
  const ip = Ipv6.push(p, {
    source: bytesOf(options.source ?? 'fd00:1::1'),
    destination: bytesOf(options.destination ?? 'fd00:7::1'),
    nextHeader: options.protocol ?? 17,
    hopLimit: 64,
    trafficClass: 0,
    flowLabel: 0,
  })
  if (isDrop(ip)) throw new Error(ip)
  return p
}

/** A TCP header with options in hex, the checksum zero. */
export function tcp(options: string, flags: number = Tcp.FLAG.syn): Uint8Array {
  const list = octets(options)
  const fixed = octets('0016cafe 01020304 00000000 0000 ffff 0000 0000')
  fixed[12] = ((20 + list.length) / 4) << 4
  fixed[13] = flags
  return words(fixed, list)
}

/** What the checksum of the TCP segment at `at` has to be, from scratch. */
export function tcpChecksum(p: Packet, at: number): number {
  const segment = Tcp.open(p, at)
  if (isDrop(segment)) throw new Error(segment)
  const length = p.end - at
  const [four, six] = [Ipv4.open(p, p.start), Ipv6.open(p, p.start)]
  const pseudo = isDrop(four)
    ? isDrop(six)
      ? 0
      : Ipv6.pseudoSum(p, six, { protocol: 6, length })
    : Ipv4.pseudoSum(p, four, length)
  return Tcp.computeChecksum(p, segment, { end: p.end, pseudo })
}

/** Puts the right checksum into the TCP segment at `at`. */
export function sealTcp(p: Packet, at: number): Packet {
  const segment = Tcp.open(p, at)
  if (isDrop(segment)) throw new Error(segment)
  Tcp.setChecksum(p, segment, tcpChecksum(p, at))
  return p
}
