import { isDrop } from '@brunel/base'
import type { IkeProposal, KeyPair } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import { withoutAdditional } from '../additional-exchanges.js'
import { answerToIkeRekey } from '../collisions.js'
import * as failures from '../failures.js'
import { type IkeSuite, type Nonces, rekeySkeyseed } from '../key-schedule.js'
import { lifetimeFrom } from '../lifetimes.js'
import { nearest } from '../nearest.js'
import { offerTexts } from '../proposal-text.js'
import {
  answerOf,
  type Choice,
  chooseIke,
  firstGroup,
  offeredGroup,
  offerIke,
  verifyIkeChoice,
} from '../proposals.js'
import { type Agreed, IkeSa } from '../sa.js'
import type { Answer } from '../sa-stage.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'
import {
  type AwaitedIke,
  awaitNext,
  follow,
  forgetAwaited,
  forgetSteps,
  type IkeSteps,
  nextMethod,
  nextStep,
} from './follow-up.js'
import { heirOf, liveOf, replace, reportCrossing, settleSuccessors } from './ike-crossing.js'
import { agreeOn, isNonce, kePayload, NONCE_LENGTH } from './sa-init.js'
import { busy } from './temporary-failure.js'

/**
 * CREATE_CHILD_SA that makes a successor of the IKE SA: RFC 7296 §1.3.2, §2.18, §2.8.2.
 *
 *     HDR, SK {SA(new SPI), Ni, KEi}  -->
 *                                     <--  HDR, SK {SA(new SPI), Nr, KEr}
 *     on the old one:  Delete  -->         by whoever made the surviving successor
 */
export interface IkeOffer {
  readonly sa: Wire.SaPayload
  readonly spi: IkeSa['spiInitiator']
  readonly keyPair: KeyPair
  readonly nonce: Uint8Array
  readonly regrouped: boolean
  /** IKE_FOLLOWUP_KE is under way, and `keyPair` is that of its step. */
  readonly following?: IkeSteps
  /** Successors that the peer made while this request was under way. */
  readonly crossing: { readonly sa: IkeSa; readonly nonces: Nonces }[]
}

/** Additional key exchanges only with a peer that has made one: RFC 9370 §2.2.4. */
const proposalsFor = (sa: IkeSa, session: Session): readonly IkeProposal[] => {
  const { proposals } = session.control.peer.ike
  return sa.agreed?.suite.additional === undefined ? withoutAdditional(proposals) : proposals
}

export function beginRekeyIke(turn: Turn, sa: IkeSa, session: Session, asked: number | undefined): void {
  const { crypto, random } = sa.host.ports
  const proposals = proposalsFor(sa, session)
  const preferred = asked ?? sa.agreed?.suite.group.id
  const group =
    (preferred === undefined ? undefined : offeredGroup(proposals, preferred)) ?? firstGroup(proposals)
  if (group === undefined) return
  const spi = sa.host.newIkeSpi()
  const offer: IkeOffer = {
    sa: offerIke(proposals, Wire.ikeSpiBytes(spi)),
    spi,
    keyPair: crypto.keyPair(group),
    nonce: random.nonce(NONCE_LENGTH),
    regrouped: asked !== undefined,
    crossing: [],
  }
  turn.report({ event: 'rekey-begun', peer: session.control.peer.name, what: 'ike' })
  sa.request(turn, {
    type: Wire.EXCHANGE.CREATE_CHILD_SA,
    payloads: [offer.sa, { type: 'NONCE', data: offer.nonce }, kePayload(offer.keyPair)],
    doing: { what: 'rekey-ike', offer },
  })
}

export function ikeRekeyAnswered(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  offer: IkeOffer,
  payloads: readonly Wire.Payload[] | undefined,
): void {
  const state = payloads === undefined ? undefined : readSteps(offer, payloads)
  offer.keyPair.wipe()
  const step =
    state === undefined || payloads === undefined || session.over ? undefined : nextStep(sa, state, payloads)
  if (step !== undefined)
    return sa.request(turn, {
      type: Wire.EXCHANGE.IKE_FOLLOWUP_KE,
      payloads: step.payloads,
      doing: { what: 'rekey-ike', offer: { ...offer, keyPair: step.keyPair, following: state as IkeSteps } },
    })
  const complete = state !== undefined && nextMethod(state) === undefined
  if (!complete) forgetSteps(sa, state ?? offer.following)
  const made = complete ? readSuccessor(turn, sa, session, { offer, state }) : undefined
  // Closed meanwhile: the peer has a successor, which must go too.
  if (session.over) return made?.successor.close(turn, failures.closedHere('its predecessor was closed'))
  if (made !== undefined) return settleSuccessors(turn, sa, session, { offer, ...made })
  const theirs = heirOf(sa, session, offer) ?? liveOf(offer)[0]?.sa
  // RFC 7296 §2.8.2: the peer's rekey succeeded, so ours is not needed.
  if (theirs !== undefined) {
    reportCrossing(turn, session, 'none')
    return replace(turn, sa, session, theirs)
  }
  const error = payloads === undefined ? undefined : Wire.errorNotify(payloads)
  if (error?.notifyType === Wire.NOTIFY.TEMPORARY_FAILURE)
    return busy(turn, sa, session, { want: 'rekey-ike' })
  if (error?.notifyType === Wire.NOTIFY.INVALID_SYNTAX)
    return sa.end(turn, failures.malformed('our CREATE_CHILD_SA', 'the peer cannot read it')) // RFC 7296 §2.21.3
  if (error?.notifyType === Wire.NOTIFY.INVALID_KE_PAYLOAD && error.data.length === 2 && !offer.regrouped)
    return sa.intents.add({ want: 'rekey-ike', group: Wire.readUint16(error.data, 0) })
  const why =
    error?.notifyType === Wire.NOTIFY.NO_PROPOSAL_CHOSEN
      ? failures.proposalsRefused('IKE', offerTexts(offer.sa))
      : failures.refused(
          'the rekeying of the IKE SA',
          error === undefined ? 'nonsense' : Wire.notifyName(error.notifyType),
        )
  session.control.failed(turn, { exchange: 'CREATE_CHILD_SA', why }, sa.remote)
}

function readSuccessor(
  turn: Turn,
  old: IkeSa,
  session: Session,
  from: { readonly offer: IkeOffer; readonly state: IkeSteps },
): { readonly successor: IkeSa; readonly nonces: Nonces } {
  const { choice, nonces, secrets } = from.state
  const successor = succeed(turn, old, session, {
    initiator: true,
    spis: { spiInitiator: from.offer.spi, spiResponder: Wire.ikeSpi(choice.spi) },
    suite: choice.suite,
    nonces,
    secrets,
  })
  return { successor, nonces }
}

/** What the answer to CREATE_CHILD_SA, or to a step after it, adds; undefined: nothing of use. */
function readSteps(offer: IkeOffer, payloads: readonly Wire.Payload[]): IkeSteps | undefined {
  if (offer.following !== undefined) return follow(offer, payloads)
  const [saPayload, nr, ke] = [
    Wire.find(payloads, 'SA'),
    Wire.find(payloads, 'NONCE'),
    Wire.find(payloads, 'KE'),
  ]
  if (saPayload === undefined || nr === undefined || ke === undefined || !isNonce(nr.data)) return undefined
  const choice = verifyIkeChoice(saPayload, offer.sa, 'ike-rekey')
  if (
    choice === undefined ||
    choice.suite.group !== offer.keyPair.group ||
    ke.group !== choice.suite.group.id
  )
    return undefined
  const secret = offer.keyPair.agree(ke.data)
  if (isDrop(secret)) return undefined
  return { choice: kept(choice), nonces: { ni: offer.nonce, nr: nr.data.slice() }, secrets: [secret] }
}

const NONE = new Uint8Array(0)

/** It outlives the message it came in. */
const kept = (choice: Choice<IkeSuite>): Choice<IkeSuite> => ({ ...choice, spi: choice.spi.slice() })

/** RFC 7296 §2.18: SKEYSEED by the old PRF and the old SK_d; both Message IDs begin at 0. */
function succeed(
  turn: Turn,
  old: IkeSa,
  session: Session,
  made: {
    readonly initiator: boolean
    readonly spis: Pick<IkeSa, 'spiInitiator' | 'spiResponder'>
    readonly suite: IkeSuite
    readonly nonces: Nonces
    readonly secrets: readonly Uint8Array[]
  },
): IkeSa {
  const { crypto, settings, random } = old.host.ports
  const agreed = old.agreed as Agreed
  const sa = new IkeSa({
    host: old.host,
    initiator: made.initiator,
    now: turn.now,
    ...made.spis,
    ends: old,
    stage: { is: 'established' },
    nextId: 0,
    expectedId: 0,
  })
  const [first = NONE, ...more] = made.secrets
  const skeyseed = rekeySkeyseed(
    crypto,
    { prf: agreed.suite.prf, d: agreed.keys.d },
    made.nonces,
    first,
    more,
  )
  for (const secret of made.secrets) crypto.wipe(secret)
  sa.nat = old.nat
  agreeOn(sa, {
    suite: made.suite,
    nonces: made.nonces,
    skeyseed,
    fragmentation: agreed.channel.fragmentation,
  })
  // The answer to our request shows that the peer holds it; of one that the peer asked for we know nothing yet.
  sa.proven = made.initiator
  sa.establishedAt = turn.now
  sa.lifetime = lifetimeFrom(turn.now, session.control.peer.ike.lifetime, settings.rekeyMarginPercent, random)
  sa.session = session
  session.generations.add(sa)
  session.control.adopt(sa)
  sa.host.register(sa)
  return sa
}

/** The peer asks for a successor of this IKE SA. */
export function answerIkeRekey(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  payloads: readonly Wire.Payload[],
): Answer {
  const [offer, ni, ke] = [Wire.find(payloads, 'SA'), Wire.find(payloads, 'NONCE'), Wire.find(payloads, 'KE')]
  if (offer === undefined || ni === undefined || !isNonce(ni.data))
    return sa.fatal(Wire.NOTIFY.INVALID_SYNTAX, failures.malformed('CREATE_CHILD_SA', 'SA or nonce'))
  if (!acceptsIkeRekey(sa)) return { payloads: [Wire.notify(Wire.NOTIFY.TEMPORARY_FAILURE)] }
  const ours = proposalsFor(sa, session)
  const choice = chooseIke(offer, ours, { exchange: 'ike-rekey', keGroup: ke?.group ?? 0 })
  if (isDrop(choice))
    return sa.fatal(Wire.NOTIFY.INVALID_SYNTAX, failures.malformed('CREATE_CHILD_SA', choice))
  if (choice === undefined) {
    const mine = offerIke(ours, new Uint8Array(0))
    const near = nearest('ike', mine, offer)
    const why = failures.noCommonIkeProposal(offerTexts(mine), offerTexts(offer), near)
    session.control.failed(turn, { exchange: 'CREATE_CHILD_SA', why }, sa.remote)
    return { payloads: [Wire.notify(Wire.NOTIFY.NO_PROPOSAL_CHOSEN)] }
  }
  const { group } = choice.suite
  if (ke === undefined || ke.group !== group.id)
    return { payloads: [Wire.notify(Wire.NOTIFY.INVALID_KE_PAYLOAD, Wire.uint16(group.id))] }
  const pair = sa.host.ports.crypto.keyPair(group)
  const secret = pair.agree(ke.data)
  pair.wipe()
  // RFC 6989 §2.5: after IKE_SA_INIT a bad public value ends the IKE SA.
  if (isDrop(secret))
    return sa.fatal(Wire.NOTIFY.INVALID_SYNTAX, failures.malformed('CREATE_CHILD_SA', `KEi (${secret})`))
  const spi = sa.host.newIkeSpi()
  const nonces = { ni: ni.data.slice(), nr: sa.host.ports.random.nonce(NONCE_LENGTH) }
  const state = { what: 'ike', choice: kept(choice), nonces, secrets: [secret], spi } as const
  forgetAwaited(sa)
  return goOnOrSucceed(turn, sa, session, state, [
    answerOf(choice, Wire.PROTOCOL.IKE, Wire.ikeSpiBytes(spi)),
    { type: 'NONCE', data: nonces.nr },
    kePayload(pair),
  ])
}

/** Whether a rekey by the peer may go on: RFC 7296 §2.8.2, §2.25.2. */
export const acceptsIkeRekey = (sa: IkeSa): boolean =>
  answerToIkeRekey(ikeState(sa), isBusyWithChild(sa)) === 'accept'

/** The peer's rekey goes on with a further step, or this answer completes it. */
export function goOnOrSucceed(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  state: AwaitedIke,
  payloads: readonly Wire.PlainPayload[],
): Answer {
  if (nextMethod(state) !== undefined) return { payloads: [...payloads, ...awaitNext(sa, state)] }
  const { choice, nonces, secrets } = state
  const successor = succeed(turn, sa, session, {
    initiator: false,
    spis: { spiInitiator: Wire.ikeSpi(choice.spi), spiResponder: state.spi },
    suite: choice.suite,
    nonces,
    secrets,
  })
  return {
    payloads,
    afterwards: t => {
      const doing = sa.outgoing?.doing
      if (doing?.what === 'rekey-ike') doing.offer.crossing.push({ sa: successor, nonces })
      else replace(t, sa, session, successor)
    },
  }
}

function ikeState(sa: IkeSa): 'steady' | 'rekeying' | 'replaced' | 'closing' {
  if (sa.stage.is === 'replaced' || sa.stage.is === 'closing') return sa.stage.is
  return sa.outgoing?.doing.what === 'rekey-ike' ? 'rekeying' : 'steady'
}

/** RFC 7296 §2.25.2. */
const isBusyWithChild = (sa: IkeSa): boolean => {
  const what = sa.outgoing?.doing.what
  return what === 'create-child' || what === 'rekey-child' || what === 'delete-children'
}
