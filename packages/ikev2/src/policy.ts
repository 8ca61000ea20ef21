import type { TrafficSelector } from './contract.js'
import type { PeerControl } from './peer.js'
import type { IkeSa } from './sa.js'
import { GRE, greSelector, intersection, type SelectorPair } from './selectors.js'

/**
 * Which traffic a peer may have. Configured selectors stand as they are; the default is GRE between the two tunnel
 * end points. Behind a NAT an end point is the address that its router knows, which nobody else does: there an
 * authenticated peer may name one host for GRE, if that address belongs to no other peer (RFC 4301 §4.4.3.4).
 */
export function proposedSelectors(sa: IkeSa, control: PeerControl): SelectorPair {
  const { selectors } = control.peer
  return {
    tsi: selectors?.local ?? [greSelector(sa.local.address)],
    tsr: selectors?.remote ?? [greSelector(sa.remote.address)],
  }
}

/** What of an offer the peer may have at all; `narrow` then takes the intersection. */
export function allowedSelectors(sa: IkeSa, control: PeerControl, offer: SelectorPair): SelectorPair {
  const { selectors } = control.peer
  return {
    tsi:
      selectors?.remote ??
      allowedEnd(offer.tsi, { seen: sa.remote.address, hidden: sa.nat.remote, sa, control }),
    tsr:
      selectors?.local ??
      allowedEnd(offer.tsr, { seen: sa.local.address, hidden: sa.nat.local, sa, control }),
  }
}

interface End {
  /** The address on the outside of its packets. */
  readonly seen: string
  /** Behind a NAT, or said to be. */
  readonly hidden: boolean
  readonly sa: IkeSa
  readonly control: PeerControl
}

function allowedEnd(offered: readonly TrafficSelector[], end: End): readonly TrafficSelector[] {
  const seen = [greSelector(end.seen)]
  if (!end.hidden || intersection(offered, seen).length > 0) return seen
  const host = offered.find(s => s.startAddress === s.endAddress && (s.protocol === GRE || s.protocol === 0))
  if (host === undefined || belongsToAnother(end, host.startAddress)) return seen
  return [greSelector(host.startAddress)]
}

/** RFC 7296 §5.1, RFC 3948 §5.1: a peer never gets another one's addresses. */
const belongsToAnother = ({ sa, control }: End, address: string): boolean =>
  sa.host.peers.all.some(
    other =>
      other !== control &&
      (other.peer.remoteAddress === address ||
        other.liveChildren().some(child => child.remoteSelectors.some(s => s.startAddress === address))),
  )
