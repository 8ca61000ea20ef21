import { after, millis } from '@brunel/base'
import * as failures from '../failures.js'
import type { Intent } from '../intents.js'
import type { IkeSa } from '../sa.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'

/**
 * RFC 7296 §2.25: never at once, so that the peer can finish; with jitter, so that two who refuse each other do not
 * meet again; and after several minutes the two are out of step, and the IKE SA is closed.
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
  const wait = settings.temporaryFailureWait + random.jitter(settings.temporaryFailureWait)
  sa.intents.add({ ...wish, notBefore: after(turn.now, millis(wait)) })
}
