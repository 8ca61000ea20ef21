import { isDrop } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import type { ChildSa } from '../child-sa.js'
import type { Failure, Mode } from '../contract.js'
import * as failures from '../failures.js'
import type { Nonces } from '../key-schedule.js'
import { nearest } from '../nearest.js'
import { findTs } from '../payload-find.js'
import type { PeerControl } from '../peer.js'
import { allowedSelectors } from '../policy.js'
import { offerTexts } from '../proposal-text.js'
import { answerOf, chooseEsp, offerEsp } from '../proposals.js'
import type { IkeSa } from '../sa.js'
import { narrow, narrowForRekey, type SelectorPair, selectorChange, withAddress } from '../selectors.js'
import { type Agreement, acceptsTfc, agreePfs, modeNotifies, selectorEvidence } from './child-offer.js'
import { isNonce, kePayload, NONCE_LENGTH, refusesNat } from './sa-init.js'

/** Why a child is refused: what the peer is told, and what we log. */
export interface ChildRefusal {
  readonly refusal: Wire.NotifyPayload
  readonly why: Failure
}

export interface ChildAnswer {
  readonly spiIn: number
  readonly agreement: Agreement
  readonly payloads: readonly Wire.PlainPayload[]
}

const NONE = new Uint8Array(0)

/** Judges a request for a child. `given`: in IKE_AUTH the nonces of IKE_SA_INIT serve, and there is no KE. */
export function answerChild(
  sa: IkeSa,
  control: PeerControl,
  request: {
    readonly payloads: readonly Wire.Payload[]
    readonly old: ChildSa | undefined
    readonly given: Nonces | undefined
  },
): ChildAnswer | ChildRefusal {
  const { payloads, old, given } = request
  const [offer, tsi, tsr] = [Wire.find(payloads, 'SA'), findTs(payloads, 'TSi'), findTs(payloads, 'TSr')]
  const ni = given?.ni ?? Wire.find(payloads, 'NONCE')?.data
  if (offer === undefined || tsi === undefined || tsr === undefined || ni === undefined || !isNonce(ni))
    return refuse(
      Wire.notify(Wire.NOTIFY.INVALID_SYNTAX),
      failures.malformed('a request for a child', 'a payload is missing'),
    )
  if (refusesNat(sa, control))
    return refuse(
      Wire.notify(Wire.NOTIFY.NO_PROPOSAL_CHOSEN),
      failures.natRefused(sa.nat.local, sa.nat.remote),
    )
  const exchange = given === undefined ? 'esp' : 'esp-in-auth'
  const ke = Wire.find(payloads, 'KE')
  const choice = chooseEsp(offer, control.peer.esp.proposals, { exchange, keGroup: ke?.group })
  if (isDrop(choice))
    return refuse(
      Wire.notify(Wire.NOTIFY.INVALID_SYNTAX),
      failures.malformed('a request for a child', choice),
    )
  if (choice === undefined) {
    const ours = offerEsp(control.peer.esp.proposals, NONE, exchange)
    return refuse(
      Wire.notify(Wire.NOTIFY.NO_PROPOSAL_CHOSEN),
      failures.noCommonEspProposal(offerTexts(ours), offerTexts(offer), nearest('esp', ours, offer)),
    )
  }
  const { group } = choice.suite
  if (group !== undefined && ke?.group !== group.id)
    return refuse(
      Wire.notify(Wire.NOTIFY.INVALID_KE_PAYLOAD, Wire.uint16(group.id)), // RFC 7296 §1.3
      failures.wrongGroup(group.id, offerTexts(offer)),
    )
  const mode = modeFor(control, old, payloads)
  const selectors = selectorsFor(sa, control, {
    offer: { tsi: tsi.selectors, tsr: tsr.selectors },
    old,
    mode,
  })
  if ('refusal' in selectors) return selectors
  const pair = group === undefined ? undefined : sa.host.ports.crypto.keyPair(group)
  const secret = agreePfs(pair, group, ke)
  pair?.wipe()
  if (isDrop(secret))
    return refuse(Wire.notify(Wire.NOTIFY.INVALID_SYNTAX), failures.malformed('CREATE_CHILD_SA', secret))
  const nonces = given ?? { ni, nr: sa.host.ports.random.nonce(NONCE_LENGTH) }
  const spiIn = sa.host.childSpis.draw()
  return {
    spiIn,
    agreement: {
      choice,
      mode,
      selectors: { tsi: selectors.tsr, tsr: selectors.tsi },
      secret,
      nonces,
      tfcPadding: acceptsTfc(payloads),
    },
    payloads: [
      ...modeNotifies(mode),
      answerOf(choice, Wire.PROTOCOL.ESP, Wire.uint32(spiIn)),
      ...(given === undefined ? [{ type: 'NONCE', data: nonces.nr } as const] : []),
      ...(pair === undefined ? [] : [kePayload(pair)]),
      { type: 'TSi', selectors: selectors.wire.tsi },
      { type: 'TSr', selectors: selectors.wire.tsr },
    ],
  }
}

const refuse = (refusal: Wire.NotifyPayload, why: Failure): ChildRefusal => ({ refusal, why })

/** RFC 7296 §1.3.1: transport mode only if both want it; a rekey keeps the mode that is in use (§1.3.3). */
function modeFor(control: PeerControl, old: ChildSa | undefined, payloads: readonly Wire.Payload[]): Mode {
  const asked = Wire.findNotify(payloads, Wire.NOTIFY.USE_TRANSPORT_MODE) !== undefined
  return asked && (old?.mode ?? control.peer.esp.mode) === 'transport' ? 'transport' : 'tunnel'
}

/**
 * The narrowed selectors, RFC 7296 §2.9; of a rekey, those in use (§2.9.2). `wire` is what the peer reads: in
 * transport mode behind a NAT the addresses are exchanged for those that we see, and back again (§2.23.1).
 */
function selectorsFor(
  sa: IkeSa,
  control: PeerControl,
  about: { readonly offer: SelectorPair; readonly old: ChildSa | undefined; readonly mode: Mode },
): (SelectorPair & { readonly wire: SelectorPair }) | ChildRefusal {
  const { offer, old } = about
  const seen = about.mode === 'transport' ? asSeen(sa, offer) : offer
  const policy =
    old === undefined
      ? allowedSelectors(sa, control, seen)
      : { tsi: old.remoteSelectors, tsr: old.localSelectors }
  const narrowed = old === undefined ? narrow(seen, policy) : narrowForRekey(seen, policy)
  if (narrowed === undefined) {
    const [ours, theirs] = [
      { tsi: policy.tsr, tsr: policy.tsi },
      { tsi: offer.tsr, tsr: offer.tsi },
    ]
    const why = failures.selectorsUnacceptable(
      selectorEvidence(ours, theirs),
      selectorChange(ours, { tsi: seen.tsr, tsr: seen.tsi }),
    )
    return refuse(Wire.notify(Wire.NOTIFY.TS_UNACCEPTABLE), why)
  }
  return { ...narrowed, wire: about.mode === 'transport' ? asSent(sa, offer, narrowed) : narrowed }
}

/** RFC 7296 §2.23.1: one address a selector, the first one counts. */
const asSeen = (sa: IkeSa, offer: SelectorPair): SelectorPair => ({
  tsi: sa.nat.remote ? withAddress(offer.tsi, addressOf(offer.tsi), sa.remote.address) : offer.tsi,
  tsr: sa.nat.local ? withAddress(offer.tsr, addressOf(offer.tsr), sa.local.address) : offer.tsr,
})

const asSent = (sa: IkeSa, offer: SelectorPair, narrowed: SelectorPair): SelectorPair => ({
  tsi: sa.nat.remote ? withAddress(narrowed.tsi, sa.remote.address, addressOf(offer.tsi)) : narrowed.tsi,
  tsr: sa.nat.local ? withAddress(narrowed.tsr, sa.local.address, addressOf(offer.tsr)) : narrowed.tsr,
})

const addressOf = (selectors: SelectorPair['tsi']): string => selectors[0]?.startAddress ?? '0.0.0.0'
