import { after, type Instant, millis, sooner } from '@brunel/base'
import { type ChildSa, isLive } from './child-sa.js'
import * as failures from './failures.js'
import type { IkeSa } from './sa.js'
import type { Session } from './session.js'
import type { Turn } from './turn.js'

/** RFC 7296 §2.8: soft asks for a successor; hard stops the traffic. What was replaced goes by itself at last. */
export function tickChildren(turn: Turn, sa: IkeSa, session: Session): void {
  for (const child of session.children.all) {
    if (child.lifetime.hard <= turn.now) expire(turn, session, child)
    else if (child.state.is === 'rekeyed' && child.state.deleteAt <= turn.now)
      deleteReplaced(turn, sa, session, child)
    else if (child.state.is === 'installed' && child.lifetime.soft <= turn.now) {
      sa.intents.add({ want: 'rekey-child', spiIn: child.spiIn })
      child.lifetime = { ...child.lifetime, soft: after(turn.now, sa.host.ports.settings.rekeyRetry) }
    }
  }
}

/** RFC 7296 §2.8: where rekeying failed until the end, the IKE SA is closed with its children, and all begins anew. */
export function expire(turn: Turn, session: Session, child: ChildSa): void {
  const why = failures.expired('lifetime of the child SA')
  if (isLive(child)) return session.close(turn, why, millis(0))
  session.removeChild(turn, child, { grace: millis(0), why })
}

/**
 * The peer made its successor and should have deleted it: RFC 7296 §2.8. While it has not used the successor, our
 * answer may still be under way, and this one is all that it has. A successor that is gone will never be used.
 */
function deleteReplaced(turn: Turn, sa: IkeSa, session: Session, child: ChildSa): void {
  if (child.state.is !== 'rekeyed') return
  const { by } = child.state
  if (session.children.inbound(by) !== undefined && !session.control.traffic.isReady(by)) {
    child.state = { ...child.state, deleteAt: after(turn.now, sa.host.ports.settings.replacedLingers) }
    return
  }
  child.state = { is: 'closing' }
  sa.intents.add({ want: 'delete-children', spisIn: [child.spiIn], why: failures.replaced('rekeyed') })
}

export function childDeadline(session: Session): Instant | undefined {
  return session.children.all.reduce<Instant | undefined>((first, child) => {
    const next =
      child.state.is === 'installed'
        ? child.lifetime.soft
        : child.state.is === 'rekeyed'
          ? child.state.deleteAt
          : undefined
    return sooner(first, sooner(next, child.lifetime.hard))
  }, undefined)
}
