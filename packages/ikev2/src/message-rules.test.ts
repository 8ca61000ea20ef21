import { Ike } from '@brunel/wire'
import t from 'tap'
import { checkMessage } from './message-rules.js'

/** One payload of each type; only the type matters to the rules. */
const NONE = new Uint8Array(0)
const OF: Record<string, Ike.Payload> = {
  SA: { type: 'SA', proposals: [] },
  KE: { type: 'KE', group: 31, data: NONE },
  NONCE: { type: 'NONCE', data: new Uint8Array(16) },
  IDi: { type: 'IDi', idType: 2, data: NONE },
  IDr: { type: 'IDr', idType: 2, data: NONE },
  AUTH: { type: 'AUTH', method: 2, data: NONE },
  CERT: { type: 'CERT', encoding: 4, data: NONE },
  CERTREQ: { type: 'CERTREQ', encoding: 4, data: NONE },
  TSi: { type: 'TSi', selectors: [] },
  TSr: { type: 'TSr', selectors: [] },
  D: { type: 'D', protocol: 1, spis: [] },
  V: { type: 'V', data: NONE },
  CP: { type: 'CP', cfgType: 1, attributes: [] },
  EAP: { type: 'EAP', message: NONE },
  SK: { type: 'SK', first: 0, body: NONE, at: 0 },
  unknown: { type: 'unknown', number: 200, critical: false, body: NONE },
  critical: { type: 'unknown', number: 201, critical: true, body: NONE },
  COOKIE: Ike.notify(Ike.NOTIFY.COOKIE),
  STATUS: Ike.notify(40000),
  ERROR: Ike.notify(Ike.NOTIFY.NO_PROPOSAL_CHOSEN),
}

const { IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL } = Ike.EXCHANGE
const verdict = (
  exchangeType: number,
  kind: 'request' | 'response',
  words: string,
  encrypted: boolean,
): string => {
  const payloads = words === '' ? [] : words.split(' ').map(word => OF[word] as Ike.Payload)
  const broken = checkMessage({ exchangeType, response: kind === 'response', encrypted, payloads })
  return broken === undefined ? 'ok' : broken.drop
}

const AUTH_I = 'IDi AUTH SA TSi TSr'
const AUTH_R = 'IDr AUTH SA TSi TSr'
for (const [rule, exchange, kind, words, want] of [
  ['§1.2', IKE_SA_INIT, 'request', 'SA KE NONCE', 'ok'],
  ['§2', IKE_SA_INIT, 'request', 'NONCE STATUS KE V SA unknown', 'ok'],
  ['§2.6', IKE_SA_INIT, 'request', 'COOKIE SA KE NONCE', 'ok'],
  ['§1.2', IKE_SA_INIT, 'request', 'SA KE', 'ike-payload'],
  ['§1.2', IKE_SA_INIT, 'request', 'SA NONCE', 'ike-payload'],
  ['§1.2', IKE_SA_INIT, 'request', 'SA SA KE NONCE', 'ike-payload'],
  ['§1.2', IKE_SA_INIT, 'request', 'SA KE NONCE NONCE', 'ike-payload'],
  ['§1.2', IKE_SA_INIT, 'request', 'SA KE NONCE AUTH', 'ike-payload'],
  ['§1.2', IKE_SA_INIT, 'request', 'SA KE NONCE SK', 'ike-payload'],
  ['§3.10.1', IKE_SA_INIT, 'request', 'ERROR', 'ike-payload'],
  ['§1.2', IKE_SA_INIT, 'response', 'SA KE NONCE CERTREQ', 'ok'],
  ['§2.6', IKE_SA_INIT, 'response', 'COOKIE', 'ok'],
  ['§1.2', IKE_SA_INIT, 'response', 'ERROR', 'ok'],
  ['§1.2', IKE_SA_INIT, 'response', 'STATUS', 'ike-payload'],
  ['§1.2', IKE_SA_INIT, 'response', 'SA KE', 'ike-payload'],
  ['§1.2', IKE_AUTH, 'request', AUTH_I, 'ok'],
  ['§1.2', IKE_AUTH, 'request', `${AUTH_I} IDr CERT CERT CERTREQ STATUS V CP`, 'ok'],
  ['§2', IKE_AUTH, 'request', 'TSr TSi SA AUTH IDi', 'ok'],
  ['§1.2', IKE_AUTH, 'request', 'AUTH SA TSi TSr', 'ike-payload'],
  ['§1.2', IKE_AUTH, 'request', 'IDi AUTH SA TSi', 'ike-payload'],
  ['§1.2', IKE_AUTH, 'request', 'IDi AUTH TSi TSr', 'ike-payload'],
  ['§1.2', IKE_AUTH, 'request', `${AUTH_I} KE`, 'ike-payload'],
  ['§1.2', IKE_AUTH, 'request', `${AUTH_I} AUTH`, 'ike-payload'],
  ['§1.2', IKE_AUTH, 'response', AUTH_R, 'ok'],
  ['§1.2', IKE_AUTH, 'response', 'IDr AUTH ERROR', 'ok'],
  ['§2.21.2', IKE_AUTH, 'response', 'ERROR', 'ok'],
  ['§1.2', IKE_AUTH, 'response', 'AUTH SA TSi TSr', 'ike-payload'],
  ['§1.2', IKE_AUTH, 'response', 'IDr AUTH SA', 'ike-payload'],
  ['§1.2', IKE_AUTH, 'response', `${AUTH_R} IDi`, 'ike-payload'],
  ['§1.3.1', CREATE_CHILD_SA, 'request', 'SA NONCE TSi TSr', 'ok'],
  ['§1.3.1', CREATE_CHILD_SA, 'request', 'SA NONCE KE TSi TSr', 'ok'],
  ['§1.3.2', CREATE_CHILD_SA, 'request', 'SA NONCE KE', 'ok'],
  ['§1.3.3', CREATE_CHILD_SA, 'request', 'STATUS SA NONCE TSi TSr', 'ok'],
  ['§1.3.1', CREATE_CHILD_SA, 'request', 'SA NONCE TSi', 'ike-payload'],
  ['§1.3.1', CREATE_CHILD_SA, 'request', 'SA TSi TSr', 'ike-payload'],
  ['§1.3.1', CREATE_CHILD_SA, 'request', 'NONCE TSi TSr', 'ike-payload'],
  ['§1.3.1', CREATE_CHILD_SA, 'request', 'SA NONCE TSi TSr AUTH', 'ike-payload'],
  ['§1.3', CREATE_CHILD_SA, 'response', 'ERROR', 'ok'],
  ['§1.3.1', CREATE_CHILD_SA, 'response', 'SA NONCE TSi TSr', 'ok'],
  ['§1.3.1', CREATE_CHILD_SA, 'response', 'SA TSi TSr', 'ike-payload'],
  ['§1.4', INFORMATIONAL, 'request', '', 'ok'],
  ['§1.4', INFORMATIONAL, 'request', 'D D STATUS ERROR CP V unknown', 'ok'],
  ['§1.4', INFORMATIONAL, 'request', 'SA', 'ike-payload'],
  ['§1.4', INFORMATIONAL, 'response', '', 'ok'],
  ['§1.4', INFORMATIONAL, 'response', 'D', 'ok'],
  ['§1.4', INFORMATIONAL, 'response', 'NONCE', 'ike-payload'],
  ['§3.1', 99, 'request', '', 'ike-exchange-type'],
] as const)
  t.test(`RFC 7296 ${rule}: ${exchange} ${kind} {${words}}: ${want}`, async t => {
    t.equal(verdict(exchange, kind, words, exchange !== IKE_SA_INIT), want)
  })

t.test('RFC 7296 §2.5: an unknown critical payload is told before anything else, in any message', async t => {
  for (const exchange of [IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL])
    for (const kind of ['request', 'response'] as const)
      t.equal(verdict(exchange, kind, 'critical', exchange !== IKE_SA_INIT), 'ike-critical')
  t.match(
    checkMessage({
      exchangeType: INFORMATIONAL,
      response: false,
      encrypted: true,
      payloads: [OF.critical as Ike.Payload],
    }),
    { detail: 'payload 201' },
  )
})

t.test('RFC 7296 §1.2: a clear-text AUTH is refused, and so is all else that must be encrypted', async t => {
  t.equal(verdict(IKE_AUTH, 'request', AUTH_I, false), 'ike-payload')
  t.equal(verdict(CREATE_CHILD_SA, 'request', 'SA NONCE TSi TSr', false), 'ike-payload')
  t.equal(verdict(INFORMATIONAL, 'request', 'D', false), 'ike-payload')
  t.equal(verdict(INFORMATIONAL, 'response', '', false), 'ike-payload')
})

t.test('RFC 7296 §1.2: an encrypted IKE_SA_INIT is refused', async t => {
  t.equal(verdict(IKE_SA_INIT, 'request', 'SA KE NONCE', true), 'ike-payload')
})
