import { type Endpoint, millis, seconds } from '@brunel/base'
import type { Dice } from './dice.js'
import type { Nat } from './nat.js'
import type { VirtualTime } from './virtual-time.js'

/** What crosses the underlay: a UDP payload, or an ESP packet as protocol 50 (ports 0). */
export interface Datagram {
  readonly protocol: 17 | 50
  readonly from: Endpoint
  readonly to: Endpoint
  readonly bytes: Uint8Array
}

/** How a host's uplink treats what the host sends. Probabilities from 0 to 1, times in milliseconds. */
export interface Quality {
  readonly loss: number
  readonly duplicate: number
  readonly delay: number
  /** Up to so much more for each datagram, so that it also reorders. */
  readonly jitter: number
  /** Share of datagrams held back ten times `delay`. */
  readonly late: number
  /** IP packets above it are lost: fragments do not pass. */
  readonly mtu: number
}

export const PERFECT: Quality = { loss: 0, duplicate: 0, delay: 10, jitter: 0, late: 0, mtu: 1500 }

/** Sees every datagram where it leaves its sender, after the NAT, and again where it arrives, before the NAT. */
export type Tap = (datagram: Datagram, fate: 'sent' | 'lost' | 'arrived') => void

const IPV4_UDP = 28
const IPV6_UDP = 48

/**
 * Hosts by address, each with an uplink; whatever reaches the cloud from one uplink arrives at once. A datagram is
 * judged once, by its sender's uplink, and delivered by an appointment, never within the call that sent it.
 */
export class Network {
  readonly #time: VirtualTime
  readonly #dice: Dice
  readonly #hosts = new Map<string, (datagram: Datagram) => void>()
  readonly #uplinks = new Map<string, Quality>()
  readonly #cut = new Set<string>()
  readonly #nats = new Map<string, Nat>()
  readonly #taps: Tap[] = []

  constructor(time: VirtualTime, dice: Dice) {
    this.#time = time
    this.#dice = dice
  }

  attach(address: string, receive: (datagram: Datagram) => void): void {
    this.#hosts.set(address, receive)
  }

  detach(address: string): void {
    this.#hosts.delete(address)
  }

  quality(address: string, quality: Quality): void {
    this.#uplinks.set(address, quality)
  }

  /** Nothing leaves or reaches the host until `mend`. */
  cut(address: string): void {
    this.#cut.add(address)
  }

  mend(address: string): void {
    this.#cut.delete(address)
  }

  /** Puts a NAT in front of its inside address. */
  nat(nat: Nat): void {
    this.#nats.set(nat.inside, nat)
    this.#nats.set(nat.outside, nat)
  }

  tap(tap: Tap): void {
    this.#taps.push(tap)
  }

  send(sent: Datagram): void {
    const origin = sent.from.address
    const datagram = this.#nats.get(origin)?.outbound(sent) ?? sent
    const quality = this.#uplinks.get(origin) ?? PERFECT
    const header = origin.includes(':') ? IPV6_UDP : IPV4_UDP
    const lost =
      this.#cut.has(origin) || datagram.bytes.length + header > quality.mtu || this.#dice.chance(quality.loss)
    for (const tap of this.#taps) tap(datagram, lost ? 'lost' : 'sent')
    if (lost) return
    this.#deliver(datagram, quality)
    if (this.#dice.chance(quality.duplicate)) this.#deliver(datagram, quality)
  }

  /** Sends as a stranger does: with any source address, from beside the path, `delay` 5 ms. */
  inject(datagram: Datagram): void {
    for (const tap of this.#taps) tap(datagram, 'sent')
    this.#time.after(millis(5), () => this.#arrive(datagram))
  }

  #deliver(datagram: Datagram, quality: Quality): void {
    let delay = quality.delay
    if (quality.jitter > 0) delay += this.#dice.below(quality.jitter + 1)
    if (this.#dice.chance(quality.late)) delay += Math.min(10 * quality.delay, seconds(4))
    this.#time.after(millis(delay), () => this.#arrive(datagram))
  }

  #arrive(datagram: Datagram): void {
    for (const tap of this.#taps) tap(datagram, 'arrived')
    const nat = this.#nats.get(datagram.to.address)
    const inside = nat?.outside === datagram.to.address ? nat.inbound(datagram) : datagram
    if (inside === undefined || this.#cut.has(inside.to.address)) return
    this.#hosts.get(inside.to.address)?.(inside)
  }
}
