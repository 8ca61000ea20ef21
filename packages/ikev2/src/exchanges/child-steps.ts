import { Ike as Wire } from '@brunel/wire'
import type { Failure } from '../contract.js'
import * as failures from '../failures.js'
import type { IkeSa } from '../sa.js'
import { type Agreement, type ChildOffer, readAnswer } from './child-offer.js'
import { type ChildSteps, follow, forgetSteps, nextMethod, nextStep } from './follow-up.js'

/** What both ends agreed on in CREATE_CHILD_SA, and SK(0); it outlives the message it came in. */
export function childSteps(agreement: Agreement): ChildSteps {
  const { choice, nonces, secret } = agreement
  return {
    choice,
    secrets: secret === undefined ? [] : [secret],
    agreement: {
      ...agreement,
      choice: { ...choice, spi: choice.spi.slice() },
      nonces: { ni: nonces.ni.slice(), nr: nonces.nr.slice() },
    },
  }
}

/** With the secrets of all steps. */
export const agreementOf = ({ agreement, secrets }: ChildSteps): Agreement => ({
  ...agreement,
  more: secrets.slice(1),
})

interface Next {
  readonly next: NonNullable<ReturnType<typeof nextStep>>
  readonly state: ChildSteps
}

/**
 * What an answer of the peer comes to, be it to CREATE_CHILD_SA or to an IKE_FOLLOWUP_KE after it: a child, the next
 * step, the notify that refuses, or what is wrong with it.
 */
export function readOutcome(
  sa: IkeSa,
  offer: ChildOffer,
  payloads: readonly Wire.Payload[] | undefined,
): Agreement | Next | Wire.NotifyPayload | Failure {
  if (payloads === undefined) return failures.malformed('CREATE_CHILD_SA', 'the answer cannot be read')
  const state = offer.following === undefined ? begun(offer, payloads) : continued(offer, payloads)
  if (!('secrets' in state)) return state
  if (nextMethod(state) === undefined) return agreementOf(state)
  const next = nextStep(sa, state, payloads)
  if (next !== undefined) return { next, state }
  forgetSteps(sa, state)
  return failures.malformed('CREATE_CHILD_SA', 'nothing names the additional key exchange that must follow')
}

function begun(
  offer: ChildOffer,
  payloads: readonly Wire.Payload[],
): ChildSteps | Wire.NotifyPayload | Failure {
  const error = Wire.errorNotify(payloads)
  if (error !== undefined && Wire.find(payloads, 'SA') === undefined) return error
  const agreement = readAnswer(offer, payloads, undefined)
  return 'code' in agreement ? agreement : childSteps(agreement)
}

const continued = (
  offer: ChildOffer,
  payloads: readonly Wire.Payload[],
): ChildSteps | Wire.NotifyPayload | Failure =>
  Wire.errorNotify(payloads) ??
  follow(offer, payloads) ??
  failures.malformed('IKE_FOLLOWUP_KE', 'the KE payload')
