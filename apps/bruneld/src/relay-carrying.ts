import { after, type Instant, millis, since } from '@brunel/base'

/** What crosses a tunnel, at this moment. */
export interface TunnelCrossing {
  /** Nobody took it down, and its SAs stand. */
  readonly stands: boolean
  /** Authenticated data has crossed both ways since they do. */
  readonly crossed: boolean
  /** When something last came out of it. */
  readonly lastIn: Instant | undefined
}

/** Five beacons lost. Shorter: a daemon that is busy is taken for dead. Longer: `failFast` is later by as much. */
const SILENT = millis(5000)
/** Who fell silent is left alone for so long; then it is tried as if no relay were there. */
const REST = millis(10_000)

/**
 * Whether a tunnel carries, as its relay has to know. Authenticated data must have crossed it once. A new IKE SA in
 * place of another is no doubt: every reauthentication would let the neighbours die. Silence is one only where a relay
 * has to beacon every second; elsewhere IKE finds out whether the peer lives.
 */
export class Carrying {
  #carries = false
  #hearsRelay = false
  #restsUntil: Instant | undefined
  /** Of the last look. */
  silent = false
  #lastIn: Instant | undefined

  /** Of the last look. */
  get is(): boolean {
    return this.#carries
  }

  look(now: Instant, { stands, crossed, lastIn }: TunnelCrossing): boolean {
    this.#lastIn = lastIn
    if (!stands) {
      this.#hearsRelay = false
      this.#restsUntil = undefined
    } else if (this.#hearsRelay && !this.#recent(now)) {
      this.#hearsRelay = false
      this.#restsUntil = after(now, REST)
    }
    this.silent = this.#restsUntil !== undefined && now < this.#restsUntil
    this.#carries = stands && !this.silent && (crossed || this.#carries)
    return this.#carries
  }

  heardBeacon(now: Instant): void {
    this.#hearsRelay = true
    this.#restsUntil = undefined
    this.#lastIn = now
  }

  /**
   * Where no relay was ever heard, beacons only keep company with what comes: alone they would look like a tunnel that
   * swallows what is sent.
   */
  mayBeacon(now: Instant): boolean {
    return this.#hearsRelay || this.#recent(now)
  }

  #recent(now: Instant): boolean {
    return this.#lastIn !== undefined && since(this.#lastIn, now) <= SILENT
  }
}
