import { isDrop } from '@brunel/base'
import { systemCryptography } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { extendIntAuth, intAuthOctets } from '../src/int-auth.js'
import { ikeKeys, initialSkeyseed, nextSkeyseed } from '../src/key-schedule.js'
import { pskAuth } from '../src/psk-auth.js'
import { changing, WHOLE, without } from './changing.js'
import { type Datagram, Lab, type LabOptions, type PeerChange } from './lab.js'
import { AES256_GCM16, inside, readableCryptography, resealed } from './wire-tap.js'

const HYBRID = 'aes256gcm16-prfsha384-x25519-ke1_mlkem768'
const PLAIN = 'aes256gcm16-prfsha384-x25519'

function labOf(
  change: Partial<PeerChange>,
  onlyB: Partial<PeerChange> = {},
  options: LabOptions = { settings: WHOLE },
): Lab {
  const lab = new Lab(options)
  lab.both(change, onlyB)
  lab.run(5000)
  return lab
}

const short = (lab: Lab): readonly string[] =>
  lab.exchanges().map(line => line.replace(/\{SA, KE, NONCE.*\}/, '{SA, KE, NONCE, …}'))
const suite = (lab: Lab): string | undefined => lab.a.event('ike-up')[0]?.suite
const counts = (lab: Lab): readonly number[] => [lab.a.children.size, lab.b.children.size]

t.test(
  'RFC 9370 §2.2.2: an additional key exchange takes place in IKE_INTERMEDIATE, before IKE_AUTH',
  async t => {
    const lab = labOf({ ike: [HYBRID, PLAIN] })
    t.strictSame(short(lab), [
      'A > IKE_SA_INIT request 0 {SA, KE, NONCE, …}',
      'B > IKE_SA_INIT response 0 {SA, KE, NONCE, …}',
      'A > IKE_INTERMEDIATE request 1 {KE}',
      'B > IKE_INTERMEDIATE response 1 {KE}',
      'A > IKE_AUTH request 2 {IDi, N(INITIAL_CONTACT), IDr, AUTH, SA, TSi, TSr}',
      'B > IKE_AUTH response 2 {IDr, AUTH, SA, TSi, TSr}',
    ])
    t.equal(suite(lab), HYBRID)
    t.equal(lab.b.event('ike-up')[0]?.suite, HYBRID)
    t.strictSame(counts(lab), [1, 1])
    const [a] = lab.a.children.values()
    const [b] = lab.b.children.values()
    t.same(a?.keysIn.encryption, b?.keysOut.encryption, 'both ends hold the same keys')
  },
)

t.test(
  'RFC 9242 §3.2: three exchanges, one after the other, in the order of their transform types',
  async t => {
    const ike = ['aes256gcm16-prfsha384-x25519-ke3_ecp384-ke1_mlkem512-ke2_mlkem1024']
    const lab = labOf({ ike })
    t.strictSame(
      lab.sent
        .filter(d => d.text.startsWith('IKE_INTERMEDIATE'))
        .map(d => [d.text.replace(/ \{.*/, ''), keData(d)?.group, keData(d)?.data.length]),
      [
        ['IKE_INTERMEDIATE request 1', 35, 800],
        ['IKE_INTERMEDIATE response 1', 35, 768],
        ['IKE_INTERMEDIATE request 2', 37, 1568],
        ['IKE_INTERMEDIATE response 2', 37, 1568],
        ['IKE_INTERMEDIATE request 3', 20, 96],
        ['IKE_INTERMEDIATE response 3', 20, 96],
      ],
    )
    t.match(lab.ladder.at(-1), /IKE_AUTH response 4/)
    t.equal(suite(lab), 'aes256gcm16-prfsha384-x25519-ke1_mlkem512-ke2_mlkem1024-ke3_ecp384')
  },
)

const keData = (d: Datagram): Wire.KePayload | undefined => Wire.find(inside(d.bytes), 'KE')

t.test('RFC 9242 §3.2: the messages are fragmented where they do not fit, and under loss too', async t => {
  for (let seed = 1; seed <= 20; seed++) {
    let n = seed
    const rule = (): readonly number[] => {
      n = (Math.imul(n, 1103515245) + 12345) >>> 0
      const die = (n >>> 16) % 10
      return lab.now > 20_000 ? [10] : die < 3 ? [] : die === 3 ? [10, 30] : [10 + die]
    }
    const lab: Lab = new Lab({ seed, rule })
    lab.both({ ike: [HYBRID] })
    lab.run(90_000)
    t.ok(lab.ladder.some(line => /IKE_INTERMEDIATE request 1 \{SKF\(2\/3\)\}/.test(line)))
    t.equal(lab.a.ike.report('B')?.sas[0]?.suite, HYBRID, `seed ${seed}`)
    t.strictSame(counts(lab), [1, 1], `seed ${seed}`)
  }
})

t.test(
  'RFC 7296 §2.1: a repeated IKE_INTERMEDIATE is answered again, though its keys have gone by',
  async t => {
    const lab = labOf(
      { ike: [HYBRID] },
      {},
      {
        settings: WHOLE,
        rule: (d, nth) => (d.text.startsWith('IKE_INTERMEDIATE response') && nth < 3 ? [] : undefined),
      },
    )
    const answers = lab.sent.filter(d => d.text.startsWith('IKE_INTERMEDIATE response'))
    t.equal(answers.length, 3)
    t.same(answers[0]?.bytes, answers[2]?.bytes, 'bitwise the same')
    t.strictSame(counts(lab), [1, 1])
  },
)

t.test(
  'RFC 9242 §3.3.1: with real keys too, a repeated request is opened with the keys of before',
  async t => {
    const lab = labOf(
      { ike: [HYBRID] },
      {},
      {
        settings: WHOLE,
        crypto: systemCryptography,
        rule: (d, nth) => (d.text.startsWith('IKE_INTERMEDIATE response') && nth < 3 ? [] : undefined),
      },
    )
    t.equal(lab.sent.filter(d => d.text.startsWith('IKE_INTERMEDIATE response')).length, 3)
    t.strictSame(lab.b.drops, [])
    t.strictSame(counts(lab), [1, 1])
  },
)

t.test('RFC 9370 §2.2.2: who leaves out what was agreed is not let in: no downgrade on the way', async t => {
  // The choice of ADDKE1 is taken out of the answer; the initiator, who may do without, goes straight to IKE_AUTH.
  const { run } = changing(/IKE_SA_INIT response/, payloads =>
    payloads.map(
      p =>
        (p.type === 'SA'
          ? {
              ...p,
              proposals: p.proposals.map(o => ({ ...o, transforms: o.transforms.filter(x => x.type < 6) })),
            }
          : p) as Wire.PlainPayload,
    ),
  )
  const lab = run([`${HYBRID}-ke1_none`])
  t.ok(lab.ladder.some(line => /A > IKE_AUTH request 1/.test(line)))
  t.ok(lab.ladder.some(line => /B > IKE_AUTH response 1 \{N\(AUTHENTICATION_FAILED\)\}/.test(line)))
  t.equal(lab.b.event('ike-up').length, 0)
})

t.test(
  'RFC 9370 §2.2.1: a router that knows no additional key exchange chooses the plain proposal',
  async t => {
    const lab = labOf({ ike: [HYBRID, PLAIN] }, { ike: [PLAIN] })
    t.equal(suite(lab), PLAIN)
    t.strictSame(counts(lab), [1, 1])
    t.notOk(lab.ladder.some(line => line.includes('IKE_INTERMEDIATE request')))
  },
)

t.test(
  'RFC 9370 §2.2.1: where the hybrid is demanded, a router without it is told NO_PROPOSAL_CHOSEN',
  async t => {
    for (const [a, b] of [
      [[HYBRID], [PLAIN]],
      [[PLAIN], [HYBRID]],
      [[HYBRID], ['aes256gcm16-prfsha384-x25519-ke1_mlkem1024']],
      [[HYBRID], ['aes256gcm16-prfsha384-x25519-ke2_mlkem768']],
    ] as const) {
      const lab = labOf({ ike: a }, { ike: b })
      t.match(lab.ladder[1], /N\(NO_PROPOSAL_CHOSEN\)/)
      t.match(lab.b.event('failed')[0]?.why.evidence, { ours: b, theirs: a }, 'both offers in words')
    }
  },
)

t.test(
  'RFC 9370 §2.2.1: with NONE an additional key exchange is left out where one side has none',
  async t => {
    const optional = `${HYBRID}-ke1_none`
    t.equal(suite(labOf({ ike: [optional] }, { ike: [PLAIN] })), PLAIN)
    t.equal(suite(labOf({ ike: [PLAIN] }, { ike: [optional] })), PLAIN)
    t.equal(suite(labOf({ ike: [optional] }, { ike: [HYBRID] })), HYBRID)
  },
)

t.test('RFC 9370 §2.2.1: no method is chosen twice', async t => {
  const twice = 'aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_mlkem768'
  t.match(labOf({ ike: [twice] }).ladder[1], /N\(NO_PROPOSAL_CHOSEN\)/)
  t.equal(suite(labOf({ ike: [`${twice}-ke2_mlkem512`] })), `${HYBRID}-ke2_mlkem512`)
  t.match(labOf({ ike: [`${PLAIN}-ke1_x25519`] }).ladder[1], /N\(NO_PROPOSAL_CHOSEN\)/)
})

t.test(
  'RFC 9242 §3.1: without the announcement of the initiator the responder chooses a plain proposal',
  async t => {
    const { run } = changing(/IKE_SA_INIT request/, without(Wire.NOTIFY.INTERMEDIATE_EXCHANGE_SUPPORTED))
    const lab = run([HYBRID, PLAIN])
    const answer = lab.sent.find(d => d.sender === 'B')
    t.notMatch(answer?.text, /INTERMEDIATE_EXCHANGE_SUPPORTED/)
    const sa = Wire.find(inside(answer?.bytes as Uint8Array), 'SA')
    t.equal(sa?.proposals[0]?.number, 2)
  },
)

t.test(
  'RFC 9370 §2.2.1: a choice that needs IKE_INTERMEDIATE without its announcement is not believed',
  async t => {
    const { run } = changing(/IKE_SA_INIT response/, without(Wire.NOTIFY.INTERMEDIATE_EXCHANGE_SUPPORTED))
    const lab = run([HYBRID])
    t.equal(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_BAD_CHOICE')
    t.notOk(lab.ladder.some(line => line.includes('IKE_INTERMEDIATE request')))
  },
)

for (const [what, change] of [
  ['of another length', (ke: Wire.KePayload) => ({ ...ke, data: ke.data.subarray(1) })],
  ['of another method', (ke: Wire.KePayload) => ({ ...ke, group: 37 })],
  [
    'with a coefficient of 3329',
    (ke: Wire.KePayload) => ({ ...ke, data: Uint8Array.of(0x01, 0x0d, ...ke.data.subarray(2)) }),
  ],
] as const)
  t.test(
    `FIPS 203 §7.2: an encapsulation key ${what} ends the half-open IKE SA with INVALID_SYNTAX`,
    async t => {
      const { run } = changing(/IKE_INTERMEDIATE request/, payloads =>
        payloads.map(p => (p.type === 'KE' ? change(p) : p) as Wire.PlainPayload),
      )
      const lab = run([HYBRID])
      t.match(lab.ladder[3], /IKE_INTERMEDIATE response 1 \{N\(INVALID_SYNTAX\)\}/)
      t.match(lab.b.drops[0], /^ike-key-exchange/)
      t.strictSame(counts(lab), [0, 0])
      t.equal(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_REFUSED')
    },
  )

t.test('FIPS 203 §7.3: a ciphertext of another length ends the attempt', async t => {
  const { run } = changing(/IKE_INTERMEDIATE response/, payloads =>
    payloads.map(p => (p.type === 'KE' ? { ...p, data: p.data.subarray(1) } : p) as Wire.PlainPayload),
  )
  const lab = run([HYBRID])
  t.equal(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_MALFORMED')
  t.strictSame(counts(lab), [0, 0])
})

t.test(
  'FIPS 203 §6.3: a changed ciphertext is rejected implicitly: other keys, and IKE_AUTH fails',
  async t => {
    const { run } = changing(/IKE_INTERMEDIATE response/, payloads =>
      payloads.map(
        p =>
          (p.type === 'KE'
            ? { ...p, data: Uint8Array.from(p.data, (x, i) => x ^ (i === 9 ? 1 : 0)) }
            : p) as Wire.PlainPayload,
      ),
    )
    const lab = run([HYBRID])
    t.ok(lab.ladder.some(line => line.includes('IKE_AUTH request 2')))
    t.equal(lab.a.event('ike-up').length + lab.b.event('ike-up').length, 0)
    t.strictSame(counts(lab), [0, 0])
  },
)

t.test(
  'RFC 9242 §3.3.2: AUTH covers the IKE_INTERMEDIATE messages: one unknown payload more, and it fails',
  async t => {
    for (const match of [/IKE_INTERMEDIATE request/, /IKE_INTERMEDIATE response/]) {
      const { run } = changing(match, payloads => [
        ...(payloads as readonly Wire.PlainPayload[]),
        { type: 'V', data: new Uint8Array(3) },
      ])
      const lab = run([HYBRID])
      t.match(lab.b.event('failed')[0]?.why.code, 'BRUNEL_IKE_WRONG_PSK')
      t.strictSame(counts(lab), [0, 0])
    }
  },
)

t.test(
  'RFC 9242 §5: their number is agreed: one more, or IKE_AUTH too soon, ends the half-open IKE SA',
  async t => {
    const more = changing(/IKE_AUTH request/, (_, d) => inside(d.bytes) as readonly Wire.PlainPayload[])
    const lab = more.lab
    lab.rule = d => {
      if (!/IKE_INTERMEDIATE request/.test(d.text)) return undefined
      const header = Wire.parseHeader(d.bytes)
      if (isDrop(header)) throw new Error(header)
      // The same header, but IKE_AUTH stands in it.
      const bytes = resealed(d.bytes, inside(d.bytes) as readonly Wire.PlainPayload[])
      bytes[18] = Wire.EXCHANGE.IKE_AUTH
      lab.at(lab.now, () =>
        lab.deliver({ ...d, bytes: resealed(bytes, [{ type: 'V', data: new Uint8Array(1) }]) }),
      )
      return []
    }
    lab.both({ ike: [HYBRID] })
    lab.run(3000)
    t.ok(
      lab.ladder.some(line =>
        /B > IKE_AUTH response 1 \{N\((INVALID_SYNTAX|AUTHENTICATION_FAILED)\)\}/.test(line),
      ),
    )

    const plain = new Lab({ settings: WHOLE })
    plain.rule = d => {
      if (!/IKE_AUTH request/.test(d.text)) return undefined
      const bytes = d.bytes.slice()
      bytes[18] = Wire.EXCHANGE.IKE_INTERMEDIATE
      const ke = { type: 'KE', group: 36, data: new Uint8Array(1184) } as const
      plain.at(plain.now, () => plain.deliver({ ...d, bytes: resealed(bytes, [ke]) }))
      return []
    }
    plain.both({ ike: [PLAIN] })
    plain.run(3000)
    t.ok(plain.ladder.some(line => /B > IKE_INTERMEDIATE response 1 \{N\(INVALID_SYNTAX\)\}/.test(line)))
  },
)

t.test('RFC 9242 §3.3.2, RFC 9370 §2.2.2: keys and AUTH, computed from the messages alone', async t => {
  const secrets: Uint8Array[] = []
  const kept = (secret: Uint8Array): Uint8Array => {
    secrets.push(secret.slice())
    return secret
  }
  const lab = labOf(
    { ike: [HYBRID] },
    {},
    {
      settings: { ...WHOLE },
      crypto: {
        ...readableCryptography,
        keyPair(group) {
          const pair = systemCryptography.keyPair(group)
          return { ...pair, agree: value => kept(pair.agree(value) as Uint8Array) }
        },
      },
    },
  )
  const [init1, init2, int1, int2, auth] = lab.sent.map(d => d.bytes) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const nonce = (bytes: Uint8Array): Uint8Array => Wire.find(inside(bytes), 'NONCE')?.data as Uint8Array
  const header = Wire.parseHeader(init2)
  if (isDrop(header)) throw new Error(header)
  const { suite: text } = lab.a.event('ike-up')[0] as { suite: string }
  t.equal(text, HYBRID)
  const prf = { name: 'prfsha384', id: 6, hash: 'sha384', length: 48 } as const
  const aes = {
    encryption: AES256_GCM16,
    integrity: undefined,
    prf,
  }
  const from = {
    ni: nonce(init1),
    nr: nonce(init2),
    spiInitiator: header.spiInitiator,
    spiResponder: header.spiResponder,
  }
  const crypto = systemCryptography
  // B agreed on X25519 first, then A; then A decapsulated.
  const [x25519, again, kem] = secrets as [Uint8Array, Uint8Array, Uint8Array]
  t.same(x25519, again)
  const keys0 = ikeKeys(crypto, aes, initialSkeyseed(crypto, prf, from, x25519.slice()), from)
  const chunks = (message: Uint8Array): Uint8Array => {
    // The null cipher adds 16 octets at the end and nothing else: cut them, and adjust both lengths.
    const cut = message.slice(0, message.length - 16)
    new DataView(cut.buffer).setUint32(24, cut.length)
    new DataView(cut.buffer).setUint16(30, cut.length - 28)
    return cut
  }
  const i1 = crypto.prf(prf, keys0.pi, chunks(int1))
  const r1 = crypto.prf(prf, keys0.pr, chunks(int2))
  const keys1 = ikeKeys(crypto, aes, nextSkeyseed(crypto, { prf, d: keys0.d }, from, kem), from)
  const id = inside(auth).find(p => p.type === 'IDi') as Wire.IdPayload
  const data = pskAuth(crypto, new TextEncoder().encode('shield'), {
    prf,
    message: init1,
    peerNonce: from.nr,
    skP: keys1.pi,
    id,
    intAuth: Wire.concat(i1, r1, Wire.uint32(2)),
  })
  t.same(Wire.find(inside(auth), 'AUTH')?.data, data)
})

t.test('RFC 9242 §3.3.2: the second exchange chains on the first', async t => {
  const prf = { name: 'prfsha256', id: 5, hash: 'sha256', length: 32 } as const
  const keys = { prf, pi: Uint8Array.of(1), pr: Uint8Array.of(2) }
  const exchange = { request: Uint8Array.of(3), response: Uint8Array.of(4) }
  const one = extendIntAuth(systemCryptography, keys, undefined, exchange)
  const two = extendIntAuth(systemCryptography, keys, one, exchange)
  t.same(two.i, systemCryptography.prf(prf, keys.pi, Wire.concat(one.i, exchange.request)))
  t.same(two.r, systemCryptography.prf(prf, keys.pr, Wire.concat(one.r, exchange.response)))
  t.same(intAuthOctets(two, 3), Wire.concat(two.i, two.r, Uint8Array.of(0, 0, 0, 3)))
  t.same(intAuthOctets(undefined, 1), new Uint8Array(0))
})
