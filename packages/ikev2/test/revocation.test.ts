/** Revocation as the machine sees it: what is asked, what waits, what a late answer does. */
import { readFileSync } from 'node:fs'
import {
  certificatesIn,
  crlsIn,
  issueCrl,
  parseCertificate,
  privateKeyIn,
  type Question,
} from '@brunel/crypto'
import type { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import type { IkePeer, TheirProof } from '../src/index.js'
import {
  authority,
  certificateLab,
  hours,
  type Proofs,
  routerCertificate,
  TWO,
  trusting,
} from './certificates.js'
import { type Lab, type Page, peerFor } from './lab.js'
import { inside } from './wire-tap.js'

type Certificates = Extract<TheirProof, { readonly method: 'certificate' }>

const CRL = 'http://crl.example.net/ca.crl'
const ca = await authority()
const A = await routerCertificate('a.example.net', ca, { crlUrls: [CRL] })
const B = await routerCertificate('b.example.net', ca, { crlUrls: [CRL] })
const silent = await routerCertificate('a.example.net', ca)
const serialOf = (pem: string): string =>
  parseCertificate(certificatesIn(pem)[0] ?? new Uint8Array())?.serial ?? ''
const list = async (...revoked: readonly string[]): Promise<Uint8Array> =>
  crlsIn(
    await issueCrl(ca, {
      revoked: revoked.map(pem => ({ serial: serialOf(pem), at: hours(-1) })),
      thisUpdate: hours(-2),
      nextUpdate: hours(200),
    }),
  )[0] as Uint8Array
const good = await list()
const bad = await list(A.pem)

const theirs = (revocation: Certificates['revocation'], more: Partial<Certificates> = {}): TheirProof =>
  ({ ...trusting(ca), revocation, ...more }) as TheirProof
/** B looks at A; A does not look. */
const pair = (revocation: Certificates['revocation'], own = A.own): readonly [Proofs, Proofs] => [
  { own, theirs: trusting(ca) },
  { own: B.own, theirs: theirs(revocation) },
]
const page =
  (answer: Page['answer'], after = 300) =>
  (): Page => ({ after, answer })
const codes = (lab: Lab, side: 'a' | 'b'): readonly string[] =>
  lab[side].event('failed').map(({ why }) => why.code)
const asked = (lab: Lab): readonly string[] => lab.exchanges().filter(line => line.includes(' ? '))
const certificateOf = (lab: Lab, side: 'a' | 'b') => lab[side].ike.reports()[0]?.sas[0]?.certificate
const ups = (lab: Lab): readonly number[] => [lab.a.children.size, lab.b.children.size]

t.test('the list that both certificates name is there before the first negotiation', async t => {
  const lab = certificateLab(...pair('relaxed'), { web: page({ der: good }, 0) })
  lab.run(1000)
  t.same(asked(lab), [`B ? ${CRL}`], 'asked for once, when the peer was set')
  t.same(ups(lab), [1, 1])
  t.match(certificateOf(lab, 'b'), {
    subject: 'CN=a.example.net',
    revocation: { state: 'good', detail: /revocation list of "CN=Lab CA"/, until: hours(200).getTime() },
  })
  t.match(certificateOf(lab, 'a'), { revocation: { state: 'unchecked' } })
})

t.test(
  'RFC 7296 §2.1: an IKE_AUTH is answered once, when the list is there, however often it comes',
  async t => {
    const lab = certificateLab(...pair('strict'), { web: page({ der: good }, 5000) })
    lab.run(8000)
    t.same(ups(lab), [1, 1])
    const answers = lab.sent.filter(({ text }) => text.startsWith('IKE_AUTH response'))
    t.equal(answers.length, 1)
    t.ok(
      lab.sent.filter(({ text }) => text.startsWith('IKE_AUTH request')).length > 1,
      'it was repeated meanwhile',
    )
    t.equal(lab.b.event('ike-up')[0]?.at, 5000)
  },
)

for (const [what, answer] of [
  ['in hand', page({ der: bad }, 0)],
  ['late', page({ der: bad }, 2000)],
] as const) {
  t.test(
    `RFC 5280 §6.3: a revoked certificate is refused, the list ${what}, whatever the policy`,
    async t => {
      for (const policy of ['relaxed', 'ifuri', 'strict'] as const) {
        const lab = certificateLab(...pair(policy), { web: answer })
        lab.run(4000)
        t.same(ups(lab), [0, 0])
        t.equal(codes(lab, 'b')[0], 'BRUNEL_IKE_CERTIFICATE_REVOKED')
        t.match(codes(lab, 'a')[0], /AUTHENTICATION_REFUSED/, 'the peer hears AUTHENTICATION_FAILED alone')
      }
    },
  )
}

t.test('as initiator, too: the answer of the responder waits for the list', async t => {
  const ab = (revocation: Certificates['revocation']): readonly [Proofs, Proofs] => [
    { own: silent.own, theirs: theirs(revocation) },
    { own: B.own, theirs: trusting(ca) },
  ]
  const well = certificateLab(...ab('strict'), { web: page({ der: good }) })
  well.run(2000)
  t.same(ups(well), [1, 1])
  t.match(certificateOf(well, 'a'), { revocation: { state: 'good' } })
  const refused = certificateLab(...ab('relaxed'), { web: page({ der: await list(B.pem) }) })
  refused.run(2000)
  t.same(ups(refused), [0, 0])
  t.equal(codes(refused, 'a')[0], 'BRUNEL_IKE_CERTIFICATE_REVOKED')
  const gone = certificateLab(...ab('relaxed'), { web: page({ der: good }, 4000) })
  gone.run(1000)
  gone.feed(gone.a, { on: 'down', peer: 'B' })
  gone.run(6000)
  t.equal(gone.a.children.size, 0, 'what was taken down meanwhile stays down')
})

for (const [policy, own, up] of [
  ['relaxed', A.own, true],
  ['ifuri', A.own, false],
  ['strict', A.own, false],
  ['relaxed', silent.own, true],
  ['ifuri', silent.own, true],
  ['strict', silent.own, false],
] as const) {
  const names = own === A.own ? 'an address that does not answer' : 'no address'
  t.test(`a certificate with ${names}, policy ${policy}: ${up ? 'let in' : 'refused in words'}`, async t => {
    const lab = certificateLab(...pair(policy, own), { web: page({ failed: 'HTTP 404' }) })
    lab.run(3000)
    t.same(ups(lab), up ? [1, 1] : [0, 0])
    if (up)
      return t.match(certificateOf(lab, 'b'), {
        revocation: { state: 'unknown', detail: /404|no revocation list/ },
      })
    const [failed] = lab.b.event('failed')
    return t.match(failed?.why, { code: 'BRUNEL_IKE_REVOCATION_UNKNOWN', sentence: /404|no revocation list/ })
  })
}

t.test('a host that never answers counts as a failure in the end', async t => {
  const lab = certificateLab(...pair('relaxed'))
  lab.run(7000)
  t.same(ups(lab), [0, 0])
  lab.run(20_000)
  t.same(ups(lab), [1, 1])
  t.match(certificateOf(lab, 'b'), { revocation: { detail: /no answer within 8 seconds/ } })
})

t.test('a peer that is revoked while it stands loses its IKE SA, and hears it by a Delete', async t => {
  const keys: string[] = []
  const web = ({ key }: Question): Page => {
    keys.push(key)
    return { after: 0, answer: { der: good } }
  }
  const lab = certificateLab(...pair('relaxed'), { web })
  lab.run(1000)
  t.same(ups(lab), [1, 1])
  t.same([...lab.b.ike.revocationKeys()], [keys[0]])
  lab.feed(lab.b, { on: 'revocation', key: 'another', answer: { der: bad } })
  lab.feed(lab.b, { on: 'revocation', key: keys[0] ?? '', answer: { failed: 'HTTP 500' } })
  lab.run(2000)
  t.same(ups(lab), [1, 1], 'other news, and no news, change nothing')
  lab.feed(lab.b, { on: 'revocation', key: keys[0] ?? '', answer: { der: bad } })
  t.same(lab.b.event('ike-down')[0]?.why.code, 'BRUNEL_IKE_CERTIFICATE_REVOKED')
  t.equal(lab.b.children.size, 0)
  lab.run(2100)
  t.match(lab.sent.map(({ text }) => text).join('\n'), /INFORMATIONAL request \d+ \{D/)
  t.equal(lab.a.event('ike-down')[0]?.why.code, 'BRUNEL_IKE_CLOSED_BY_PEER')
  lab.run(10_000)
  t.same(ups(lab), [0, 0], 'and does not come back')
})

t.test(
  'what the host dropped, since nobody needed it, is asked for again by a peer that comes back',
  async t => {
    const own = await routerCertificate('b.example.net', ca)
    const pages = [good, bad]
    const web = (): Page => ({ after: 300, answer: { der: pages.shift() ?? bad } })
    const proofs = [
      { own: A.own, theirs: trusting(ca) },
      { own: own.own, theirs: theirs('strict') },
    ] as const
    const lab = certificateLab(...proofs, { web })
    lab.run(2000)
    t.same(ups(lab), [1, 1])
    const [key = ''] = lab.b.ike.revocationKeys()
    lab.feed(lab.a, { on: 'down', peer: 'B' })
    lab.run(3000)
    t.same([...lab.b.ike.revocationKeys()], [], 'nobody needs it')
    lab.feed(lab.b, { on: 'revocation-dropped', key })
    lab.feed(lab.a, { on: 'up', peer: 'B' })
    lab.run(6000)
    t.equal(asked(lab).length, 2)
    t.equal(codes(lab, 'b')[0], 'BRUNEL_IKE_CERTIFICATE_REVOKED')
    t.same(ups(lab), [0, 0])
  },
)

t.test('what a held IKE_AUTH waits for is needed, too', async t => {
  const own = await routerCertificate('b.example.net', ca)
  const proofs = [
    { own: A.own, theirs: trusting(ca) },
    { own: own.own, theirs: theirs('strict') },
  ] as const
  const lab = certificateLab(...proofs, { web: page({ der: good }, 4000) })
  lab.run(2000)
  t.same(ups(lab), [0, 0])
  t.equal(lab.b.ike.revocationKeys().size, 1)
  lab.run(6000)
  t.same(ups(lab), [1, 1])
})

t.test('a list that is configured is looked at without a new negotiation', async t => {
  const lab = certificateLab(...pair('off'))
  lab.run(1000)
  const peer = (crls: readonly Uint8Array[]): IkePeer => ({
    ...peerFor(lab.b, lab.a, { ...TWO, initiate: false }),
    auth: { method: 'certificate', own: B.own, theirs: theirs('off', { crls }) },
  })
  lab.feed(lab.b, { on: 'peer-set', peer: peer([good]) })
  lab.run(2000)
  t.equal(lab.b.event('ike-down').length, 0)
  t.match(certificateOf(lab, 'b'), { revocation: { state: 'good' } })
  lab.feed(lab.b, { on: 'peer-set', peer: peer([bad]) })
  t.equal(lab.b.event('ike-down')[0]?.why.code, 'BRUNEL_IKE_CERTIFICATE_REVOKED')
})

t.test(
  'a stranger makes nobody fetch: what is asked comes after a path to an anchor and a right AUTH',
  async t => {
    const other = await authority('CN=Other CA')
    const stranger = await routerCertificate('a.example.net', other, {
      crlUrls: ['http://evil.example.net/'],
    })
    const b = await routerCertificate('b.example.net', ca)
    const web = page({ failed: 'HTTP 404' })
    const untrusted = certificateLab(
      { own: stranger.own, theirs: trusting(ca) },
      { own: b.own, theirs: theirs('relaxed') },
      { web },
    )
    untrusted.run(3000)
    t.equal(codes(untrusted, 'b')[0], 'BRUNEL_IKE_CERTIFICATE_UNTRUSTED')
    t.same(asked(untrusted), [])
    const stolen = A.own.method === 'certificate' &&
      silent.own.method === 'certificate' && {
        ...A.own,
        privateKey: silent.own.privateKey,
      }
    const forged = certificateLab(
      { own: stolen || A.own, theirs: trusting(ca) },
      { own: b.own, theirs: theirs('relaxed') },
      { web },
    )
    forged.run(3000)
    t.equal(codes(forged, 'b')[0], 'BRUNEL_IKE_WRONG_SIGNATURE')
    t.same(asked(forged), [])
  },
)

const vector = JSON.parse(
  readFileSync(new URL('../../vectors/rfc4806-ocsp.json', import.meta.url), 'utf8'),
) as {
  readonly authority: string
  readonly certificate: string
  readonly privateKey: string
  readonly responses: Readonly<Record<string, string>>
}
const response = (name: string) => ({
  der: new Uint8Array(Buffer.from(vector.responses[name] ?? '', 'base64')),
})
const vectorAnchor = certificatesIn(vector.authority)
const privateKey = privateKeyIn(vector.privateKey) as Uint8Array
const V = {
  method: 'certificate',
  certificates: certificatesIn(vector.certificate),
  privateKey,
  rsa: 'pss',
} as const
const answers =
  (ocsp: Page['answer']) =>
  ({ kind }: Question): Page => ({ after: 0, answer: kind === 'ocsp' ? ocsp : { failed: 'HTTP 404' } })
/** B has the certificate of the vector; A wants to know whether it is revoked. */
const ocspPair = (
  policy: Certificates['revocation'],
  anchorsOfB = [...vectorAnchor],
): readonly [Proofs, Proofs] => [
  {
    own: silent.own,
    theirs: { method: 'certificate', trustAnchors: vectorAnchor, crls: [], revocation: policy },
  },
  { own: V, theirs: theirs('off', { trustAnchors: [...certificatesIn(ca.certificate), ...anchorsOfB] }) },
]
const payloadsOf = (lab: Lab, start: string): readonly Wire.Payload[] =>
  lab.sent.filter(({ text }) => text.startsWith(start)).flatMap(({ bytes }) => inside(bytes))

t.test(
  'RFC 4806 §3.1, §3.2, §4.1: who asks by CERTREQ gets the OCSP response in a CERT after the certificate',
  async t => {
    const lab = certificateLab(...ocspPair('strict'), { web: answers(response('good')) })
    lab.run(2000)
    t.same(ups(lab), [1, 1])
    t.match(
      payloadsOf(lab, 'IKE_AUTH request').filter(({ type }) => type === 'CERTREQ'),
      [{ encoding: 4 }, { encoding: 14, data: new Uint8Array(0) }],
    )
    const certs = payloadsOf(lab, 'IKE_AUTH response').filter(({ type }) => type === 'CERT')
    t.match(certs, [{ encoding: 4 }, { encoding: 14, data: response('good').der }])
    t.same(asked(lab), ['B ? http://ocsp.example.net/'], 'the one that proves itself asks, nobody else need')
    t.match(certificateOf(lab, 'a'), { revocation: { state: 'good', detail: 'OCSP for "CN=Vector CA"' } })
  },
)

t.test('RFC 4806 §4.1: the responder asks in IKE_SA_INIT, the initiator answers in IKE_AUTH', async t => {
  const [a, b] = ocspPair('strict')
  const lab = certificateLab({ ...b }, { ...a }, { web: answers(response('good')), change: {} })
  const peer = (near: 'a' | 'b', far: 'a' | 'b', proofs: Proofs): IkePeer => ({
    ...peerFor(lab[near], lab[far], {
      initiate: near === 'a',
      localId: `${far}.example.net`,
      remoteId: `${near}.example.net`,
    }),
    auth: { method: 'certificate', ...proofs },
  })
  lab.feed(lab.b, { on: 'peer-set', peer: peer('b', 'a', a) })
  lab.feed(lab.a, { on: 'peer-set', peer: peer('a', 'b', b) })
  lab.run(2000)
  t.same(ups(lab), [1, 1])
  const certs = payloadsOf(lab, 'IKE_AUTH request').filter(({ type }) => type === 'CERT')
  t.match(certs.slice(-2), [{ encoding: 4 }, { encoding: 14 }])
  t.match(certificateOf(lab, 'b'), { revocation: { state: 'good', detail: /OCSP/ } })
})

t.test('RFC 4806 §4.1: who does not ask gets none; who looks away gives none', async t => {
  const quiet = certificateLab(...ocspPair('off'), { web: answers(response('good')) })
  quiet.run(2000)
  t.same(ups(quiet), [1, 1])
  t.equal(payloadsOf(quiet, 'IKE_AUTH response').filter(({ type }) => type === 'CERT').length, 1)
  t.notOk(payloadsOf(quiet, 'IKE_AUTH request').some(p => p.type === 'CERTREQ' && p.encoding === 14))
})

t.test('RFC 6960 §3.2: an answer that revokes is refused; one by somebody else proves nothing', async t => {
  for (const [name, policy, code] of [
    ['revoked', 'relaxed', 'BRUNEL_IKE_CERTIFICATE_REVOKED'],
    ['impostor', 'strict', 'BRUNEL_IKE_REVOCATION_UNKNOWN'],
    ['unknown', 'strict', 'BRUNEL_IKE_REVOCATION_UNKNOWN'],
  ] as const) {
    // The router does not notice what its own answer says; whoever asked does.
    const lab = certificateLab(...ocspPair(policy), { web: answers(response(name)) })
    lab.run(4000)
    t.same(ups(lab), [0, 0], name)
    t.equal(codes(lab, 'a')[0], code, name)
  }
})

t.test('a peer that sends no answer is asked about at its responder, then at its list', async t => {
  const lab = certificateLab(...ocspPair('relaxed', []), { web: answers(response('delegated')) })
  lab.run(2000)
  t.same(asked(lab), ['A ? http://ocsp.example.net/'])
  t.match(certificateOf(lab, 'a'), { revocation: { state: 'good' } })
  const fails = certificateLab(...ocspPair('relaxed', []), { web: answers({ failed: 'HTTP 500' }) })
  fails.run(2000)
  t.same(asked(fails), ['A ? http://ocsp.example.net/', `A ? ${CRL}`])
  t.same(ups(fails), [1, 1])
})
