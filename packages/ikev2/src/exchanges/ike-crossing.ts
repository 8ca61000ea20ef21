import { after } from '@brunel/base'
import { isLower, lowerNonce } from '../collisions.js'
import * as failures from '../failures.js'
import type { Nonces } from '../key-schedule.js'
import type { IkeSa } from '../sa.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'
import type { IkeOffer } from './rekey-ike.js'

/** Rekeys of the IKE SA that cross, RFC 7296 §2.8.2: which successor stays, and who deletes what. */

/** RFC 7296 §2.8.2: the successor made with the lowest nonce is deleted by its maker, the old one by the other. */
export function settleSuccessors(
  turn: Turn,
  old: IkeSa,
  session: Session,
  about: { readonly offer: IkeOffer; readonly successor: IkeSa; readonly nonces: Nonces },
): void {
  const { successor, nonces } = about
  const theirs = liveOf(about.offer)
  const heir = heirOf(old, session, about.offer)
  const winner = heir ?? theirs.find(other => isLower(lowerNonce(nonces), lowerNonce(other.nonces)))?.sa
  session.busySince = undefined
  if (theirs.length > 0 || heir !== undefined)
    reportCrossing(turn, session, winner === undefined ? 'theirs' : 'ours')
  if (winner !== undefined) {
    replace(turn, old, session, winner)
    return successor.close(
      turn,
      failures.replaced('the peer rekeyed at the same time, and its nonces are higher'),
    )
  }
  const name = session.control.peer.name
  turn.report({ event: 'ike-rekeyed', peer: name, spi: successor.spiText, initiator: true })
  session.promote(successor)
  for (const other of theirs) linger(turn, other.sa, successor)
  old.close(turn, failures.replaced('rekeyed'))
}

/** Successors that the peer made meanwhile. */
export const liveOf = ({ crossing }: IkeOffer): IkeOffer['crossing'] =>
  crossing.filter(({ sa }) => sa.stage.is === 'established')

/** The peer has rekeyed the one that it made: it did not notice the crossing, or it has won. */
export function heirOf(old: IkeSa, session: Session, offer: IkeOffer): IkeSa | undefined {
  const goesOn = session.current !== old && session.current.stage.is === 'established'
  return goesOn && offer.crossing.length > 0 && liveOf(offer).length === 0 ? session.current : undefined
}

export function reportCrossing(turn: Turn, session: Session, redundant: 'ours' | 'theirs' | 'none'): void {
  turn.report({ event: 'rekey-crossed', peer: session.control.peer.name, what: 'ike', redundant })
}

/** The peer made the successor: it deletes the old one. */
export function replace(turn: Turn, old: IkeSa, session: Session, by: IkeSa): void {
  if (session.current !== by) {
    const name = session.control.peer.name
    turn.report({ event: 'ike-rekeyed', peer: name, spi: by.spiText, initiator: false })
    session.promote(by)
  }
  linger(turn, old, by)
}

function linger(turn: Turn, sa: IkeSa, by: IkeSa): void {
  if (sa.stage.is === 'established')
    sa.stage = { is: 'replaced', by, deleteAt: after(turn.now, sa.host.ports.settings.replacedLingers) }
}
