import { generateKeyPairSync, sign } from 'node:crypto'
import type { WallClock } from '@brunel/base'
import t from 'tap'
import { authority, day, type Made, made, NOW } from '../test/authority.js'
import { type CertificateClaim, certificationAt } from './certification.js'
import { SIGNATURE_HASHES } from './signature-algorithm.js'
import { signedFrame } from './x509/certificate.js'
import { newPrivateKey } from './x509/issue.js'
import { nameOf, nameText, sameName } from './x509/name.js'

const SHA256_RSA = Buffer.from('2a864886f70d01010b', 'hex')
const NAME = { type: 'fqdn', text: 'b.lab' } as const
const names = [{ type: 'dns', value: 'b.lab' }] as const
const at = (now: Date) => certificationAt(() => now.getTime() as WallClock, SIGNATURE_HASHES)
const claim = (
  chain: readonly Made[],
  anchor: Made,
  more: Partial<CertificateClaim> = {},
): CertificateClaim => ({
  chain: chain.map(({ der }) => der),
  anchors: [anchor.der],
  evidence: { policy: 'off', crls: [], ocsp: [], statement: () => undefined },
  identity: NAME,
  ...more,
})
const certify = (chain: readonly Made[], anchor: Made, more: Partial<CertificateClaim> = {}, now = day(0)) =>
  at(now).certify(claim(chain, anchor, more))

const root = await authority('C=CH, O=Lab, CN=Root')
const middle = await authority('C=CH, O=Lab, CN=Middle', { issuer: root })
const end = (issuer: Made | undefined, more: Partial<Parameters<typeof made>[0]> = {}) =>
  made({ subject: 'C=CH, O=Lab, CN=b', names, issuer, ...more })
const direct = await end(root)

t.test(
  'RFC 5280 §6.1: a certificate of the anchor, and one by an intermediate that the peer sent',
  async t => {
    t.match(certify([direct], root), { subject: 'C=CH, O=Lab, CN=b', remaining: day(365).getTime() - NOW })
    const below = await end(middle)
    t.match(certify([below, middle], root), { subject: 'C=CH, O=Lab, CN=b' })
    t.match(certify([below, root, middle], root), { subject: 'C=CH, O=Lab, CN=b' }, 'in any order')
    t.match(certify([below], root), { fault: 'untrusted', detail: /issuer "C=CH, O=Lab, CN=Middle"/ })
  },
)

t.test('RFC 5280 §6.1: an authority of the same name with another key is not the anchor', async t => {
  const impostor = await authority('C=CH, O=Lab, CN=Root')
  t.match(certify([await end(impostor)], root), { fault: 'untrusted' })
  t.match(certify([await end(impostor), impostor], root), { fault: 'untrusted' })
})

t.test(
  'RFC 5280 §6.1.1 (d): a self-signed certificate counts only where it is the anchor itself',
  async t => {
    const self = await end(undefined)
    t.match(certify([self], root), { fault: 'untrusted', detail: /self-signed/ })
    t.match(certify([self], self), { subject: 'C=CH, O=Lab, CN=b' })
  },
)

t.test(
  'RFC 5280 §6.1.3 (a) (2): expired and not yet valid are told apart, for every certificate of the path',
  async t => {
    t.match(certify([direct], root, {}, day(366)), { fault: 'expired' })
    t.match(certify([direct], root, {}, day(-11)), { fault: 'not-yet-valid' })
    const brief = await authority('C=CH, O=Lab, CN=Brief', { issuer: root, notAfter: day(1) })
    const below = await end(brief)
    t.match(certify([below, brief], root, {}, day(2)), {
      fault: 'expired',
      evidence: { 'certificate at fault': 'C=CH, O=Lab, CN=Brief' },
    })
    t.match(
      certify([below, brief], root),
      { remaining: day(1).getTime() - NOW },
      'the first to expire counts',
    )
  },
)

for (const [what, detail, issuerWish, endWish] of [
  ['RFC 5280 §6.1.4 (k): an end certificate that issues', /no authority/, { authority: undefined }, {}],
  [
    'RFC 5280 §6.1.4 (n): an authority whose key must not sign certificates',
    /not for signing certificates/,
    { keyUsage: 1 },
    {},
  ],
  ['RFC 4945 §5.1.3.2: a key that is for encipherment alone', /not for signatures/, {}, { keyUsage: 4 }],
  ['RFC 4945 §5.1.3.12: a certificate for signing code', /purposes/, {}, { purposes: ['1.3.6.1.5.5.7.3.3'] }],
  [
    'RFC 5280 §4.2: an unknown critical extension',
    /1\.2\.3\.4 is unknown/,
    {},
    { extensions: [{ type: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) }] },
  ],
  [
    'RFC 5280 §4.2: an unknown critical extension of an authority',
    /1\.2\.3\.4 is unknown/,
    { extensions: [{ type: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) }] },
    {},
  ],
] as const) {
  t.test(`${what} is refused`, async t => {
    const issuer = await authority('C=CH, O=Lab, CN=Middle', { issuer: root, ...issuerWish })
    const fault = certify([await end(issuer, endWish), issuer], root)
    t.match(fault, { fault: 'refused', detail })
  })
}

t.test('RFC 5280 §4.2: an unknown extension that is not critical is passed over', async t => {
  const value = Uint8Array.of(5, 0)
  t.match(certify([await end(root, { extensions: [{ type: '1.2.3.4', critical: false, value }] })], root), {
    subject: 'C=CH, O=Lab, CN=b',
  })
})

t.test('RFC 5280 §6.1.4 (l), (m): the path length of an authority', async t => {
  const narrow = await authority('C=CH, O=Lab, CN=Narrow', { authority: { pathLength: 0 } })
  const below = await authority('C=CH, O=Lab, CN=Below', { issuer: narrow })
  t.match(certify([await end(narrow)], narrow), { subject: /^C=CH, O=Lab/ })
  t.match(certify([await end(below), below], narrow), { fault: 'refused', detail: /path length/ })
})

t.test('RFC 8247 §3.2: a certificate signed with SHA-1 is refused, whoever signed it', async t => {
  const issuer = await authority('CN=Old', { key: newPrivateKey('rsa2048') })
  const der = Buffer.from((await end(issuer)).der)
  // sha256WithRSAEncryption becomes sha1WithRSAEncryption in both places, and the signature is made anew.
  for (let at = der.indexOf(SHA256_RSA); at >= 0; at = der.indexOf(SHA256_RSA))
    der[at + SHA256_RSA.length - 1] = 5
  const signature = sign('sha1', signedFrame(der)?.signed ?? der, issuer.privateKey)
  der.set(signature, der.length - signature.length)
  const found = at(day(0)).certify({ ...claim([direct], issuer), chain: [new Uint8Array(der)] })
  t.match(found, { fault: 'refused', detail: /SHA-1/ })
})

t.test('RFC 8247 §3.1.1: a short RSA key is refused', async t => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  t.match(certify([await end(root, { key })], root), { fault: 'refused', detail: /1024 bits/ })
})

/** GeneralSubtrees of one base, DER. */
const subtree = (tag: number, kind: number, value: Uint8Array): Uint8Array => {
  const wrap = (t: number, inner: Uint8Array): Uint8Array =>
    Buffer.concat([Uint8Array.of(t, inner.length), inner])
  return wrap(0x30, wrap(tag, wrap(0x30, wrap(kind, value))))
}
const PERMITTED = 0xa0
const EXCLUDED = 0xa1
const DN = nameOf('C=CH, O=Lab') as Uint8Array
for (const [what, value, good] of [
  ['permits DNS names in lab', subtree(PERMITTED, 0x82, Buffer.from('lab')), true],
  ['permits DNS names in example.net', subtree(PERMITTED, 0x82, Buffer.from('example.net')), false],
  ['excludes DNS names in lab', subtree(EXCLUDED, 0x82, Buffer.from('lab')), false],
  [
    'permits addresses 192.0.2.0/24',
    subtree(PERMITTED, 0x87, Uint8Array.of(192, 0, 2, 0, 255, 255, 255, 0)),
    true,
  ],
  [
    'permits addresses 198.51.100.0/24',
    subtree(PERMITTED, 0x87, Uint8Array.of(198, 51, 100, 0, 255, 255, 255, 0)),
    false,
  ],
  [
    'excludes addresses 192.0.2.0/25',
    subtree(EXCLUDED, 0x87, Uint8Array.of(192, 0, 2, 0, 255, 255, 255, 128)),
    false,
  ],
  ['permits names below C=CH, O=Lab', subtree(PERMITTED, 0xa4, DN), true],
  [
    'permits names below C=CH, O=Other',
    subtree(PERMITTED, 0xa4, nameOf('C=CH, O=Other') as Uint8Array),
    false,
  ],
  ['excludes names below C=CH, O=Lab', subtree(EXCLUDED, 0xa4, DN), false],
  ['is malformed', Uint8Array.of(0x30, 3, 0xa0, 2, 0x30), false],
] as const) {
  t.test(`RFC 5280 §4.2.1.10: an authority that ${what}`, async t => {
    const extensions = [{ type: '2.5.29.30', critical: true, value }]
    const issuer = await authority('C=CH, O=Lab, CN=Middle', { issuer: root, extensions }).catch(
      () => undefined,
    )
    if (issuer === undefined) return t.equal(good, false, 'and cannot be read at all')
    const both = [...names, { type: 'ip', value: '192.0.2.7' } as const]
    const found = certify([await end(issuer, { names: both }), issuer], root)
    t.equal('fault' in found ? found.fault : 'good', good ? 'good' : 'refused')
    return undefined
  })
}

t.test('RFC 7296 §3.5, RFC 4945 §3.1: the identity is bound to subjectAltName or the subject', async t => {
  const many = await end(root, {
    names: [
      ...names,
      { type: 'ip', value: '192.0.2.7' },
      { type: 'ip', value: '2001:db8::7' },
      { type: 'email', value: 'b@lab' },
    ],
  })
  const v6 = Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7])
  for (const identity of [
    { type: 'fqdn', text: 'B.LAB' },
    { type: 'email', text: 'b@lab' },
    { type: 'ip', octets: Uint8Array.of(192, 0, 2, 7) },
    { type: 'ip', octets: v6 },
    { type: 'dn', der: nameOf('C=ch,  O=lab, CN=B') as Uint8Array },
  ] as const)
    t.match(certify([many], root, { identity }), { subject: /^C=CH, O=Lab/ }, JSON.stringify(identity))
  for (const identity of [
    { type: 'fqdn', text: 'c.lab' },
    { type: 'fqdn', text: 'b' },
    { type: 'email', text: 'b.lab' },
    { type: 'ip', octets: Uint8Array.of(192, 0, 2, 8) },
    { type: 'dn', der: nameOf('C=CH, CN=b, O=Lab') as Uint8Array },
    undefined,
  ] as const)
    t.match(certify([many], root, { identity }), { fault: 'identity' }, JSON.stringify(identity))
})

t.test('RFC 4945 §3.1.2: the CN is no host name, and a wildcard names nobody', async t => {
  const cn = await made({ subject: 'CN=b.lab', issuer: root })
  t.match(certify([cn], root), { fault: 'identity' })
  t.match(certify([await end(root, { names: [{ type: 'dns', value: '*.lab' }] })], root), {
    fault: 'identity',
  })
})

t.test('RFC 5280 §7.1: names are compared without regard to case, blanks and kind of string', async t => {
  const printable = Uint8Array.from(Buffer.from('300d310b3009060355040313024141', 'hex'))
  const utf8 = Uint8Array.from(Buffer.from('300d310b300906035504030c026161', 'hex'))
  t.equal(sameName(printable, utf8), true)
  t.equal(nameText(utf8), 'CN=aa')
  t.equal(sameName(nameOf('CN=a b') as Uint8Array, nameOf('CN=a  B ') as Uint8Array), true)
  t.equal(sameName(nameOf('CN=ab') as Uint8Array, nameOf('CN=a b') as Uint8Array), false)
  t.equal(sameName(nameOf('O=x, CN=a') as Uint8Array, nameOf('CN=a, O=x') as Uint8Array), false)
  t.equal(nameOf('hq.example.net'), undefined)
})

t.test(
  'RFC 5280 §4.1.1.2: two algorithms in one certificate, or a changed octet, and it is not read or not trusted',
  async t => {
    for (let i = 0; i < direct.der.length; i += 7) {
      const touched = direct.der.with(i, (direct.der[i] as number) ^ 0x01)
      const found = at(day(0)).certify({ ...claim([direct], root), chain: [touched] })
      t.ok('fault' in found, `octet ${i}`)
    }
  },
)

t.test('many authorities of one name cost a bounded number of signatures', async t => {
  const key = newPrivateKey('ecdsa256')
  const alike = await Promise.all(Array.from({ length: 7 }, () => authority('CN=Loop', { key })))
  t.match(certify([await end(alike[0]), ...alike], root), { fault: 'untrusted' })
})

t.test('RFC 5280 §4.1.1.2: the algorithm that is not signed must be the one that is', async t => {
  const der = Buffer.from(direct.der)
  const outside = der.lastIndexOf(Buffer.from('2a8648ce3d040302', 'hex'))
  der[outside + 7] = 3
  const found = at(day(0)).certify({ ...claim([direct], root), chain: [new Uint8Array(der)] })
  t.match(found, { fault: 'malformed' })
})

t.test('RFC 5280 §4.2: an extension that stands twice makes no certificate', async t => {
  const twice = { type: '1.2.3.4', critical: false, value: Uint8Array.of(5, 0) }
  await t.rejects(end(root, { extensions: [twice, twice] }), /cannot be read/)
})

t.test(
  'RFC 5280 §6.1.3 (b): an end certificate does not escape constraints by the name of its issuer',
  async t => {
    const value = subtree(EXCLUDED, 0x82, Buffer.from('lab'))
    const extensions = [{ type: '2.5.29.30', critical: true, value }]
    const issuer = await authority('CN=Middle', { issuer: root, extensions })
    const self = await made({ subject: 'CN=Middle', names, issuer })
    t.match(certify([self, issuer], root), { fault: 'refused', detail: /nameConstraints/ })
  },
)
