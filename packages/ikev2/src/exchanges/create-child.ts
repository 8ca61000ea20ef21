import { after, millis } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import { type ChildSa, isLive } from '../child-sa.js'
import { answerToChildRekey, isLower } from '../collisions.js'
import type { Failure } from '../contract.js'
import * as failures from '../failures.js'
import type { Intent } from '../intents.js'
import type { IkeSa } from '../sa.js'
import type { Answer, Doing } from '../sa-stage.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'
import { childRefused } from './auth.js'
import { answerChild } from './child-answer.js'
import { makeChild } from './child-make.js'
import { type ChildOffer, makeOffer, offerPayloads } from './child-offer.js'
import { agreementOf, childSteps, readOutcome } from './child-steps.js'
import { type AwaitedChild, awaitNext, forgetAwaited, forgetSteps, nextMethod } from './follow-up.js'
import { busy } from './temporary-failure.js'

/**
 * CREATE_CHILD_SA that makes a child, or a successor of one: RFC 7296 §1.3.1, §1.3.3; drawn in child-offer.ts.
 * Rekeying, and what happens when both do it at once (§2.8.1):
 *
 *     we                                   peer
 *     REKEY_SA(old), Ni1  ──>   <──  REKEY_SA(old), Ni2     each answers as usual and notes the crossing
 *     <──  Nr1                             Nr2  ──>         lowest of the four nonces: redundant
 *     its creator:        Delete(redundant)
 *     the other creator:  Delete(old)
 */
export function beginChild(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  intent: Extract<Intent, { readonly want: 'create-child' | 'rekey-child' }>,
): void {
  const old = intent.want === 'rekey-child' ? session.children.inbound(intent.spiIn) : undefined
  if (intent.want === 'rekey-child' && old?.state.is !== 'installed') return
  if (intent.want === 'rekey-child' && old !== undefined && isUnsure(session, old)) {
    const notBefore = after(turn.now, sa.host.ports.settings.temporaryFailureWait)
    return sa.intents.add({ ...intent, notBefore })
  }
  // Somebody else made one while the wish waited.
  if (intent.want === 'create-child' && session.control.hasChildFor(session)) return
  const offer = makeOffer(sa, session.control, { exchange: 'esp', old, group: intent.group })
  if (old !== undefined) {
    old.state = { is: 'rekeying' }
    turn.report({ event: 'rekey-begun', peer: session.control.peer.name, what: 'child' })
  }
  sa.request(turn, {
    type: Wire.EXCHANGE.CREATE_CHILD_SA,
    payloads: offerPayloads(offer, old),
    doing:
      old === undefined ? { what: 'create-child', offer } : { what: 'rekey-child', offer, old: old.spiIn },
  })
}

/** The peer made it and has not deleted its predecessor: perhaps our answer is still under way. */
const isUnsure = (session: Session, child: ChildSa): boolean =>
  session.children.all.some(other => other.state.is === 'rekeyed' && other.state.by === child.spiIn)

type ChildDoing = Extract<Doing, { readonly what: 'create-child' | 'rekey-child' }>

export function childAnswered(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  doing: ChildDoing,
  payloads: readonly Wire.Payload[] | undefined,
): void {
  const { offer } = doing
  const { agreed } = sa
  // Closed meanwhile: the child that the peer made goes with the IKE SA (RFC 7296 §1.4.1).
  if (agreed === undefined || session.over) return abandon(sa, offer)
  const old = doing.what === 'rekey-child' ? session.children.inbound(doing.old) : undefined
  const outcome = readOutcome(sa, offer, payloads)
  offer.keyPair?.wipe()
  if ('next' in outcome)
    return sa.request(turn, {
      type: Wire.EXCHANGE.IKE_FOLLOWUP_KE,
      payloads: outcome.next.payloads,
      doing: { ...doing, offer: { ...offer, keyPair: outcome.next.keyPair, following: outcome.state } },
    })
  if ('choice' in outcome) {
    session.busySince = undefined
    const made = makeChild(turn, sa, session, {
      agreed,
      agreement: outcome,
      spiIn: offer.spiIn,
      ours: true,
      old,
    })
    return settleCrossing(turn, sa, session, { made, crossing: offer.crossing, old })
  }
  forgetSteps(sa, offer.following)
  // The peer holds what we refuse: RFC 7296 §2.21.
  if (offer.following === undefined && payloads !== undefined && Wire.find(payloads, 'SA') !== undefined)
    sa.intents.add({ want: 'refuse-child', spiIn: offer.spiIn })
  sa.host.childSpis.free(offer.spiIn)
  if (old?.state.is === 'rekeying') old.state = { is: 'installed' }
  const survivor = crossed(session, offer)[0]
  // RFC 7296 §2.8.1: the peer's rekey succeeded, so ours is not needed; the peer deletes the old one.
  if (survivor !== undefined) {
    if (old === undefined) return
    reportCrossing(turn, session, 'none')
    return superseded(turn, sa, old, survivor.spiIn)
  }
  if ('notifyType' in outcome) return childRefusedBy(turn, sa, session, { doing, old, error: outcome })
  childFailed(turn, session, { doing, why: outcome })
}

function abandon(sa: IkeSa, offer: ChildOffer): void {
  offer.keyPair?.wipe()
  forgetSteps(sa, offer.following)
  sa.host.childSpis.free(offer.spiIn)
}

/** Children that the peer made meanwhile and that still carry traffic. */
const crossed = (session: Session, offer: ChildOffer): readonly ChildSa[] =>
  offer.crossing.filter(child => session.children.inbound(child.spiIn) === child && isLive(child))

function superseded(turn: Turn, sa: IkeSa, child: ChildSa, by: number): void {
  child.state = { is: 'rekeyed', by, deleteAt: after(turn.now, sa.host.ports.settings.replacedLingers) }
}

/** RFC 7296 §2.8.1: the one with the lowest nonce is redundant; whoever made the survivor deletes the old one. */
function settleCrossing(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  about: {
    readonly made: ReturnType<typeof makeChild>
    readonly crossing: readonly ChildSa[]
    readonly old: ChildSa | undefined
  },
): void {
  const { made, old } = about
  const theirs = about.crossing.filter(
    child => session.children.inbound(child.spiIn) === child && isLive(child),
  )
  // The peer has rekeyed its own already: it did not notice the crossing, or it has won.
  const heir = heirOf(session, about)
  const lost = heir !== undefined || theirs.some(child => isLower(made.sa.lowestNonce, child.lowestNonce))
  session.install(turn, { ...made, takeOver: !lost })
  if (old !== undefined && theirs.length > 0) reportCrossing(turn, session, lost ? 'ours' : 'theirs')
  if (lost) {
    const survivor = heir ?? (theirs[0] as ChildSa)
    remove(sa, made.sa, failures.replaced('the peer rekeyed at the same time, and its nonces are higher'))
    if (old !== undefined && isLive(old)) superseded(turn, sa, old, survivor.spiIn)
    return
  }
  for (const child of theirs) superseded(turn, sa, child, made.sa.spiIn)
  if (old !== undefined) remove(sa, old, failures.replaced('rekeyed'))
  session.control.childArrived(turn, session)
}

function reportCrossing(turn: Turn, session: Session, redundant: 'ours' | 'theirs' | 'none'): void {
  turn.report({ event: 'rekey-crossed', peer: session.control.peer.name, what: 'child', redundant })
}

/** What carries on for a child that the peer made while our answer was under way, and that is not live any more. */
function heirOf(
  session: Session,
  about: { readonly crossing: readonly ChildSa[]; readonly old: ChildSa | undefined },
): ChildSa | undefined {
  const { crossing, old } = about
  const spis = crossing.map(child => child.spiIn)
  return session.children.live.find(child =>
    // A child is asked for from scratch only where there is none.
    old === undefined
      ? crossing.length > 0 && !crossing.includes(child)
      : child.replaces !== undefined && spis.includes(child.replaces),
  )
}

function remove(sa: IkeSa, child: ChildSa, why: Failure): void {
  child.state = { is: 'closing' }
  sa.intents.add({ want: 'delete-children', spisIn: [child.spiIn], why })
}

interface RefusedChild {
  readonly doing: ChildDoing
  readonly old: ChildSa | undefined
  readonly error: Wire.NotifyPayload
}

function childRefusedBy(turn: Turn, sa: IkeSa, session: Session, refused: RefusedChild): void {
  const { doing, old, error } = refused
  const { notifyType } = error
  const { NOTIFY } = Wire
  // RFC 9370 §2.2.4: begun anew after STATE_NOT_FOUND, since the peer has lost what it went on with.
  if (notifyType === NOTIFY.TEMPORARY_FAILURE || notifyType === NOTIFY.STATE_NOT_FOUND)
    return busy(turn, sa, session, again(doing, old))
  if (notifyType === NOTIFY.INVALID_KE_PAYLOAD && error.data.length === 2 && !doing.offer.regrouped) {
    const group = Wire.readUint16(error.data, 0)
    const wish = again(doing, old)
    if (wish !== undefined) sa.intents.add({ ...wish, group })
    return
  }
  if (notifyType === NOTIFY.CHILD_SA_NOT_FOUND && doing.what === 'rekey-child') {
    // RFC 7296 §2.25: silently deleted here too, and made anew, unless a collision explains it.
    if (old !== undefined)
      session.removeChild(turn, old, {
        grace: millis(0),
        why: failures.outOfStep('the peer does not know a child'),
      })
    return sa.intents.add({ want: 'create-child' })
  }
  if (notifyType === NOTIFY.INVALID_SYNTAX)
    return sa.end(turn, failures.malformed('our CREATE_CHILD_SA', 'the peer cannot read it')) // RFC 7296 §2.21.3
  if (notifyType === NOTIFY.NO_ADDITIONAL_SAS) {
    // RFC 7296 §4: a minimal peer has the one child of IKE_AUTH; a new one takes a new IKE SA, made before the break.
    session.control.childlessTaught = false
    return session.control.renew(turn, session, failures.refused('CREATE_CHILD_SA', 'NO_ADDITIONAL_SAS'))
  }
  childFailed(turn, session, { doing, why: childRefused(session.control, doing.offer, notifyType) })
}

const again = (
  doing: ChildDoing,
  old: ChildSa | undefined,
): Extract<Intent, { readonly want: 'create-child' | 'rekey-child' }> | undefined =>
  doing.what === 'create-child'
    ? { want: 'create-child' }
    : old === undefined
      ? undefined
      : { want: 'rekey-child', spiIn: old.spiIn }

function childFailed(
  turn: Turn,
  session: Session,
  about: { readonly doing: ChildDoing; readonly why: Failure },
): void {
  session.control.childFailed(turn, session, { exchange: 'CREATE_CHILD_SA', why: about.why })
}

/** The peer asks for a child, or for a successor of one. */
export function answerCreateChild(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  payloads: readonly Wire.Payload[],
): Answer {
  const rekey = Wire.findNotify(payloads, Wire.NOTIFY.REKEY_SA)
  const spi = rekey?.spi.length === 4 ? Wire.readUint32(rekey.spi, 0) : undefined
  // REKEY_SA names what the peer receives: RFC 7296 §1.3.3.
  const old = spi === undefined ? undefined : session.children.outbound(spi)
  const refusal = judge(turn, sa, session, { isRekey: rekey !== undefined, spi, old })
  if (refusal !== undefined) return { payloads: [refusal] }
  if (old !== undefined) session.control.traffic.confirm(old.spiIn)
  const answer = answerChild(sa, session.control, { payloads, old, given: undefined })
  if ('refusal' in answer) {
    const { refusal: notify, why } = answer
    if (notify.notifyType === Wire.NOTIFY.INVALID_SYNTAX) return sa.fatal(notify.notifyType, why)
    if (notify.notifyType !== Wire.NOTIFY.INVALID_KE_PAYLOAD)
      session.control.failed(turn, { exchange: 'CREATE_CHILD_SA', why }, sa.remote)
    return { payloads: [notify] }
  }
  forgetAwaited(sa)
  const { agreement, spiIn, payloads: ours } = answer
  const rekeys = rekey && { spi }
  return goOnOrMake(turn, sa, session, { what: 'child', ...childSteps(agreement), spiIn, rekeys }, ours)
}

/** IKE_FOLLOWUP_KE of the peer: RFC 9370 §2.2.4. What happened since CREATE_CHILD_SA may forbid it. */
export function answerChildStep(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  state: AwaitedChild,
  ke: Wire.KePayload,
): Answer {
  const spi = state.rekeys?.spi
  const old = spi === undefined ? undefined : session.children.outbound(spi)
  const refusal = judge(turn, sa, session, { isRekey: state.rekeys !== undefined, spi, old })
  if (refusal === undefined) return goOnOrMake(turn, sa, session, state, [ke])
  forgetSteps(sa, state)
  sa.host.childSpis.free(state.spiIn)
  return { payloads: [refusal] }
}

/** The peer's exchange goes on with a further step, or this answer completes it. */
function goOnOrMake(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  state: AwaitedChild,
  payloads: readonly Wire.PlainPayload[],
): Answer {
  if (nextMethod(state) !== undefined) return { payloads: [...payloads, ...awaitNext(sa, state)] }
  if (sa.agreed === undefined) return { payloads: [] }
  const { spiIn, rekeys } = state
  const old = rekeys?.spi === undefined ? undefined : session.children.outbound(rekeys.spi)
  const agreement = agreementOf(state)
  const made = makeChild(turn, sa, session, { agreed: sa.agreed, agreement, spiIn, ours: false, old })
  // RFC 7296 §2.8: received from here on, sent on when the peer uses it or deletes the old one.
  session.install(turn, { ...made, takeOver: false })
  noteCrossing(turn, sa, session, { made: made.sa, old })
  return { payloads }
}

/** RFC 7296 §2.25.1, §2.25.2; the decisions themselves are in collisions.ts. */
function judge(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  about: { readonly isRekey: boolean; readonly spi: number | undefined; readonly old: ChildSa | undefined },
): Wire.NotifyPayload | undefined {
  const ikeSa = sa.stage.is === 'closing' ? 'closing' : isRekeyingIke(sa) ? 'rekeying' : 'steady'
  const decision = answerToChildRekey(about.isRekey ? childState(about.old) : 'installed', ikeSa)
  if (decision === 'TEMPORARY_FAILURE') return Wire.notify(Wire.NOTIFY.TEMPORARY_FAILURE)
  // It may be the very child of which the answer to us is still under way.
  if (decision === 'CHILD_SA_NOT_FOUND' && session.current.isCreatingChild)
    return Wire.notify(Wire.NOTIFY.TEMPORARY_FAILURE)
  if (decision === 'CHILD_SA_NOT_FOUND')
    return Wire.notifyChild(Wire.NOTIFY.CHILD_SA_NOT_FOUND, about.spi ?? 0)
  return !about.isRekey && hasJustMadeOne(turn, sa, session)
    ? Wire.notify(Wire.NOTIFY.TEMPORARY_FAILURE)
    : undefined
}

const isRekeyingIke = (sa: IkeSa): boolean =>
  sa.stage.is === 'replaced' || sa.outgoing?.doing.what === 'rekey-ike'

/** A second rekey by the peer of what it has rekeyed already is answered as usual: RFC 7296 §2.8. */
const childState = (old: ChildSa | undefined): 'unknown' | 'installed' | 'rekeying' | 'closing' =>
  old === undefined ? 'unknown' : old.state.is === 'rekeyed' ? 'installed' : old.state.is

/** Both ends found that a child is missing, and our request was first: the peer's, which is late, is not needed. */
const hasJustMadeOne = (turn: Turn, sa: IkeSa, session: Session): boolean =>
  session.children.live.some(
    child =>
      child.ours &&
      child.replaces === undefined &&
      turn.now - child.establishedAt < 2 * sa.host.ports.settings.replacedLingers,
  ) && session.children.live.every(child => child.ours)

function noteCrossing(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  about: { readonly made: ChildSa; readonly old: ChildSa | undefined },
): void {
  const doing = session.current.outgoing?.doing
  const { made, old } = about
  const ours = doing?.what === 'rekey-child' || doing?.what === 'create-child' ? doing : undefined
  const crosses =
    ours?.what === 'rekey-child' ? ours.old === old?.spiIn : ours !== undefined && old === undefined
  if (ours !== undefined && crosses) ours.offer.crossing.push(made)
  else if (old !== undefined) superseded(turn, sa, old, made.spiIn)
}
