import { type Drop, isDrop } from '@brunel/base'
import type { Cryptography, Group } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import * as failures from '../failures.js'
import { extendIntAuth } from '../int-auth.js'
import { nextSkeyseed } from '../key-schedule.js'
import type { PeerControl } from '../peer.js'
import type { Agreed, IkeSa } from '../sa.js'
import type { Answer, Doing, Incoming } from '../sa-stage.js'
import type { Turn } from '../turn.js'
import { beginAuth, type HalfOpen, nextMessageId } from './auth.js'
import { agreeOn, kePayload } from './sa-init.js'

/**
 * IKE_INTERMEDIATE with the additional key exchanges that IKE_SA_INIT agreed on: RFC 9242 §3.2, RFC 9370 §2.2.2.
 * One exchange each, in the order of their transform types, all before IKE_AUTH; so both sides know their number.
 *
 *     HDR(1), SK {KEi(1)}  -->          keys of IKE_SA_INIT
 *                          <--  HDR(1), SK {KEr(1)}
 *     HDR(2), SK {KEi(2)}  -->          keys of the exchange before
 *                          <--  HDR(2), SK {KEr(2)}
 *     HDR(3), SK {IDi, …}  -->          IKE_AUTH
 */
const stepsLeft = (agreed: Agreed, half: HalfOpen): readonly Group[] =>
  agreed.suite.additional?.slice(half.steps ?? 0) ?? []

/** After IKE_SA_INIT and after each step: the next step, or IKE_AUTH. */
export function goOn(turn: Turn, sa: IkeSa, control: PeerControl, half: HalfOpen): void {
  const { agreed } = sa
  if (agreed === undefined) return
  const [method] = stepsLeft(agreed, half)
  if (method === undefined) return beginAuth(turn, sa, control, half)
  const keyPair = sa.host.ports.crypto.keyPair(method)
  const payloads = [kePayload(keyPair)]
  sa.stage = { is: 'authenticating', auth: { ...half, offer: undefined } }
  const request = octetsOf(sa, payloads, { messageId: nextMessageId(half), response: false })
  sa.request(turn, {
    type: Wire.EXCHANGE.IKE_INTERMEDIATE,
    payloads,
    doing: { what: 'intermediate', keyPair, request },
  })
}

const EMPTY = new Uint8Array(0)

/** What we send, as IntAuth covers it. */
const octetsOf = (
  sa: IkeSa,
  payloads: readonly Wire.PlainPayload[],
  at: { readonly messageId: number; readonly response: boolean },
): Uint8Array =>
  Wire.authenticatedOctets(
    Wire.protectedOutside({
      ...sa.header(Wire.EXCHANGE.IKE_INTERMEDIATE, at.messageId),
      response: at.response,
    }),
    Wire.emitPayloads(payloads),
  )

export function intermediateAnswered(
  turn: Turn,
  sa: IkeSa,
  doing: Extract<Doing, { readonly what: 'intermediate' }>,
  answer: { readonly m: Incoming; readonly payloads: readonly Wire.Payload[] | undefined },
): void {
  const { control, agreed, stage } = sa
  const { keyPair, request } = doing
  if (control === undefined || agreed === undefined || stage.is !== 'authenticating') return keyPair.wipe()
  const error = answer.payloads && Wire.errorNotify(answer.payloads)
  const ke = answer.payloads && Wire.find(answer.payloads, 'KE')
  const secret =
    ke?.group !== keyPair.group.id || error !== undefined ? 'ike-key-exchange' : keyPair.agree(ke.data)
  keyPair.wipe()
  if (error !== undefined)
    return sa.end(turn, failures.refused('IKE_INTERMEDIATE', Wire.notifyName(error.notifyType)))
  if (isDrop(secret))
    return sa.end(turn, failures.malformed('IKE_INTERMEDIATE', `the KE payload of ${keyPair.group.name}`))
  const half = advance(sa, agreed, stage.auth, {
    secret,
    request,
    response: answer.m.octets ?? EMPTY,
  })
  goOn(turn, sa, control, half)
}

/** The peer's step. What does not belong here ends the half-open IKE SA: their number is agreed (RFC 9242 §5). */
export function answerIntermediate(
  turn: Turn,
  sa: IkeSa,
  half: HalfOpen,
  request: { readonly m: Incoming; readonly payloads: readonly Wire.Payload[] },
): Answer {
  const { agreed } = sa
  const { m } = request
  const ke = Wire.find(request.payloads, 'KE')
  const [method] = agreed === undefined ? [] : stepsLeft(agreed, half)
  if (agreed === undefined || method === undefined || ke?.group !== method.id)
    return refuse(turn, sa, 'a key exchange that was not agreed')
  const answer = respondTo(sa.host.ports.crypto, method, ke.data)
  if (isDrop(answer)) return refuse(turn, sa, `the KE payload of ${method.name}`)
  const payloads = [{ type: 'KE', group: method.id, data: answer.publicValue }] as const
  const response = octetsOf(sa, payloads, { messageId: m.header.messageId, response: true })
  return {
    payloads,
    // The answer itself is protected by the keys of before: RFC 9370 §2.2.2.
    afterwards: () => {
      if (sa.stage.is !== 'half-open') return
      const next = advance(sa, agreed, half, {
        secret: answer.secret,
        request: m.octets ?? EMPTY,
        response,
      })
      sa.stage = { ...sa.stage, half: next }
    },
  }
}

function refuse(turn: Turn, sa: IkeSa, what: string): Answer {
  turn.drop('ike-key-exchange', sa.remote, what)
  return sa.fatal(Wire.NOTIFY.INVALID_SYNTAX, failures.malformed('IKE_INTERMEDIATE', what))
}

/** The responder's half of a key exchange, by a KEM or by Diffie-Hellman. */
export function respondTo(
  crypto: Cryptography,
  method: Group,
  theirs: Uint8Array,
): { readonly publicValue: Uint8Array; readonly secret: Uint8Array } | Drop {
  if (method.ciphertextLength !== undefined) {
    const made = crypto.encapsulate(method, theirs)
    return isDrop(made) ? made : { publicValue: made.ciphertext, secret: made.secret }
  }
  const pair = crypto.keyPair(method)
  const secret = pair.agree(theirs)
  pair.wipe()
  return isDrop(secret) ? secret : { publicValue: pair.publicValue, secret }
}

/** One step further: IntAuth by the SK_p of before, then the keys of this step, RFC 9242 §3.3.2, RFC 9370 §2.2.2. */
function advance<H extends HalfOpen>(
  sa: IkeSa,
  agreed: Agreed,
  half: H,
  step: { readonly secret: Uint8Array; readonly request: Uint8Array; readonly response: Uint8Array },
): H {
  const { crypto } = sa.host.ports
  const { suite, keys } = agreed
  const intAuth = extendIntAuth(crypto, { prf: suite.prf, pi: keys.pi, pr: keys.pr }, half.intAuth, step)
  const skeyseed = nextSkeyseed(crypto, { prf: suite.prf, d: keys.d }, half.nonces, step.secret)
  crypto.wipe(step.secret)
  sa.retire(agreed)
  agreeOn(sa, { suite, nonces: half.nonces, skeyseed, fragmentation: agreed.channel.fragmentation })
  return { ...half, intAuth, steps: (half.steps ?? 0) + 1 }
}
