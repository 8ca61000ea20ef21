import { after, bug, type Drop, type Family, type Instant, isDrop, type Millis } from '@brunel/base'
import { Ike } from '@brunel/wire'

/**
 * IKE fragmentation, RFC 7383. The chain of payloads that would be inside one SK is cut, and each piece travels in an
 * SKF of its own, sealed and authenticated alone:
 *
 *     HDR(first=SKF), SKF(1/3, first inner type) ──>
 *     HDR(first=SKF), SKF(2/3, 0) ──>
 *     HDR(first=SKF), SKF(3/3, 0) ──>
 */

/** Octets of an IKE message that fit an IP datagram of `datagram` octets, with UDP and non-ESP marker: RFC 7383 §2.5.1. */
export const messageRoom = (datagram: number, family: Family): number =>
  datagram - (family === 4 ? 20 : 40) - 8 - 4

/** In all but fragment 1: RFC 7383 §2.5. */
const NOT_FIRST = 0
const SKF_CLEAR = Ike.HEADER_LENGTH + 4 + 4

/** Whether one SK message of this chain fits. IKE_SA_INIT is never fragmented: RFC 7383 §2.4. */
export const needsFragments = (inside: Ike.Chain, sealer: Ike.Sealer, room: number): boolean =>
  Ike.HEADER_LENGTH + 4 + inside.bytes.length + sealer.overhead(inside.bytes.length) > room

/**
 * All fragments of a message, none longer than `room`. `moreThan`: the Total of the transmission before, which a
 * smaller size must exceed (RFC 7383 §2.5.2).
 */
export function emitFragments(
  header: Ike.OutgoingHeader,
  inside: Ike.Chain,
  sealer: Ike.Sealer,
  size: { readonly room: number; readonly moreThan: number },
): readonly Uint8Array[] {
  const total = Math.max(Math.ceil(inside.bytes.length / contentRoom(sealer, size.room)), size.moreThan + 1)
  const start = (i: number): number => Math.floor((i * inside.bytes.length) / total)
  return Array.from({ length: total }, (_, i) =>
    Ike.emitFragment(
      header,
      {
        number: i + 1,
        total,
        first: i === 0 ? inside.first : NOT_FIRST,
        bytes: inside.bytes.subarray(start(i), start(i + 1)),
      },
      sealer,
    ),
  )
}

/** The largest content of one fragment; padding makes it a search. */
export function contentRoom(sealer: Ike.Sealer, room: number): number {
  for (let length = room - SKF_CLEAR; length > 0; length--)
    if (SKF_CLEAR + length + sealer.overhead(length) <= room) return length
  return bug(`no fragment fits in ${room} octets`)
}

/** Implementation limits. Too low: large certificates do not arrive. Too high: a peer can make us keep memory. */
export const FRAGMENTS_MOST = 64
export const FRAGMENT_OCTETS_MOST = 65536

export type FragmentStep =
  | { readonly is: 'waiting' }
  /** The inside of the message, as if it had come in one SK payload. */
  | { readonly is: 'complete'; readonly inside: Ike.Chain }
  | { readonly is: 'refused'; readonly drop: Drop }

/**
 * The fragments of one message (one direction, one Message ID). Whoever holds it makes a new one for the next Message
 * ID and discards it at `deadline`, after which it is as if nothing had come: RFC 7383 §2.6.
 */
export class Reassembly {
  readonly deadline: Instant
  /** What stood in front of the first one, as if the message had come whole; of IKE_INTERMEDIATE only. */
  outside: Uint8Array | undefined
  #total = 0
  #octets = 0
  #first = 0
  #pieces = new Map<number, Uint8Array>()

  constructor(now: Instant, timeout: Millis) {
    this.deadline = after(now, timeout)
  }

  /** `open` checks the ICV and decrypts; it is not called for what is refused before, and nothing is kept before it. */
  accept(skf: Ike.SkfPayload, open: () => Uint8Array | Drop): FragmentStep {
    if (!this.#isWanted(skf)) return { is: 'refused', drop: 'ike-fragment' }
    const content = open()
    if (isDrop(content)) return { is: 'refused', drop: content }
    if (skf.total > this.#total) this.#restart(skf.total) // RFC 7383 §2.6: only after the ICV is good
    if (this.#octets + content.length > FRAGMENT_OCTETS_MOST) return { is: 'refused', drop: 'ike-fragment' }
    this.#pieces.set(skf.number, content)
    this.#octets += content.length
    if (skf.number === 1) this.#first = skf.first
    return this.#pieces.size === this.#total ? { is: 'complete', inside: this.#whole() } : { is: 'waiting' }
  }

  /** RFC 7383 §2.6: a smaller Total was superseded, a duplicate is a replay. */
  #isWanted({ number, total }: Ike.SkfPayload): boolean {
    if (total > FRAGMENTS_MOST || total < this.#total) return false
    return total > this.#total || !this.#pieces.has(number)
  }

  #restart(total: number): void {
    this.#total = total
    this.#octets = 0
    this.#pieces = new Map()
  }

  #whole(): Ike.Chain {
    const pieces = Array.from({ length: this.#total }, (_, i) => this.#pieces.get(i + 1) as Uint8Array)
    return { first: this.#first, bytes: Ike.concat(...pieces) }
  }
}

/** Of a request that was answered already, only fragment 1 makes the answer be sent again: RFC 7383 §2.6.1. */
export const triggersAnswer = (skf: Ike.SkfPayload): boolean => skf.number === 1
