import { isDrop } from '@brunel/base'
import type { Group, KeyPair } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import type { Additional } from '../additional-exchanges.js'
import type { IkeSuite, Nonces } from '../key-schedule.js'
import type { Choice, EspSuite } from '../proposals.js'
import type { IkeSa } from '../sa.js'
import type { Agreement } from './child-offer.js'
import { respondTo } from './intermediate.js'
import { kePayload } from './sa-init.js'

/**
 * Additional key exchanges of an SA that CREATE_CHILD_SA makes, RFC 9370 §2.2.4: one IKE_FOLLOWUP_KE each, right after
 * it. The link in the last answer names what the next request goes on with; the last of them has none.
 *
 *     HDR, SK {SA, Ni, KEi, …}            -->
 *                                         <--  HDR, SK {SA, Nr, KEr, …, N(ADDITIONAL_KEY_EXCHANGE: link 1)}
 *     HDR, SK {KEi(1), N(… link 1)}       -->
 *                                         <--  HDR, SK {KEr(1) [, N(… link 2)]}
 *
 * For the rules of collisions it is one exchange, which ends with the last answer.
 */
interface Steps<S extends Additional> {
  readonly choice: Choice<S>
  /** SK(0) of CREATE_CHILD_SA, SK(1), … */
  readonly secrets: readonly Uint8Array[]
}

/** Towards a successor of the IKE SA. */
export interface IkeSteps extends Steps<IkeSuite> {
  readonly nonces: Nonces
}

/** Towards a child. */
export interface ChildSteps extends Steps<EspSuite> {
  readonly agreement: Agreement
}

/** The responder's: what the next request of the peer must name. */
export type Awaited = { readonly link: Uint8Array } & (AwaitedIke | AwaitedChild)
export type AwaitedIke = IkeSteps & { readonly what: 'ike'; readonly spi: IkeSa['spiInitiator'] }
/** `rekeys`: what REKEY_SA named. */
export type AwaitedChild = ChildSteps & {
  readonly what: 'child'
  readonly spiIn: number
  readonly rekeys: { readonly spi: number | undefined } | undefined
}

const LINK_LENGTH = 8

export const nextMethod = ({ choice, secrets }: Steps<Additional>): Group | undefined =>
  choice.suite.additional?.[secrets.length - 1]

const linkOf = (payloads: readonly Wire.Payload[]): Uint8Array | undefined =>
  Wire.findNotify(payloads, Wire.NOTIFY.ADDITIONAL_KEY_EXCHANGE)?.data

const linkNotify = (link: Uint8Array): Wire.NotifyPayload =>
  Wire.notify(Wire.NOTIFY.ADDITIONAL_KEY_EXCHANGE, link)

/** Our next request, after an answer that leaves a step; undefined: it has no link, and leads nowhere. */
export function nextStep(
  sa: IkeSa,
  state: Steps<Additional>,
  answer: readonly Wire.Payload[],
): { readonly keyPair: KeyPair; readonly payloads: readonly Wire.PlainPayload[] } | undefined {
  const [method, link] = [nextMethod(state), linkOf(answer)]
  if (method === undefined || link === undefined) return undefined
  const keyPair = sa.host.ports.crypto.keyPair(method)
  return { keyPair, payloads: [kePayload(keyPair), linkNotify(link.slice())] }
}

/** SK(n) of the answer to our IKE_FOLLOWUP_KE, added to what was there. */
export function follow<S extends Steps<Additional>>(
  offer: { readonly following?: S; readonly keyPair: KeyPair | undefined },
  payloads: readonly Wire.Payload[],
): S | undefined {
  const { following, keyPair } = offer
  const ke = Wire.find(payloads, 'KE')
  if (following === undefined || keyPair === undefined || ke?.group !== keyPair.group.id) return undefined
  const secret = keyPair.agree(ke.data)
  return isDrop(secret) ? undefined : { ...following, secrets: [...following.secrets, secret] }
}

/** The responder waits for the next step and says under which name. */
export function awaitNext(sa: IkeSa, state: AwaitedIke | AwaitedChild): readonly Wire.PlainPayload[] {
  const link = sa.host.ports.random.bytes(LINK_LENGTH)
  sa.awaited = { ...state, link }
  return [linkNotify(link)]
}

/** The responder's step: its KE payload and what came of it, or the notify that refuses. */
export function answerStep(
  sa: IkeSa,
  payloads: readonly Wire.Payload[],
): { readonly ke: Wire.KePayload; readonly state: Awaited } | { readonly refusal: number } {
  const { awaited } = sa
  const { crypto } = sa.host.ports
  const [link, ke] = [linkOf(payloads), Wire.find(payloads, 'KE')]
  if (awaited === undefined || link === undefined || !crypto.equal(link, awaited.link))
    return { refusal: Wire.NOTIFY.STATE_NOT_FOUND }
  const method = nextMethod(awaited)
  if (method === undefined || ke === undefined || ke.group !== method.id)
    return { refusal: Wire.NOTIFY.INVALID_SYNTAX }
  const answer = respondTo(crypto, method, ke.data)
  if (isDrop(answer)) return { refusal: Wire.NOTIFY.INVALID_SYNTAX }
  sa.awaited = undefined
  return {
    ke: { type: 'KE', group: method.id, data: answer.publicValue },
    state: { ...awaited, secrets: [...awaited.secrets, answer.secret] },
  }
}

/** RFC 7296 §2.12: of what came to nothing. */
export function forgetSteps(sa: IkeSa, steps: Steps<Additional> | undefined): void {
  for (const secret of steps?.secrets ?? []) sa.host.ports.crypto.wipe(secret)
}

/** What the peer does not go on with. */
export function forgetAwaited(sa: IkeSa): void {
  const { awaited } = sa
  sa.awaited = undefined
  forgetSteps(sa, awaited)
  if (awaited?.what === 'child') sa.host.childSpis.free(awaited.spiIn)
}
