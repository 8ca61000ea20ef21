import { type Instant, type Millis, millis, type Packet, since } from '@brunel/base'
import type { Carried } from './carried.js'
import type { Port } from './contract.js'

/**
 * The multicast packets of the last moment, by digest, and where each came in first. A packet that comes round by
 * another port is one that went in a circle, or that another relay put on the LAN; by the same port it may be a router
 * that says the same again, but not sooner than routers do.
 */

/** Longer than a packet needs round any circle of tunnels; shorter would let a slow circle turn. */
const ELSEWHERE: Millis = millis(1000)
/** Shorter than the 250 ms of the fastest Hellos in use, which may be alike to the octet. */
const SAME_PORT: Millis = millis(200)
/** The rates of all ports are bounded; a table too small only lets duplicates pass. */
const MOST = 8192

export type Digest = number

/**
 * Of what no relay changes: addresses, IPv4 identification, protocol and payload. Two relays that mark or cut the same
 * packet agree on it. 53 bits: not one collision in years of full tables.
 */
export function digestOf(p: Packet, packet: Carried): Digest {
  const { bytes } = p
  let [a, b] = [0x811c9dc5 ^ packet.protocol, 0x01000193 ^ packet.family]
  const add = (from: number, to: number): void => {
    for (let at = from; at < to; at++) {
      a = Math.imul(a ^ bytes[at]!, 0x01000193)
      b = Math.imul(b ^ bytes[at]!, 0x85ebca6b)
      b ^= b >>> 15
    }
  }
  if (packet.family === 4) {
    add(p.start + 4, p.start + 6)
    add(p.start + 12, p.start + 20)
  } else add(p.start + 8, p.start + 40)
  add(packet.payloadAt, packet.endAt)
  return (a >>> 0) * 0x200000 + (b >>> 11)
}

export class Recent {
  /** Oldest first. */
  readonly #seen = new Map<Digest, { readonly port: Port; readonly at: Instant }>()

  /** Whether the packet was carried a moment ago. */
  has(now: Instant, digest: Digest, port: Port): boolean {
    const seen = this.#seen.get(digest)
    return seen !== undefined && since(seen.at, now) < (seen.port === port ? SAME_PORT : ELSEWHERE)
  }

  add(now: Instant, digest: Digest, port: Port): void {
    this.#seen.delete(digest)
    this.#seen.set(digest, { port, at: now })
    for (const [oldest, { at }] of this.#seen) {
      if (this.#seen.size <= MOST && since(at, now) < ELSEWHERE) break
      this.#seen.delete(oldest)
    }
  }
}
