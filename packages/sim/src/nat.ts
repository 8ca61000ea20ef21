import { type Endpoint, endpointText } from '@brunel/base'
import type { Datagram } from './network.js'

/**
 * A port-rewriting NAT in front of one host: mappings independent of the destination, filtering by address
 * (RFC 4787 §4.1, §5). Protocol 50 has no ports, so it does not pass, as with most boxes people have.
 */
export class Nat {
  readonly inside: string
  readonly outside: string
  readonly #ports = new Map<number, number>()
  readonly #talkedTo = new Set<string>()
  #next: number

  constructor(inside: string, outside: string, firstPort = 40_000) {
    this.inside = inside
    this.outside = outside
    this.#next = firstPort
  }

  /** As after a restart or a timeout of the box: each flow gets another port when it next sends. */
  rebind(): void {
    this.#ports.clear()
    this.#talkedTo.clear()
  }

  outbound(datagram: Datagram): Datagram {
    if (datagram.protocol !== 17) return { ...datagram, from: { address: this.outside, port: 0 } }
    let port = this.#ports.get(datagram.from.port)
    if (port === undefined) {
      port = this.#next++
      this.#ports.set(datagram.from.port, port)
    }
    this.#talkedTo.add(this.#flow(port, datagram.to))
    return { ...datagram, from: { address: this.outside, port } }
  }

  inbound(datagram: Datagram): Datagram | undefined {
    if (datagram.protocol !== 17) return undefined
    if (!this.#talkedTo.has(this.#flow(datagram.to.port, datagram.from))) return undefined
    for (const [inside, outside] of this.#ports) {
      if (outside === datagram.to.port) return { ...datagram, to: { address: this.inside, port: inside } }
    }
    return undefined
  }

  #flow(port: number, far: Endpoint): string {
    return `${port} ${endpointText({ address: far.address, port: 0 })}`
  }
}
