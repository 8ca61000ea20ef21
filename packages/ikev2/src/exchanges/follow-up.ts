import { isDrop } from '@brunel/base'
import type { Group, KeyPair } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import type { IkeSuite, Nonces } from '../key-schedule.js'
import type { Choice } from '../proposals.js'
import type { IkeSa } from '../sa.js'
import type { Turn } from '../turn.js'
import { respondTo } from './intermediate.js'
import type { IkeOffer } from './rekey-ike.js'
import { kePayload } from './sa-init.js'

/**
 * Additional key exchanges of a rekey, RFC 9370 §2.2.4: one IKE_FOLLOWUP_KE each, right after CREATE_CHILD_SA. The
 * link in the last answer names what the next request goes on with; the last of them has none.
 *
 *     HDR, SK {SA, Ni, KEi}               -->
 *                                         <--  HDR, SK {SA, Nr, KEr, N(ADDITIONAL_KEY_EXCHANGE: link 1)}
 *     HDR, SK {KEi(1), N(… link 1)}       -->
 *                                         <--  HDR, SK {KEr(1) [, N(… link 2)]}
 *
 * For the rules of collisions it is one rekey, which ends with the last answer.
 */
export interface FollowUp {
  readonly choice: Choice<IkeSuite>
  readonly nonces: Nonces
  /** SK(0) of CREATE_CHILD_SA, SK(1), … */
  readonly secrets: readonly Uint8Array[]
}

/** The responder's: what the next request of the peer must name. */
export interface Awaited extends FollowUp {
  readonly link: Uint8Array
  readonly spi: IkeSa['spiInitiator']
}

const LINK_LENGTH = 8

export const nextMethod = ({ choice, secrets }: FollowUp): Group | undefined =>
  choice.suite.additional?.[secrets.length - 1]

export const linkOf = (payloads: readonly Wire.Payload[]): Uint8Array | undefined =>
  Wire.findNotify(payloads, Wire.NOTIFY.ADDITIONAL_KEY_EXCHANGE)?.data

const linkNotify = (link: Uint8Array): Wire.NotifyPayload =>
  Wire.notify(Wire.NOTIFY.ADDITIONAL_KEY_EXCHANGE, link)

/** The next step, if one is left; undefined: the rekey is complete. 'stuck': the peer's answer leads nowhere. */
export function followUp(
  turn: Turn,
  sa: IkeSa,
  offer: IkeOffer,
  on: { readonly state: FollowUp; readonly payloads: readonly Wire.Payload[] },
): 'sent' | 'stuck' | undefined {
  const method = nextMethod(on.state)
  if (method === undefined) return undefined
  const link = linkOf(on.payloads)
  if (link === undefined) return 'stuck'
  const keyPair: KeyPair = sa.host.ports.crypto.keyPair(method)
  sa.request(turn, {
    type: Wire.EXCHANGE.IKE_FOLLOWUP_KE,
    payloads: [kePayload(keyPair), linkNotify(link.slice())],
    doing: { what: 'rekey-ike', offer: { ...offer, keyPair, following: on.state } },
  })
  return 'sent'
}

/** SK(n) of the answer to our IKE_FOLLOWUP_KE, added to what was there. */
export function follow(offer: IkeOffer, payloads: readonly Wire.Payload[]): FollowUp | undefined {
  const { following, keyPair } = offer
  const ke = Wire.find(payloads, 'KE')
  if (following === undefined || ke === undefined || ke.group !== keyPair.group.id) return undefined
  const secret = keyPair.agree(ke.data)
  return isDrop(secret) ? undefined : { ...following, secrets: [...following.secrets, secret] }
}

/** The responder waits for the next step and says under which name. */
export function awaitNext(
  sa: IkeSa,
  state: FollowUp & { readonly spi: IkeSa['spiInitiator'] },
): readonly Wire.PlainPayload[] {
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

/** RFC 7296 §2.12: of a rekey that came to nothing. */
export function forgetSteps(sa: IkeSa, steps: FollowUp | undefined): void {
  for (const secret of steps?.secrets ?? []) sa.host.ports.crypto.wipe(secret)
}
