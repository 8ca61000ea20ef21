import { isDrop } from '@brunel/base'
import { PRFS, type Prf, systemCryptography } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { childKeys, ikeKeys, initialSkeyseed, underPpk } from '../src/key-schedule.js'
import { pskAuth } from '../src/psk-auth.js'
import { authority, certificateLab, type Proofs, routerCertificate, trusting } from './certificates.js'
import { changing, WHOLE, without } from './changing.js'
import { Lab, type LabOptions, type PeerChange, peerFor } from './lab.js'
import { AES256_GCM16, inside, readableCryptography } from './wire-tap.js'

const HYBRID = 'aes256gcm16-prfsha384-x25519-ke1_mlkem768'
const PPK = { id: 'ppk-1' }
const DEMANDED = { ...PPK, required: true }
type Wish = PeerChange['ppk']

function labOf(a: Wish, b: Wish, more: Partial<PeerChange> = {}, options: LabOptions = {}): Lab {
  const lab = new Lab({ settings: WHOLE, ...options })
  lab.both({ ...more, ppk: a }, { ppk: b })
  lab.run(3000)
  return lab
}
const inUse = (lab: Lab): readonly (string | undefined)[] => [
  lab.a.ike.report('B')?.sas[0]?.ppk,
  lab.b.ike.report('A')?.sas[0]?.ppk,
]
const counts = (lab: Lab): readonly number[] => [lab.a.children.size, lab.b.children.size]
const sameKeys = (lab: Lab): boolean => {
  const [[a], [b]] = [[...lab.a.children.values()], [...lab.b.children.values()]]
  return (
    Wire.hex(a?.keysIn.encryption ?? Uint8Array.of(1)) === Wire.hex(b?.keysOut.encryption ?? Uint8Array.of(2))
  )
}
const notifies = (lab: Lab): readonly string[] =>
  lab.exchanges().map(line =>
    line.replace(/^(.) > (\S+) (\S+) .*?\{(.*)\}$/, (_, who, exchange, kind, all: string) => {
      const told = all.match(/N\((?:USE_PPK|PPK_IDENTITY|NO_PPK_AUTH|AUTHENTICATION_FAILED)\)/g) ?? []
      return [who, exchange, kind, ...told].join(' ')
    }),
  )

t.test(
  'RFC 8784 §3: both announce a PPK, the initiator names it, the responder says that it is used',
  async t => {
    const lab = labOf(DEMANDED, DEMANDED)
    t.strictSame(notifies(lab), [
      'A IKE_SA_INIT request N(USE_PPK)',
      'B IKE_SA_INIT response N(USE_PPK)',
      'A IKE_AUTH request N(PPK_IDENTITY)',
      'B IKE_AUTH response N(PPK_IDENTITY)',
    ])
    const [named, answered] = lab.sent
      .slice(2)
      .map(d => Wire.findNotify(inside(d.bytes), Wire.NOTIFY.PPK_IDENTITY))
    t.equal(
      Wire.hex(named?.data ?? Uint8Array.of()),
      `02${Wire.hex(new TextEncoder().encode('ppk-1'))}`,
      '§5.1: PPK_ID_FIXED',
    )
    t.same(answered?.data, new Uint8Array(0))
    t.strictSame(inUse(lab), ['ppk-1', 'ppk-1'])
    t.strictSame([counts(lab), sameKeys(lab)], [[1, 1], true])
    t.equal(lab.a.event('ike-up')[0]?.ppk, 'ppk-1')
  },
)

t.test('RFC 8784 §3: NO_PPK_AUTH goes along only where the PPK is optional', async t => {
  t.match(notifies(labOf(PPK, DEMANDED))[2], 'N(PPK_IDENTITY) N(NO_PPK_AUTH)')
  t.notMatch(notifies(labOf(DEMANDED, PPK))[2], 'NO_PPK_AUTH')
})

const OTHER = { id: 'ppk-2' }
/** RFC 8784 §3, table 1, from both sides: what is in use then, and else what each end says of it. */
for (const [what, a, b, used, tellsA, tellsB] of [
  ['neither has one', undefined, undefined, undefined, undefined, undefined],
  ['optional on both', PPK, PPK, 'ppk-1', undefined, undefined],
  ['demanded by one', PPK, DEMANDED, 'ppk-1', undefined, undefined],
  ['only the initiator has one, optional', PPK, undefined, undefined, 'PPK_UNUSED', undefined],
  ['only the responder has one, optional', undefined, PPK, undefined, undefined, 'PPK_UNUSED'],
  ['two names, optional on both', PPK, OTHER, undefined, 'PPK_UNUSED', 'PPK_UNUSED'],
  ['only the initiator has one and demands it', DEMANDED, undefined, 'none', 'PPK_NOT_ANNOUNCED', undefined],
  [
    'only the responder has one and demands it',
    undefined,
    DEMANDED,
    'none',
    'AUTHENTICATION_REFUSED',
    'PPK_NOT_ANNOUNCED',
  ],
  [
    'two names, the initiator demands its own',
    DEMANDED,
    OTHER,
    'none',
    'AUTHENTICATION_REFUSED',
    'PPK_ID_DIFFERS',
  ],
  [
    'two names, the responder demands its own',
    PPK,
    { ...OTHER, required: true },
    'none',
    'AUTHENTICATION_REFUSED',
    'PPK_ID_DIFFERS',
  ],
  ['two secrets, optional', PPK, { ...PPK, secret: 'b' }, 'none', 'AUTHENTICATION_REFUSED', 'WRONG_PPK'],
  [
    'two secrets, demanded',
    DEMANDED,
    { ...PPK, secret: 'b' },
    'none',
    'AUTHENTICATION_REFUSED',
    'WRONG_PPK_OR_AUTH',
  ],
] as const)
  t.test(`RFC 8784 §3: ${what}`, async t => {
    const lab = labOf(
      a,
      b,
      {},
      { settings: { ...WHOLE, initRetransmission: { first: 500, factor: 1, cap: 500, tries: 2 } as never } },
    )
    const told = (side: 'a' | 'b'): string | undefined =>
      (lab[side].event('failed')[0] ?? lab[side].event('ppk-unused')[0])?.why.code.replace('BRUNEL_IKE_', '')
    t.strictSame([told('a'), told('b')], [tellsA, tellsB])
    t.strictSame(counts(lab), used === 'none' ? [0, 0] : [1, 1])
    if (used !== 'none') t.strictSame([inUse(lab), sameKeys(lab)], [[used, used], true])
  })

t.test(
  'RFC 8784 §3: a responder tells a wrong PPK from a wrong PSK where the initiator can do without',
  async t => {
    const lab = new Lab({ settings: WHOLE })
    lab.both({ ppk: PPK }, { ppk: { ...PPK, secret: 'b' }, psk: 'another' })
    lab.run(800)
    t.equal(lab.b.event('failed')[0]?.why.code, 'BRUNEL_IKE_WRONG_PSK', 'the PSK is wrong by itself')
  },
)

t.test('RFC 8784 §3: the PPK goes into the keys after the last IKE_INTERMEDIATE', async t => {
  const lab = labOf(DEMANDED, DEMANDED, { ike: [HYBRID] }, { crypto: systemCryptography })
  t.strictSame([inUse(lab), counts(lab), sameKeys(lab)], [['ppk-1', 'ppk-1'], [1, 1], true])
  t.equal(lab.a.event('ike-up')[0]?.suite, HYBRID)
})

t.test('RFC 8784 §3: a rekeyed IKE SA inherits the PPK by SK_d, and it is not mixed in again', async t => {
  const mixed: Uint8Array[] = []
  const crypto = {
    ...readableCryptography,
    prfPlus: (prf: Prf, key: Uint8Array, seed: Uint8Array, length: number) => {
      if (new TextDecoder().decode(key) === 'a secret of the two') mixed.push(seed.slice())
      return systemCryptography.prfPlus(prf, key, seed, length)
    },
  }
  const lab = labOf(DEMANDED, DEMANDED, {}, { crypto })
  const before = mixed.length
  t.ok(before > 0)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(4000)
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
  lab.run(5000)
  t.equal(lab.a.event('ike-rekeyed').length, 1)
  t.equal(mixed.length, before)
  t.strictSame([inUse(lab), counts(lab), sameKeys(lab)], [['ppk-1', 'ppk-1'], [1, 1], true])
  t.notOk(lab.sent.slice(4).some(d => d.text.includes('PPK')))
})

t.test('RFC 8784 §3: the request is sent again with its cookie and with USE_PPK', async t => {
  const lab = labOf(PPK, PPK, {}, { settings: { ...WHOLE, cookieThreshold: 0 } })
  t.match(notifies(lab).slice(0, 3), [/N\(USE_PPK\)/, /^B IKE_SA_INIT response$/, /N\(USE_PPK\)/])
  t.strictSame(inUse(lab), ['ppk-1', 'ppk-1'])
})

t.test(
  'RFC 8784 §6: a response without USE_PPK may be forged; the one with it is still believed',
  async t => {
    let forged = false
    const lab: Lab = new Lab({
      settings: WHOLE,
      rule: d => {
        if (forged || !d.text.startsWith('IKE_SA_INIT response')) return undefined
        forged = true
        const header = Wire.parseHeader(d.bytes)
        if (isDrop(header)) return undefined
        const bytes = Wire.emitMessage(header, without(Wire.NOTIFY.USE_PPK)(inside(d.bytes)))
        lab.at(lab.now, () => lab.deliver({ ...d, bytes }))
        return [20]
      },
    })
    lab.both({ ppk: DEMANDED })
    lab.run(900)
    t.strictSame([inUse(lab), lab.a.event('initiating').length], [['ppk-1', 'ppk-1'], 1])
  },
)

t.test('RFC 8784 §3: without USE_PPK in any response the exchange is aborted when it times out', async t => {
  const lab = new Lab({ settings: WHOLE })
  lab.both({ ppk: DEMANDED }, { ppk: undefined })
  lab.run(14_000)
  t.notOk(lab.ladder.some(line => line.includes('IKE_AUTH')))
  t.equal(lab.a.ike.report('B')?.lastFailure?.code, 'BRUNEL_IKE_PPK_NOT_ANNOUNCED')
})

t.test('RFC 8784 §3: who announced a PPK and names none is refused', async t => {
  const { lab } = changing(/IKE_AUTH request/, without(Wire.NOTIFY.PPK_IDENTITY))
  lab.both({ ppk: PPK })
  lab.run(800)
  t.match(lab.ladder.at(-1), /IKE_AUTH response 1 \{N\(AUTHENTICATION_FAILED\)\}/)
  t.equal(lab.b.event('failed')[0]?.why.code, 'BRUNEL_IKE_PPK_NOT_NAMED')
})

t.test(
  'RFC 8784 §3: a responder that does not use what we demand is rejected with AUTHENTICATION_FAILED',
  async t => {
    const { lab } = changing(/IKE_AUTH response/, without(Wire.NOTIFY.PPK_IDENTITY))
    lab.both({ ppk: DEMANDED })
    lab.run(800)
    t.match(lab.ladder[4], /A > INFORMATIONAL request 2 \{N\(AUTHENTICATION_FAILED\)\}/)
    t.equal(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_PPK_NOT_USED')
    t.strictSame(counts(lab), [0, 0])
  },
)

t.test('RFC 8784 §5.1: a name of another type is not ours, though its octets are', async t => {
  const { lab } = changing(/IKE_AUTH request/, payloads =>
    payloads.map(
      p =>
        (p.type === 'N' && p.notifyType === Wire.NOTIFY.PPK_IDENTITY
          ? { ...p, data: Wire.concat(Uint8Array.of(1), p.data.subarray(1)) }
          : p) as Wire.PlainPayload,
    ),
  )
  lab.both({ ppk: DEMANDED })
  lab.run(800)
  t.equal(lab.b.event('failed')[0]?.why.code, 'BRUNEL_IKE_PPK_ID_DIFFERS')
})

t.test(
  'RFC 8784 §3: both AUTH values of the initiator, that of the responder and the keys of the child, computed from the messages alone',
  async t => {
    const secrets: Uint8Array[] = []
    const crypto = {
      ...readableCryptography,
      keyPair(group: Parameters<typeof systemCryptography.keyPair>[0]) {
        const pair = systemCryptography.keyPair(group)
        const agree = (value: Uint8Array): Uint8Array => {
          const secret = pair.agree(value) as Uint8Array
          secrets.push(secret.slice())
          return secret
        }
        return { ...pair, agree }
      },
    }
    const lab = labOf(PPK, PPK, {}, { crypto })
    const [init, answer, auth, done] = lab.sent.map(d => d.bytes) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    const nonce = (bytes: Uint8Array): Uint8Array => Wire.find(inside(bytes), 'NONCE')?.data as Uint8Array
    const header = Wire.parseHeader(answer)
    const prf = PRFS.find(one => one.name === 'prfsha384')
    if (isDrop(header) || prf === undefined) throw new Error('no header')
    const from = { ni: nonce(init), nr: nonce(answer), ...header }
    const suite = {
      prf,
      integrity: undefined,
      encryption: AES256_GCM16,
    }
    const skeyseed = initialSkeyseed(systemCryptography, prf, from, secrets[0] as Uint8Array)
    const { d, pi, pr } = ikeKeys(systemCryptography, suite, skeyseed, from)
    // All PRFs of IKEv2 are as long as their keys, so that one round of prf+ is enough.
    const ppk = new TextEncoder().encode('a secret of the two')
    const mixed = (key: Uint8Array): Uint8Array =>
      systemCryptography.prf(prf, ppk, Wire.concat(key, Uint8Array.of(1)))
    t.same(underPpk(systemCryptography, prf, ppk, pi), mixed(pi))
    const psk = new TextEncoder().encode('shield')
    const by = (skP: Uint8Array): Uint8Array => {
      const id = inside(auth).find(p => p.type === 'IDi') as Wire.IdPayload
      return pskAuth(systemCryptography, psk, { prf, message: init, peerNonce: from.nr, skP, id })
    }
    t.same(Wire.find(inside(auth), 'AUTH')?.data, by(mixed(pi)))
    t.same(Wire.findNotify(inside(auth), Wire.NOTIFY.NO_PPK_AUTH)?.data, by(pi))
    const id = inside(done).find(p => p.type === 'IDr') as Wire.IdPayload
    const theirs = { prf, message: answer, peerNonce: from.ni, skP: mixed(pr), id }
    t.same(Wire.find(inside(done), 'AUTH')?.data, pskAuth(systemCryptography, psk, theirs))
    const child = childKeys(systemCryptography, { prf, d: mixed(d) }, suite, { ...from, secret: undefined })
    t.same([...lab.a.children.values()][0]?.keysOut.encryption, child.initiator.encryption)
  },
)

t.test(
  'RFC 8784 §3: certificates alike: NO_PPK_AUTH holds a second signature by the same method',
  async t => {
    const ca = await authority()
    const proofs = async (name: string): Promise<Proofs> => ({
      own: (await routerCertificate(name, ca)).own,
      theirs: trusting(ca),
    })
    const [a, b] = [await proofs('a.example.net'), await proofs('b.example.net')]
    const good = certificateLab(a, b, { change: { ppk: PPK } })
    good.run(1000)
    t.strictSame(
      [inUse(good), counts(good)],
      [
        ['ppk-1', 'ppk-1'],
        [1, 1],
      ],
    )
    const bad = certificateLab(a, b, { change: { ppk: PPK } })
    bad.feed(bad.b, {
      on: 'peer-set',
      peer: { ...peerOfB(bad, { ...PPK, secret: 'b' }), auth: { method: 'certificate', ...b } },
    })
    bad.run(800)
    t.equal(bad.b.event('failed')[0]?.why.code, 'BRUNEL_IKE_WRONG_PPK')
  },
)

const peerOfB = (lab: Lab, ppk: Wish) => peerFor(lab.b, lab.a, { initiate: false, ppk })
