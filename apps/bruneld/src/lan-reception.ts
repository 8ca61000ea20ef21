import type { Family } from '@brunel/base'
import { Address } from '@brunel/wire'
import { sourceFilter } from './lan-filter.js'
import { LanReceiver, type Link } from './lan-socket.js'

interface Heard {
  readonly packet: (octets: Uint8Array, source: string) => void
  readonly lost: (count: number) => void
  readonly failed: (error: Error) => void
}

/** Each costs the kernel a look at every packet of the protocol. Fewer: more routers of a LAN share with strangers. */
const MOST_RESIDENTS = 8

/**
 * Packets of one protocol from one LAN. A flood fills a socket, and what does not fit is lost without regard to who sent
 * it: so each router that is known has a socket of its own, which takes its packets alone, and the one of all others does
 * not. Those known for longest come first: a flood cannot push them out.
 */
export class LanReception {
  readonly #open: (program?: Uint8Array) => LanReceiver
  readonly #family: Family
  readonly #strangers: LanReceiver
  readonly #residents = new Map<string, LanReceiver>()

  constructor(
    link: Link,
    what: { readonly family: Family; readonly protocol: number; readonly groups: readonly string[] },
    heard: Heard,
  ) {
    this.#family = what.family
    this.#open = program => new LanReceiver(link, { ...what, program }, heard)
    this.#strangers = this.#open()
  }

  /** Of both families, in canonical text; who is known for longest first. */
  know(all: Iterable<string>): void {
    const known = [...all].filter(text => text.includes(':') === (this.#family === 6))
    const wanted = new Set(known.slice(0, MOST_RESIDENTS))
    const sources = [...wanted].map(text => Address.parse(text)!)
    const gone = [...this.#residents].filter(([address]) => !wanted.has(address))
    const fresh = [...wanted].filter(address => !this.#residents.has(address))
    if (gone.length + fresh.length === 0) return
    // In this order one packet may come twice, and none is missed.
    for (const address of fresh)
      this.#residents.set(address, this.#open(sourceFilter([Address.parse(address)!], true)))
    this.#strangers.filter(sourceFilter(sources, false))
    for (const [address, receiver] of gone) {
      receiver.close()
      this.#residents.delete(address)
    }
  }

  close(): void {
    for (const receiver of [this.#strangers, ...this.#residents.values()]) receiver.close()
  }
}
