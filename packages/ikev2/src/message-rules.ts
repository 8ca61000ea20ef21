import type { Drop } from '@brunel/base'
import { Ike } from '@brunel/wire'

/**
 * Which payloads a message holds, and whether it is encrypted: RFC 7296 §1.2 to §1.4, Appendix C. N, V and unknown
 * payloads that are not critical are allowed everywhere; unknown notifies too (§3.10.1).
 */

type Type = Ike.Payload['type']
type Count = readonly [least: number, most: number]

interface Rule {
  readonly encrypted: boolean
  readonly payloads: Partial<Record<Type, Count>>
  /** Payloads that come together or not at all. */
  readonly together?: readonly Type[]
}

const ONE: Count = [1, 1]
const MAY: Count = [0, 1]
const MANY: Count = [0, 64]

const SA_INIT: Rule = { encrypted: false, payloads: { SA: ONE, KE: ONE, NONCE: ONE, CERTREQ: MANY } }

/** A child is asked for by SA, TSi and TSr together; without them it is a childless IKE SA, RFC 6023 §3. */
const CHILD: readonly Type[] = ['SA', 'TSi', 'TSr']
const CERTIFICATES = { CERT: MANY, CERTREQ: MANY } as const

const RULES: Readonly<Record<string, Rule>> = {
  'IKE_SA_INIT request': { ...SA_INIT, payloads: { SA: ONE, KE: ONE, NONCE: ONE } },
  'IKE_SA_INIT response': SA_INIT,
  'IKE_AUTH request': {
    encrypted: true,
    payloads: {
      IDi: ONE,
      IDr: MAY,
      AUTH: MAY,
      SA: MAY,
      TSi: MAY,
      TSr: MAY,
      CP: MAY,
      EAP: MAY,
      ...CERTIFICATES,
    },
    together: CHILD,
  },
  'IKE_AUTH response': {
    encrypted: true,
    payloads: { IDr: ONE, AUTH: MAY, SA: MAY, TSi: MAY, TSr: MAY, CP: MAY, EAP: MAY, CERT: MANY },
    together: CHILD,
  },
  'CREATE_CHILD_SA request': {
    encrypted: true,
    payloads: { SA: ONE, NONCE: ONE, KE: MAY, TSi: MAY, TSr: MAY, CP: MAY },
    together: ['TSi', 'TSr'],
  },
  'CREATE_CHILD_SA response': {
    encrypted: true,
    payloads: { SA: ONE, NONCE: ONE, KE: MAY, TSi: MAY, TSr: MAY, CP: MAY },
    together: ['TSi', 'TSr'],
  },
  // Nothing else is agreed on that would use it: RFC 9242 §3.2, RFC 9370 §2.2.2.
  'IKE_INTERMEDIATE request': { encrypted: true, payloads: { KE: ONE } },
  'IKE_INTERMEDIATE response': { encrypted: true, payloads: { KE: ONE } },
  'IKE_FOLLOWUP_KE request': { encrypted: true, payloads: { KE: ONE } },
  'IKE_FOLLOWUP_KE response': { encrypted: true, payloads: { KE: ONE } },
  'INFORMATIONAL request': { encrypted: true, payloads: { D: MANY, CP: MAY } },
  'INFORMATIONAL response': { encrypted: true, payloads: { D: MANY, CP: MAY } },
}

const NAMES = new Map<number, string>(Object.entries(Ike.EXCHANGE).map(([name, number]) => [number, name]))

/** The RFC's name of an exchange type, or its number. */
export const exchangeName = (exchangeType: number): string => NAMES.get(exchangeType) ?? String(exchangeType)

export interface Violation {
  readonly drop: Drop
  readonly detail: string
}

const broken = (drop: Drop, detail: string): Violation => ({ drop, detail })

/**
 * What is wrong with a message, or undefined. For a protected message `payloads` are those inside SK, and
 * `encrypted` is true. An unknown critical payload ('ike-critical') comes before all else: RFC 7296 §2.5.
 * A response that reports an error, and the cookie of IKE_SA_INIT, need not hold what success would.
 */
export function checkMessage(message: {
  readonly exchangeType: number
  readonly response: boolean
  readonly encrypted: boolean
  readonly payloads: readonly Ike.Payload[]
}): Violation | undefined {
  const { exchangeType, response, payloads } = message
  const name = `${exchangeName(exchangeType)} ${response ? 'response' : 'request'}`
  const rule = RULES[name]
  if (rule === undefined) return broken('ike-exchange-type', `exchange type ${exchangeType}`)
  const critical = Ike.unknownCritical(payloads)
  if (critical !== undefined) return broken('ike-critical', `payload ${critical}`)
  if (rule.encrypted !== message.encrypted)
    return broken('ike-payload', `${name} ${rule.encrypted ? 'must be encrypted' : 'is never encrypted'}`)
  const refusal = response && isRefusal(exchangeType, payloads)
  return checkCounts(name, rule, payloads, refusal)
}

const isRefusal = (exchangeType: number, payloads: readonly Ike.Payload[]): boolean =>
  Ike.errorNotify(payloads) !== undefined ||
  (exchangeType === Ike.EXCHANGE.IKE_SA_INIT && Ike.findNotify(payloads, Ike.NOTIFY.COOKIE) !== undefined)

function checkCounts(
  name: string,
  rule: Rule,
  payloads: readonly Ike.Payload[],
  refusal: boolean,
): Violation | undefined {
  const count = (type: Type): number => Ike.all(payloads, type).length
  for (const { type } of payloads) {
    if (type === 'N' || type === 'V' || type === 'unknown') continue
    if (!(type in rule.payloads)) return broken('ike-payload', `${type} does not belong in ${name}`)
  }
  for (const [type, [least, most]] of Object.entries(rule.payloads) as [Type, Count][]) {
    if (count(type) > most) return broken('ike-payload', `${name} has ${count(type)} ${type}`)
    if (count(type) < least && !refusal) return broken('ike-payload', `${name} has no ${type}`)
  }
  const together = rule.together ?? []
  if (!refusal && together.some(type => count(type) !== count(together[0] as Type)))
    return broken('ike-payload', `${name} has only some of ${together.join(', ')}`)
  return undefined
}
