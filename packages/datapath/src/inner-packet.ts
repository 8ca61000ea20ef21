import { type Drop, isDrop, type Packet } from '@brunel/base'
import { Gre, Ipv4, Ipv6 } from '@brunel/wire'

/** The IP packet inside the tunnel, read once; one instance is used again and again. */
export class InnerPacket {
  family: 4 | 6 = 4
  /** Type of service or traffic class. */
  tos = 0

  /** Checks what stands at the start of `p` and cuts octets behind the length that its header names. */
  open(p: Packet): Drop | undefined {
    if (p.end <= p.start) return 'ip-truncated'
    return (p.bytes[p.start] as number) >>> 4 === 6 ? this.#openV6(p) : this.#openV4(p)
  }

  get protocolType(): number {
    return this.family === 4 ? Gre.PROTOCOL_TYPE.ipv4 : Gre.PROTOCOL_TYPE.ipv6
  }

  #openV4(p: Packet): Drop | undefined {
    const ip = Ipv4.open(p, p.start)
    if (isDrop(ip)) return ip
    if (Ipv4.ttl(p, ip) === 0) return 'ttl-expired'
    this.family = 4
    this.tos = Ipv4.tos(p, ip)
    p.end = Ipv4.endAt(p, ip)
    return undefined
  }

  #openV6(p: Packet): Drop | undefined {
    const ip = Ipv6.open(p, p.start)
    if (isDrop(ip)) return ip
    if (Ipv6.hopLimit(p, ip) === 0) return 'ttl-expired'
    this.family = 6
    this.tos = Ipv6.trafficClass(p, ip)
    p.end = Ipv6.endAt(p, ip)
    return undefined
  }

  /** Changes the type of service octet of the packet that was opened. */
  setTos(p: Packet, tos: number): void {
    if (tos === this.tos) return
    this.tos = tos
    if (this.family === 4) {
      const ip = Ipv4.open(p, p.start)
      if (!isDrop(ip)) Ipv4.setTos(p, ip, tos)
    } else {
      const ip = Ipv6.open(p, p.start)
      if (!isDrop(ip)) Ipv6.setTrafficClass(p, ip, tos)
    }
  }
}
