/** Certificates by hash and URL, RFC 7296 §3.6: what is announced, sent, fetched and refused. */
import { createHash } from 'node:crypto'
import { bundleOf, certificatesIn, crlsIn, issueCrl } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import type { IkePeer, Lookup, TheirProof } from '../src/index.js'
import {
  authority,
  certificateLab,
  hours,
  type Proofs,
  routerCertificate,
  TWO,
  trusting,
} from './certificates.js'
import { tamper } from './forge.js'
import { type Lab, type Page, peerFor } from './lab.js'
import { inside, resealed } from './wire-tap.js'

const HERE = 'http://pki.example.net/'
const root = await authority()
const middle = await authority('CN=Middle', root)
const A = await routerCertificate('a.example.net', middle, { chain: middle.certificate })
const B = await routerCertificate('b.example.net', root)
if (A.own.method !== 'certificate' || B.own.method !== 'certificate') throw new Error('no certificate')
const [own, ownOfB] = [A.own, B.own]
const [end, intermediate] = own.certificates as readonly [Uint8Array, Uint8Array]
const urls = [`${HERE}a.der`, `${HERE}middle.der`] as const
const bundleUrl = `${HERE}a.bundle`
const crl = crlsIn(
  await issueCrl(root, { revoked: [], thisUpdate: hours(-1), nextUpdate: hours(9) }),
)[0] as Uint8Array

const tagged = (tag: number, value: Uint8Array): Buffer => {
  const length = value.length < 256 ? [0x81, value.length] : [0x82, value.length >> 8, value.length & 255]
  return Buffer.concat([Uint8Array.of(tag, ...length), value])
}
const sha1 = (der: Uint8Array): Buffer => createHash('sha1').update(der).digest()
const listing = (...hashAndUrl: readonly string[]): TheirProof =>
  ({ ...trusting(root), hashAndUrl }) as TheirProof
const published = { urls, bundle: undefined }

/** A names its certificates, B looks them up at `HERE`. */
const pair = (
  more: object = { published },
  theirs: TheirProof = listing(HERE),
): readonly [Proofs, Proofs] => [
  { own: { ...own, ...more }, theirs: trusting(root) },
  { own: ownOfB, theirs },
]
const WEB: Readonly<Record<string, Uint8Array>> = {
  [urls[0]]: end,
  [urls[1]]: intermediate,
  [bundleUrl]: bundleOf(own.certificates),
}
const web =
  (after = 300, pages: Readonly<Record<string, Uint8Array | undefined>> = WEB) =>
  ({ url }: Lookup): Page => {
    const der = pages[url]
    return { after, answer: der === undefined ? { failed: 'HTTP 404' } : { der } }
  }
const ups = (lab: Lab): readonly number[] => [lab.a.children.size, lab.b.children.size]
const why = (lab: Lab, side: 'a' | 'b' = 'b') => lab[side].event('failed')[0]?.why
const asked = (lab: Lab): readonly string[] => lab.exchanges().filter(line => line.includes(' ? '))
const payloads = (lab: Lab, start: string): readonly Wire.Payload[] =>
  inside(lab.sent.find(({ text }) => text.startsWith(start))?.bytes ?? new Uint8Array())
const certs = (lab: Lab, start: string): readonly Wire.CertPayload[] => Wire.all(payloads(lab, start), 'CERT')
const announced = (lab: Lab, start: string): boolean =>
  Wire.findNotify(payloads(lab, start), Wire.NOTIFY.HTTP_CERT_LOOKUP_SUPPORTED) !== undefined
/** CERT payloads of A's IKE_AUTH request are changed on the way. */
function changed(lab: Lab, change: (cert: Wire.CertPayload, i: number) => readonly Wire.CertPayload[]): void {
  tamper(lab, 'A IKE_AUTH request', bytes => {
    let i = 0
    const all = inside(bytes) as readonly Wire.PlainPayload[]
    return resealed(
      bytes,
      all.flatMap((p): readonly Wire.PlainPayload[] => (p.type === 'CERT' ? change(p, i++) : [p])),
    )
  })
}

t.test('RFC 7296 §3.7: it is announced where CERTREQ goes, only where addresses are listed', async t => {
  const [request, response] = ['IKE_AUTH request', 'IKE_SA_INIT response']
  const off = certificateLab(...pair({}, trusting(root)))
  off.run(1000)
  t.same([ups(off), announced(off, request), announced(off, response)], [[1, 1], false, false])
  const asResponder = certificateLab(...pair({}))
  asResponder.run(1000)
  t.same([announced(asResponder, request), announced(asResponder, response)], [false, true])
  const [a, b] = pair({})
  const asInitiator = certificateLab({ ...a, theirs: listing(HERE) }, { ...b, theirs: trusting(root) })
  asInitiator.run(1000)
  t.same([announced(asInitiator, request), announced(asInitiator, response)], [true, false])
  t.same(asked(asInitiator), [], 'certificates that are sent are not fetched')
})

t.test(
  'RFC 7296 §3.6: the initiator names its certificates by hash and URL; IKE_AUTH waits until they are here',
  async t => {
    const lab = certificateLab(...pair(), { published: web(5000) })
    lab.run(4000)
    t.same(ups(lab), [0, 0])
    lab.run(8000)
    t.same(ups(lab), [1, 1])
    t.same(
      certs(lab, 'IKE_AUTH request').map(({ encoding, data }) => [
        encoding,
        Buffer.from(data).toString('latin1'),
      ]),
      [end, intermediate].map((der, i) => [12, sha1(der).toString('latin1') + urls[i]]),
    )
    t.same(
      asked(lab),
      urls.map(url => `B ? ${url}`),
      'each once, however often the request is repeated',
    )
    t.equal(lab.sent.filter(({ text }) => text.startsWith('IKE_AUTH response')).length, 1)
    t.match(lab.b.ike.reports()[0]?.sas[0]?.certificate, { subject: 'CN=a.example.net', url: urls[0] })
    t.match(lab.a.ike.reports()[0]?.sas[0]?.certificate, { url: undefined })
  },
)

t.test('RFC 7296 §3.6: the responder does the same, and its answer waits', async t => {
  const lab = certificateLab(
    { own: ownOfB, theirs: listing(HERE) },
    { own: { ...own, published }, theirs: trusting(root) },
    { published: web() },
  )
  const peer = (near: 'a' | 'b', far: 'a' | 'b', proofs: Proofs): IkePeer => ({
    ...peerFor(lab[near], lab[far], {
      ...TWO,
      initiate: near === 'a',
      localId: `${far}.example.net`,
      remoteId: `${near}.example.net`,
    }),
    auth: { method: 'certificate', ...proofs },
  })
  lab.feed(lab.b, {
    on: 'peer-set',
    peer: peer('b', 'a', { own: { ...own, published }, theirs: trusting(root) }),
  })
  lab.feed(lab.a, { on: 'peer-set', peer: peer('a', 'b', { own: ownOfB, theirs: listing(HERE) }) })
  lab.run(3000)
  t.same(ups(lab), [1, 1])
  t.same(
    certs(lab, 'IKE_AUTH response').map(({ encoding }) => encoding),
    [12, 12],
  )
  t.same(
    asked(lab),
    urls.map(url => `A ? ${url}`),
  )
})

t.test('RFC 7296 §3.6: a bundle, and the lists in it are passed over', async t => {
  const lab = certificateLab(...pair({ published: { urls: [], bundle: bundleUrl } }), { published: web() })
  lab.run(2000)
  t.same(ups(lab), [1, 1])
  const [only, ...more] = certs(lab, 'IKE_AUTH request')
  t.same([only?.encoding, more], [13, []])
  t.same(Buffer.from(only?.data ?? []).subarray(0, 20), sha1(bundleOf(own.certificates)))
  const members = Buffer.concat([tagged(0xa1, crl), bundleOf(own.certificates).subarray(4)])
  const mixed = tagged(0x30, members)
  const other = certificateLab(...pair({ published: { urls: [], bundle: bundleUrl } }), {
    published: web(300, { [bundleUrl]: mixed }),
  })
  changed(other, cert => [{ ...cert, data: Buffer.concat([sha1(mixed), Buffer.from(bundleUrl)]) }])
  other.run(900)
  t.same(ups(other)[1], 1)
})

t.test(
  'RFC 7296 §3.6: who announces no look-up, and certificates without an address, are sent whole',
  async t => {
    const silent = certificateLab(...pair({ published }, trusting(root)))
    silent.run(1000)
    t.same(
      [ups(silent), certs(silent, 'IKE_AUTH request').map(c => c.encoding)],
      [
        [1, 1],
        [4, 4],
      ],
    )
    const half = certificateLab(...pair({ published: { urls: [urls[0]], bundle: undefined } }), {
      published: web(),
    })
    half.run(2000)
    t.same(
      [ups(half), certs(half, 'IKE_AUTH request').map(c => c.encoding)],
      [
        [1, 1],
        [12, 4],
      ],
    )
  },
)

t.test('RFC 7296 §3.6: hash and URL is off unless addresses are listed, and refused in words', async t => {
  for (const encoding of [12, 13]) {
    const lab = certificateLab(...pair({}, trusting(root)))
    changed(lab, cert => [{ ...cert, encoding }])
    lab.run(900)
    t.same([why(lab)?.code, asked(lab)], ['BRUNEL_IKE_HASH_AND_URL', []])
  }
})

for (const [what, url] of [
  ['another host', 'http://evil.example.net/a.der'],
  ['a host that begins so', 'http://pki.example.net.evil.net/a.der'],
  ['a user', 'http://pki.example.net@evil.net/'],
  ['a file', 'file:///etc/passwd'],
  ['ftp', 'ftp://pki.example.net/a.der'],
  ['TLS', 'https://pki.example.net/a.der'],
  ['octets that are none', `${HERE}\n`],
  ['nothing', ''],
] as const)
  t.test(`RFC 7296 §3.6: an address that is not allowed is not fetched: ${what}`, async t => {
    const lab = certificateLab(...pair({ published: { urls: [url], bundle: undefined } }), {
      published: web(),
    })
    lab.run(900)
    t.same([ups(lab), asked(lab)], [[0, 0], []])
    t.match(why(lab), { code: 'BRUNEL_IKE_CERTIFICATE_URL', evidence: { allowed: [HERE] } })
    t.notMatch(why(lab)?.sentence, /\n/)
    t.match(why(lab, 'a')?.code, /AUTHENTICATION_REFUSED/, 'the peer hears AUTHENTICATION_FAILED alone')
  })

for (const [what, pages, words] of [
  ['what is there has another hash', { ...WEB, [urls[0]]: intermediate }, /a\.der: .*another SHA-1 hash/],
  ['there is nothing', { ...WEB, [urls[0]]: undefined }, /a\.der: HTTP 404/],
  ['an intermediate one is missing', { ...WEB, [urls[1]]: undefined }, /middle\.der: HTTP 404/],
] as const)
  t.test(`RFC 7296 §3.6: refused in words: ${what}`, async t => {
    const lab = certificateLab(...pair(), { published: web(300, pages) })
    lab.run(900)
    t.same(ups(lab), [0, 0])
    t.match(why(lab), { code: 'BRUNEL_IKE_CERTIFICATE_LOOKUP', sentence: words })
  })

t.test('RFC 7296 §3.6: a bundle that is none is refused in words', async t => {
  const lab = certificateLab(...pair(), { published: web() })
  changed(lab, (cert, i) => (i === 0 ? [{ ...cert, encoding: 13 }] : []))
  lab.run(900)
  t.match(why(lab), { code: 'BRUNEL_IKE_CERTIFICATE_LOOKUP', sentence: /it is no bundle/ })
})

t.test('a certificate that is not needed need not be had', async t => {
  const [a, b] = pair({ published: { urls: [urls[0], `${HERE}gone`], bundle: undefined } })
  const trust = { ...b.theirs, trustAnchors: certificatesIn(middle.certificate) } as TheirProof
  const lab = certificateLab(a, { ...b, theirs: trust }, { published: web() })
  lab.run(2000)
  t.same(ups(lab), [1, 1])
})

t.test('what was fetched is kept by hash; a failure counts for seconds', async t => {
  let pages: Readonly<Record<string, Uint8Array | undefined>> = {}
  const lab = certificateLab(...pair(), { published: lookup => web(10, pages)(lookup) })
  lab.run(5000)
  t.equal(asked(lab).length, 2, 'not again with each attempt')
  pages = WEB
  lab.run(25_000)
  t.same([ups(lab), asked(lab).length], [[1, 1], 4])
  lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
  lab.run(30_000)
  t.equal(lab.b.event('ike-up').length, 2)
  t.equal(asked(lab).length, 4)
})

t.test(
  'one message makes us fetch four times at most; a host that never answers counts as a failure',
  async t => {
    const lab = certificateLab(...pair())
    changed(lab, (cert, i) =>
      i === 0
        ? Array.from({ length: 20 }, (_, n) => ({
            ...cert,
            data: Buffer.concat([sha1(Uint8Array.of(n)), Buffer.from(`${HERE}${n}`)]),
          }))
        : [],
    )
    lab.run(2000)
    t.same(
      asked(lab),
      [0, 1, 2, 3].map(n => `B ? ${HERE}${n}`),
    )
    lab.run(9000)
    t.match(why(lab), { sentence: /no answer within 8 seconds/ })
  },
)

t.test(
  'a stranger makes nobody fetch: the identity is one of ours, and its method is the certificate',
  async t => {
    const [a, b] = pair()
    for (const change of [{ localId: 'x.example.net' }, { ike: ['aes128gcm16-prfsha256-x25519'] }]) {
      const lab = certificateLab(a, b, { published: web() })
      const stranger = peerFor(lab.a, lab.b, { ...TWO, ...change })
      lab.feed(lab.a, { on: 'peer-set', peer: { ...stranger, auth: { method: 'certificate', ...a } } })
      if (change.localId === undefined) lab.feed(lab.a, { on: 'peer-set', peer: stranger })
      lab.run(3000)
      t.same(asked(lab), [])
      t.match(why(lab)?.code, change.localId === undefined ? /WRONG_METHOD/ : /UNKNOWN_ID|WRONG_ID/)
    }
  },
)

t.test('where certificates are may change without a new negotiation', async t => {
  const lab = certificateLab(...pair({}, trusting(root)))
  lab.run(1000)
  const [a, b] = pair()
  const peer = (near: 'a' | 'b', far: 'a' | 'b', proofs: Proofs): IkePeer => ({
    ...peerFor(lab[near], lab[far], { ...TWO, initiate: near === 'a' }),
    auth: { method: 'certificate', ...proofs },
  })
  lab.feed(lab.a, { on: 'peer-set', peer: peer('a', 'b', a) })
  lab.feed(lab.b, { on: 'peer-set', peer: peer('b', 'a', b) })
  lab.run(2000)
  t.same([lab.a.event('ike-down'), lab.b.event('ike-down')], [[], []])
})
