import { isDrop, type Packet } from '@brunel/base'
import { Ipv4 } from '@brunel/wire'
import type { OuterHeader } from './commands.js'
import { ecnOnly, encapsulatedTos } from './ecn.js'

/** In `ROW.tos` when sending, above the octet itself: the packet may be fragmented on the underlay. */
export const MAY_FRAGMENT = 0x100

/** How the outermost header of a tunnel's packets is made: RFC 4301 §5.1.2.1, §8.1. */
export class OuterTos {
  readonly #copiesAll: boolean
  readonly #df: OuterHeader['df']
  /** Traffic class and flag that do not depend on the packet. */
  readonly #fixed: number
  readonly #copiesDscp: boolean

  constructor({ df, dscp }: OuterHeader = { df: 'set', dscp: 'copy' }) {
    this.#df = df
    this.#copiesDscp = dscp === 'copy'
    this.#copiesAll = df === 'set' && dscp === 'copy'
    this.#fixed = (dscp === 'copy' ? 0 : dscp << 2) | (df === 'clear' ? MAY_FRAGMENT : 0)
  }

  /** For `ROW.tos`. The inner packet begins at the start of `p`. */
  of(p: Packet, family: 4 | 6, innerTos: number): number {
    if (this.#copiesAll) return encapsulatedTos(innerTos)
    const tos = this.#copiesDscp ? encapsulatedTos(innerTos) : ecnOnly(innerTos)
    return tos | this.#fixed | (this.#df === 'copy' && mayFragment(p, family) ? MAY_FRAGMENT : 0)
  }
}

/** RFC 4301 §8.1: IPv6 has no such bit, and is never fragmented on the way. */
function mayFragment(p: Packet, family: 4 | 6): boolean {
  const ip = family === 4 ? Ipv4.open(p, p.start) : 'ip-version'
  return !isDrop(ip) && !Ipv4.dontFragment(p, ip)
}
