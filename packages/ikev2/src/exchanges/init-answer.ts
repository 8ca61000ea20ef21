import { after, type Drop, isDrop } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import { feasibleWithout } from '../additional-exchanges.js'
import { CHILDLESS } from '../childless.js'
import * as failures from '../failures.js'
import { showsVendor, vendorWords } from '../inner-mtu.js'
import type { IkeSuite } from '../key-schedule.js'
import { natNotifies } from '../nat-detection.js'
import { nearest } from '../nearest.js'
import type { PeerControl } from '../peer.js'
import { announcePpk, announcesPpk } from '../ppk.js'
import { announceHashes, announcesHashes, certificateRequest, looksUp } from '../proof.js'
import { offerTexts } from '../proposal-text.js'
import { answerOf, type Choice, chooseIke, offerIke } from '../proposals.js'
import { IkeSa } from '../sa.js'
import type { Incoming, SaHost } from '../sa-stage.js'
import type { Turn } from '../turn.js'
import {
  announcesFragmentation,
  announcesIntermediate,
  forcesUdp,
  fragmentationIn,
  isNonce,
  kePayload,
  learnNat,
  NONCE_LENGTH,
  secure,
} from './sa-init.js'

/** An IKE_SA_INIT request whose payloads were checked against the rules. */
export interface InitRequest {
  readonly m: Incoming
  readonly payloads: readonly Wire.Payload[]
  /** It gave back our cookie. */
  readonly proven: boolean
  /** Whom a stranger at this address is most likely. */
  readonly best: PeerControl
}

/** Answers in the clear and keeps nothing. */
export const plainAnswer = (m: Incoming, payloads: readonly Wire.PlainPayload[]): Uint8Array =>
  Wire.emitMessage(
    {
      spiInitiator: m.header.spiInitiator,
      spiResponder: m.header.spiResponder,
      exchangeType: m.header.exchangeType,
      messageId: m.header.messageId,
      // Whoever answers is the other end of that IKE SA: RFC 7296 §3.1.
      initiator: !m.header.initiator,
      response: true,
    },
    payloads,
  )

/**
 * IKE_SA_INIT from a stranger, RFC 7296 §1.2. Returns the half-open IKE SA, or the notify that refuses it; undefined
 * where it is dropped; `unproven`: an answer longer than the request needs a cookie first.
 */
export function answerInit(
  turn: Turn,
  host: SaHost,
  request: InitRequest,
): IkeSa | Wire.NotifyPayload | 'unproven' | undefined {
  const { m, payloads } = request
  const [offer, ke, ni] = [Wire.find(payloads, 'SA'), Wire.find(payloads, 'KE'), Wire.find(payloads, 'NONCE')]
  if (offer === undefined || ke === undefined || ni === undefined || !isNonce(ni.data)) {
    turn.drop('ike-payload', m.remote, 'IKE_SA_INIT without what it needs')
    return undefined
  }
  const intermediate = announcesIntermediate(payloads)
  const found = pick(offer, { keGroup: ke.group, intermediate }, host.peers.at(m))
  if (isDrop(found)) {
    turn.drop(found, m.remote, 'the SA payload of IKE_SA_INIT')
    return undefined
  }
  if (found === undefined) return refuse(turn, m, offer, request.best)
  const { control, choice } = found
  const { group } = choice.suite
  if (group.id !== ke.group) return Wire.notify(Wire.NOTIFY.INVALID_KE_PAYLOAD, Wire.uint16(group.id)) // §1.2
  if (!request.proven && answerLength(host, request, found) > m.bytes.length) return 'unproven'
  const keyPair = host.ports.crypto.keyPair(group)
  const secret = keyPair.agree(ke.data)
  keyPair.wipe()
  if (isDrop(secret)) {
    turn.drop(secret, m.remote, 'KEi') // RFC 6989 §2.5
    return undefined
  }
  return open(turn, host, request, { control, choice, secret, ni: ni.data, ke: kePayload(keyPair) })
}

/** Whom the stranger is taken for, and what was agreed. */
interface Found {
  readonly control: PeerControl
  readonly choice: Choice<IkeSuite>
}

interface Opening extends Found {
  readonly secret: Uint8Array
  readonly ni: Uint8Array
  readonly ke: Wire.KePayload
}

/** What the answer holds that costs something or is new each time. */
interface Fresh {
  readonly ke: Wire.KePayload
  readonly nr: Uint8Array
  readonly nat: readonly Wire.PlainPayload[]
}

const answerPayloads = (
  host: SaHost,
  payloads: readonly Wire.Payload[],
  { control, choice }: Found,
  { ke, nr, nat }: Fresh,
): readonly Wire.PlainPayload[] => [
  answerOf(choice, Wire.PROTOCOL.IKE, new Uint8Array(0)),
  ke,
  { type: 'NONCE', data: nr },
  ...nat,
  ...(announcesFragmentation(payloads) ? [Wire.notify(Wire.NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED)] : []),
  ...(announcesIntermediate(payloads) ? [Wire.notify(Wire.NOTIFY.INTERMEDIATE_EXCHANGE_SUPPORTED)] : []),
  ...certificateWords(host, payloads, control),
  ...announcePpk(usesPpk(host, payloads)),
  CHILDLESS, // RFC 6023 §3
  // Never a longer answer for it: who shows it has sent as much.
  ...vendorWords(showsVendor(payloads) && host.peers.someTold),
]

/** RFC 8784 §3. */
const usesPpk = (host: SaHost, payloads: readonly Wire.Payload[]): boolean =>
  announcesPpk(payloads) && host.peers.somePpk

/** Octets of the answer, before anything is computed for it. */
function answerLength(host: SaHost, request: InitRequest, found: Found): number {
  const { group } = found.choice.suite
  const hash = Wire.notify(Wire.NOTIFY.NAT_DETECTION_SOURCE_IP, new Uint8Array(20)) // SHA-1, RFC 7296 §2.23
  const blank: Fresh = {
    ke: { type: 'KE', group: group.id, data: new Uint8Array(group.publicLength) },
    nr: new Uint8Array(NONCE_LENGTH),
    nat: [hash, hash],
  }
  return plainAnswer(request.m, answerPayloads(host, request.payloads, found, blank)).length
}

function open(turn: Turn, host: SaHost, { m, payloads }: InitRequest, o: Opening): IkeSa {
  const { crypto, random, settings } = host.ports
  const spis = { spiInitiator: m.header.spiInitiator, spiResponder: host.newIkeSpi() }
  const nr = random.nonce(NONCE_LENGTH)
  const force = forcesUdp(o.control, m)
  const answer = Wire.emitMessage(
    {
      ...spis,
      exchangeType: m.header.exchangeType,
      messageId: 0,
      initiator: false,
      response: true,
    },
    answerPayloads(host, payloads, o, {
      ke: o.ke,
      nr,
      nat: natNotifies(crypto, { ...spis, local: m.local, remote: m.remote, force }),
    }),
  )
  const nonces = { ni: o.ni, nr }
  const sa = new IkeSa({
    host,
    initiator: false,
    now: turn.now,
    ...spis,
    ends: m,
    stage: {
      is: 'half-open',
      half: { nonces, message: m.bytes.slice(), answer, ppk: usesPpk(host, payloads) },
      until: after(turn.now, settings.halfOpenTimeout),
    },
    nextId: 0,
    expectedId: 1,
  })
  sa.understandsMtu = showsVendor(payloads)
  learnNat(sa, payloads, m)
  const fragmentation = fragmentationIn(payloads)
  secure(sa, { suite: o.choice.suite, nonces, secret: o.secret, fragmentation })
  host.register(sa)
  sa.send(turn, [answer], m)
  return sa
}

/** Which peer it is, only IKE_AUTH tells: what any of those it may be needs, RFC 7296 §1.2, RFC 7427 §4. */
function certificateWords(
  host: SaHost,
  payloads: readonly Wire.Payload[],
  { peer }: PeerControl,
): readonly Wire.PlainPayload[] {
  const { someCertified, someLook, anchors } = host.peers
  if (!announcesHashes(payloads) || !someCertified) return []
  // Not what any needs: who is told that we look up, and is not allowed to use it, would be refused.
  const wants = { ocsp: someLook, lookUp: looksUp(peer) }
  return [...certificateRequest(host.ports, anchors, wants), ...announceHashes(host.ports)]
}

function pick(
  offer: Wire.SaPayload,
  by: { readonly keGroup: number; readonly intermediate: boolean },
  controls: Iterable<PeerControl>,
): Found | Drop | undefined {
  for (const control of controls) {
    const { proposals } = control.peer.ike
    const possible = by.intermediate ? proposals : feasibleWithout(proposals)
    const choice = chooseIke(offer, possible, { exchange: 'ike', keGroup: by.keGroup })
    if (isDrop(choice)) return choice
    if (choice !== undefined) return { control, choice }
  }
  return undefined
}

/** RFC 7296 §1.2: unprotected; what both sides wanted is for our own log. */
function refuse(turn: Turn, m: Incoming, offer: Wire.SaPayload, best: PeerControl): Wire.NotifyPayload {
  const ours = offerIke(best.peer.ike.proposals, new Uint8Array(0))
  const near = nearest('ike', ours, offer)
  const why = failures.noCommonIkeProposal(offerTexts(ours), offerTexts(offer), near)
  best.failed(turn, { exchange: 'IKE_SA_INIT', why }, m.remote)
  return Wire.notify(Wire.NOTIFY.NO_PROPOSAL_CHOSEN)
}
