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

/** Of refused ones: those of a forger, who is not limited, must push out none that was carried. */
const MOST_REFUSED = 2048

interface Seen {
  readonly port: Port
  readonly at: Instant
}

export class Recent {
  /** Oldest first. */
  readonly #seen = new Map<Digest, Seen>()
  readonly #refused = new Map<Digest, Seen>()

  /** Whether the packet was carried a moment ago. */
  has(now: Instant, digest: Digest, port: Port): boolean {
    const seen = this.#seen.get(digest)
    return seen !== undefined && since(seen.at, now) < (seen.port === port ? SAME_PORT : ELSEWHERE)
  }

  add(now: Instant, digest: Digest, port: Port): void {
    put(this.#seen, digest, { port, at: now }, MOST)
  }

  /** It came in where its source does not live. */
  refuse(now: Instant, digest: Digest, port: Port): void {
    if (this.elsewhere(now, digest) === undefined) put(this.#refused, digest, { port, at: now }, MOST_REFUSED)
  }

  /** The port where the very same packet was refused a moment ago: it has been heard there. */
  elsewhere(now: Instant, digest: Digest): Port | undefined {
    const seen = this.#refused.get(digest)
    return seen !== undefined && since(seen.at, now) < ELSEWHERE ? seen.port : undefined
  }
}

function put(table: Map<Digest, Seen>, digest: Digest, seen: Seen, most: number): void {
  table.delete(digest)
  table.set(digest, seen)
  for (const [oldest, { at }] of table) {
    if (table.size <= most && since(at, seen.at) < ELSEWHERE) break
    table.delete(oldest)
  }
}
