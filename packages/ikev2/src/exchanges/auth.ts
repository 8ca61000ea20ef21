import { isDrop, since } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import { announcesChildless } from '../childless.js'
import { lowerNonce } from '../collisions.js'
import type { Failure, IkePeer, Ppk } from '../contract.js'
import { dropFirstChild } from '../erasing.js'
import * as failures from '../failures.js'
import { hold } from '../held.js'
import { identityOf, idPayload } from '../identity.js'
import { mtuWords, takeMtu, tellingOf } from '../inner-mtu.js'
import { type IntAuth, intAuthOctets } from '../int-auth.js'
import type { Nonces } from '../key-schedule.js'
import { lifetimeFrom } from '../lifetimes.js'
import { findId } from '../payload-find.js'
import type { PeerControl } from '../peer.js'
import { claimedText, identityText, sameIdentity } from '../peer-match.js'
import { type ProvenByPpk, ppkName, proveByPpk, takePpk, usesPpk } from '../ppk.js'
import * as ppkFailures from '../ppk-failures.js'
import { anchorsOf, certificateRequest, judge, looks, looksUp, ownProof, payloadsIn } from '../proof.js'
import { ikeSuiteText, offerTexts } from '../proposal-text.js'
import { isRedirect, redirected } from '../redirect.js'
import type { Agreed, IkeSa } from '../sa.js'
import { Session } from '../session.js'
import type { Turn } from '../turn.js'
import { validityFrom } from '../validity.js'
import { makeChild } from './child-make.js'
import { type ChildOffer, makeOffer, offerPayloads, readAnswer, selectorEvidence } from './child-offer.js'
import { agreeMobike, mobikeWords } from './mobike.js'

/**
 * IKE_AUTH, our side first: RFC 7296 §1.2, §2.15; what AUTH and CERT hold is in proof.ts.
 *
 *     HDR, SK {IDi, [CERT, …] [N(INITIAL_CONTACT),] [CERTREQ,] [IDr,] AUTH, SAi2, TSi, TSr}  -->
 *                                          <--  HDR, SK {IDr, [CERT, …] AUTH, SAr2, TSi, TSr}
 *                                          <--  HDR, SK {IDr, AUTH, N(…)}   no child, and yet an IKE SA (§2.21.2)
 *                                          <--  HDR, SK {N(AUTHENTICATION_FAILED)}
 */
export interface AuthAttempt {
  readonly nonces: Nonces
  /** Our IKE_SA_INIT request and the answer to it, as they were on the wire. */
  readonly message: Uint8Array
  readonly answer: Uint8Array
  /** Of the IKE_INTERMEDIATE exchanges between the two, and how many there were. */
  readonly intAuth?: IntAuth
  readonly steps?: number
  /** Both announced a PPK: RFC 8784 §3. */
  readonly ppk?: boolean
  /** Without a child, since we want it so and the responder can: RFC 6023 §3. */
  readonly childless?: boolean
  /** undefined: childless. */
  readonly offer: ChildOffer | undefined
}

/** What a half-open IKE SA of ours waits with. */
export type HalfOpen = Omit<AuthAttempt, 'offer'>

/** RFC 9242 §3.2: 1 for the first exchange after IKE_SA_INIT, and so on. */
export const nextMessageId = ({ steps = 0 }: HalfOpen): number => 1 + steps

export function beginAuth(turn: Turn, sa: IkeSa, control: PeerControl, init: HalfOpen): void {
  const { agreed } = sa
  if (agreed === undefined) return
  const { ports } = sa.host
  const { peer } = control
  const id = idPayload('IDi', peer.localId)
  const signing = {
    prf: agreed.suite.prf,
    message: init.message,
    peerNonce: init.nonces.nr,
    skP: agreed.keys.pi,
    id,
    intAuth: intAuthOctets(init.intAuth, nextMessageId(init)),
  }
  const ppk = init.ppk === true ? peer.ppk : undefined
  const announced = { message: init.answer, asked: payloadsIn(init.answer) }
  const proof = proveByPpk(turn, sa.host, peer, { signing, announced, ppk })
  if ('code' in proof) {
    sa.stage = { is: 'authenticating', auth: { ...init, offer: undefined } }
    return sa.end(turn, proof)
  }
  const offer =
    init.childless === true
      ? undefined
      : makeOffer(sa, control, { exchange: 'esp-in-auth', old: undefined, group: undefined })
  sa.stage = { is: 'authenticating', auth: { ...init, offer } }
  // RFC 7296 §2.4: only in the first IKE_AUTH, and only if it is true.
  const first = control.alive.length === 0 ? [Wire.notify(Wire.NOTIFY.INITIAL_CONTACT)] : []
  sa.request(turn, {
    type: Wire.EXCHANGE.IKE_AUTH,
    payloads: [
      id,
      ...proof.certificates,
      ...first,
      ...certificateRequest(ports, anchorsOf(peer), { ocsp: looks(peer), lookUp: looksUp(peer) }),
      ...(peer.remoteId === undefined ? [] : [idPayload('IDr', peer.remoteId)]),
      proof.auth,
      // RFC 6023 §5: neither SA nor TSi and TSr, nor a notify about a child.
      ...(offer === undefined ? [] : offerPayloads(offer, undefined)),
      ...mobikeWords(sa, control, true),
      ...mtuWords(sa, control),
      ...proof.notifies,
    ],
    doing: { what: 'auth' },
  })
}

export function authAnswered(
  turn: Turn,
  sa: IkeSa,
  auth: AuthAttempt,
  payloads: readonly Wire.Payload[] | undefined,
): void {
  const { control } = sa
  if (control === undefined || sa.agreed === undefined) return
  if (payloads === undefined) return sa.end(turn, failures.malformed('IKE_AUTH', 'the answer cannot be read'))
  const [idr, proof] = [findId(payloads, 'IDr'), Wire.find(payloads, 'AUTH')]
  const error = Wire.errorNotify(payloads)
  if (idr === undefined || proof === undefined) {
    if (error === undefined)
      return reject(turn, sa, control, failures.malformed('IKE_AUTH', 'IDr or AUTH is missing'))
    return sa.end(turn, refusedBy(sa, control, error.notifyType, auth))
  }
  // RFC 7296 §2.21.2: after INVALID_SYNTAX there is no IKE SA either, though the responder has proved itself.
  if (error?.notifyType === Wire.NOTIFY.INVALID_SYNTAX)
    return sa.end(turn, refusedBy(sa, control, error.notifyType, auth))
  const { peer } = control
  const claimed = identityOf(idr)
  if (peer.remoteId !== undefined && (claimed === undefined || !sameIdentity(peer.remoteId, claimed)))
    return reject(turn, sa, control, failures.wrongId(identityText(peer.remoteId), claimedText(idr)))
  const ppk = auth.ppk === true && usesPpk(payloads) ? peer.ppk : undefined
  // RFC 8784 §3: not taken where we demand it.
  if (ppk === undefined && peer.ppk?.required === true)
    return reject(turn, sa, control, ppkFailures.ppkNotUsed(ppkName(peer.ppk.id)))
  takeProof(turn, sa, { auth, payloads, idr, proof, ppk, agreed: takePpk(sa, sa.agreed, ppk) })
}

/** Judges what the responder proved: again, where it had to wait for certificates, or for news of revocation. */
function takeProof(
  turn: Turn,
  sa: IkeSa,
  answer: {
    readonly auth: AuthAttempt
    readonly payloads: readonly Wire.Payload[]
    readonly idr: Wire.IdPayload
    readonly proof: Wire.AuthPayload
    readonly ppk: Ppk | undefined
    readonly agreed: Agreed
  },
): void {
  const { control } = sa
  if (control === undefined) return
  const { auth, payloads, idr, proof, ppk, agreed } = answer
  const proven = judge(turn, sa.host, control.peer, {
    id: idr,
    proof,
    payloads,
    remote: sa.remote,
    signing: {
      prf: agreed.suite.prf,
      message: auth.answer,
      peerNonce: auth.nonces.ni,
      skP: agreed.keys.pr,
      id: idr,
      intAuth: intAuthOctets(auth.intAuth, nextMessageId(auth)),
    },
  })
  if ('questions' in proven) return hold(turn, sa, proven, later => takeProof(later, sa, answer))
  if ('code' in proven) return reject(turn, sa, control, proven)
  const redirect = isRedirect(payloads)
  if (redirect !== undefined) return moveOn(turn, sa, control, redirect)
  const session = establish(turn, sa, control, {
    nonces: auth.nonces,
    remoteId: claimedText(idr),
    agreed,
    proven: { ...proven, ppk },
    ppkAnnounced: auth.ppk === true,
  })
  agreeMobike(session, payloads)
  takeMtu(turn, session, payloads)
  firstChild(turn, sa, session, { auth, payloads, agreed })
}

function refusedBy(sa: IkeSa, control: PeerControl, notifyType: number, auth: AuthAttempt): Failure {
  const { peer } = control
  const canDoWithout = auth.offer !== undefined && announcesChildless(payloadsOf(auth.answer))
  if (notifyType === Wire.NOTIFY.INVALID_SYNTAX && canDoWithout) {
    control.childlessTaught = true
    return failures.childRefusedInAuth()
  }
  if (notifyType === Wire.NOTIFY.UNEXPECTED_NAT_DETECTED) return failures.unexpectedNat(sa.remote) // RFC 4555 §3.9
  if (notifyType !== Wire.NOTIFY.AUTHENTICATION_FAILED)
    return failures.refused('IKE_AUTH', Wire.notifyName(notifyType))
  return failures.authenticationRefused(
    identityText(peer.localId),
    peer.remoteId === undefined ? 'any' : identityText(peer.remoteId),
    { by: ownProof(peer).method, ppk: auth.ppk === true && peer.ppk ? ppkName(peer.ppk.id) : undefined },
  )
}

/** RFC 5685 §6: the responder is who it should be and names another gateway; this IKE SA is deleted either way. */
function moveOn(turn: Turn, sa: IkeSa, control: PeerControl, notify: Wire.NotifyPayload): void {
  const from = sa.remote.address
  const why = redirected(turn, control, { notify, from, replaces: control.reauthenticating })
  const end = failures.replaced('the peer named another gateway')
  if (sa.stage.is === 'authenticating') dropFirstChild(sa, sa.stage)
  sa.stage = { is: 'closing', why: end }
  sa.intents.add({ want: 'close', why: end })
  if (why === undefined || why === 'forged') control.leave(turn, sa)
  else control.attemptFailed(turn, sa, { exchange: 'IKE_AUTH', why })
}

function payloadsOf(message: Uint8Array): readonly Wire.Payload[] {
  const parsed = Wire.parseMessage(message)
  return isDrop(parsed) ? [] : parsed.payloads
}

/** RFC 7296 §2.21.2: the initiator that refuses the responder says so, and both forget the IKE SA without a Delete. */
function reject(turn: Turn, sa: IkeSa, control: PeerControl, why: Failure): void {
  if (sa.stage.is === 'authenticating') dropFirstChild(sa, sa.stage)
  sa.stage = { is: 'closing', why }
  control.attemptFailed(turn, sa, { exchange: 'IKE_AUTH', why })
  sa.request(turn, {
    type: Wire.EXCHANGE.INFORMATIONAL,
    payloads: [Wire.notify(Wire.NOTIFY.AUTHENTICATION_FAILED)],
    doing: { what: 'rejection', why },
  })
}

/** Both sides have proved who they are. */
export function establish(
  turn: Turn,
  sa: IkeSa,
  control: PeerControl,
  made: {
    readonly nonces: Nonces
    readonly remoteId: string
    readonly agreed: Agreed
    readonly proven: ProvenByPpk
    readonly ppkAnnounced: boolean
  },
): Session {
  const { settings, random } = sa.host.ports
  const { peer } = control
  const ppk = made.proven.ppk && ppkName(made.proven.ppk.id)
  sa.stage = { is: 'established' }
  sa.establishedAt = turn.now
  sa.lifetime = lifetimeFrom(turn.now, peer.ike.lifetime, settings.rekeyMarginPercent, random)
  control.adopt(sa)
  const session = new Session({
    control,
    localId: identityText(peer.localId),
    remoteId: made.remoteId,
    weBegan: sa.initiator,
    lowestNonce: lowerNonce(made.nonces),
    startedAt: sa.createdAt,
    establishedAt: turn.now,
    validity: validityFrom(turn.now, sa.host.ports, peer, made.proven),
    certificate: made.proven.certificate,
    ppk,
    sa,
  })
  session.telling = tellingOf(sa, peer)
  sa.session = session
  control.established(session)
  turn.report({
    event: 'ike-up',
    peer: peer.name,
    spi: sa.spiText,
    initiator: sa.initiator,
    suite: ikeSuiteText(made.agreed.suite),
    local: sa.local,
    remote: sa.remote,
    remoteId: made.remoteId,
    nat: sa.nat,
    ppk,
    took: since(sa.createdAt, turn.now),
  })
  reportUnused(turn, sa, peer, made)
  return session
}

/** RFC 8784 §6: told where one is configured. */
function reportUnused(
  turn: Turn,
  { initiator }: IkeSa,
  peer: IkePeer,
  made: { readonly proven: ProvenByPpk; readonly ppkAnnounced: boolean },
): void {
  if (peer.ppk === undefined || made.proven.ppk !== undefined) return
  const reason = !made.ppkAnnounced ? 'not announced' : initiator ? 'not taken' : 'another name'
  const why = ppkFailures.ppkUnused(ppkName(peer.ppk.id), reason)
  turn.report({ event: 'ppk-unused', peer: peer.name, why })
}

/** RFC 7296 §2.21.2: without a child the IKE SA stays, and the child is asked for again; childless, at once. */
function firstChild(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  from: { readonly auth: AuthAttempt; readonly payloads: readonly Wire.Payload[]; readonly agreed: Agreed },
): void {
  const { offer, nonces } = from.auth
  if (offer === undefined) return sa.intents.add({ want: 'create-child' })
  const error = Wire.errorNotify(from.payloads)
  const agreement =
    error === undefined || Wire.find(from.payloads, 'SA') !== undefined
      ? readAnswer(offer, from.payloads, nonces)
      : childRefused(session.control, offer, error.notifyType)
  if ('code' in agreement) {
    sa.host.childSpis.free(offer.spiIn)
    if (Wire.find(from.payloads, 'SA') !== undefined)
      sa.intents.add({ want: 'refuse-child', spiIn: offer.spiIn })
    return session.control.childFailed(turn, session, { exchange: 'IKE_AUTH', why: agreement })
  }
  const made = makeChild(turn, sa, session, {
    agreed: from.agreed,
    agreement,
    spiIn: offer.spiIn,
    ours: true,
    old: undefined,
  })
  session.install(turn, { ...made, takeOver: true })
  session.control.childArrived(turn, session)
}

/** Also notes that a peer cannot do transport mode, so that the next try asks for what it can (RFC 7296 §1.3.1). */
export function childRefused(control: PeerControl, offer: ChildOffer, notifyType: number): Failure {
  const { NO_PROPOSAL_CHOSEN, TS_UNACCEPTABLE } = Wire.NOTIFY
  if (offer.mode === 'transport' && (notifyType === NO_PROPOSAL_CHOSEN || notifyType === TS_UNACCEPTABLE))
    control.transportRefused = true
  if (notifyType === NO_PROPOSAL_CHOSEN) return failures.proposalsRefused('ESP', offerTexts(offer.sa))
  if (notifyType === TS_UNACCEPTABLE)
    return failures.selectorsRefused({
      'ours: local': selectorEvidence(offer.selectors, offer.selectors)['ours: local'] ?? [],
      'ours: remote': selectorEvidence(offer.selectors, offer.selectors)['ours: remote'] ?? [],
    })
  return failures.refused('a request for a child SA', Wire.notifyName(notifyType))
}
