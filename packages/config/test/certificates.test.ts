import type { WallClock } from '@brunel/base'
import { type Issuer, issueCertificate, newPrivateKey } from '@brunel/crypto'
import t from 'tap'
import { normalise, type PeerDocument, redact, verifyPeer, warningsOf } from '../src/index.js'
import { branch } from './documents.js'

const NOW = Date.UTC(2030, 5, 1)
const HOUR = 3_600_000
const at = (hours: number): Date => new Date(NOW + hours * HOUR)
const validity = { notBefore: at(-10), notAfter: at(10) }

async function authority(): Promise<Issuer> {
  const privateKey = newPrivateKey('ecdsa256')
  const certificate = await issueCertificate({
    subject: 'CN=CA',
    key: privateKey,
    authority: {},
    ...validity,
  })
  return { certificate, privateKey }
}
const ca = await authority()
const key = newPrivateKey('ecdsa256')
const own = await issueCertificate({
  subject: 'C=CH, CN=hq',
  names: [{ type: 'dns', value: 'hq.example.net' }],
  key,
  issuer: ca,
  ...validity,
})
const AUTH = {
  method: 'certificate',
  certificate: own,
  privateKey: key,
  trustAnchors: [ca.certificate],
} as const
const peer = (auth: Partial<PeerDocument['auth']> = {}, more: Partial<PeerDocument> = {}): PeerDocument =>
  branch(1, {
    remote: { address: '198.51.100.1', id: 'branch-1.example.net' },
    auth: { ...AUTH, trustAnchors: [...AUTH.trustAnchors], ...auth } as PeerDocument['auth'],
    ...more,
  })
const without = (member: keyof PeerDocument['auth']): PeerDocument => {
  const { [member]: _, ...auth } = peer().auth
  return branch(1, { remote: peer().remote, auth: auth as PeerDocument['auth'] })
}
const faults = (document: PeerDocument, context: Parameters<typeof verifyPeer>[2] = {}): string[] =>
  verifyPeer(document, [], { now: NOW as WallClock, ...context }).map(
    ({ pointer, code }) => `${pointer} ${code}`,
  )

t.test('a peer by certificates is accepted, its private key leaves no trace in what is shown', async t => {
  t.same(faults(peer()), [])
  t.notMatch(JSON.stringify(redact(peer())), /PRIVATE KEY/)
  t.match(normalise(peer()).auth, { method: 'certificate', remoteMethod: 'certificate', rsaSignature: 'pss' })
})

t.test('each end by its own method asks for what each needs, and for nothing else', async t => {
  t.same(faults(branch(1, { auth: { method: 'psk', psk: 'x'.repeat(20), remoteMethod: 'certificate' } })), [
    '/auth/trustAnchors BRUNEL_CONFIG_CERTIFICATE',
    '/remote/id BRUNEL_CONFIG_IDENTITY',
  ])
  const { trustAnchors: _, ...rest } = peer({ remoteMethod: 'psk' }).auth
  t.same(faults(branch(1, { auth: rest })), ['/auth/psk BRUNEL_CONFIG_PSK'])
})

const stranger = newPrivateKey('ecdsa256')
for (const [what, document, want] of [
  ['no certificate', without('certificate'), ['/auth/certificate BRUNEL_CONFIG_CERTIFICATE']],
  ['no private key', without('privateKey'), ['/auth/privateKey BRUNEL_CONFIG_PRIVATE_KEY']],
  ['nobody trusted', without('trustAnchors'), ['/auth/trustAnchors BRUNEL_CONFIG_CERTIFICATE']],
  [
    'a certificate that is none',
    peer({ certificate: 'hello' }),
    ['/auth/certificate BRUNEL_CONFIG_CERTIFICATE'],
  ],
  [
    'a certificate that is broken',
    peer({ certificate: own.replace(/MII.{20}/, 'AAAA') }),
    ['/auth/certificate BRUNEL_CONFIG_CERTIFICATE'],
  ],
  ['a key that is none', peer({ privateKey: own }), ['/auth/privateKey BRUNEL_CONFIG_PRIVATE_KEY']],
  [
    'the key of another certificate',
    peer({ privateKey: stranger }),
    ['/auth/privateKey BRUNEL_CONFIG_PRIVATE_KEY'],
  ],
  ['a list that is none', peer({ crls: [own] }), ['/auth/crls/0 BRUNEL_CONFIG_CERTIFICATE']],
  [
    'all at once',
    peer({ certificate: 'hello', privateKey: 'hello', trustAnchors: [own, 'hello'] }),
    [
      '/auth/certificate BRUNEL_CONFIG_CERTIFICATE',
      '/auth/privateKey BRUNEL_CONFIG_PRIVATE_KEY',
      '/auth/trustAnchors/1 BRUNEL_CONFIG_CERTIFICATE',
    ],
  ],
] as const) {
  t.test(`refused: ${what}`, async t => t.same(faults(document), want))
}

t.test('a new certificate that is expired is refused; one that is stored may expire in peace', async t => {
  t.same(faults(peer(), { now: at(11).getTime() as WallClock }), [
    '/auth/certificate BRUNEL_CONFIG_CERTIFICATE_EXPIRED',
  ])
  t.same(faults(peer(), { now: undefined }), [])
})

t.test('a stored private key stays, where it is that of the certificate', async t => {
  const hasSecret = () => true
  t.same(faults(without('privateKey'), { hasSecret, holdsKeyOf: () => true }), [])
  t.same(faults(without('privateKey'), { hasSecret, holdsKeyOf: () => false }), [
    '/auth/privateKey BRUNEL_CONFIG_PRIVATE_KEY',
  ])
})

t.test('warnings: another name than that of the certificate, and an authority that is not ours', async t => {
  const codes = (document: PeerDocument) =>
    warningsOf(document, NOW as WallClock).map(({ pointer, code }) => `${pointer} ${code}`)
  t.same(codes(peer()), [])
  for (const id of ['hq.example.net', 'C=CH, CN=hq']) t.same(codes(peer({}, { local: { id } })), [], id)
  for (const id of ['other.example.net', 'CN=hq', 'keyid:hq', '192.0.2.1'])
    t.same(codes(peer({}, { local: { id } })), ['/local/id BRUNEL_CONFIG_CERTIFICATE_DOUBTFUL'], id)
  t.same(codes(peer({ trustAnchors: [(await authority()).certificate] })), [
    '/auth/certificate BRUNEL_CONFIG_CERTIFICATE_DOUBTFUL',
  ])
})

const HERE = 'http://pki.example.net/certs/'
for (const [what, auth, want] of [
  ['addresses of ours and of the peer', { hashAndUrl: [HERE], certificateUrls: [`${HERE}hq.der`] }, []],
  ['a bundle', { bundleUrl: `${HERE}hq.bundle` }, []],
  [
    'TLS, a file, a user, a step up',
    {
      hashAndUrl: ['https://pki.example.net/', 'file:///etc/', 'http://me@pki.example.net/'],
      certificateUrls: [`${HERE}../hq.der`],
    },
    ['hashAndUrl/0', 'hashAndUrl/1', 'hashAndUrl/2', 'certificateUrls/0'],
  ],
  ['anybody', { hashAndUrl: ['http://'] }, ['hashAndUrl/0']],
  ['a bundle that is no address', { bundleUrl: 'hq.bundle' }, ['bundleUrl']],
  ['both', { certificateUrls: [`${HERE}a`], bundleUrl: `${HERE}b` }, ['bundleUrl']],
  ['more addresses than certificates', { certificateUrls: [`${HERE}a`, `${HERE}b`] }, ['certificateUrls']],
] as const)
  t.test(`RFC 7296 §3.6: hash and URL, ${what}`, async t =>
    t.same(
      faults(peer(auth as unknown as Partial<PeerDocument['auth']>)),
      want.map(pointer => `/auth/${pointer} BRUNEL_CONFIG_CERTIFICATE_URL`),
    ),
  )

t.test('RFC 7296 §3.6: hash and URL is off by default, and its addresses have one form', async t => {
  t.match(normalise(peer()).auth, { hashAndUrl: [], certificateUrls: [], bundleUrl: undefined })
  t.same(normalise(peer({ hashAndUrl: ['HTTP://PKI.example.net'] })).auth.hashAndUrl, [
    'http://pki.example.net/',
  ])
})
