import { after, type Instant, millis, since } from '@brunel/base'

/** What is known of a tunnel, at a moment. */
export interface GateView {
  /** Nobody took it down, and its SAs stand. */
  readonly stands: boolean
  /** The relay at the far end, which has to speak every second, does not. */
  readonly silent: boolean
}

/** The first negotiation has so long: the routes are there from the start. Longer: another way is taken later. */
const FIRST = millis(5000)
/** A router that authenticates anew without overlap has no SA for a moment. Longer: another way is taken later. */
const MOMENT = millis(500)
/** Who closes so often in so long a time waits before it opens again, or each turn would move all traffic twice. */
const OFTEN = 3
const WHILE = millis(60_000)
const WAIT = millis(10_000)

/**
 * Whether the routes of a tunnel lead into it. Closed while it cannot carry data; not only because none comes: whoever
 * receives and has nothing to say is silent too, and a tunnel without routes would stay so.
 */
export class RouteGate {
  readonly #born: Instant
  #open = true
  #stood = false
  #badSince: Instant | undefined
  #closed: readonly Instant[] = []

  constructor(now: Instant) {
    this.#born = now
  }

  look(now: Instant, { stands, silent }: GateView): boolean {
    if (stands) this.#stood = true
    this.#badSince = stands && !silent ? undefined : (this.#badSince ?? now)
    if (this.#badSince === undefined) this.#open ||= this.#mayOpen(now)
    else if (this.#open && this.#isOver(now, this.#badSince)) {
      this.#open = false
      this.#closed = [...this.#closed.filter(at => since(at, now) < WHILE), now]
    }
    return this.#open
  }

  #isOver(now: Instant, bad: Instant): boolean {
    return this.#stood ? since(bad, now) >= MOMENT : since(this.#born, now) >= FIRST
  }

  #mayOpen(now: Instant): boolean {
    const last = this.#closed.at(-1)
    return this.#closed.length < OFTEN || last === undefined || now >= after(last, WAIT)
  }
}
