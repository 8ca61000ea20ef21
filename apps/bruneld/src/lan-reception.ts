import { type Ear, earsOf, type Wire } from './lan-ears.js'
import { LanReceiver, type Link, Pace } from './lan-socket.js'

interface Heard {
  /** `to`: the destination, where the octets do not say it. */
  readonly packet: (octets: Uint8Array, source: string, to: string | undefined) => void
  readonly lost: (count: number) => void
  readonly failed: (error: Error) => void
}

interface Open {
  readonly receiver: LanReceiver
  readonly ear: Ear
}

/** The sockets of one protocol on one LAN. Nothing is heard before `know`. */
export class LanReception {
  readonly #link: Link
  readonly #wire: Wire
  readonly #heard: Heard
  readonly #open = new Map<string, Open>()
  readonly #paces = new Map<string, Pace>()

  constructor(link: Link, wire: Wire, heard: Heard) {
    this.#link = link
    this.#wire = wire
    this.#heard = heard
  }

  /** Routers of this LAN, and those behind the relay; as of `earsOf`. */
  know(residents: Iterable<string>, far: Iterable<string>): void {
    const wanted = new Map(earsOf(this.#wire, residents, far).map(ear => [`${ear.of} ${ear.to}`, ear]))
    const fresh = [...wanted].filter(([key]) => !this.#open.has(key))
    // In this order a packet of one who comes to be known may come twice, and none is missed.
    for (const [key, ear] of fresh) this.#open.set(key, { receiver: this.#listen(ear), ear })
    for (const [key, ear] of wanted) {
      const { receiver, ear: before } = this.#open.get(key) as Open
      if (before.from.join() === ear.from.join()) continue
      receiver.filter(ear.program)
      this.#open.set(key, { receiver, ear })
    }
    for (const [key, { receiver }] of this.#open) {
      if (wanted.has(key)) continue
      receiver.close()
      this.#open.delete(key)
    }
    const paced = new Set([...wanted.values()].map(ear => ear.of))
    for (const of of this.#paces.keys()) if (!paced.has(of)) this.#paces.delete(of)
  }

  #listen({ of, to, groups, program }: Ear): LanReceiver {
    const { family, protocol } = this.#wire
    const pace = this.#paces.get(of) ?? new Pace()
    this.#paces.set(of, pace)
    const { lost, failed } = this.#heard
    const packet = (octets: Uint8Array, source: string): void => this.#heard.packet(octets, source, to)
    return new LanReceiver(this.#link, { family, protocol, groups, program, pace }, { packet, lost, failed })
  }

  close(): void {
    for (const { receiver } of this.#open.values()) receiver.close()
  }
}
