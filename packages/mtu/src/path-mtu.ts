import {
  after,
  type Family,
  type Instant,
  type Machine,
  type Millis,
  millis,
  seconds,
  type Tick,
} from '@brunel/base'
import { type WireMtu, wireMtu } from './units.js'

/**
 * The MTU of the path to one peer, as ICMP from the underlay tells it: RFC 1191, RFC 8201, RFC 4301 §8.2.
 *
 *     link ──too-big below──▶ lowered ──10 min──▶ next plateau ──2 min──▶ … ──▶ link
 *                                ▲──────────too-big below───────────┘
 *
 * What the underlay says is not authenticated, so it only ever lowers, never below the floor.
 */

export type PathMtuInput =
  /**
   * An ICMP "too big" that quotes what we sent: the caller matched SPI or port pair (RFC 4301 §8.2.2).
   * `mtu` 0 from an old router; `quotedLength` is the total length of the quoted packet, where it is known.
   */
  | { readonly on: 'too-big'; readonly mtu: number; readonly quotedLength?: number }
  /** The MTU of the interface towards the peer; what was learned below it stays. */
  | { readonly on: 'link'; readonly mtu: WireMtu }
  /** Another path (the peer moved, the route changed): forget what was learned. */
  | { readonly on: 'path-changed' }

export type PathMtuEffect = {
  readonly do: 'changed'
  readonly mtu: WireMtu
  readonly why: 'reported' | 'plateau' | 'aged' | 'link' | 'path-changed'
}

/** RFC 1191 §7 table 7-1. */
const PLATEAUS: readonly number[] = [68, 296, 508, 1006, 1492, 2002, 4352, 8166, 17914, 32000, 65535]

/** RFC 1191 §3: a report below 68 is nonsense; RFC 8201 §4: below 1280 it is discarded. */
const LEAST_REPORT: Record<Family, number> = { 4: 68, 6: 1280 }

/** Lower, a forged report could stop the tunnel (RFC 4301 §8.2.1); every IP host takes 576 or 1280 (RFC 791 §3.1, RFC 8200 §5). */
const FLOOR: Record<Family, number> = { 4: 576, 6: 1280 }

/** RFC 1191 §7.1: ten minutes after a decrease (twice the five that RFC 8201 §4 demands), two after a raise. */
const AFTER_DECREASE: Millis = seconds(600)
const AFTER_RAISE: Millis = seconds(120)

const plateauBelow = (mtu: number): number => PLATEAUS.findLast(plateau => plateau < mtu) ?? 0
const plateauAbove = (mtu: number): number => PLATEAUS.find(plateau => plateau > mtu) ?? 65535

export class PathMtu implements Machine<PathMtuInput, PathMtuEffect> {
  deadline: Instant | undefined
  readonly #family: Family
  readonly #timings: { readonly afterDecrease: Millis; readonly afterRaise: Millis }
  #link: WireMtu
  #current: WireMtu

  /** `timings` shorter than RFC 8201 §4 allows are lengthened: five minutes after a decrease, one after a raise. */
  constructor(
    family: Family,
    link: WireMtu,
    timings = { afterDecrease: AFTER_DECREASE, afterRaise: AFTER_RAISE },
  ) {
    this.#family = family
    this.#timings = {
      afterDecrease: millis(Math.max(300_000, timings.afterDecrease)),
      afterRaise: millis(Math.max(60_000, timings.afterRaise)),
    }
    this.#link = link
    this.#current = link
  }

  get mtu(): WireMtu {
    return this.#current
  }

  handle(now: Instant, input: PathMtuInput | Tick): readonly PathMtuEffect[] {
    switch (input.on) {
      case 'too-big':
        return this.#tooBig(now, input)
      case 'link':
        return this.#setLink(input.mtu)
      case 'path-changed':
        this.deadline = undefined
        return this.#change(this.#link, 'path-changed')
      case 'tick':
        return this.#age(now)
    }
  }

  #tooBig(now: Instant, report: { mtu: number; quotedLength?: number }): readonly PathMtuEffect[] {
    const told = this.#told(report)
    if (told === undefined) return []
    const mtu = Math.max(told, FLOOR[this.#family])
    // RFC 1191 §3, RFC 8201 §4: a report never raises the estimate.
    if (mtu >= this.#current) return []
    this.deadline = after(now, this.#timings.afterDecrease)
    return this.#change(wireMtu(mtu), report.mtu === 0 ? 'plateau' : 'reported')
  }

  /** What a report means, or undefined where it is ignored. */
  #told(report: { mtu: number; quotedLength?: number }): number | undefined {
    if (this.#family === 4 && report.mtu === 0) {
      // RFC 1191 §5: the router is older than the field; the packet it quotes was too big.
      const sent = Math.min(this.#current, report.quotedLength ?? this.#current)
      return sent < LEAST_REPORT[4] ? undefined : plateauBelow(sent)
    }
    return report.mtu < LEAST_REPORT[this.#family] ? undefined : report.mtu
  }

  #setLink(link: WireMtu): readonly PathMtuEffect[] {
    const learned = this.deadline !== undefined && this.#current < link
    this.#link = link
    if (learned) return []
    this.deadline = undefined
    return this.#change(link, 'link')
  }

  /** RFC 1191 §6.3, §7.1: old news fade by plateaus, so that a raise which is wrong costs little. */
  #age(now: Instant): readonly PathMtuEffect[] {
    if (this.deadline === undefined || now < this.deadline) return []
    const raised = wireMtu(Math.min(plateauAbove(this.#current), this.#link))
    this.deadline = raised < this.#link ? after(now, this.#timings.afterRaise) : undefined
    return this.#change(raised, 'aged')
  }

  #change(mtu: WireMtu, why: PathMtuEffect['why']): readonly PathMtuEffect[] {
    if (mtu === this.#current) return []
    this.#current = mtu
    return [{ do: 'changed', mtu, why }]
  }
}
