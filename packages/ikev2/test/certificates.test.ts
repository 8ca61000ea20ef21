import { SIGNATURE_HASHES } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import {
  authority,
  certificateLab,
  HOUR,
  hours,
  type Proofs,
  psk,
  routerCertificate,
  trusting,
} from './certificates.js'
import { saOf, tamper } from './forge.js'
import { type Lab, peerFor } from './lab.js'
import { inside, resealed } from './wire-tap.js'

const ca = await authority()
const A = await routerCertificate('a.example.net', ca)
const B = await routerCertificate('b.example.net', ca)
const both: readonly [Proofs, Proofs] = [
  { own: A.own, theirs: trusting(ca) },
  { own: B.own, theirs: trusting(ca) },
]
const texts = (lab: Lab): readonly string[] => lab.sent.map(({ text }) => text)
const authOf = (lab: Lab, what: 'request' | 'response'): Uint8Array =>
  lab.sent.find(({ text }) => text.startsWith(`IKE_AUTH ${what}`))?.bytes ?? new Uint8Array()
const plain = (bytes: Uint8Array): readonly Wire.PlainPayload[] =>
  inside(bytes) as readonly Wire.PlainPayload[]
const codes = (lab: Lab, side: 'a' | 'b'): readonly string[] =>
  lab[side].event('failed').map(({ why }) => why.code)

t.test('RFC 7296 §1.2, RFC 7427 §3, §4: two routers with certificates', async t => {
  const lab = certificateLab(...both)
  lab.run(1000)
  const [init, answer, request, response] = texts(lab)
  t.match(init, /SIGNATURE_HASH_ALGORITHMS/)
  t.match(answer, /CERTREQ.*SIGNATURE_HASH_ALGORITHMS/)
  t.match(request, /^IKE_AUTH request 1 \{IDi, CERT, N\(INITIAL_CONTACT\), CERTREQ, IDr, AUTH, SA, TSi, TSr/)
  t.match(response, /^IKE_AUTH response 1 \{IDr, CERT, AUTH, SA, TSi, TSr/)
  t.same([lab.a.children.size, lab.b.children.size], [1, 1])
  t.match(
    plain(authOf(lab, 'request')).find(p => p.type === 'AUTH'),
    { method: 14 },
  )
  t.equal(lab.b.event('ike-up')[0]?.remoteId, 'a.example.net')
})

t.test(
  'RFC 7296 §2.6: CERTREQ makes the answer longer than the request: a cookie is asked for first',
  async t => {
    const lab = certificateLab(...both, { change: { ike: ['aes256gcm16-prfsha384-x25519'] } })
    lab.run(1000)
    const [, answer, again, second] = texts(lab)
    t.equal(answer, 'IKE_SA_INIT response 0 {N(COOKIE)}')
    t.match(again, /^IKE_SA_INIT request 0 \{N\(COOKIE\), SA/)
    t.match(second, /CERTREQ/)
    t.same([lab.a.children.size, lab.b.children.size], [1, 1])
  },
)

for (const kind of ['rsa2048', 'ecdsa384', 'ecdsa521', 'ed25519'] as const) {
  t.test(`RFC 7427 §3, RFC 8420 §2: a key of kind ${kind}, the other end with ECDSA P-256`, async t => {
    const own = (await routerCertificate('a.example.net', ca, { kind })).own
    const lab = certificateLab({ own, theirs: trusting(ca) }, both[1])
    lab.run(1000)
    t.same([lab.a.children.size, lab.b.children.size], [1, 1])
  })
}

t.test('RFC 7296 §2.15: each end has its own method: one by PSK, the other by a certificate', async t => {
  for (const [a, b] of [
    [
      { own: psk('shield'), theirs: trusting(ca) },
      { own: B.own, theirs: psk('shield') },
    ],
    [
      { own: A.own, theirs: psk('shield') },
      { own: psk('shield'), theirs: trusting(ca) },
    ],
  ] as const) {
    const lab = certificateLab(a, b)
    lab.run(1000)
    t.same([lab.a.children.size, lab.b.children.size], [1, 1])
  }
})

t.test(
  'RFC 7296 §3.6: the first CERT is that of AUTH, its intermediates follow; RFC 7383: in fragments',
  async t => {
    const middle = await authority('CN=Middle', ca)
    const { own } = await routerCertificate('a.example.net', middle, { chain: middle.certificate })
    const lab = certificateLab({ own, theirs: trusting(ca) }, both[1])
    lab.run(1000)
    t.match(texts(lab).find(text => text.startsWith('IKE_AUTH request')) ?? texts(lab)[2], /IKE_AUTH request/)
    t.same([lab.a.children.size, lab.b.children.size], [1, 1])
    const bare = await routerCertificate('a.example.net', middle)
    const without = certificateLab({ own: bare.own, theirs: trusting(ca) }, both[1])
    without.run(900)
    t.equal(codes(without, 'b')[0], 'BRUNEL_IKE_CERTIFICATE_UNTRUSTED')
  },
)

t.test(
  'RFC 7296 §3.7: CERTREQ is a hint: an authority that nobody has a certificate of is no error',
  async t => {
    const other = await authority('CN=Nobody')
    const lab = certificateLab(both[0], { own: B.own, theirs: trusting(other, ca) })
    lab.run(1000)
    t.same([lab.a.children.size, lab.b.children.size], [1, 1])
  },
)

const stranger = await authority('CN=Stranger')
const expired = await routerCertificate('a.example.net', ca, { from: hours(-20), to: hours(-1) })
const early = await routerCertificate('a.example.net', ca, { from: hours(1) })
const elsewhere = await routerCertificate('c.example.net', ca)
const foreign = await routerCertificate('a.example.net', stranger)
const thief = {
  ...A.own,
  ...{ privateKey: (foreign.own as { privateKey: Uint8Array }).privateKey },
} as typeof A.own
const FAULTS = [
  ['whose authority is not trusted', foreign.own, 'CERTIFICATE_UNTRUSTED'],
  ['that is not valid yet', early.own, 'CERTIFICATE_NOT_YET_VALID'],
  ['without the identity that is claimed', elsewhere.own, 'CERTIFICATE_IDENTITY'],
  ['with the private key of another one', thief, 'WRONG_SIGNATURE'],
  ['and none at all, but a PSK', psk('shield'), 'WRONG_METHOD'],
] as const

for (const [what, own, code] of FAULTS) {
  t.test(
    `RFC 7296 §2.21.2: the initiator with a certificate ${what} hears AUTHENTICATION_FAILED alone`,
    async t => {
      const lab = certificateLab({ own, theirs: trusting(ca) }, both[1])
      lab.run(900)
      t.match(texts(lab)[3], 'IKE_AUTH response 1 {N(AUTHENTICATION_FAILED)}')
      t.same([lab.a.children.size, lab.b.children.size], [0, 0])
      const why = lab.b.event('failed')[0]?.why
      t.equal(why?.code, `BRUNEL_IKE_${code}`)
      t.equal(why?.evidence['remoteId'], 'a.example.net')
      t.equal(codes(lab, 'a')[0], 'BRUNEL_IKE_AUTHENTICATION_REFUSED')
    },
  )
  t.test(
    `RFC 7296 §2.21.2: the responder with a certificate ${what} is told so, and nothing comes up`,
    async t => {
      const swap = own === elsewhere.own || own === thief || own.method === 'psk'
      const theirs = swap
        ? own
        : (
            await routerCertificate(
              'b.example.net',
              own === foreign.own ? stranger : ca,
              own === early.own ? { from: hours(1) } : {},
            )
          ).own
      const lab = certificateLab(both[0], { own: theirs, theirs: trusting(ca) })
      lab.run(900)
      t.match(texts(lab)[4], 'INFORMATIONAL request 2 {N(AUTHENTICATION_FAILED)}')
      t.same([lab.a.children.size, lab.b.children.size], [0, 0])
      // The thief's certificate names a, which is wrong before its signature is.
      t.equal(codes(lab, 'a')[0], `BRUNEL_IKE_${own === thief ? 'CERTIFICATE_IDENTITY' : code}`)
    },
  )
}

t.test(
  'RFC 7296 §2.21.2: who shows an expired certificate all the same is refused with that reason',
  async t => {
    // A router that goes by a slow clock does not see it itself.
    const lab = certificateLab({ own: expired.own, theirs: trusting(ca) }, both[1])
    lab.run(900)
    t.equal(codes(lab, 'a')[0], 'BRUNEL_IKE_OWN_CERTIFICATE_EXPIRED', 'we do not even try with our own')
    const forged = certificateLab(both[0], both[1])
    tamper(forged, 'A IKE_AUTH request', bytes =>
      resealed(
        bytes,
        plain(bytes).map(p =>
          p.type === 'CERT' && expired.own.method === 'certificate'
            ? { ...p, data: expired.own.certificates[0] as Uint8Array }
            : p,
        ),
      ),
    )
    forged.run(900)
    t.equal(codes(forged, 'b')[0], 'BRUNEL_IKE_CERTIFICATE_EXPIRED')
  },
)

t.test('RFC 7296 §3.6: without CERT there is nothing to check the signature with', async t => {
  const lab = certificateLab(...both)
  tamper(lab, 'A IKE_AUTH request', bytes =>
    resealed(
      bytes,
      plain(bytes).filter(p => p.type !== 'CERT'),
    ),
  )
  lab.run(900)
  t.equal(codes(lab, 'b')[0], 'BRUNEL_IKE_NO_CERTIFICATE')
})

t.test('RFC 7296 §3.6: encodings that we do not take are passed over', async t => {
  const lab = certificateLab(...both)
  tamper(lab, 'A IKE_AUTH request', bytes =>
    resealed(
      bytes,
      plain(bytes).flatMap((p): Wire.PlainPayload[] =>
        p.type === 'CERT' ? [{ ...p, encoding: 12 }, p] : [p],
      ),
    ),
  )
  lab.run(900)
  t.equal(lab.b.children.size, 1)
})

t.test('RFC 7427 §4: a peer that announces no hash algorithms is not signed for, and we say why', async t => {
  const old = certificateLab(...both)
  old.feed(old.b, { on: 'peer-set', peer: peerFor(old.b, old.a, { initiate: false }) })
  old.run(900)
  t.equal(codes(old, 'a')[0], 'BRUNEL_IKE_NO_DIGITAL_SIGNATURES')
})

t.test('RFC 7427 §3: methods 1 and 9 of older times are refused by name', async t => {
  for (const method of [1, 9]) {
    const lab = certificateLab(...both)
    tamper(lab, 'A IKE_AUTH request', bytes =>
      resealed(
        bytes,
        plain(bytes).map(p => (p.type === 'AUTH' ? { ...p, method } : p)),
      ),
    )
    lab.run(900)
    t.match(lab.b.event('failed')[0]?.why, { code: 'BRUNEL_IKE_WRONG_METHOD', sentence: /method (1|9)\)?/ })
  }
})

t.test('RFC 7427 §4: what both announce is what this package can do', async t => {
  const lab = certificateLab(...both)
  lab.run(100)
  const init = Wire.parseMessage(lab.sent[0]?.bytes ?? new Uint8Array())
  if (typeof init === 'string') throw new Error(init)
  const { data } = Wire.findNotify(init.payloads, Wire.NOTIFY.SIGNATURE_HASH_ALGORITHMS) ?? {}
  t.same(
    [...(data ?? [])],
    SIGNATURE_HASHES.flatMap(n => [0, n]),
    'and not SHA-1',
  )
})

t.test('RFC 7296 §2.8, RFC 4301 §4.4.2.1: no SA outlives the certificates that proved it', async t => {
  const brief = await routerCertificate('b.example.net', ca, { to: hours(3) })
  const lab = certificateLab(
    both[0],
    { own: brief.own, theirs: trusting(ca) },
    { change: { espLifetime: 10 * HOUR, ikeLifetime: 10 * HOUR } },
  )
  lab.run(1000)
  t.equal(lab.a.children.size, 1)
  lab.run(2.9 * HOUR)
  t.equal(lab.a.children.size, 1, 'and authenticated anew before that')
  t.ok(lab.a.event('ike-up').length > 1)
  lab.run(3 * HOUR + 1000)
  t.same([lab.a.children.size, lab.b.children.size], [0, 0])
  t.ok(lab.a.event('ike-down').some(({ why }) => why.code === 'BRUNEL_IKE_VALIDITY_ENDED'))
})

t.test('RFC 7296 §2.8: rekeying does not lengthen what the certificates allow', async t => {
  const brief = await routerCertificate('b.example.net', ca, { to: hours(3) })
  const lab = certificateLab(
    both[0],
    { own: brief.own, theirs: trusting(ca) },
    { change: { espLifetime: HOUR / 2, ikeLifetime: HOUR } },
  )
  lab.run(3 * HOUR + 1000)
  t.ok(lab.a.event('child-rekeyed').length > 2)
  t.same([lab.a.children.size, lab.b.children.size], [0, 0])
})

t.test('RFC 7296 §2.8.3: a session by certificates is reauthenticated without a gap', async t => {
  const lab = certificateLab(...both)
  lab.run(1000)
  lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
  lab.run(10_000)
  t.equal(saOf(lab, lab.a).state, 'established')
  t.same([lab.a.children.size, lab.b.children.size], [1, 1])
})

t.test(
  'RFC 7296 §3.5, RFC 5280 §7.1: an identity of type DN is that of the subject, whatever its spelling',
  async t => {
    const { nameOf } = await import('@brunel/crypto')
    const dn = (text: string) => ({ type: 'dn', der: nameOf(text) as Uint8Array }) as const
    const lab = certificateLab(...both)
    lab.feed(lab.b, {
      on: 'peer-set',
      peer: {
        ...peerFor(lab.b, lab.a, { initiate: false }),
        remoteId: dn('CN=A.Example.NET'),
        auth: { method: 'certificate', ...both[1] },
      },
    })
    lab.feed(lab.a, {
      on: 'peer-set',
      peer: {
        ...peerFor(lab.a, lab.b),
        localId: dn('CN=a.example.net'),
        auth: { method: 'certificate', ...both[0] },
      },
    })
    lab.run(1000)
    t.equal(lab.b.children.size, 1)
    t.equal(lab.b.event('ike-up').at(-1)?.remoteId, 'CN=a.example.net')
  },
)
