import { isDrop } from '@brunel/base'
import type { KeyPair } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import { Channel, type Fragmentation } from '../channel.js'
import { announcesChildless, CHILDLESS } from '../childless.js'
import type { Failure } from '../contract.js'
import { askedCookie, withCookie } from '../cookie.js'
import * as failures from '../failures.js'
import { Transmission, waits } from '../initiating.js'
import { showsVendor, tellsMtu, vendorWords } from '../inner-mtu.js'
import { type IkeSuite, ikeKeys, initialSkeyseed, type Nonces } from '../key-schedule.js'
import { checkMessage } from '../message-rules.js'
import { detectNat, natNotifies } from '../nat-detection.js'
import type { PeerControl } from '../peer.js'
import { unspecified } from '../peer-match.js'
import { announcePpk, announcesPpk, ppkName } from '../ppk.js'
import { ppkNotAnnounced } from '../ppk-failures.js'
import { announceHashes, usesCertificates } from '../proof.js'
import { offerTexts } from '../proposal-text.js'
import { askedGroup, firstGroup, offeredGroup, offerIke, verifyIkeChoice } from '../proposals.js'
import { isRedirect, redirected, redirectWords } from '../redirect.js'
import { IkeSa } from '../sa.js'
import type { Ends, Incoming, SaHost } from '../sa-stage.js'
import { SPEC } from '../settings.js'
import type { Turn } from '../turn.js'
import { goOn } from './intermediate.js'
import { floatsAnyway } from './mobike.js'

/**
 * IKE_SA_INIT, our side first: RFC 7296 §1.2, §2.6, §2.6.1.
 *
 *     HDR(A,0), [N(COOKIE),] SAi1, KEi, Ni, N(NAT_DETECTION_*), N(FRAGMENTATION), N(INTERMEDIATE)  -->
 *                              <--  HDR(A,0), N(COOKIE)                 repeat with the cookie first
 *                              <--  HDR(A,0), N(INVALID_KE_PAYLOAD)     repeat with that group, cookie kept
 *                              <--  HDR(A,B), SAr1, KEr, Nr, N(NAT_DETECTION_*), N(FRAGMENTATION), N(INTERMEDIATE)
 *
 * Nothing of it is protected: whatever does not lead on is a hint, and we keep waiting (§2.21.1).
 */
export interface InitAttempt {
  readonly offer: Wire.SaPayload
  readonly keyPair: KeyPair
  readonly nonce: Uint8Array
  readonly payloads: readonly Wire.PlainPayload[]
  /** As it is on the wire: AUTH covers it (RFC 7296 §2.15). */
  readonly message: Uint8Array
  readonly rounds: number
  /** What an unprotected message told, if the attempt comes to nothing. */
  readonly hint: Failure | undefined
}

export const NONCE_LENGTH = 32

export function beginInit(turn: Turn, host: SaHost, control: PeerControl, ends: Ends): IkeSa | undefined {
  const { crypto, random } = host.ports
  const { proposals } = control.peer.ike
  const group = firstGroup(proposals)
  if (group === undefined) return undefined
  const spis = { spiInitiator: host.newIkeSpi(), spiResponder: Wire.NO_SPI }
  const keyPair = crypto.keyPair(group)
  const nonce = random.nonce(NONCE_LENGTH)
  const offer = offerIke(proposals, new Uint8Array(0))
  const payloads: readonly Wire.PlainPayload[] = [
    offer,
    kePayload(keyPair),
    { type: 'NONCE', data: nonce },
    ...natNotifies(crypto, { ...spis, ...ends, force: forcesUdp(control, ends) }),
    Wire.notify(Wire.NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED),
    Wire.notify(Wire.NOTIFY.INTERMEDIATE_EXCHANGE_SUPPORTED), // RFC 9242 §3.1
    ...redirectWords(control),
    ...(usesCertificates(control.peer) ? announceHashes(host.ports) : []),
    ...announcePpk(control.peer.ppk !== undefined),
    CHILDLESS,
    ...vendorWords(tellsMtu(control.peer)),
  ]
  const message = emitInit(spis, payloads)
  const sa = new IkeSa({
    host,
    initiator: true,
    now: turn.now,
    ...spis,
    ends,
    stage: {
      is: 'initiating',
      init: { offer, keyPair, nonce, payloads, message, rounds: 0, hint: undefined },
    },
    nextId: 1,
    expectedId: 0,
  })
  sa.control = control
  host.register(sa)
  turn.report({ event: 'initiating', peer: control.peer.name, remote: ends.remote })
  transmitInit(turn, sa, message)
  return sa
}

export const kePayload = (pair: KeyPair): Wire.KePayload => ({
  type: 'KE',
  group: pair.group.id,
  data: pair.publicValue,
})

/** Always Message ID 0, also when repeated: RFC 7296 §2.2. */
const emitInit = (
  spis: { readonly spiInitiator: IkeSa['spiInitiator']; readonly spiResponder: IkeSa['spiResponder'] },
  payloads: readonly Wire.PlainPayload[],
): Uint8Array =>
  Wire.emitMessage(
    { ...spis, exchangeType: Wire.EXCHANGE.IKE_SA_INIT, initiator: true, response: false, messageId: 0 },
    payloads,
  )

function transmitInit(turn: Turn, sa: IkeSa, message: Uint8Array): void {
  const { settings, random } = sa.host.ports
  const schedule = waits(settings.initRetransmission, random, settings.jitterPercent)
  const transmission = new Transmission(turn.now, 0, [message], schedule)
  sa.transmit(turn, { type: Wire.EXCHANGE.IKE_SA_INIT, doing: { what: 'sa-init' } }, transmission)
}

export function initAnswered(turn: Turn, sa: IkeSa, init: InitAttempt, m: Incoming): void {
  const message = Wire.parseMessage(m.bytes)
  if (isDrop(message)) return turn.drop(message, m.remote, 'an answer to IKE_SA_INIT')
  if (m.header.messageId !== 0 || m.header.initiator)
    return turn.drop('ike-message-id', m.remote, 'IKE_SA_INIT is 0')
  const { payloads } = message
  const cookie = askedCookie(payloads)
  if (cookie !== undefined)
    return again(turn, sa, init, { payloads: withCookie(init.payloads, cookie), pair: init.keyPair })
  const notify = isRedirect(payloads)
  if (notify !== undefined) return elsewhere(turn, sa, init, { notify, m })
  const error = Wire.errorNotify(payloads)
  if (error?.notifyType === Wire.NOTIFY.INVALID_KE_PAYLOAD) return otherGroup(turn, sa, init, error)
  if (error !== undefined) return hint(turn, sa, init, initRefused(init, error.notifyType))
  const wrong = checkMessage({
    exchangeType: m.header.exchangeType,
    response: true,
    encrypted: false,
    payloads,
  })
  if (wrong !== undefined) return turn.drop(wrong.drop, m.remote, wrong.detail)
  agree(turn, sa, init, { m, payloads })
}

/** RFC 5685 §3: the responder keeps nothing, and the nonce shows that it heard us. */
function elsewhere(
  turn: Turn,
  sa: IkeSa,
  init: InitAttempt,
  { notify, m }: { readonly notify: Wire.NotifyPayload; readonly m: Incoming },
): void {
  const { control } = sa
  if (control?.attempt !== sa) return
  const replaces = control.reauthenticating
  const from = sa.remote.address
  const why = redirected(turn, control, { notify, from, nonce: init.nonce, replaces })
  if (why === 'forged') return turn.drop('ike-unexpected', m.remote, 'REDIRECT without our nonce')
  if (why !== undefined) return hint(turn, sa, init, why)
  control.attempt = undefined
  sa.end(turn, failures.replaced('the peer named another gateway'))
  control.leave(turn, sa)
}

/** RFC 7296 §2.6: all else unchanged. Bounded, since every answer may be forged. */
function again(
  turn: Turn,
  sa: IkeSa,
  init: InitAttempt,
  next: { readonly payloads: readonly Wire.PlainPayload[]; readonly pair: KeyPair },
): void {
  if (init.rounds >= sa.host.ports.settings.initRounds) {
    if (next.pair !== init.keyPair) next.pair.wipe()
    return hint(turn, sa, init, failures.refused('IKE_SA_INIT', 'COOKIE and INVALID_KE_PAYLOAD without end'))
  }
  if (next.pair !== init.keyPair) init.keyPair.wipe()
  const message = emitInit(sa, next.payloads)
  sa.stage = {
    is: 'initiating',
    init: { ...init, payloads: next.payloads, keyPair: next.pair, message, rounds: init.rounds + 1 },
  }
  transmitInit(turn, sa, message)
}

/** RFC 7296 §1.2: the same SA payload with a KE of the group that the responder wants, if we offered it. */
function otherGroup(turn: Turn, sa: IkeSa, init: InitAttempt, error: Wire.NotifyPayload): void {
  const asked = askedGroup(error.data)
  const proposals = sa.control?.peer.ike.proposals ?? []
  const group = asked === undefined ? undefined : offeredGroup(proposals, asked)
  if (group === undefined)
    return hint(turn, sa, init, failures.wrongGroup(asked ?? 0, offerTexts(init.offer)))
  if (group === init.keyPair.group) return // A repeated or late answer to the request before.
  const pair = sa.host.ports.crypto.keyPair(group)
  const payloads = init.payloads.map(p => (p.type === 'KE' ? kePayload(pair) : p))
  again(turn, sa, init, { payloads, pair })
}

function initRefused(init: InitAttempt, notifyType: number): Failure {
  if (notifyType === Wire.NOTIFY.NO_PROPOSAL_CHOSEN)
    return failures.proposalsRefused('IKE', offerTexts(init.offer))
  return failures.refused('IKE_SA_INIT', Wire.notifyName(notifyType))
}

/** RFC 7296 §2.21.1: reported, remembered, and nothing else; a good answer may still come. */
function hint(turn: Turn, sa: IkeSa, init: InitAttempt, why: Failure): void {
  if (init.hint?.code !== why.code) sa.control?.failed(turn, { exchange: 'IKE_SA_INIT', why }, sa.remote)
  sa.stage = { is: 'initiating', init: { ...init, hint: why } }
}

function agree(
  turn: Turn,
  sa: IkeSa,
  init: InitAttempt,
  answer: { readonly m: Incoming; readonly payloads: readonly Wire.Payload[] },
): void {
  const { m, payloads } = answer

  const [saPayload, ke, nr] = [
    Wire.find(payloads, 'SA'),
    Wire.find(payloads, 'KE'),
    Wire.find(payloads, 'NONCE'),
  ]
  if (saPayload === undefined || ke === undefined || nr === undefined || !sa.control) return
  const choice = verifyIkeChoice(saPayload, init.offer, 'ike')
  // RFC 9370 §2.2.1: no additional key exchange without IKE_INTERMEDIATE.
  if (choice === undefined || (choice.suite.additional !== undefined && !announcesIntermediate(payloads)))
    return hint(
      turn,
      sa,
      init,
      failures.badChoice('an IKE proposal', offerTexts(init.offer), offerTexts(saPayload)),
    )
  const { suite } = choice
  const ppk = announcesPpk(payloads)
  // RFC 8784 §3, §6: not agreed to, and not believed before the exchange times out, since anybody may have said it.
  // We do not pause for minutes after that: with the time-out before it an attempt is rare enough.
  if (!ppk && sa.control.peer.ppk?.required === true)
    return hint(turn, sa, init, ppkNotAnnounced(ppkName(sa.control.peer.ppk.id)))
  if (m.header.spiResponder === Wire.NO_SPI || !isNonce(nr.data))
    return turn.drop('ike-payload', m.remote, 'no SPI or nonce')
  if (suite.group !== init.keyPair.group || ke.group !== suite.group.id)
    return turn.drop('ike-key-exchange', m.remote, 'the KE payload is of another group')
  const secret = init.keyPair.agree(ke.data)
  if (isDrop(secret)) return turn.drop(secret, m.remote, 'KEr') // RFC 6989 §2.5
  init.keyPair.wipe()
  sa.spiResponder = m.header.spiResponder
  sa.outgoing = undefined
  sa.lastHeard = turn.now
  if (unspecified(sa.local.address)) sa.local = m.local
  sa.understandsMtu = showsVendor(payloads)
  learnNat(sa, payloads, m)
  const nonces = { ni: init.nonce, nr: nr.data }
  const childless = sa.control.childless && announcesChildless(payloads)
  secure(sa, { suite, nonces, secret, fragmentation: fragmentationIn(payloads) })
  turn.report({ event: 'exchange', exchange: 'IKE_SA_INIT', initiator: true, outcome: 'done' })
  if (refusesNat(sa, sa.control)) return refuseNat(turn, sa, nonces)
  // RFC 7296 §2.23: with a NAT, port 4500 from the first message after IKE_SA_INIT; with MOBIKE, always (RFC 4555 §3.3).
  const traverses = has(payloads, Wire.NOTIFY.NAT_DETECTION_SOURCE_IP) && floatsAnyway(sa.control.peer)
  const natted = sa.nat.local || sa.nat.remote || sa.control.peer.esp.encapsulation === 'udp'
  if ((natted || traverses) && sa.remote.stream === undefined) float(sa) // RFC 8229 §7: a stream passes a NAT as it is
  goOn(turn, sa, sa.control, { message: init.message, nonces, answer: m.bytes, ppk, childless })
}

/** Plain ESP does not pass a NAT; a stream does (RFC 8229 §7). */
export const refusesNat = ({ nat, remote }: IkeSa, { peer }: PeerControl): boolean =>
  peer.esp.encapsulation === 'none' && remote.stream === undefined && (nat.local || nat.remote)

export const forcesUdp = ({ peer }: PeerControl, { remote }: Ends): boolean =>
  peer.esp.encapsulation === 'udp' && remote.stream === undefined

function refuseNat(turn: Turn, sa: IkeSa, nonces: Nonces): void {
  sa.stage = {
    is: 'authenticating',
    auth: { nonces, message: EMPTY, answer: EMPTY, offer: undefined },
  }
  sa.end(turn, failures.natRefused(sa.nat.local, sa.nat.remote))
}
const EMPTY = new Uint8Array(0)

function float(sa: IkeSa): void {
  sa.local = { address: sa.local.address, port: SPEC.NAT_PORT }
  sa.remote = { address: sa.remote.address, port: SPEC.NAT_PORT }
}

export function learnNat(sa: IkeSa, payloads: readonly Wire.Payload[], m: Incoming): void {
  const nat = detectNat(sa.host.ports.crypto, payloads, { ...m.header, local: m.local, remote: m.remote })
  if (nat !== undefined) sa.nat = nat
}

const has = (payloads: readonly Wire.Payload[], notifyType: number): boolean =>
  Wire.findNotify(payloads, notifyType) !== undefined

export const fragmentationIn = (payloads: readonly Wire.Payload[]): Fragmentation => ({
  agreed: announcesFragmentation(payloads),
  small: false,
})

export const announcesFragmentation = (payloads: readonly Wire.Payload[]): boolean =>
  has(payloads, Wire.NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED)

export const announcesIntermediate = (payloads: readonly Wire.Payload[]): boolean =>
  has(payloads, Wire.NOTIFY.INTERMEDIATE_EXCHANGE_SUPPORTED)

/** RFC 7296 §2.10. */
export const isNonce = (data: Uint8Array): boolean =>
  data.length >= SPEC.NONCE_MIN && data.length <= SPEC.NONCE_MAX

/** Derives the seven secrets, RFC 7296 §2.14, and erases what they came from. */
export function secure(
  sa: IkeSa,
  from: {
    readonly suite: IkeSuite
    readonly nonces: Nonces
    readonly secret: Uint8Array
    readonly fragmentation: Fragmentation
  },
): void {
  const { crypto } = sa.host.ports
  const skeyseed = initialSkeyseed(crypto, from.suite.prf, from.nonces, from.secret)
  crypto.wipe(from.secret)
  agreeOn(sa, { ...from, skeyseed })
}

/** `skeyseed` is erased. */
export function agreeOn(
  sa: IkeSa,
  from: {
    readonly suite: IkeSuite
    readonly nonces: Nonces
    readonly skeyseed: Uint8Array
    readonly fragmentation: Fragmentation
  },
): void {
  const { crypto, settings } = sa.host.ports
  const { suite, nonces, skeyseed, fragmentation } = from
  const { spiInitiator, spiResponder, initiator } = sa
  const keys = ikeKeys(crypto, suite, skeyseed, { ...nonces, spiInitiator, spiResponder })
  crypto.wipe(skeyseed)
  sa.agreed = {
    suite,
    keys,
    channel: new Channel(crypto, settings, { suite, keys, initiator, fragmentation }),
  }
}
