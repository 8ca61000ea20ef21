import type { Family } from '@brunel/base'
import { Address } from '@brunel/wire'
import { filterOf } from './lan-filter.js'

/** Packets of one protocol from one LAN. */
export interface Wire {
  readonly family: Family
  readonly protocol: number
  readonly groups: readonly string[]
  /** It comes by unicast too. */
  readonly unicast: boolean
}

/** One socket: whom it hears, and saying what to whom. */
export interface Ear {
  /** Of whom: ears of one name share what is read in a while. */
  readonly of: string
  /** The only destination of what it hears; undefined: the header says it. */
  readonly to: string | undefined
  readonly groups: readonly string[]
  /** Sources that are heard, or those that are not. */
  readonly from: readonly string[]
  readonly program: Uint8Array
}

/** Each costs the kernel a look at every packet of the protocol. Fewer: more routers of a LAN share with strangers. */
const MOST_RESIDENTS = 8
/**
 * As many as the relay learns of one tunnel. Fewer: the unicast of OSPFv3 for those beyond is not heard. More: each takes
 * two sockets, and each socket some 0.3 µs of the kernel for each packet of unicast; a flood is paid for as often.
 */
export const MOST_FAR = 64

/**
 * Who hears what. A flood fills a socket, and what does not fit is lost without regard to who sent it: so each router of
 * the LAN that is known has sockets of its own, and those of all others do not take its packets. A raw socket of IPv6 gives
 * no IP header, so that nobody says to whom a packet went (its checksum does, but OSPFv3 with RFC 7166 §4.2 has none, nor
 * has EIGRP one over addresses): so each destination has sockets of its own too. What is for this machine, none hears.
 * In this order: ears of residents first. Addresses of both families, in canonical text, who is known for longest first.
 */
export function earsOf(wire: Wire, residents: Iterable<string>, far: Iterable<string>): readonly Ear[] {
  const known = firstOf(residents, wire.family, MOST_RESIDENTS)
  const ear = (
    of: string,
    from: readonly string[],
    to: string | undefined,
    groups: readonly string[],
  ): Ear => {
    const sources = from.map(text => Address.parse(text)!)
    const destination = to === undefined ? undefined : Address.parse(to)
    return {
      of,
      to,
      groups,
      from,
      program: filterOf({ from: sources, among: of !== STRANGERS, to: destination }),
    }
  }
  const { family, groups } = wire
  const shared = family === 4 ? [{ to: undefined, groups }] : groups.map(to => ({ to, groups: [to] }))
  const unicast = family === 6 && wire.unicast ? firstOf(far, 6, MOST_FAR) : []
  return [
    ...known.flatMap(one => shared.map(({ to, groups }) => ear(one, [one], to, groups))),
    ...(known.length === 0 ? [] : unicast.map(to => ear(RESIDENTS, known, to, []))),
    ...shared.map(({ to, groups }) => ear(STRANGERS, known, to, groups)),
    ...unicast.map(to => ear(STRANGERS, known, to, [])),
  ]
}

const STRANGERS = 'strangers'
const RESIDENTS = 'residents'

const firstOf = (addresses: Iterable<string>, family: Family, most: number): readonly string[] =>
  [...addresses].filter(text => text.includes(':') === (family === 6)).slice(0, most)
