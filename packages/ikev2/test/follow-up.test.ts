import { systemCryptography } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t, { type Test } from 'tap'
import { rekeySkeyseed } from '../src/key-schedule.js'
import { changing, WHOLE, without } from './changing.js'
import { Lab } from './lab.js'
import { inside, readableCryptography } from './wire-tap.js'

const HYBRID = 'aes256gcm16-prfsha384-x25519-ke1_mlkem768'
const TWO = `${HYBRID}-ke2_mlkem512`
const PLAIN = 'aes256gcm16-prfsha384-x25519'

const rekey = (lab: Lab, side: 'a' | 'b' = 'a'): void => {
  lab.feed(lab[side], { on: 'rekey', peer: side === 'a' ? 'B' : 'A', what: 'ike' })
}
const suites = (lab: Lab): readonly (string | undefined)[] => [
  ...(lab.a.ike.report('B')?.sas.map(sa => sa.suite) ?? []),
  ...(lab.b.ike.report('A')?.sas.map(sa => sa.suite) ?? []),
]
const counts = (lab: Lab): readonly number[] => [lab.a.children.size, lab.b.children.size]

function rekeyed(ike: readonly string[]): Lab {
  const lab = new Lab({ settings: WHOLE })
  lab.both({ ike })
  lab.run(3000)
  lab.ladder.length = 0
  rekey(lab)
  lab.run(6000)
  return lab
}

t.test(
  'RFC 9370 §2.2.4: a rekey of the IKE SA repeats the additional key exchanges in IKE_FOLLOWUP_KE',
  async t => {
    const lab = rekeyed([TWO])
    t.strictSame(lab.exchanges(), [
      'A > CREATE_CHILD_SA request 4 {SA, NONCE, KE}',
      'B > CREATE_CHILD_SA response 4 {SA, NONCE, KE, N(ADDITIONAL_KEY_EXCHANGE)}',
      'A > IKE_FOLLOWUP_KE request 5 {KE, N(ADDITIONAL_KEY_EXCHANGE)}',
      'B > IKE_FOLLOWUP_KE response 5 {KE, N(ADDITIONAL_KEY_EXCHANGE)}',
      'A > IKE_FOLLOWUP_KE request 6 {KE, N(ADDITIONAL_KEY_EXCHANGE)}',
      'B > IKE_FOLLOWUP_KE response 6 {KE}',
      'A > INFORMATIONAL request 7 {D(IKE)}',
      'B > INFORMATIONAL response 7 {}',
    ])
    t.strictSame(suites(lab), [TWO, TWO])
    rekey(lab, 'b')
    lab.run(9000)
    t.strictSame(suites(lab), [TWO, TWO], 'and the successor can do it again')
    t.strictSame(counts(lab), [1, 1])
  },
)

t.test('RFC 9370 §2.2.4: an IKE SA that was made without is rekeyed without', async t => {
  const lab = new Lab({ settings: WHOLE })
  lab.both({ ike: [HYBRID, PLAIN] }, { ike: [PLAIN] })
  lab.run(3000)
  lab.ladder.length = 0
  rekey(lab)
  lab.run(6000)
  t.match(lab.exchanges()[1], /response 2 \{SA, NONCE, KE\}/)
  t.strictSame(suites(lab), [PLAIN, PLAIN])
  const request = lab.sent.find(d => d.text.startsWith('CREATE_CHILD_SA request'))
  const offer = Wire.find(inside(request?.bytes as Uint8Array), 'SA')
  t.ok(
    offer?.proposals.every(p => p.transforms.every(x => x.type < 6)),
    'and none is offered',
  )
})

t.test('RFC 9370 §2.2.4: what IKE_FOLLOWUP_KE agreed on enters the keys of the successor', async t => {
  const secrets: Uint8Array[] = []
  const seeds: string[] = []
  const crypto = {
    ...readableCryptography,
    prf: (...[prf, key, ...data]: Parameters<typeof systemCryptography.prf>) => {
      seeds.push(Wire.hex(Wire.concat(...data)))
      return systemCryptography.prf(prf, key, ...data)
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
  const lab = new Lab({ settings: WHOLE, crypto })
  lab.both({ ike: [HYBRID], esp: ['aes256gcm16'] })
  lab.run(3000)
  secrets.length = 0
  rekey(lab)
  lab.run(6000)
  const nonces = lab.sent
    .filter(d => d.text.startsWith('CREATE_CHILD_SA'))
    .map(d => Wire.find(inside(d.bytes), 'NONCE')?.data as Uint8Array)
  const [x25519, , kem] = secrets as [Uint8Array, Uint8Array, Uint8Array]
  const seed = Wire.hex(Wire.concat(x25519, ...nonces, kem))
  t.equal(seeds.filter(s => s === seed).length, 2, 'on both ends: SK(0) | Ni | Nr | SK(1)')
})

t.test('RFC 9370 §2.2.4: SKEYSEED = prf(SK_d, SK(0) | Ni | Nr | SK(1) | SK(2))', async t => {
  const prf = { name: 'prfsha256', id: 5, hash: 'sha256', length: 32 } as const
  const [d, s0, ni, nr, s1, s2] = [1, 2, 3, 4, 5, 6].map(n => new Uint8Array(16).fill(n)) as [
    ...(readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]),
  ]
  t.same(
    rekeySkeyseed(systemCryptography, { prf, d }, { ni, nr }, s0, [s1, s2]),
    systemCryptography.prf(prf, d, Wire.concat(s0, ni, nr, s1, s2)),
  )
})

/** Every request made an SA, was put off or met a crossing, and what one end made the other has seen. */
function tallied(t: Test, lab: Lab, message: string): void {
  const rekeyed = (r: Lab['a'], initiator: boolean) =>
    r.event('ike-rekeyed').filter(e => e.initiator === initiator).length
  for (const [one, peer] of [
    [lab.a, lab.b],
    [lab.b, lab.a],
  ] as const) {
    const lost = one.event('rekey-crossed').filter(e => e.redundant !== 'theirs').length
    const put = one.event('rekey-deferred').length
    t.equal(one.event('rekey-begun').length, rekeyed(one, true) + lost + put, message)
    t.equal(rekeyed(one, true), rekeyed(peer, false), message)
  }
}

t.test(
  'RFC 7296 §2.8.2: rekeys with several steps cross at every distance, and one IKE SA is left',
  async t => {
    for (let apart = 0; apart < 90; apart += 3) {
      const lab = new Lab({ seed: apart + 1 })
      lab.both({ ike: [TWO] })
      lab.run(3000)
      rekey(lab)
      lab.run(3000 + apart)
      rekey(lab, 'b')
      lab.run(40_000)
      t.strictSame(suites(lab), [TWO, TWO], `${apart} ms apart`)
      t.equal(lab.a.ike.report('B')?.sas[0]?.spiInitiator, lab.b.ike.report('A')?.sas[0]?.spiInitiator)
      t.strictSame(counts(lab), [1, 1])
      tallied(t, lab, `${apart} ms apart`)
    }
  },
)

/** Set up, then a rekey of which the messages that match are changed. */
function spoilt(match: RegExp, change: Parameters<typeof changing>[1]): Lab {
  const { run } = changing(match, change)
  const lab = run([HYBRID])
  lab.ladder.length = 0
  rekey(lab)
  lab.run(lab.now + 3000)
  return lab
}

t.test(
  'RFC 9370 §2.2.4: a link that names nothing is answered with STATE_NOT_FOUND; the old IKE SA stays',
  async t => {
    const lab = spoilt(/IKE_FOLLOWUP_KE request/, payloads =>
      payloads.map(p => (p.type === 'N' ? { ...p, data: new Uint8Array(8) } : p) as Wire.PlainPayload),
    )
    t.match(lab.ladder[3], /IKE_FOLLOWUP_KE response \d+ \{N\(STATE_NOT_FOUND\)\}/)
    t.strictSame(suites(lab), [HYBRID, HYBRID])
    t.equal(lab.a.event('ike-rekeyed').length, 0)
    t.match(lab.a.event('failed').at(-1)?.why.sentence, /STATE_NOT_FOUND/)
    t.strictSame(counts(lab), [1, 1])
  },
)

t.test(
  'RFC 9370 §2.2.4: an answer without the link that is needed leads nowhere; the old IKE SA stays',
  async t => {
    const lab = spoilt(/CREATE_CHILD_SA response/, without(Wire.NOTIFY.ADDITIONAL_KEY_EXCHANGE))
    t.notOk(lab.ladder.some(line => line.includes('FOLLOWUP')))
    t.equal(lab.a.event('ike-rekeyed').length, 0)
    t.equal(lab.a.event('failed').length, 1)
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
  },
)
