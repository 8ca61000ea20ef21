import { Ike as Wire } from '@brunel/wire'
import { allowsAdditional } from '../additional-exchanges.js'
import type { Failure } from '../contract.js'
import * as failures from '../failures.js'
import { hold } from '../held.js'
import { identityOf, idPayload } from '../identity.js'
import { mtuWords, takeMtu } from '../inner-mtu.js'
import { intAuthOctets } from '../int-auth.js'
import { findId } from '../payload-find.js'
import type { PeerControl } from '../peer.js'
import { claimants, claimedText, identityText, takes } from '../peer-match.js'
import { judgeByPpk, type ProvenByPpk, ppkInUse, takePpk } from '../ppk.js'
import { prove, type Unsettled } from '../proof.js'
import { ikeSuiteText, offerTexts } from '../proposal-text.js'
import { offerIke } from '../proposals.js'
import type { Signing } from '../psk-auth.js'
import type { Agreed, IkeSa } from '../sa.js'
import type { Answer, Incoming } from '../sa-stage.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'
import { establish, type HalfOpen, nextMessageId } from './auth.js'
import { answerChild } from './child-answer.js'
import { makeChild } from './child-make.js'
import { answerRequest } from './dispatch.js'
import { agreeMobike, mobikeWords, natUnexpected, usesMobike } from './mobike.js'

/** IKE_AUTH from the peer: its drawing is in auth.ts. What is wrong is told to our log only (RFC 7296 §2.21.2). */
export function answerAuth(
  turn: Turn,
  sa: IkeSa,
  half: HalfOpen,
  request: { readonly m: Incoming; readonly payloads: readonly Wire.Payload[] },
): Answer | undefined {
  const { m, payloads } = request
  const { agreed } = sa
  if ((half.steps ?? 0) < (agreed?.suite.additional?.length ?? 0))
    return distrust(
      turn,
      sa,
      undefined,
      failures.malformed('IKE_AUTH', 'a key exchange that was agreed is missing'),
    )
  const [idi, proof] = [findId(payloads, 'IDi'), Wire.find(payloads, 'AUTH')]
  if (agreed === undefined || idi === undefined || proof === undefined)
    return distrust(
      turn,
      sa,
      undefined,
      failures.malformed('IKE_AUTH', 'AUTH is missing; EAP is not spoken here'),
    )
  const found = whoIs(turn, sa, half, { idi, idr: findId(payloads, 'IDr'), proof, payloads, m, agreed })
  if ('questions' in found) {
    hold(turn, sa, found, later => answerLate(later, sa, request))
    return undefined
  }
  if ('code' in found) return distrust(turn, sa, found.control, found)
  sa.host.judged(turn, sa, true)
  const control = found.peer
  if (!allowsSuite(control, agreed)) {
    const offered = offerTexts(offerIke(control.peer.ike.proposals, new Uint8Array(0)))
    return refuse(turn, sa, control, failures.noCommonIkeProposal(offered, [ikeSuiteText(agreed.suite)]))
  }
  const keyed = takePpk(sa, agreed, found.proven.ppk)
  const ours = proofOf(turn, sa, control, { half, agreed: keyed, asked: payloads })
  if ('code' in ours) return refuse(turn, sa, control, ours)
  // RFC 4555 §3.9: told to a peer that has proved itself, since a NAT is no fault of its proof.
  if (usesMobike(control.peer) && natUnexpected(payloads, m)) {
    const why = failures.unexpectedNat(m.remote)
    control.failed(turn, { exchange: 'IKE_AUTH', why }, m.remote)
    return sa.fatal(Wire.NOTIFY.UNEXPECTED_NAT_DETECTED, why)
  }
  sa.local = m.local
  sa.remote = m.remote
  if (Wire.findNotify(payloads, Wire.NOTIFY.INITIAL_CONTACT) !== undefined) initialContact(turn, sa, control)
  const session = establish(turn, sa, control, {
    nonces: half.nonces,
    remoteId: claimedText(idi),
    agreed: keyed,
    proven: found.proven,
    ppkAnnounced: half.ppk === true,
  })
  control.yieldTo(turn)
  agreeMobike(session, payloads)
  takeMtu(turn, session, payloads)
  const mobike = session.mobility === undefined ? [] : mobikeWords(sa, control, false)
  return {
    payloads: [
      ...ours,
      ...firstChild(turn, sa, session, { payloads, half, agreed: keyed }),
      ...ppkInUse(found.proven.ppk),
      ...mobike,
      ...mtuWords(sa, control),
    ],
  }
}

/** Its certificates are here by this time, and whether they are revoked is known: as if the request came now. */
function answerLate(
  turn: Turn,
  sa: IkeSa,
  request: { readonly m: Incoming; readonly payloads: readonly Wire.Payload[] },
): void {
  const answer = answerRequest(turn, sa, request.m, request.payloads)
  if (answer !== undefined) sa.respond(turn, request.m, answer)
}

/** It has not proved who it is; whoever fails often is slowed down. */
function distrust(turn: Turn, sa: IkeSa, control: PeerControl | undefined, why: Failure): Answer {
  sa.host.judged(turn, sa, false)
  return refuse(turn, sa, control, why)
}

/** The same answer for an unknown identity and for a wrong key: RFC 7296 §2.21.2. */
function refuse(turn: Turn, sa: IkeSa, control: PeerControl | undefined, why: Failure): Answer {
  if (control !== undefined) control.failed(turn, { exchange: 'IKE_AUTH', why: plain(why) }, sa.remote)
  else
    turn.report({
      event: 'failed',
      peer: undefined,
      exchange: 'IKE_AUTH',
      why: plain(why),
      remote: sa.remote,
    })
  return sa.fatal(Wire.NOTIFY.AUTHENTICATION_FAILED, plain(why))
}

const plain = ({ code, sentence, evidence, remedy }: Failure): Failure => ({
  code,
  sentence,
  evidence,
  remedy,
})

interface Claim {
  readonly idi: Wire.IdPayload
  readonly idr: Wire.IdPayload | undefined
  readonly proof: Wire.AuthPayload
  readonly payloads: readonly Wire.Payload[]
  readonly m: Incoming
  readonly agreed: Agreed
}

/** The identity leads to the peers who may have it; what they prove tells which of them it is. */
function whoIs(
  turn: Turn,
  sa: IkeSa,
  half: HalfOpen,
  claim: Claim,
):
  | { readonly peer: PeerControl; readonly proven: ProvenByPpk }
  | Unsettled
  | (Failure & { readonly control: PeerControl | undefined }) {
  const { idi, idr, proof, payloads, m, agreed } = claim
  const id = identityOf(idi)
  const asked = idr === undefined ? undefined : identityOf(idr)
  const named =
    id === undefined
      ? []
      : claimants(
          sa.host.peers.claiming(id).filter(c => takes(c.peer, m)),
          { id, asked, remote: m.remote.address },
        )
  if (named.length === 0) return stranger(sa, claimedText(idi), m)
  const signing: Signing = {
    prf: agreed.suite.prf,
    message: half.message,
    peerNonce: half.nonces.nr,
    skP: agreed.keys.pi,
    id: idi,
    intAuth: intAuthOctets(half.intAuth, nextMessageId(half)),
  }
  const said = { id: idi, proof, payloads, signing, remote: m.remote }
  const judged = named.map(control => ({
    control,
    verdict: judgeByPpk(turn, sa.host, control.peer, { ...said, announced: half.ppk === true }),
  }))
  const right = judged.find(({ verdict }) => !('code' in verdict))
  if (right === undefined) return { ...(judged[0]?.verdict as Failure), control: named[0] }
  const { control, verdict } = right
  return 'questions' in verdict ? verdict : { peer: control, proven: verdict as ProvenByPpk }
}

/** Nobody has this identity. A peer at this address that expects another one is told apart. */
function stranger(
  sa: IkeSa,
  claimed: string,
  m: Incoming,
): Failure & { readonly control: PeerControl | undefined } {
  const [best] = sa.host.peers.at(m)
  const here = best?.peer.remoteAddress === m.remote.address ? best : undefined
  const { remoteId } = here?.peer ?? {}
  if (remoteId !== undefined) return { ...failures.wrongId(identityText(remoteId), claimed), control: here }
  const known = sa.host.peers.all.map(c => c.peer.remoteId).filter(id => id !== undefined)
  return { ...failures.unknownId(claimed, known.map(identityText), m.remote), control: undefined }
}

/** The suite was chosen by address; the peer that the identity named must allow it too. */
const allowsSuite = ({ peer }: PeerControl, { suite }: Agreed): boolean =>
  peer.ike.proposals.some(
    p =>
      p.encryption.some(e => e.name === suite.encryption.name) &&
      p.prf.some(prf => prf.id === suite.prf.id) &&
      p.groups.some(g => g.id === suite.group.id) &&
      allowsAdditional(p.additional, suite.additional) &&
      (suite.integrity === undefined || p.integrity.some(i => i.id === suite.integrity?.id)),
  )

/**
 * RFC 7296 §2.4: the peer has no other IKE SA with us, so what we hold is dead. Not so an IKE SA of ours that was
 * under way when this one began: the two crossed, and their nonces settle it. Nor one that the peer began later: then
 * this message was kept back on its way, and it may be this IKE SA that the peer has given up.
 */
function initialContact(turn: Turn, sa: IkeSa, control: PeerControl): void {
  for (const old of control.sessions) {
    const isLater = (old.weBegan ? old.establishedAt : old.startedAt) >= sa.createdAt
    if (!isLater) old.current.end(turn, failures.replaced('the peer began anew (INITIAL_CONTACT)'))
  }
}

function proofOf(
  turn: Turn,
  sa: IkeSa,
  { peer }: PeerControl,
  by: { readonly half: HalfOpen; readonly agreed: Agreed; readonly asked: readonly Wire.Payload[] },
): readonly Wire.PlainPayload[] | Failure {
  const { half, agreed, asked } = by
  const id = idPayload('IDr', peer.localId)
  const signing: Signing = {
    prf: agreed.suite.prf,
    message: half.answer,
    peerNonce: half.nonces.ni,
    skP: agreed.keys.pr,
    id,
    intAuth: intAuthOctets(half.intAuth, nextMessageId(half)),
  }
  const proof = prove(turn, sa.host, peer, signing, { message: half.message, asked })
  return 'code' in proof ? proof : [id, ...proof.certificates, proof.auth]
}

/** The child is installed before the answer leaves: RFC 7296 §2.8. Its failure leaves the IKE SA up: §2.21.2. */
function firstChild(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  from: { readonly payloads: readonly Wire.Payload[]; readonly half: HalfOpen; readonly agreed: Agreed },
): readonly Wire.PlainPayload[] {
  const { payloads, half, agreed } = from
  if (Wire.find(payloads, 'SA') === undefined) return []
  const answer = answerChild(sa, session.control, { payloads, old: undefined, given: half.nonces })
  if ('refusal' in answer) {
    session.control.childFailed(turn, session, { exchange: 'IKE_AUTH', why: answer.why })
    return [answer.refusal]
  }
  const made = makeChild(turn, sa, session, {
    agreed,
    agreement: answer.agreement,
    spiIn: answer.spiIn,
    ours: false,
    old: undefined,
  })
  session.install(turn, { ...made, takeOver: false })
  return answer.payloads
}
