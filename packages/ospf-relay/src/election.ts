import type { Link } from './beacon.js'

/**
 * Which of several ways between the same two LANs is used. Pure: relays that heard the same decide the same, at both
 * ends, because both name a link alike.
 */

/** All relays of a LAN call it by the lowest of them. */
export const lanName = (own: string, others: Iterable<string>): string =>
  [...others].reduce((lowest, id) => (id < lowest ? id : lowest), own)

const number = (n: number): string => n.toString(16).padStart(4, '0')

/** One end of a tunnel between relays. */
export interface End {
  readonly relay: string
  readonly number: number
}

/** The name of a tunnel: its two relays, the lower first, and the number that the lower one gives it. */
export function linkId(a: End, b: End): string {
  const [low, high] = a.relay < b.relay ? [a, b] : [b, a]
  return low.relay + high.relay + number(low.number)
}

/** A far end that is no relay of ours has a name from its identity: the same on every relay that has a tunnel to it. */
export function farName(identity: string): string {
  let [a, b] = [0x811c9dc5, 0xcbf29ce4]
  for (let i = 0; i < identity.length; i++) {
    a = Math.imul(a ^ identity.charCodeAt(i), 0x01000193)
    b = Math.imul(b ^ identity.charCodeAt(i), 0x85ebca6b)
    b ^= b >>> 15
  }
  return [a, b].map(half => (half >>> 0).toString(16).padStart(8, '0')).join('')
}

/** The lowest link to each far LAN wins. */
export function winners(links: Iterable<Link>): ReadonlyMap<string, string> {
  const lowest = new Map<string, string>()
  for (const { far, id } of links) {
    const best = lowest.get(far)
    if (best === undefined || id < best) lowest.set(far, id)
  }
  return lowest
}
