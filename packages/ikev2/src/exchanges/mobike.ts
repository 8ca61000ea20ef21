import { type Endpoint, familyOf } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import type { IkePeer } from '../contract.js'
import * as failures from '../failures.js'
import { furtherAddresses, Mobility } from '../mobility.js'
import { carry, elsewhere, place, relocate, resend } from '../moving.js'
import { detectNat, natNotifies } from '../nat-detection.js'
import type { PeerControl } from '../peer.js'
import { takes } from '../peer-match.js'
import type { IkeSa } from '../sa.js'
import type { Answer, Doing, Ends, Incoming } from '../sa-stage.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'

/**
 * MOBIKE, RFC 4555: IKE_AUTH says who speaks it, INFORMATIONAL moves the SAs.
 *
 *     HDR, SK {IDi, … N(MOBIKE_SUPPORTED), [N(ADDITIONAL_*_ADDRESS)+]}  -->
 *                               <--  HDR, SK {IDr, … N(MOBIKE_SUPPORTED), [N(ADDITIONAL_*_ADDRESS)+]}
 *
 *     HDR, SK {N(UPDATE_SA_ADDRESSES), N(NAT_DETECTION_*), [N(NO_NATS_ALLOWED)], N(COOKIE2)}  -->
 *                               <--  HDR, SK {N(NAT_DETECTION_*), N(COOKIE2)}
 *                               <--  HDR, SK {N(UNACCEPTABLE_ADDRESSES) | N(UNEXPECTED_NAT_DETECTED), N(COOKIE2)}
 */

type Payloads = readonly Wire.Payload[]
type Saying = readonly Wire.PlainPayload[]
type MobikeDoing = Extract<Doing, { readonly what: 'mobike' }>

/** Octets of our COOKIE2. RFC 4555 §4.2.5: 8 to 64, and nobody can guess it. */
const COOKIE2_LENGTH = 16

/** RFC 4555 §1.2: tunnel mode only. */
export const usesMobike = ({ ike, esp }: IkePeer): boolean =>
  ike.mobike !== undefined && esp.mode === 'tunnel'

/** NAT traversal is enabled, unless the operator says that there is none: RFC 4555 §3.9. */
const traverses = ({ esp }: IkePeer): boolean => esp.encapsulation !== 'none'

/** RFC 4555 §3.3: with MOBIKE and NAT traversal the IKE SA moves to port 4500, NAT or not. */
export const floatsAnyway = (peer: IkePeer): boolean => usesMobike(peer) && traverses(peer)

// ---- IKE_AUTH ----

/** What IKE_AUTH holds of it, RFC 4555 §3.2, §3.4. `isRequest`: §3.9 protects the addresses of the request only. */
export function mobikeWords(sa: IkeSa, { peer, own }: PeerControl, isRequest: boolean): Saying {
  if (!usesMobike(peer) || sa.remote.stream !== undefined) return [] // a session over TCP goes back by a new one
  return [
    Wire.notify(Wire.NOTIFY.MOBIKE_SUPPORTED),
    ...addressNotifies(furtherAddresses(own, sa.local)),
    ...(isRequest && !traverses(peer) ? [noNats(sa)] : []),
  ]
}

/** Both have said it: the session may move. */
export function agreeMobike(session: Session, payloads: Payloads): void {
  const { control, current } = session
  if (
    !usesMobike(control.peer) ||
    current.remote.stream !== undefined ||
    !has(payloads, Wire.NOTIFY.MOBIKE_SUPPORTED)
  )
    return
  const announced = furtherAddresses(control.own, current.local)
  session.mobility = new Mobility([current.remote.address, ...addressesIn(payloads)], announced)
}

/** RFC 4555 §3.9: somebody on the way changed addresses that must not change. */
export function natUnexpected(payloads: Payloads, m: Incoming): boolean {
  const said = Wire.findNotify(payloads, Wire.NOTIFY.NO_NATS_ALLOWED)
  if (said === undefined) return false
  const seen = pathBytes(m.remote, m.local)
  return said.data.length !== seen.length || said.data.some((octet, i) => octet !== seen[i])
}

const noNats = ({ local, remote }: Ends): Wire.NotifyPayload =>
  Wire.notify(Wire.NOTIFY.NO_NATS_ALLOWED, pathBytes(local, remote))

/** RFC 4555 §4.2.6: both addresses, then both ports. */
const pathBytes = (source: Endpoint, destination: Endpoint): Uint8Array =>
  Wire.concat(
    Wire.addressBytes(source.address),
    Wire.addressBytes(destination.address),
    Wire.uint16(source.port),
    Wire.uint16(destination.port),
  )

const has = (payloads: Payloads, notifyType: number): boolean =>
  Wire.findNotify(payloads, notifyType) !== undefined

const addressNotifies = (addresses: readonly string[]): readonly Wire.NotifyPayload[] =>
  addresses.map(address =>
    Wire.notify(
      familyOf(address) === 4 ? Wire.NOTIFY.ADDITIONAL_IP4_ADDRESS : Wire.NOTIFY.ADDITIONAL_IP6_ADDRESS,
      Wire.addressBytes(address),
    ),
  )

function addressesIn(payloads: Payloads): readonly string[] {
  const of = (notifyType: number, length: number): readonly string[] =>
    Wire.allNotifies(payloads, notifyType)
      .filter(n => n.data.length === length)
      .map(n => Wire.addressText(n.data))
  return [...of(Wire.NOTIFY.ADDITIONAL_IP4_ADDRESS, 4), ...of(Wire.NOTIFY.ADDITIONAL_IP6_ADDRESS, 16)]
}

// ---- our requests ----

/** One request says all that waits to be said; what was said meanwhile begins nothing. */
export function beginMobike(turn: Turn, sa: IkeSa, session: Session): void {
  const { mobility, control } = session
  if (mobility === undefined || !mobility.hasWork) return
  const { peer } = control
  const further = furtherAddresses(control.own, sa.local)
  const update = mobility.updatePending
  const list = mobility.listPending || (update && !sameList(further, mobility.announced))
  const check = mobility.checkPending
  mobility.updatePending = false
  mobility.listPending = false
  mobility.checkPending = false
  const wantsCookie = check || peer.ike.mobike?.returnRoutability !== false
  const cookie = wantsCookie ? sa.host.ports.random.bytes(COOKIE2_LENGTH) : undefined
  sa.request(turn, {
    type: Wire.EXCHANGE.INFORMATIONAL,
    payloads: [
      ...(update ? [Wire.notify(Wire.NOTIFY.UPDATE_SA_ADDRESSES)] : []),
      ...(list ? listNotifies(further) : []),
      // RFC 4555 §3.9: what can change addresses is protected where no NAT may be.
      ...(traverses(peer) ? natWords(sa, control, sa) : update || list ? [noNats(sa)] : []),
      ...(cookie === undefined ? [] : [Wire.notify(Wire.NOTIFY.COOKIE2, cookie)]),
    ],
    doing: { what: 'mobike', epoch: mobility.epoch, update, list: list ? further : undefined, check, cookie },
  })
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every(address => b.includes(address))

/** RFC 4555 §3.6: always the whole list. */
const listNotifies = (further: readonly string[]): readonly Wire.NotifyPayload[] =>
  further.length === 0 ? [Wire.notify(Wire.NOTIFY.NO_ADDITIONAL_ADDRESSES)] : addressNotifies(further)

const natWords = (sa: IkeSa, { peer }: PeerControl, { local, remote }: Ends): Saying => {
  const { spiInitiator, spiResponder } = sa
  const force = peer.esp.encapsulation === 'udp'
  return natNotifies(sa.host.ports.crypto, { spiInitiator, spiResponder, local, remote, force })
}

/** RFC 4555 §3.8: who began and is behind a NAT asks with each liveness check how the peer sees it. */
export const livenessWords = (sa: IkeSa): Saying => {
  const { session } = sa
  if (session?.mobility === undefined || !session.weBegan || !sa.nat.local) return []
  return natWords(sa, session.control, sa)
}

/** RFC 4555 §3.8: the peer sees us elsewhere than before, so that our NAT has forgotten us. */
export function livenessAnswered(turn: Turn, sa: IkeSa, payloads: Payloads | undefined): void {
  const { session } = sa
  if (session?.mobility === undefined || !session.weBegan || payloads === undefined) return
  const [seen] = Wire.allNotifies(payloads, Wire.NOTIFY.NAT_DETECTION_DESTINATION_IP)
  if (seen === undefined) return
  const { seenAs } = session.mobility
  session.mobility.seenAs = seen.data.slice()
  // Of IKE_SA_INIT we know only how port 500 was seen: the first check updates once more than it need.
  if (seenAs === undefined || !sa.host.ports.crypto.equal(seenAs, seen.data)) relocate(turn, session, sa)
}

export function mobikeAnswered(
  turn: Turn,
  sa: IkeSa,
  doing: MobikeDoing,
  answer: { readonly m: Incoming; readonly payloads: Payloads | undefined },
): void {
  const { session } = sa
  if (session?.mobility === undefined) return
  const { mobility } = session
  const payloads = answer.payloads ?? []
  // RFC 4555 §3.7: whoever answers without having read the question ends the IKE SA.
  if (doing.cookie !== undefined && !returned(sa, doing.cookie, payloads))
    return session.close(turn, failures.notRoutable(sa.remote))
  if (doing.epoch !== mobility.epoch) {
    // RFC 4555 §3.5, §3.6: the addresses changed meanwhile; it is said anew from the present ones.
    mobility.again({ ...doing, update: false }) // that of the present ones waits or is done
    if (mobility.hasWork) session.current.intents.add({ want: 'mobike' })
    return
  }
  if (has(payloads, Wire.NOTIFY.UNEXPECTED_NAT_DETECTED)) return natRefused(turn, session, doing)
  if (has(payloads, Wire.NOTIFY.UNACCEPTABLE_ADDRESSES))
    return elsewhere(turn, session, failures.addressesRefused(sa))
  mobility.natRefusals = 0
  if (doing.list !== undefined) mobility.announced = doing.list
  if (doing.update) settled(session, answer.m, payloads)
  if (doing.update || doing.check) carry(turn, session, doing.update ? mobility.cause : 'peer')
}

function settled(session: Session, m: Incoming, payloads: Payloads): void {
  const { mobility } = session
  if (mobility === undefined) return
  mobility.unconfirmed = false
  place(session, session.current)
  learnNat(session, m, payloads)
  mobility.seenAs = Wire.findNotify(payloads, Wire.NOTIFY.NAT_DETECTION_DESTINATION_IP)?.data.slice()
}

/** RFC 4555 §3.5: NAT traversal is enabled or disabled as the path asks. */
function learnNat(session: Session, m: Incoming, payloads: Payloads): void {
  const { crypto } = session.current.host.ports
  const nat = detectNat(crypto, payloads, { ...m.header, local: m.local, remote: m.remote })
  if (nat === undefined || !traverses(session.control.peer)) return
  for (const sa of session.generations) sa.nat = nat
}

const returned = (sa: IkeSa, cookie: Uint8Array, payloads: Payloads): boolean => {
  const back = Wire.findNotify(payloads, Wire.NOTIFY.COOKIE2)
  return back !== undefined && sa.host.ports.crypto.equal(back.data, cookie)
}

/** RFC 4555 §3.9: again, several times, since one changed packet proves little; then by another way. */
function natRefused(turn: Turn, session: Session, doing: MobikeDoing): void {
  const { mobility, current } = session
  if (mobility === undefined) return
  const { settings } = current.host.ports
  if (++mobility.natRefusals >= settings.moveRetransmission.tries) {
    mobility.natRefusals = 0
    return elsewhere(turn, session, failures.unexpectedNat(current.remote))
  }
  mobility.again(doing)
  const notBefore = (turn.now + settings.moveRetransmission.first) as Turn['now']
  current.intents.add({ want: 'mobike', notBefore })
}

// ---- the peer's requests ----

/** What an INFORMATIONAL request asks of MOBIKE: the answer's payloads, and what happens once it is sent. */
export function answerMobike(turn: Turn, sa: IkeSa, m: Incoming, payloads: Payloads): Answer {
  const { session } = sa
  if (session?.mobility === undefined) return { payloads: [] }
  const cookie = Wire.findNotify(payloads, Wire.NOTIFY.COOKIE2)
  const echo = cookie === undefined ? [] : [Wire.notify(Wire.NOTIFY.COOKIE2, cookie.data.slice())] // §3.7
  const update = has(payloads, Wire.NOTIFY.UPDATE_SA_ADDRESSES)
  const further = addressesIn(payloads)
  const list = further.length > 0 || has(payloads, Wire.NOTIFY.NO_ADDITIONAL_ADDRESSES)
  if ((update || list) && natUnexpected(payloads, m)) {
    turn.drop('ike-unexpected', m.remote, 'a NAT on the way, and NO_NATS_ALLOWED')
    return { payloads: [Wire.notify(Wire.NOTIFY.UNEXPECTED_NAT_DETECTED), ...echo] } // RFC 4555 §3.9
  }
  const { peer } = session.control
  // RFC 4555 §3.8: whoever asks how it is seen is told.
  const asks = has(payloads, Wire.NOTIFY.NAT_DETECTION_SOURCE_IP)
  const seen = asks && traverses(peer) ? natWords(sa, session.control, m) : []
  if (update && !session.weBegan && !isAcceptable(session, m, payloads))
    return { payloads: [Wire.notify(Wire.NOTIFY.UNACCEPTABLE_ADDRESSES), ...echo] } // RFC 4555 §3.5
  if (list) session.mobility.learn([m.remote.address, ...further])
  return {
    payloads: [...seen, ...echo],
    afterwards: t => {
      if (update && !session.weBegan) updated(t, session, m, payloads)
      else if (list) toldAddresses(t, session, m)
    },
  }
}

/** Our policy: not where we are ourselves, not behind a NAT where the operator wants none, by TCP only where he wants it. */
function isAcceptable(session: Session, m: Incoming, payloads: Payloads): boolean {
  const { control, current } = session
  if (m.remote.address === m.local.address || control.own.includes(m.remote.address)) return false
  if (!takes(control.peer, m)) return false
  if (traverses(control.peer)) return true
  const ends = { ...m.header, local: m.local, remote: m.remote }
  const nat = detectNat(current.host.ports.crypto, payloads, ends)
  return nat === undefined || !(nat.local || nat.remote)
}

/** RFC 4555 §3.5: the initiator of the session has moved, to where its packet came from. */
function updated(turn: Turn, session: Session, m: Incoming, payloads: Payloads): void {
  const { mobility, current, control } = session
  if (mobility === undefined || session.over) return
  const before = session.carried?.remote ?? current.remote
  mobility.epoch++
  place(session, m)
  learnNat(session, m, payloads)
  const unchecked =
    before.address !== m.remote.address && control.peer.ike.mobike?.returnRoutability !== false
  mobility.checkPending = unchecked
  if (unchecked) current.intents.add({ want: 'mobike' })
  else carry(turn, session, 'peer')
  resend(turn, session)
}

/** RFC 4555 §3.5: where the peer no longer has the address that we use, we go where it spoke from. */
function toldAddresses(turn: Turn, session: Session, m: Incoming): void {
  const { mobility, current, weBegan } = session
  if (mobility === undefined || session.over || !weBegan) return
  if (!mobility.peerAddresses.includes(current.remote.address))
    relocate(turn, session, { local: m.local, remote: m.remote }, 'peer')
}
