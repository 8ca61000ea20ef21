import { type Prf, systemCryptography } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { childKeys } from '../src/key-schedule.js'
import { changing, WHOLE, without } from './changing.js'
import { say } from './forge.js'
import { Lab, type LabOptions, type PeerChange } from './lab.js'
import { AES256_GCM16, inside, readableCryptography } from './wire-tap.js'

const HYBRID = 'aes256gcm16-x25519-ke1_mlkem768-esn'
const TWO = 'aes256gcm16-x25519-ke1_mlkem768-ke2_mlkem512-esn'
const PLAIN = 'aes256gcm16-x25519-esn'

const rekey = (lab: Lab, side: 'a' | 'b' = 'a', what: 'child' | 'ike' = 'child'): void => {
  lab.feed(lab[side], { on: 'rekey', peer: side === 'a' ? 'B' : 'A', what })
}
const counts = (lab: Lab): readonly number[] => [lab.a.children.size, lab.b.children.size]
const suites = (lab: Lab): readonly (string | undefined)[] =>
  [lab.a.ike.report('B'), lab.b.ike.report('A')].flatMap(r => r?.sas[0]?.children.map(c => c.suite))
/** One child on both ends, the same one, with the same keys. */
function agree(
  t: { strictSame(a: unknown, b: unknown, text: string): unknown },
  lab: Lab,
  text: string,
): void {
  t.strictSame(counts(lab), [1, 1], text)
  const [[a], [b]] = [[...lab.a.children.values()], [...lab.b.children.values()]]
  t.strictSame(
    [a?.spiIn, a?.spiOut, Wire.hex(a?.keysIn.encryption ?? Uint8Array.of(1))],
    [b?.spiOut, b?.spiIn, Wire.hex(b?.keysOut.encryption ?? Uint8Array.of(2))],
    text,
  )
  t.strictSame([lab.a.outbound, lab.b.outbound], [a?.spiIn, b?.spiIn], `${text}: both send on it`)
}

function labOf(esp: readonly string[], more: Partial<PeerChange> = {}, options: LabOptions = {}): Lab {
  const lab = new Lab({ settings: WHOLE, ...options })
  lab.both({ esp, ...more })
  lab.run(3000)
  lab.ladder.length = 0
  lab.sent.length = 0
  return lab
}

t.test(
  'RFC 9370 §2.2.4: a rekey of a child repeats the additional key exchanges in IKE_FOLLOWUP_KE',
  async t => {
    const lab = labOf([TWO])
    t.strictSame(suites(lab), ['aes256gcm16-esn', 'aes256gcm16-esn'], 'none in IKE_AUTH')
    rekey(lab)
    lab.run(6000)
    const [old, heir] = lab.a.event('child-up').concat(lab.a.event('child-rekeyed') as never)
    t.strictSame(
      lab.exchanges().map(line => line.replace(/D\(\w+\)/, 'D(…)')),
      [
        'A > CREATE_CHILD_SA request 2 {N(REKEY_SA), SA, NONCE, KE, TSi, TSr}',
        'B > CREATE_CHILD_SA response 2 {SA, NONCE, KE, TSi, TSr, N(ADDITIONAL_KEY_EXCHANGE)}',
        'A > IKE_FOLLOWUP_KE request 3 {KE, N(ADDITIONAL_KEY_EXCHANGE)}',
        'B > IKE_FOLLOWUP_KE response 3 {KE, N(ADDITIONAL_KEY_EXCHANGE)}',
        'A > IKE_FOLLOWUP_KE request 4 {KE, N(ADDITIONAL_KEY_EXCHANGE)}',
        'B > IKE_FOLLOWUP_KE response 4 {KE}',
        'A > INFORMATIONAL request 5 {D(…)}',
        'B > INFORMATIONAL response 5 {D(…)}',
      ],
    )
    t.not(old?.spiIn, heir?.spiIn)
    const suite = 'aes256gcm16-x25519-ke1_mlkem768-ke2_mlkem512-esn'
    t.strictSame(suites(lab), [suite, suite])
    agree(t, lab, 'after it')
    rekey(lab, 'b')
    lab.run(9000)
    agree(t, lab, 'and from the other side')
  },
)

t.test('RFC 9370 §2.2.4: a childless IKE SA makes its first child with them', async t => {
  const lab = labOf([HYBRID], { childless: true })
  t.strictSame(suites(lab), [HYBRID, HYBRID])
  agree(t, lab, 'the first')
})

t.test('RFC 9370 §2.2.4: the old child serves until the last answer', async t => {
  const lab = labOf([HYBRID])
  const [before] = lab.a.children.keys()
  lab.rule = d => (d.text.startsWith('IKE_FOLLOWUP_KE response') ? [] : undefined)
  rekey(lab)
  lab.run(3500)
  t.strictSame([lab.a.outbound, counts(lab)], [before, [1, 2]])
  lab.rule = () => undefined
  lab.run(8000)
  agree(t, lab, 'when it has come')
})

t.test('RFC 9370 §2.2.4: KEYMAT = prf+(SK_d, SK(0) | Ni | Nr | SK(1) | SK(2))', async t => {
  const prf = { name: 'prfsha256', id: 5, hash: 'sha256', length: 32 } as const
  const [d, s0, ni, nr, s1, s2] = [1, 2, 3, 4, 5, 6].map(n => new Uint8Array(16).fill(n)) as [
    ...(readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]),
  ]
  const suite = {
    integrity: undefined,
    encryption: AES256_GCM16,
  }
  const keys = childKeys(systemCryptography, { prf, d }, suite, { ni, nr, secret: s0, more: [s1, s2] })
  const keymat = systemCryptography.prfPlus(prf, d, Wire.concat(s0, ni, nr, s1, s2), 72)
  t.same(Wire.concat(keys.initiator.encryption, keys.responder.encryption), keymat)
})

t.test('RFC 9370 §2.2.4: what IKE_FOLLOWUP_KE agreed on enters the keys of the child', async t => {
  const [secrets, seeds]: [Uint8Array[], string[]] = [[], []]
  const crypto = {
    ...readableCryptography,
    prfPlus: (prf: Prf, key: Uint8Array, seed: Uint8Array, length: number) => {
      seeds.push(Wire.hex(seed))
      return systemCryptography.prfPlus(prf, key, seed, length)
    },
    keyPair: (group: Parameters<typeof systemCryptography.keyPair>[0]) => {
      const pair = systemCryptography.keyPair(group)
      const agree = (value: Uint8Array): Uint8Array => {
        const secret = pair.agree(value) as Uint8Array
        secrets.push(secret.slice())
        return secret
      }
      return { ...pair, agree }
    },
  }
  const lab = labOf([HYBRID], {}, { crypto })
  secrets.length = 0
  rekey(lab)
  lab.run(6000)
  const nonces = lab.sent
    .filter(d => d.text.startsWith('CREATE_CHILD_SA'))
    .map(d => Wire.find(inside(d.bytes), 'NONCE')?.data as Uint8Array)
  const [x25519, , kem] = secrets as [Uint8Array, Uint8Array, Uint8Array]
  const seed = Wire.hex(Wire.concat(x25519, ...nonces, kem))
  t.equal(seeds.filter(s => s === seed).length, 2, 'on both ends')
})

t.test(
  'RFC 9370 §2.2.1: where only one end wants them, the plain proposal behind it serves, or the child stays',
  async t => {
    for (const [a, b, want] of [
      [[HYBRID, PLAIN], [PLAIN], PLAIN],
      [[PLAIN], [HYBRID, PLAIN], PLAIN],
      [['aes256gcm16-x25519-ke1_mlkem768-ke1_none-esn'], [PLAIN], PLAIN],
      [[HYBRID], [PLAIN], undefined],
    ] as const) {
      const lab = new Lab({ settings: WHOLE })
      lab.both({ esp: a }, { esp: b })
      lab.run(3000)
      rekey(lab)
      lab.run(5000)
      t.equal(lab.a.event('child-rekeyed').length, want === undefined ? 0 : 1)
      t.strictSame(counts(lab), [1, 1])
      if (want !== undefined) t.strictSame(suites(lab), [want, want])
      else
        t.match(lab.b.event('failed')[0]?.why, {
          code: 'BRUNEL_IKE_NO_COMMON_ESP_PROPOSAL',
          evidence: { ours: [PLAIN], theirs: ['aes256gcm16-x25519-esn-ke1_mlkem768'] },
        })
    }
  },
)

/** Set up, then a rekey of which the messages that match are changed. */
function spoilt(match: RegExp, change: Parameters<typeof changing>[1], spisOfB: readonly number[] = []): Lab {
  let left = 1
  const { lab } = changing(match, (payloads, d) =>
    left-- > 0 ? change(payloads, d) : (payloads as readonly Wire.PlainPayload[]),
  )
  lab.both({ esp: [HYBRID] })
  lab.run(3000)
  lab.ladder.length = 0
  lab.b.random.espSpis.push(...spisOfB)
  rekey(lab)
  lab.run(3500)
  return lab
}
const otherLink = (payloads: readonly Wire.Payload[]): readonly Wire.PlainPayload[] =>
  payloads.map(p => (p.type === 'N' ? { ...p, data: new Uint8Array(8) } : p) as Wire.PlainPayload)

t.test('RFC 9370 §2.2.4: a link that names nothing: STATE_NOT_FOUND, and the rekey begins anew', async t => {
  const lab = spoilt(/IKE_FOLLOWUP_KE request/, otherLink, [0x1234, 0x5678, 0x1234])
  t.match(lab.ladder[3], /IKE_FOLLOWUP_KE response \d+ \{N\(STATE_NOT_FOUND\)\}/)
  t.equal(lab.a.event('child-rekeyed').length, 0)
  t.strictSame(counts(lab), [1, 1])
  lab.run(9000)
  t.equal(lab.a.event('child-rekeyed').length, 1)
  agree(t, lab, 'the second time')
  rekey(lab)
  lab.run(12_000)
  t.ok(lab.b.children.has(0x1234), 'the SPI of what came to nothing was given back')
})

t.test('RFC 9370 §2.2.4: IKE_FOLLOWUP_KE out of the blue is answered with STATE_NOT_FOUND', async t => {
  const lab = labOf([HYBRID])
  const link = Wire.notify(Wire.NOTIFY.ADDITIONAL_KEY_EXCHANGE, new Uint8Array(8))
  const ke = { type: 'KE', group: 36, data: new Uint8Array(1184) } as const
  const [answer] = say(lab, lab.a, [ke, link], { exchange: Wire.EXCHANGE.IKE_FOLLOWUP_KE })
  t.match(answer?.text, /IKE_FOLLOWUP_KE response 2 \{N\(STATE_NOT_FOUND\)\}/)
  t.equal(lab.b.ike.report('A')?.sas.length, 1)
})

t.test(
  'RFC 9370 §2.2.4: an answer without the link that is needed leads nowhere; the old child stays',
  async t => {
    const lab = spoilt(/CREATE_CHILD_SA response/, without(Wire.NOTIFY.ADDITIONAL_KEY_EXCHANGE))
    t.notOk(lab.ladder.some(line => line.includes('FOLLOWUP')))
    t.equal(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_MALFORMED')
    t.strictSame(counts(lab), [1, 1])
  },
)

t.test(
  'FIPS 203 §7.2: a bad encapsulation key in IKE_FOLLOWUP_KE ends the IKE SA with INVALID_SYNTAX',
  async t => {
    const lab = spoilt(/IKE_FOLLOWUP_KE request/, payloads =>
      payloads.map(p => (p.type === 'KE' ? { ...p, data: p.data.subarray(1) } : p) as Wire.PlainPayload),
    )
    t.match(lab.ladder[3], /IKE_FOLLOWUP_KE response \d+ \{N\(INVALID_SYNTAX\)\}/)
    lab.run(9000)
    agree(t, lab, 'a new IKE SA')
  },
)

t.test(
  'RFC 7296 §2.8.1: rekeys of a child with several steps cross at every distance, and one child is left',
  async t => {
    for (let apart = 0; apart < 110; apart += 3) {
      const lab = labOf([TWO], {}, { seed: apart + 1 })
      rekey(lab)
      lab.run(3000 + apart)
      rekey(lab, 'b')
      lab.run(40_000)
      agree(t, lab, `${apart} ms apart`)
    }
  },
)

t.test(
  'RFC 7296 §2.25: a rekey of the IKE SA, a Delete or the end meets the steps of a child at every distance',
  async t => {
    for (const ike of [undefined, ['aes256gcm16-prfsha384-x25519-ke1_mlkem768']])
      for (let apart = 0; apart < 110; apart += 7)
        for (const side of ['a', 'b'] as const) {
          const lab = labOf([TWO], ike === undefined ? {} : { ike }, { seed: apart + 1 })
          rekey(lab)
          lab.run(3000 + apart)
          rekey(lab, side, 'ike')
          lab.run(60_000)
          agree(t, lab, `the IKE SA by ${side}, ${apart} ms apart`)
          t.equal(lab.a.ike.report('B')?.sas.length, 1)
        }
    for (let apart = 0; apart < 90; apart += 7) {
      const lab = labOf([TWO], {}, { seed: apart + 1 })
      rekey(lab)
      lab.run(3000 + apart)
      const [spiIn] = lab.b.children.keys()
      lab.feed(lab.b, { on: 'child-limit', peer: 'A', spiIn: spiIn ?? 0, limit: 'hard', why: 'bytes' })
      lab.run(60_000)
      agree(t, lab, `a hard limit there, ${apart} ms apart`)
      lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
      lab.run(60_000 + apart)
      lab.feed(lab.a, { on: 'down', peer: 'B' })
      lab.run(90_000)
      t.strictSame(counts(lab), [0, 0], `the end, ${apart} ms apart`)
    }
  },
)

t.test('RFC 7296 §2.1: under loss and duplication each step is repeated until it is answered', async t => {
  for (let seed = 1; seed <= 20; seed++) {
    let n = seed
    const rule = (): readonly number[] | undefined => {
      if (lab.now < 3000 || lab.now > 60_000) return undefined
      n = (Math.imul(n, 1103515245) + 12345) >>> 0
      const die = (n >>> 16) % 10
      return die < 3 ? [] : die === 3 ? [10, 30] : [10 + die]
    }
    const lab: Lab = new Lab({ seed, rule })
    lab.both({ esp: [TWO] })
    lab.run(3000)
    rekey(lab, seed % 2 === 0 ? 'a' : 'b')
    lab.run(120_000)
    agree(t, lab, `seed ${seed}`)
  }
})
