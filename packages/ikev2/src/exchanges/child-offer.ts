import { type Drop, isDrop } from '@brunel/base'
import type { Group, KeyPair } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import type { ChildSa } from '../child-sa.js'
import type { Failure, Mode } from '../contract.js'
import * as failures from '../failures.js'
import type { Nonces } from '../key-schedule.js'
import { findTs } from '../payload-find.js'
import type { PeerControl } from '../peer.js'
import { proposedSelectors } from '../policy.js'
import { offerTexts } from '../proposal-text.js'
import {
  type Choice,
  type EspSuite,
  firstGroup,
  offerEsp,
  offeredGroup,
  verifyEspChoice,
} from '../proposals.js'
import type { IkeSa } from '../sa.js'
import { isPairWithin, type SelectorPair, selectorChange, selectorText } from '../selectors.js'
import type { ChildSteps } from './follow-up.js'
import { kePayload, NONCE_LENGTH } from './sa-init.js'

/**
 * A child that we asked for and that is not agreed yet.
 *
 *     HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr [, N(USE_TRANSPORT_MODE)]}  -->
 *                                   <--  HDR, SK {SA, Nr, [KEr,] TSi, TSr [, N(USE_TRANSPORT_MODE)]}
 */
export interface ChildOffer {
  readonly spiIn: number
  readonly sa: Wire.SaPayload
  readonly exchange: 'esp-in-auth' | 'esp'
  readonly mode: Mode
  /** Ours first. */
  readonly selectors: SelectorPair
  /** Without PFS, and in IKE_AUTH, none. */
  readonly keyPair: KeyPair | undefined
  /** Empty in IKE_AUTH, where those of IKE_SA_INIT serve. */
  readonly nonce: Uint8Array
  /** INVALID_KE_PAYLOAD made us ask again: not a second time. */
  readonly regrouped: boolean
  /** IKE_FOLLOWUP_KE is under way, and `keyPair` is that of its step. */
  readonly following?: ChildSteps
  /** Children that the peer made while this request was under way: RFC 7296 §2.8.1. */
  readonly crossing: ChildSa[]
}

const NONE = new Uint8Array(0)

/** What we ask for. A rekey asks for what is in use: RFC 7296 §2.9.2, §1.3.3. */
export function makeOffer(
  sa: IkeSa,
  control: PeerControl,
  about: {
    readonly exchange: 'esp-in-auth' | 'esp'
    readonly old: ChildSa | undefined
    readonly group: number | undefined
  },
): ChildOffer {
  const { crypto, random } = sa.host.ports
  const { peer } = control
  const { exchange, old } = about
  const group = pfsGroup(control, about)
  const { childSpis } = sa.host
  const spiIn = childSpis.draw()
  childSpis.announce(spiIn) // the peer may use it the moment it answers
  return {
    spiIn,
    sa: offerEsp(peer.esp.proposals, Wire.uint32(spiIn), exchange),
    exchange,
    mode: old?.mode ?? (control.transportRefused ? 'tunnel' : peer.esp.mode),
    selectors:
      old === undefined
        ? proposedSelectors(sa, control)
        : { tsi: old.localSelectors, tsr: old.remoteSelectors },
    keyPair: group === undefined ? undefined : crypto.keyPair(group),
    nonce: exchange === 'esp' ? random.nonce(NONCE_LENGTH) : NONE,
    regrouped: about.group !== undefined,
    crossing: [],
  }
}

function pfsGroup(
  { peer }: PeerControl,
  about: { readonly exchange: string; readonly group: number | undefined },
): Group | undefined {
  if (about.exchange === 'esp-in-auth') return undefined // RFC 7296 §1.2
  if (about.group === undefined) return firstGroup(peer.esp.proposals)
  return offeredGroup(peer.esp.proposals, about.group) ?? firstGroup(peer.esp.proposals)
}

export const offerPayloads = (offer: ChildOffer, old: ChildSa | undefined): readonly Wire.PlainPayload[] => [
  // RFC 7296 §1.3.3: the SPI that we receive, no data.
  ...(old === undefined ? [] : [Wire.notifyChild(Wire.NOTIFY.REKEY_SA, old.spiIn)]),
  ...modeNotifies(offer.mode),
  offer.sa,
  ...(offer.nonce.length === 0 ? [] : [{ type: 'NONCE', data: offer.nonce } as const]),
  ...(offer.keyPair === undefined ? [] : [kePayload(offer.keyPair)]),
  { type: 'TSi', selectors: offer.selectors.tsi },
  { type: 'TSr', selectors: offer.selectors.tsr },
]

/** GRE in transport mode has no length of its own, so that TFC padding could not be told apart: RFC 4303 §2.7. */
export const modeNotifies = (mode: Mode): readonly Wire.NotifyPayload[] =>
  mode === 'transport'
    ? [Wire.notify(Wire.NOTIFY.USE_TRANSPORT_MODE), Wire.notify(Wire.NOTIFY.ESP_TFC_PADDING_NOT_SUPPORTED)]
    : []

/** What both ends agreed on. */
export interface Agreement {
  readonly choice: Choice<EspSuite>
  readonly mode: Mode
  /** Ours first. */
  readonly selectors: SelectorPair
  readonly secret: Uint8Array | undefined
  /** SK(1) to SK(n) of IKE_FOLLOWUP_KE. */
  readonly more?: readonly Uint8Array[]
  readonly nonces: Nonces
  readonly tfcPadding: boolean
}

/** Reads the answer to our offer: RFC 7296 §2.7, §2.9, §1.3.1. `nonces` are given in IKE_AUTH. */
export function readAnswer(
  offer: ChildOffer,
  payloads: readonly Wire.Payload[],
  given: Nonces | undefined,
): Agreement | Failure {
  const [sa, tsi, tsr] = [Wire.find(payloads, 'SA'), findTs(payloads, 'TSi'), findTs(payloads, 'TSr')]
  const nr = given?.nr ?? Wire.find(payloads, 'NONCE')?.data
  if (sa === undefined || tsi === undefined || tsr === undefined || nr === undefined)
    return failures.malformed('the answer that makes a child', 'SA, TSi, TSr or the nonce is missing')
  const choice = verifyEspChoice(sa, offer.sa, offer.exchange)
  if (choice === undefined) return failures.badChoice('an ESP proposal', offerTexts(offer.sa), offerTexts(sa))
  const selectors = { tsi: tsi.selectors, tsr: tsr.selectors }
  if (!isPairWithin(selectors, offer.selectors))
    return failures.selectorsUnacceptable(
      selectorEvidence(offer.selectors, selectors),
      selectorChange(offer.selectors, selectors),
    )
  const secret = agreePfs(offer.keyPair, choice.suite.group, Wire.find(payloads, 'KE'))
  if (isDrop(secret)) return failures.malformed('CREATE_CHILD_SA', `the KE payload (${secret})`)
  const transport = Wire.findNotify(payloads, Wire.NOTIFY.USE_TRANSPORT_MODE) !== undefined
  return {
    choice,
    // RFC 7296 §1.3.1: without the notify in the answer it is tunnel mode.
    mode: offer.mode === 'transport' && transport ? 'transport' : 'tunnel',
    selectors,
    secret,
    nonces: given ?? { ni: offer.nonce, nr },
    tfcPadding: acceptsTfc(payloads),
  }
}

/** undefined without PFS; a drop where the KE payload does not fit the choice: RFC 7296 §1.3. */
export function agreePfs(
  pair: KeyPair | undefined,
  group: Group | undefined,
  ke: Wire.KePayload | undefined,
): Uint8Array | undefined | Drop {
  if (group === undefined) return undefined
  if (pair === undefined || ke === undefined || pair.group !== group || ke.group !== group.id)
    return 'ike-key-exchange'
  return pair.agree(ke.data)
}

export const acceptsTfc = (payloads: readonly Wire.Payload[]): boolean =>
  Wire.findNotify(payloads, Wire.NOTIFY.ESP_TFC_PADDING_NOT_SUPPORTED) === undefined

export const selectorEvidence = (
  ours: SelectorPair,
  theirs: SelectorPair,
): Record<string, readonly string[]> => ({
  'ours: local': ours.tsi.map(selectorText),
  'ours: remote': ours.tsr.map(selectorText),
  'theirs: local': theirs.tsi.map(selectorText),
  'theirs: remote': theirs.tsr.map(selectorText),
})
