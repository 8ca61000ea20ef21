import { millis } from '@brunel/base'
import type { SimRouter } from './router.js'
import type { VirtualTime } from './virtual-time.js'

/** How long a datum may be under way before it counts as lost. */
const LOST_AFTER = 5000

/** Numbered data from one router to the other, at a steady rate, and what became of each. */
export class Flow {
  readonly from: SimRouter
  readonly to: SimRouter
  readonly #sentAt: number[] = []
  readonly #arrived = new Set<number>()
  readonly #unsentAt: number[] = []
  /** When the latest datum to arrive had been sent. */
  newest = -1
  /** When the first datum that arrived had been sent; infinity while none has. */
  firstSent = Number.POSITIVE_INFINITY
  duplicates = 0
  #stopped = false

  constructor(from: SimRouter, to: SimRouter) {
    this.from = from
    this.to = to
  }

  run(time: VirtualTime, interval: number): void {
    time.after(millis(interval), () => {
      if (this.#stopped) return
      this.#send(time.now())
      this.run(time, interval)
    })
  }

  stop(): void {
    this.#stopped = true
  }

  #send(now: number): void {
    if (!this.from.running) return
    if (this.from.transmit(this.to.name, this.#sentAt.length)) this.#sentAt.push(now)
    else this.#unsentAt.push(now)
  }

  arrive(number: number): void {
    if (this.#arrived.has(number)) this.duplicates++
    this.#arrived.add(number)
    const sentAt = this.#sentAt[number]
    if (sentAt === undefined) return
    this.newest = Math.max(this.newest, sentAt)
    this.firstSent = Math.min(this.firstSent, sentAt)
  }

  get sent(): number {
    return this.#sentAt.length
  }

  get delivered(): number {
    return this.#arrived.size
  }

  /** What was not delivered of all that should have gone from `since` on; nothing on a lossless path. */
  missing(since: number, now: number): string | undefined {
    const unsent = this.#unsentAt.find(at => at >= since)
    if (unsent !== undefined) return `${this.from.name} had no outbound SA at ${unsent}`
    for (let number = this.#sentAt.length - 1; number >= 0; number--) {
      const at = this.#sentAt[number] as number
      if (at < since) break
      if (at <= now - LOST_AFTER && !this.#arrived.has(number))
        return `datum ${number} from ${this.from.name}, sent at ${at}, is lost`
    }
    return undefined
  }
}
