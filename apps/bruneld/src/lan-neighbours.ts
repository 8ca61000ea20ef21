import { sendFrame } from '@brunel/packet-io'
import { announcement } from './lan-announce.js'
import { absent, answered, ask, type FarNeighbour, present } from './lan-host.js'
import type { LanLink } from './lan-link.js'

/** The LAN has so long to say that an address is its own; a proxy of the kernel takes up to 0.8 s. */
const ASK_MS = 1000
/** Asked for again so often: who had an address may be gone, and who has it may have been away before. */
const AGAIN_MS = 10_000

/** asked: does the LAN have it? taken: it does, and we do not speak for it. present: we do. */
export type Presence = 'asked' | 'taken' | 'present'

interface Entry {
  readonly far: FarNeighbour
  presence: Presence
}

/** The far neighbours of one LAN that this machine speaks for. Calls of `ip` run one after the other. */
export class LanNeighbours {
  readonly #known = new Map<string, Entry>()
  #lan: LanLink | undefined
  #queue: Promise<void> = Promise.resolve()
  readonly #settling = new Set<NodeJS.Timeout>()
  readonly #again: NodeJS.Timeout

  constructor() {
    this.#again = setInterval(() => this.#ask([...this.#known.values()]), AGAIN_MS)
    this.#again.unref()
  }

  /** The LAN is there, perhaps anew: all are asked for again. undefined: it is gone. */
  on(lan: LanLink | undefined): void {
    const before = this.#lan
    this.#lan = lan
    for (const entry of this.#known.values()) {
      if (before !== undefined && entry.presence === 'present') this.#enqueue(() => absent(before, entry.far))
      entry.presence = 'asked'
    }
    this.#ask([...this.#known.values()])
  }

  set(far: FarNeighbour): void {
    const known = this.#known.get(far.address)
    if (known?.far.tunnel === far.tunnel) return
    this.remove(far.address)
    const entry: Entry = { far, presence: 'asked' }
    this.#known.set(far.address, entry)
    this.#ask([entry])
  }

  remove(address: string): void {
    const known = this.#known.get(address)
    if (known === undefined) return
    this.#known.delete(address)
    const lan = this.#lan
    if (lan !== undefined && known.presence === 'present') this.#enqueue(() => absent(lan, known.far))
  }

  async stop(): Promise<void> {
    clearInterval(this.#again)
    for (const timer of this.#settling) clearTimeout(timer)
    for (const address of [...this.#known.keys()]) this.remove(address)
    await this.#queue
  }

  get report(): readonly { readonly address: string; readonly presence: Presence }[] {
    return [...this.#known.values()].map(({ far, presence }) => ({ address: far.address, presence }))
  }

  get addresses(): Iterable<string> {
    return this.#known.keys()
  }

  #ask(entries: readonly Entry[]): void {
    const lan = this.#lan
    if (lan === undefined || entries.length === 0) return
    const addresses = entries.map(({ far }) => far.address)
    this.#enqueue(() => ask(lan, addresses))
    // Each question has an end of its own: whoever keeps asking for new ones keeps none waiting.
    const timer = setTimeout(() => {
      this.#settling.delete(timer)
      this.#enqueue(() => this.#settle(lan, entries))
    }, ASK_MS)
    this.#settling.add(timer)
  }

  async #settle(lan: LanLink, asked: readonly Entry[]): Promise<void> {
    const taken = await answered(
      lan,
      asked.map(({ far }) => far.address),
    )
    for (const entry of asked) {
      const { far, presence } = entry
      if (this.#lan !== lan || this.#known.get(far.address) !== entry) continue
      entry.presence = taken.has(far.address) ? 'taken' : 'present'
      if (entry.presence === 'taken' && presence === 'present') await absent(lan, far)
      if (entry.presence === 'taken') continue
      // What is there already is renewed: the tunnel's interface may have been down meanwhile.
      await present(lan, far)
      if (presence !== 'present') announce(lan, far.address)
    }
  }

  #enqueue(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(step)
  }
}

function announce(lan: LanLink, address: string): void {
  const frame = lan.ethernet === undefined ? undefined : announcement(address, lan.ethernet)
  // Where it is not sent, hosts learn our MAC when they ask.
  if (frame !== undefined) sendFrame(lan.index, frame)
}
