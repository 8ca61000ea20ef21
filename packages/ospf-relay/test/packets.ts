import { isDrop } from '@brunel/base'
import { content, inSlot, words } from '@brunel/base/testing'
import { Address, Checksum, Ipv4, Ipv6 } from '@brunel/wire'

/** Whole IP packets as routers send them. */
export const bytesOf = (text: string): Uint8Array => Address.parse(text)!
const isV6 = (text: string): boolean => text.includes(':')

export interface IpOptions {
  readonly ttl?: number
  readonly tos?: number
  readonly id?: number
  readonly protocol?: number
}

let identification = 0

export function ip(from: string, to: string, payload: Uint8Array, options: IpOptions = {}): Uint8Array {
  const p = inSlot(payload)
  const { ttl = 1, tos = 0xc0, protocol = 89, id = ++identification & 0xffff } = options
  const ends = { source: bytesOf(from), destination: bytesOf(to) }
  const at = isV6(from)
    ? Ipv6.push(p, { ...ends, nextHeader: protocol, hopLimit: ttl, trafficClass: tos, flowLabel: 0 })
    : Ipv4.push(p, { ...ends, protocol, ttl, tos, identification: id, dontFragment: false })
  if (isDrop(at)) throw new Error(at)
  return content(p)
}

const u16 = (n: number): Uint8Array => Uint8Array.of(n >> 8, n)
const u32 = (n: number): Uint8Array => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n)

export interface Router {
  readonly address: string
  readonly id: string
  readonly area?: string
  /** Of version 3. */
  readonly instance?: number
  /** AuType 2 with this key id; its digest is not computed. */
  readonly key?: number
  readonly digest?: number
  readonly password?: boolean
  /** Of version 3: behind an authentication header (RFC 4302 §2), whose ICV is not computed. */
  readonly spi?: number
}

export function ospf(r: Router, to: string, type: number, body: Uint8Array): Uint8Array {
  const v6 = isV6(r.address)
  const autype = r.key !== undefined ? 2 : r.password ? 1 : 0
  const digest = r.digest ?? 16
  const authentication =
    r.key === undefined ? new Uint8Array(8) : words(u16(0), Uint8Array.of(r.key, digest), u32(7))
  const packet = words(
    Uint8Array.of(v6 ? 3 : 2, type),
    u16((v6 ? 16 : 24) + body.length),
    bytesOf(r.id),
    bytesOf(r.area ?? '0.0.0.0'),
    v6 ? Uint8Array.of(0, 0, r.instance ?? 0, 0) : words(u16(0), u16(autype), authentication),
    body,
  )
  const view = new DataView(packet.buffer)
  const pseudo = v6 ? words(bytesOf(r.address), bytesOf(to), u32(packet.length), u32(89)) : new Uint8Array(0)
  const over = v6
    ? Checksum.sum(view, 0, packet.length)
    : Checksum.sum(view, 24, packet.length, Checksum.sum(view, 0, 16))
  const sum = over + Checksum.sum(new DataView(pseudo.buffer), 0, pseudo.length)
  if (autype !== 2) view.setUint16(12, Checksum.finish(sum))
  if (r.spi !== undefined) {
    const header = words(Uint8Array.of(89, 4, 0, 0), u32(r.spi), u32(1), new Uint8Array(12).fill(0xee))
    return ip(r.address, to, words(header, packet), { protocol: 51 })
  }
  return ip(r.address, to, autype === 2 ? words(packet, new Uint8Array(digest).fill(0xdd)) : packet)
}

export interface HelloOptions {
  readonly mask?: string
  readonly hello?: number
  readonly dead?: number
  readonly options?: number
  readonly dr?: string
  readonly bdr?: string
  readonly priority?: number
  readonly to?: string
}

export const allRouters = (r: Router): string => (isV6(r.address) ? 'ff02::5' : '224.0.0.5')

export function hello(r: Router, neighbours: readonly string[] = [], o: HelloOptions = {}): Uint8Array {
  const { mask = '255.255.255.0', options = 2, priority = 1, dr = '0.0.0.0', bdr = '0.0.0.0' } = o
  const [every, dead] = [o.hello ?? 10, o.dead ?? 40]
  const leaders = words(bytesOf(dr), bytesOf(bdr), ...neighbours.map(bytesOf))
  const body = isV6(r.address)
    ? words(u32(7), Uint8Array.of(priority, 0, 0, options), u16(every), u16(dead), leaders)
    : words(bytesOf(mask), u16(every), Uint8Array.of(options, priority), u32(dead), leaders)
  return ospf(r, o.to ?? allRouters(r), 1, body)
}

export function description(
  r: Router,
  to: string,
  { mtu = 1500, flags = 0, sequence = 1 }: { mtu?: number; flags?: number; sequence?: number },
): Uint8Array {
  const body = isV6(r.address)
    ? words(u32(2), u16(mtu), Uint8Array.of(0, flags), u32(sequence))
    : words(u16(mtu), Uint8Array.of(2, flags), u32(sequence))
  return ospf(r, to, 2, body)
}

export const request = (r: Router, to: string): Uint8Array =>
  ospf(r, to, 3, words(u32(1), bytesOf('1.1.1.1'), bytesOf('1.1.1.1')))

export const update = (r: Router, to: string): Uint8Array =>
  ospf(
    r,
    to,
    4,
    words(u32(1), u32(0x00010201), bytesOf('1.1.1.1'), bytesOf('1.1.1.1'), u32(1), u16(0), u16(20)),
  )

/** UDP without a checksum, RFC 768. */
export const udp = (port: number, data = 'x'): Uint8Array =>
  words(u16(49152), u16(port), u16(8 + data.length), u16(0), Buffer.from(data))
