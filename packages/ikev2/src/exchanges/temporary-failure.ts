import { after, type Instant, type Millis, millis } from '@brunel/base'
import * as failures from '../failures.js'
import type { Intent } from '../intents.js'
import type { IkeSa } from '../sa.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'

/**
 * RFC 7296 §2.25: never at once, so that the peer can finish; with jitter, so that two who refuse each other do not
 * meet again; before what is to be rekeyed expires; and after several minutes the two are out of step, and the IKE SA is closed.
 */
export function busy(turn: Turn, sa: IkeSa, session: Session, wish: Intent | undefined): void {
  const { settings, random } = sa.host.ports
  session.busySince ??= turn.now
  if (turn.now - session.busySince >= settings.temporaryFailureLimit)
    return session.close(turn, failures.outOfStep('it keeps answering TEMPORARY_FAILURE'), millis(0))
  if (wish === undefined) return
  if (wish.want === 'rekey-ike' || wish.want === 'rekey-child') {
    const what = wish.want === 'rekey-ike' ? 'ike' : 'child'
    turn.report({ event: 'rekey-deferred', peer: session.control.peer.name, what })
  }
  const wait = inTime(turn.now, settings.temporaryFailureWait, expiry(sa, session, wish))
  sa.intents.add({ ...wish, notBefore: after(turn.now, millis(wait + random.jitter(wait))) })
}

/** Greater: fewer attempts before what is to be rekeyed expires. Smaller: the peer has less time to finish. */
const SHARE_OF_THE_REST = 1 / 8

/** Shorter where little of the lifetime is left, so that there are several attempts before it is over. */
function inTime(now: Instant, wait: Millis, expires: Instant | undefined): Millis {
  if (expires === undefined) return wait
  const share = Math.max(wait / 10, (expires - now) * SHARE_OF_THE_REST)
  return millis(Math.min(wait, Math.floor(share)))
}

function expiry(sa: IkeSa, session: Session, wish: Intent): Instant | undefined {
  if (wish.want === 'rekey-ike') return sa.lifetime?.hard
  return wish.want === 'rekey-child' ? session.children.inbound(wish.spiIn)?.lifetime.hard : undefined
}
