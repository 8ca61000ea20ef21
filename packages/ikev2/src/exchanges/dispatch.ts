import { Ike as Wire } from '@brunel/wire'
import * as failures from '../failures.js'
import { beginMtu, mtuAnswered } from '../inner-mtu.js'
import type { Intent } from '../intents.js'
import { checkMessage, exchangeName } from '../message-rules.js'
import type { IkeSa } from '../sa.js'
import type { Answer, Incoming, InFlight } from '../sa-stage.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'
import { authAnswered } from './auth.js'
import { answerAuth } from './auth-answer.js'
import { answerChildStep, answerCreateChild, beginChild, childAnswered } from './create-child.js'
import { answerStep } from './follow-up.js'
import {
  answerInformational,
  beginDelete,
  beginInformational,
  deleteIke,
  deletePayload,
  informationalAnswered,
} from './informational.js'
import { answerIntermediate, intermediateAnswered } from './intermediate.js'
import { beginMobike, livenessAnswered, livenessWords, mobikeAnswered } from './mobike.js'
import {
  acceptsIkeRekey,
  answerIkeRekey,
  beginRekeyIke,
  goOnOrSucceed,
  ikeRekeyAnswered,
} from './rekey-ike.js'

/** An authentic request, new in the window. Every one is answered (RFC 7296 §2.21.3), an IKE_AUTH that is held later. */
export function answerRequest(
  turn: Turn,
  sa: IkeSa,
  m: Incoming,
  payloads: readonly Wire.Payload[],
): Answer | undefined {
  const { exchangeType } = m.header
  const exchange = exchangeName(exchangeType)
  const answer = answerTo(turn, sa, m, payloads)
  if (answer === undefined) return undefined
  const peer = sa.control?.peer.name ?? sa.session?.control.peer.name
  const failed = answer.payloads.some(p => p.type === 'N' && Wire.isErrorNotify(p.notifyType))
  if (peer !== undefined && answer.payloads.length + payloads.length > 0)
    turn.report({ event: 'exchange', exchange, initiator: false, outcome: failed ? 'failed' : 'done' })
  return answer
}

function answerTo(turn: Turn, sa: IkeSa, m: Incoming, payloads: readonly Wire.Payload[]): Answer | undefined {
  const { exchangeType } = m.header
  const wrong = checkMessage({ exchangeType, response: false, encrypted: true, payloads })
  if (wrong?.drop === 'ike-critical') return unsupported(sa, payloads)
  if (wrong !== undefined)
    return sa.fatal(Wire.NOTIFY.INVALID_SYNTAX, failures.malformed('a request', wrong.detail))
  if (sa.stage.is === 'half-open') {
    if (sa.stage.held !== undefined) return undefined
    if (exchangeType === Wire.EXCHANGE.IKE_AUTH) return answerAuth(turn, sa, sa.stage.half, { m, payloads })
    if (exchangeType === Wire.EXCHANGE.IKE_INTERMEDIATE)
      return answerIntermediate(turn, sa, sa.stage.half, { m, payloads })
    return sa.fatal(Wire.NOTIFY.INVALID_SYNTAX, failures.malformed('IKE_AUTH', 'another exchange came first'))
  }
  const { session } = sa
  if (exchangeType === Wire.EXCHANGE.INFORMATIONAL) return answerInformational(turn, sa, m, payloads)
  if (exchangeType === Wire.EXCHANGE.IKE_FOLLOWUP_KE && session !== undefined)
    return answerFollowUp(turn, sa, session, payloads)
  if (exchangeType !== Wire.EXCHANGE.CREATE_CHILD_SA || session === undefined)
    return sa.fatal(
      Wire.NOTIFY.INVALID_SYNTAX,
      failures.malformed(exchangeName(exchangeType), 'it does not belong here'),
    )
  const isIke = Wire.find(payloads, 'SA')?.proposals.some(p => p.protocol === Wire.PROTOCOL.IKE) ?? false
  return isIke ? answerIkeRekey(turn, sa, session, payloads) : answerCreateChild(turn, sa, session, payloads)
}

/** IKE_FOLLOWUP_KE of the peer goes on with what its CREATE_CHILD_SA began: RFC 9370 §2.2.4. */
function answerFollowUp(turn: Turn, sa: IkeSa, session: Session, payloads: readonly Wire.Payload[]): Answer {
  if (sa.awaited?.what === 'ike' && !acceptsIkeRekey(sa))
    return { payloads: [Wire.notify(Wire.NOTIFY.TEMPORARY_FAILURE)] }
  const step = answerStep(sa, payloads)
  if ('state' in step)
    return step.state.what === 'ike'
      ? goOnOrSucceed(turn, sa, session, step.state, [step.ke])
      : answerChildStep(turn, sa, session, step.state, step.ke)
  if (step.refusal === Wire.NOTIFY.STATE_NOT_FOUND) return { payloads: [Wire.notify(step.refusal)] }
  return sa.fatal(step.refusal, failures.malformed('IKE_FOLLOWUP_KE', 'its KE payload'))
}

/** RFC 7296 §2.5, §2.21.2: rejected as a whole, with the type of the payload; in IKE_AUTH there is no IKE SA then. */
function unsupported(sa: IkeSa, payloads: readonly Wire.Payload[]): Answer {
  const type = Wire.unknownCritical(payloads) ?? 0
  const notify = Wire.notify(Wire.NOTIFY.UNSUPPORTED_CRITICAL_PAYLOAD, Uint8Array.of(type))
  if (sa.stage.is !== 'half-open') return { payloads: [notify] }
  return {
    payloads: [notify],
    afterwards: t => sa.end(t, failures.malformed('IKE_AUTH', `critical payload ${type}`)),
  }
}

/** Begins the exchange that a wish needs; what has become pointless meanwhile begins nothing. */
export function beginExchange(turn: Turn, sa: IkeSa, intent: Intent): void {
  const { session } = sa
  switch (intent.want) {
    case 'create-child':
    case 'rekey-child':
      return session && beginChild(turn, sa, session, intent)
    case 'rekey-ike':
      return session && beginRekeyIke(turn, sa, session, intent.group)
    case 'delete-children':
      return beginDelete(turn, sa, intent.spisIn, {
        what: 'delete-children',
        spisIn: intent.spisIn,
        why: intent.why,
      })
    case 'refuse-child':
      return beginInformational(turn, sa, { what: 'notify' }, [deletePayload([intent.spiIn])])
    case 'close':
      return beginInformational(turn, sa, { what: 'close' }, [deleteIke])
    case 'liveness':
      return beginInformational(turn, sa, { what: 'liveness' }, livenessWords(sa))
    case 'mobike':
      return session && beginMobike(turn, sa, session)
    case 'mtu':
      return session && beginMtu(turn, sa, session)
    case 'notify':
      return beginInformational(turn, sa, { what: 'notify' }, [Wire.notify(intent.notifyType, intent.data)])
  }
}

/** The authentic answer to our request. An error in it is never answered: RFC 7296 §2.21. */
export function takeResponse(
  turn: Turn,
  sa: IkeSa,
  flight: InFlight,
  answer: { readonly m: Incoming; readonly payloads: readonly Wire.Payload[] | undefined },
): void {
  const payloads = readable(turn, sa, answer)
  const { doing } = flight
  const { session } = sa
  const exchange = exchangeName(flight.exchangeType)
  const failed = payloads === undefined || Wire.errorNotify(payloads) !== undefined
  if (doing.what !== 'liveness')
    turn.report({ event: 'exchange', exchange, initiator: true, outcome: failed ? 'failed' : 'done' })
  switch (doing.what) {
    case 'sa-init':
      return
    case 'intermediate':
      return intermediateAnswered(turn, sa, doing, { m: answer.m, payloads })
    case 'auth':
      return sa.stage.is === 'authenticating' ? authAnswered(turn, sa, sa.stage.auth, payloads) : undefined
    case 'create-child':
    case 'rekey-child':
      return session && childAnswered(turn, sa, session, doing, payloads)
    case 'rekey-ike':
      return session && ikeRekeyAnswered(turn, sa, session, doing.offer, payloads)
    case 'liveness':
      return livenessAnswered(turn, sa, payloads)
    case 'mobike':
      return mobikeAnswered(turn, sa, doing, { m: answer.m, payloads })
    case 'mtu':
      return mtuAnswered(sa, doing)
    case 'delete-children':
    case 'close':
    case 'rejection':
    case 'notify':
      return informationalAnswered(turn, sa, doing)
  }
}

/** undefined for an answer that must be rejected as a whole: RFC 7296 §2.5, §2.21. */
function readable(
  turn: Turn,
  sa: IkeSa,
  { m, payloads }: { readonly m: Incoming; readonly payloads: readonly Wire.Payload[] | undefined },
): readonly Wire.Payload[] | undefined {
  if (payloads === undefined) {
    turn.drop('ike-payload', m.remote, 'an authentic response that cannot be read')
    return undefined
  }
  const { exchangeType } = m.header
  const wrong = checkMessage({ exchangeType, response: true, encrypted: true, payloads })
  if (wrong === undefined) return payloads
  turn.drop(wrong.drop, m.remote, wrong.detail)
  // IKE_AUTH judges for itself what is missing, since it must tell the peer (§2.21.2).
  return sa.stage.is === 'authenticating' && wrong.drop === 'ike-payload' ? payloads : undefined
}
