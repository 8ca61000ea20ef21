import { sign } from 'node:crypto'
import type { WallClock } from '@brunel/base'
import t from 'tap'
import { authority, day, type Made, made, NOW } from '../../test/authority.js'
import { vectors } from '../../test/vectors.js'
import { derOf } from '../der.js'
import { type Certificate, parseCertificate } from './certificate.js'
import { issueCrl } from './issue.js'
import { readOcsp } from './ocsp.js'
import { certificatesIn, crlsIn } from './pem.js'
import { type Evidence, revocation, type Statement } from './revocation.js'
import { answerTimes, questionsOf } from './revocation-question.js'

const CRL = 'http://crl.example.net/ca.crl'
const root = await authority('CN=Root')
const middle = await authority('CN=Middle', { issuer: root, crlUrls: ['http://crl.example.net/root.crl'] })
const end = await made({ subject: 'CN=end', issuer: root, crlUrls: [CRL] })
const silent = await made({ subject: 'CN=silent', issuer: root })

const evidence = (more: Partial<Evidence> = {}): Evidence => ({
  policy: 'off',
  crls: [],
  ocsp: [],
  statement: () => undefined,
  ...more,
})
const look = (path: readonly Made[], more: Partial<Evidence> = {}, now = day(0)) =>
  revocation(
    path.map(({ parsed }) => parsed),
    evidence(more),
    now.getTime() as WallClock,
  )
interface Wish {
  readonly revoked?: readonly Made[]
  readonly next?: Date
  readonly extensions?: readonly {
    readonly type: string
    readonly critical: boolean
    readonly value: Uint8Array
  }[]
}
const list = async (by: Made, { revoked = [], next = day(7), extensions = [] }: Wish = {}) =>
  crlsIn(
    await issueCrl(by, {
      revoked: revoked.map(({ parsed }) => ({ serial: parsed.serial, at: day(-1) })),
      thisUpdate: day(-2),
      nextUpdate: next,
      extensions,
    }),
  )
const answers =
  (...said: readonly Statement[]) =>
  (): Statement | undefined =>
    said[0]
const had = (der: Uint8Array | undefined): Statement => ({ der, failed: undefined })
const failed: Statement = { der: undefined, failed: 'no answer' }

t.test('RFC 5280 §6.3: what a list of its issuer names is revoked; other lists prove nothing', async t => {
  const crls = await list(root, { revoked: [end] })
  t.match(look([end, root], { crls }), { fault: 'revoked', detail: /revoked at 2030-05-31.* by "CN=Root"/ })
  t.match(look([end, root], { crls }, day(30)), { fault: 'revoked' }, 'also by a list that is out of date')
  t.match(look([end, root], { crls: await list(root) }), {
    state: 'good',
    detail: 'the revocation list of "CN=Root"',
    until: day(7).getTime(),
  })
  t.match(look([end, root], { crls: await list(root) }, day(30)), { state: 'unknown', detail: /out of date/ })
  t.match(look([end, root], { crls: await list(root) }, day(-3)), { state: 'unknown' }, 'of the future')
  const impostor = await authority('CN=Root')
  t.match(look([end, root], { crls: await list(impostor, { revoked: [end] }) }), {
    state: 'unknown',
    detail: /no revocation list/,
  })
  const below = await made({ subject: 'CN=below', issuer: middle })
  t.match(
    look([below, middle, root], { crls: await list(root, { revoked: [middle] }) }),
    { fault: 'revoked', subject: 'CN=Middle' },
    'an authority, too',
  )
})

t.test('RFC 5280 §6.3.3 (f): a list by a key that is not for lists proves nothing', async t => {
  const issuer = await authority('CN=No Lists', { keyUsage: 32 })
  const below = await made({ subject: 'CN=below', issuer })
  t.match(look([below, issuer], { crls: await list(issuer, { revoked: [below] }) }), { state: 'unknown' })
})

/** An issuingDistributionPoint of these members. */
const point = (...members: readonly Uint8Array[]) => ({
  type: '2.5.29.28',
  critical: true,
  value: derOf(0x30, ...members),
})
const flag = (n: number): Uint8Array => Uint8Array.of(0x80 + n, 1, 0xff)
const at = (url: string): Uint8Array => derOf(0xa0, derOf(0xa0, derOf(0x86, Buffer.from(url))))
for (const [what, extension, sees, proves] of [
  ['of our distribution point', point(at(CRL)), true, true],
  ['of another distribution point', point(at('http://crl.example.net/other.crl')), false, false],
  ['of end certificates', point(flag(1)), true, true],
  ['of authorities', point(flag(2)), false, false],
  ['for some reasons', point(Uint8Array.of(0x83, 2, 1, 0x60)), true, false],
  ['of other authorities (indirect)', point(flag(4)), false, false],
  ['of attribute certificates', point(flag(5)), false, false],
  ['of changes (delta)', { type: '2.5.29.27', critical: true, value: Uint8Array.of(2, 1, 1) }, false, false],
  [
    'with an unknown critical extension',
    { type: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) },
    false,
    false,
  ],
  ['with an unknown extension', { type: '1.2.3.4', critical: false, value: Uint8Array.of(5, 0) }, true, true],
] as const) {
  const tells = `${sees ? 'revokes' : 'does not revoke'}, and ${proves ? 'proves' : 'does not prove'} the contrary`
  t.test(`RFC 5280 §5.2, §6.3.3 (b): a list ${what} ${tells}`, async t => {
    const extensions = [extension]
    const names = look([end, root], { crls: await list(root, { revoked: [end], extensions }) })
    t.equal('fault' in names, sees)
    t.match(look([end, root], { crls: await list(root, { extensions }) }), {
      state: proves ? 'good' : 'unknown',
    })
  })
}

t.test('a list of fifty thousand entries is read', async t => {
  const time = derOf(0x17, Buffer.from('300531000000Z'))
  const entry = (serial: Uint8Array): Uint8Array => derOf(0x30, derOf(0x02, serial), time)
  const entries = Array.from({ length: 50_000 }, (_, i) => entry(Uint8Array.of(1, i >> 16, i >> 8, i)))
  entries.push(entry(Buffer.from(end.parsed.serial, 'hex')))
  const algorithm = derOf(0x30, derOf(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
  const next = derOf(0x17, Buffer.from('300701000000Z'))
  const head = [derOf(0x02, Uint8Array.of(1)), algorithm, root.parsed.subject, time, next]
  const signed = derOf(0x30, ...head, derOf(0x30, ...entries))
  const signature = derOf(0x03, Uint8Array.of(0), sign('sha256', signed, root.privateKey))
  const crls = [derOf(0x30, signed, algorithm, signature)]
  t.match(look([end, root], { crls }), { fault: 'revoked' })
  t.match(look([silent, root], { crls }), { state: 'good' })
})

t.test('a changed octet, or a list that ends early, is no list', async t => {
  const [der] = await list(root, { revoked: [end] })
  for (let i = 0; i < (der?.length ?? 0); i += 3) {
    const touched = der?.with(i, (der[i] as number) ^ 1) as Uint8Array
    t.match(look([end, root], { crls: [touched] }), { state: 'unknown' }, `octet ${i}`)
    t.match(look([end, root], { crls: [der?.subarray(0, i) as Uint8Array] }), { state: 'unknown' })
  }
})

t.test('what nothing tells: the policy decides, after everything was asked', async t => {
  const table = [
    ['off', end, undefined, 'unchecked'],
    ['relaxed', end, undefined, 'open'],
    ['strict', end, undefined, 'open'],
    ['relaxed', end, failed, 'unknown'],
    ['ifuri', end, failed, 'revocation-unknown'],
    ['strict', end, failed, 'revocation-unknown'],
    ['relaxed', silent, undefined, 'unknown'],
    ['ifuri', silent, undefined, 'unknown'],
    ['strict', silent, undefined, 'revocation-unknown'],
  ] as const
  for (const [policy, who, said, want] of table) {
    const found = look([who, root], { policy, statement: () => said })
    const is = 'fault' in found ? found.fault : found.open.length > 0 ? 'open' : found.state
    t.equal(is, want, `${policy}, ${who.parsed.subjectText}, ${said?.failed}`)
  }
  t.match(look([end, root], { policy: 'strict', statement: () => failed }), { detail: `${CRL}: no answer` })
})

t.test(
  'RFC 5280 §6.3.3 (a): a list that was fetched counts in its time and is asked for anew after it',
  async t => {
    const [good] = await list(root)
    const [bad] = await list(root, { revoked: [end] })
    const strict = (said: Statement) => ({ policy: 'strict', statement: answers(said) }) as const
    t.match(look([end, root], strict(had(good))), { state: 'good', open: [] })
    t.match(look([end, root], strict(had(good)), day(8)), { open: [{ kind: 'crl', url: CRL }] })
    t.match(look([end, root], strict(had(bad))), { fault: 'revoked' })
    t.match(look([end, root], strict({ der: bad, failed: 'no answer' })), { fault: 'revoked' })
    t.match(look([end, root], strict({ der: good, failed: 'no answer' })), { state: 'good' })
  },
)

t.test('RFC 5280 §4.2.1.13: only whole lists of the issuer by plain HTTP are asked for', async t => {
  const uri = (url: string): Uint8Array => derOf(0xa0, derOf(0xa0, derOf(0x86, Buffer.from(url))))
  const value = derOf(
    0x30,
    derOf(0x30, uri('ldap://x.net/a')),
    derOf(0x30, uri('https://x.net/b')),
    derOf(0x30, uri('http://x.net/c'), Uint8Array.of(0x81, 2, 1, 0x60)),
    derOf(0x30, uri('http://x.net/d'), derOf(0xa2, derOf(0xa4, root.parsed.subject))),
    derOf(0x30, uri('http://x.net/e')),
  )
  const odd = await made({
    subject: 'CN=odd',
    issuer: root,
    extensions: [{ type: '2.5.29.31', critical: true, value }],
  })
  t.same(odd.parsed.crlUrls, ['http://x.net/e'])
  t.same(odd.parsed.unknownCritical, [])
})

t.test(
  'a question is the same for all certificates of an authority, and another for another authority',
  async t => {
    const other = await authority('CN=Other')
    const key = async (issuer: Made): Promise<string | undefined> => {
      const one = await made({ subject: 'CN=x', issuer, crlUrls: [CRL] })
      return questionsOf(one.parsed, issuer.parsed)[0]?.key
    }
    t.equal(await key(root), await key(root))
    t.not(await key(root), await key(other))
  },
)

t.test('an answer says when it is renewed, or why it is none', async t => {
  const [question] = questionsOf(end.parsed, root.parsed)
  if (question === undefined) return t.fail('no question')
  const times = (der: Uint8Array | undefined, now = day(0)) =>
    answerTimes(question, der ?? new Uint8Array(0), now.getTime() as WallClock)
  const [good] = await list(root)
  t.same(times(good), { thisUpdate: day(-2).getTime(), nextUpdate: day(7).getTime() })
  t.match(times(good, day(8)), /out of date since 2030-06-08/)
  t.match(times(good, day(-3)), /of the future/)
  t.match(times((await list(await authority('CN=Root')))[0]), /not signed by "CN=Root"/)
  t.match(times((await list(root, { extensions: [point(flag(2))] }))[0]), /about other certificates/)
  t.match(times(Buffer.from('<html>')), /cannot be read/)
  return undefined
})

interface Ocsp {
  readonly authority: string
  readonly certificate: string
  readonly other: string
  readonly request: string
  readonly responses: Readonly<Record<string, string>>
}
const vector = vectors<Ocsp>('rfc6960-ocsp')
const parsed = (pem: string): Certificate => {
  const certificate = parseCertificate(certificatesIn(pem)[0] ?? new Uint8Array(0))
  if (certificate === undefined) throw new Error('the vector cannot be read')
  return certificate
}
const [ca, certificate] = [parsed(vector.authority), parsed(vector.certificate)]
const response = (name: string): Uint8Array =>
  new Uint8Array(Buffer.from(vector.responses[name] ?? '', 'base64'))
const now = NOW

t.test('RFC 6960 §4.1.1: our request is the one that OpenSSL makes', async t => {
  const [ocsp, crl] = questionsOf(certificate, ca)
  t.match(ocsp, { kind: 'ocsp', url: 'http://ocsp.example.net/' })
  t.match(crl, { kind: 'crl', url: CRL })
  t.equal(Buffer.from(ocsp?.request ?? []).toString('base64'), vector.request)
})

for (const [name, want] of [
  ['good', { status: 'good' }],
  ['keyid', { status: 'good' }],
  ['delegated', { status: 'good' }],
  ['revoked', { status: 'revoked', revokedAt: Date.UTC(2026, 10, 1) }],
  ['unknown', { status: 'unknown' }],
  ['impostor', /not signed by the authority/],
  ['other', /about another certificate/],
] as const) {
  t.test(`RFC 6960 §3.2, §4.2.2.2: the response "${name}" of OpenSSL`, async t => {
    t.match(readOcsp(response(name), { certificate, issuer: ca, now }), want)
  })
}

t.test('RFC 6960 §2.3: an error instead of an answer is told in its words', async t => {
  for (const [status, word] of [
    [1, /malformedRequest/],
    [3, /tryLater/],
    [6, /unauthorized/],
  ] as const)
    t.match(readOcsp(Uint8Array.of(0x30, 3, 10, 1, status), { certificate, issuer: ca, now }), word)
})

t.test('RFC 6960 §3.2 (2): a changed octet is not believed, or changes nothing that counts', async t => {
  const der = response('good')
  const right = readOcsp(der, { certificate, issuer: ca, now })
  for (let i = 0; i < der.length; i++) {
    const found = readOcsp(der.with(i, (der[i] as number) ^ 1), { certificate, issuer: ca, now })
    if (typeof found !== 'string') t.same(found, right, `octet ${i}`)
  }
})

t.test('RFC 6960 §3.2 (5), (6): an answer counts in its time; one that revokes counts always', async t => {
  const path = [certificate, ca]
  const by = (name: string, at: number) =>
    revocation(
      path,
      evidence({ policy: 'relaxed', statement: () => failed, ocsp: [response(name)] }),
      at as WallClock,
    )
  t.match(by('good', now), { state: 'good', detail: 'OCSP for "CN=Vector CA"' })
  t.match(by('short', now), { state: 'unknown' })
  t.match(by('good', Date.UTC(2020)), { state: 'unknown' })
  t.match(by('revoked', Date.UTC(2020)), { fault: 'revoked', detail: /2026-11-01.*OCSP/ })
})

t.test('what OCSP does not tell is asked of the list, one after the other', async t => {
  const [first, second] = questionsOf(certificate, ca)
  const open = (said: Readonly<Record<string, Statement>>) =>
    revocation([certificate, ca], evidence({ policy: 'strict', statement: key => said[key] }), now)
  t.match(open({}), { open: [{ kind: 'ocsp' }] })
  t.match(open({ [first?.key ?? '']: failed }), { open: [{ kind: 'crl' }] })
  t.match(open({ [first?.key ?? '']: failed, [second?.key ?? '']: failed }), { fault: 'revocation-unknown' })
  t.match(open({ [first?.key ?? '']: had(response('good')) }), { state: 'good', open: [] })
})

t.test('RFC 6960 §4.2.2.2: a responder past its own validity may not answer', async t => {
  const late = readOcsp(response('delegated'), { certificate, issuer: ca, now: Date.UTC(2090) as WallClock })
  t.match(late, /not signed by the authority/)
})
