import { bug, type Drop, isDrop, type Packet } from '@brunel/base'
import { Address, Ipv4, Ipv6 } from '@brunel/wire'

/** RFC 4301 §5.1.2.1: the delivery header has a TTL of its own. */
const TTL = 64

const octets = (text: string): Uint8Array => Address.parse(text) ?? bug(`not an address: ${text}`)

/** The IP header around GRE in tunnel mode: RFC 2784 §4, RFC 7676 §4.1. */
export class DeliveryHeader {
  /** What ESP calls it: 4 or 41. */
  readonly nextHeader: number
  readonly #v4: Ipv4.Header | undefined
  readonly #v6: Ipv6.Header | undefined

  constructor(local: string, remote: string) {
    const [source, destination] = [octets(local), octets(remote)]
    if (source.length !== destination.length) bug(`delivery from ${local} to ${remote}`)
    if (source.length === 4) {
      this.nextHeader = Ipv4.PROTOCOL.ipip
      // With DF set there is one fragment only, and its identification may be anything: RFC 6864 §4.1.
      const fixed = { protocol: Ipv4.PROTOCOL.gre, ttl: TTL, tos: 0, identification: 0, dontFragment: true }
      this.#v4 = { source, destination, ...fixed }
    } else {
      this.nextHeader = Ipv4.PROTOCOL.ipv6
      const fixed = { nextHeader: Ipv6.NEXT_HEADER.gre, hopLimit: TTL, trafficClass: 0, flowLabel: 0 }
      this.#v6 = { source, destination, ...fixed }
    }
  }

  push(p: Packet, tos: number): Drop | undefined {
    if (this.#v4 !== undefined) {
      this.#v4.tos = tos
      const at = Ipv4.push(p, this.#v4)
      return isDrop(at) ? at : undefined
    }
    if (this.#v6 === undefined) return bug('a delivery header of no family')
    this.#v6.trafficClass = tos
    const at = Ipv6.push(p, this.#v6)
    return isDrop(at) ? at : undefined
  }
}
