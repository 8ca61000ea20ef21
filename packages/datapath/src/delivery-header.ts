import { type At, bug, type Drop, isDrop, Packet } from '@brunel/base'
import { Address, Ipv4, Ipv6 } from '@brunel/wire'

/** RFC 4301 §5.1.2.1: the delivery header has a TTL of its own. */
const TTL = 64

const octets = (text: string): Uint8Array => Address.parse(text) ?? bug(`not an address: ${text}`)

/** A header around nothing, written by the codec. */
function template(source: Uint8Array, destination: Uint8Array): Packet {
  const p = new Packet(new Uint8Array(Ipv6.HEADER), Ipv6.HEADER)
  // With DF set there is one fragment only, and its identification may be anything: RFC 6864 §4.1.
  const v4 = { protocol: Ipv4.PROTOCOL.gre, ttl: TTL, tos: 0, identification: 0, dontFragment: true }
  const v6 = { nextHeader: Ipv6.NEXT_HEADER.gre, hopLimit: TTL, trafficClass: 0, flowLabel: 0 }
  const at =
    source.length === 4
      ? Ipv4.push(p, { source, destination, ...v4 })
      : Ipv6.push(p, { source, destination, ...v6 })
  return isDrop(at) ? bug(at) : p
}

/**
 * The IP header around GRE in tunnel mode: RFC 2784 §4, RFC 7676 §4.1. It is the same for every packet of an SA but for
 * length and type of service, so it is written once and copied as words.
 */
export class DeliveryHeader {
  /** What ESP calls it: 4 or 41. */
  readonly nextHeader: number
  readonly #words: Uint32Array

  constructor(local: string, remote: string) {
    const [source, destination] = [octets(local), octets(remote)]
    if (source.length !== destination.length) bug(`delivery from ${local} to ${remote}`)
    this.nextHeader = source.length === 4 ? Ipv4.PROTOCOL.ipip : Ipv4.PROTOCOL.ipv6
    const p = template(source, destination)
    this.#words = Uint32Array.from({ length: p.length / 4 }, (_, i) => p.view.getUint32(p.start + 4 * i))
  }

  push(p: Packet, tos: number): Drop | undefined {
    const words = this.#words
    const payload = p.end - p.start
    const at = p.prepend(words.length * 4)
    if (at < 0) return 'underlay-room'
    for (let i = 0; i < words.length; i++) p.view.setUint32(at + 4 * i, words[i] as number)
    if (words.length * 4 === Ipv4.HEADER) {
      Ipv4.setTotalLength(p, at as At<'ipv4'>, payload + Ipv4.HEADER)
      Ipv4.setTos(p, at as At<'ipv4'>, tos)
    } else {
      Ipv6.setPayloadLength(p, at as At<'ipv6'>, payload)
      Ipv6.setTrafficClass(p, at as At<'ipv6'>, tos)
    }
    return undefined
  }
}
