import type { PeerWishes } from './peers.js'
import type { Side } from './scenario.js'
import { isToyValidAt, WALL_START } from './toy-certification.js'

/** What was begun before a change may end after it. Milliseconds: all of an authentication with its repetitions. */
const AFTERMATH = 60_000

/** The wall clocks, and whether the two ends have, by what their operators wrote, a reason to trust each other. */
export class Trust {
  readonly #wishes: Readonly<Record<Side, PeerWishes>>
  readonly #now: () => number
  readonly #off: Record<Side, number> = { a: 0, b: 0 }
  #changedAt = Number.NEGATIVE_INFINITY

  constructor(wishes: Readonly<Record<Side, PeerWishes>>, now: () => number) {
    this.#wishes = wishes
    this.#now = now
  }

  wall(side: Side): number {
    return WALL_START + this.#now() + this.#off[side]
  }

  setWall(side: Side, off: number): void {
    this.#off[side] = off
    this.changed()
  }

  changed(): void {
    this.#changedAt = this.#now()
  }

  /** Whether this side may take the other one for authentic; too for a while after a change. */
  isDue(side: Side): boolean {
    return this.#now() - this.#changedAt < AFTERMATH || this.#proves(side === 'a' ? 'b' : 'a', side)
  }

  #proves(prover: Side, judge: Side): boolean {
    const [mine, theirs] = [this.#wishes[prover], this.#wishes[judge]]
    const [own, wanted] = [mine.own ?? 'psk', theirs.theirs ?? 'psk']
    if (wanted === 'psk') return own === 'psk' && mine.psk === theirs.psk
    return own === 'certificate' && isToyValidAt(this.wall(prover)) && isToyValidAt(this.wall(judge))
  }
}
