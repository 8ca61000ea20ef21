import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { changing, WHOLE, without } from './changing.js'
import { Lab, type LabOptions } from './lab.js'

const LATER = { childless: true }

function labOf(a: boolean, b: boolean, options: LabOptions = {}): Lab {
  const lab = new Lab({ settings: WHOLE, ...options })
  lab.both({ childless: a }, { childless: b })
  lab.run(3000)
  return lab
}
const counts = (lab: Lab): readonly number[] => [lab.a.children.size, lab.b.children.size]
const short = (lab: Lab): readonly string[] =>
  lab
    .exchanges()
    .map(line => line.replace(/\{SA, KE, NONCE.*?(, N\(CHILDLESS_IKEV2_SUPPORTED\))?\}/, '{…$1}'))

t.test(
  'RFC 6023 §3, §5: the responder announces it, IKE_AUTH is without a child, which follows at once',
  async t => {
    const lab = labOf(true, false)
    t.strictSame(short(lab), [
      'A > IKE_SA_INIT request 0 {…, N(CHILDLESS_IKEV2_SUPPORTED)}',
      'B > IKE_SA_INIT response 0 {…, N(CHILDLESS_IKEV2_SUPPORTED)}',
      'A > IKE_AUTH request 1 {IDi, N(INITIAL_CONTACT), IDr, AUTH}',
      'B > IKE_AUTH response 1 {IDr, AUTH}',
      'A > CREATE_CHILD_SA request 2 {SA, NONCE, KE, TSi, TSr}',
      'B > CREATE_CHILD_SA response 2 {SA, NONCE, KE, TSi, TSr}',
    ])
    t.strictSame(counts(lab), [1, 1])
    t.equal(lab.now, 3000)
    t.equal(lab.a.event('child-up')[0]?.at, 60, 'one round trip more')
  },
)

t.test('RFC 6023 §4: the notify is about the IKE SA and has no SPI', async t => {
  const answer = labOf(false, false).sent[1]?.bytes as Uint8Array
  // Length 8, protocol 1, SPI size 0, type 16418.
  t.match(Wire.hex(answer), '000801004022')
})

t.test('RFC 6023 §3: without the notify of the responder the child is asked for in IKE_AUTH', async t => {
  const { lab } = changing(/IKE_SA_INIT response/, without(Wire.NOTIFY.CHILDLESS_IKEV2_SUPPORTED))
  lab.both(LATER)
  lab.run(3000)
  t.match(lab.exchanges()[2], /IKE_AUTH request 1 \{.*SA, TSi, TSr\}/)
})

t.test('RFC 6023 §3: the responder makes a child in IKE_AUTH where it is asked for one', async t => {
  const lab = labOf(false, true)
  t.match(lab.exchanges()[3], /IKE_AUTH response 1 \{IDr, AUTH, SA, TSi, TSr\}/)
  t.strictSame(counts(lab), [1, 1])
})

t.test('RFC 6023 §3: both begin at once, childless; one session and one child are left', async t => {
  for (let apart = 0; apart < 120; apart += 5) {
    const lab = new Lab({ settings: WHOLE, seed: apart + 1 })
    lab.both(LATER, { initiate: true })
    lab.run(apart)
    lab.feed(lab.b, { on: 'up', peer: 'A' })
    lab.run(40_000)
    t.strictSame(counts(lab), [1, 1], `${apart} ms apart`)
    t.equal(lab.a.ike.report('B')?.sas.length, 1)
  }
})

t.test('RFC 7296 §2.8.3: a childless reauthentication is made before the break, under loss too', async t => {
  for (let seed = 1; seed <= 12; seed++) {
    let n = seed
    const rule = (): readonly number[] | undefined => {
      n = (Math.imul(n, 1103515245) + 12345) >>> 0
      return lab.now < 3000 || lab.now > 30_000 || (n >>> 16) % 10 >= 3 ? undefined : []
    }
    const lab: Lab = new Lab({ settings: WHOLE, seed, rule })
    lab.both(LATER)
    lab.run(3000)
    const [before] = lab.a.children.keys()
    lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
    const gap = lab.a.effects.length
    lab.run(90_000)
    t.strictSame(counts(lab), [1, 1], `seed ${seed}`)
    // With this loss a handshake may come to nothing; then the old session serves on.
    if (lab.a.event('ike-up').length < 2) continue
    t.notOk(lab.a.children.has(before ?? 0), `seed ${seed}: another child`)
    const held = lab.a.effects
      .slice(gap)
      .filter(e => e.do === 'child-install' || e.do === 'child-remove')
      .map(e => e.do)
    t.equal(held[0], 'child-install', `seed ${seed}: there is never none`)
    t.equal(lab.a.ike.report('B')?.sas.length, 1)
  }
})

t.test(
  'RFC 7296 §4: a peer that makes no child but that of IKE_AUTH gets it there the next time',
  async t => {
    const { lab } = changing(/CREATE_CHILD_SA response/, () => [Wire.notify(Wire.NOTIFY.NO_ADDITIONAL_SAS)])
    lab.both(LATER)
    lab.run(20_000)
    t.strictSame(lab.a.children.size, 1)
    t.equal(lab.sent.filter(d => /^IKE_AUTH request/.test(d.text)).length, 2)
  },
)

t.test(
  'RFC 7296 §2.21.2: a child refused in IKE_AUTH with INVALID_SYNTAX ends the IKE SA; it comes later then',
  async t => {
    const { lab } = changing(/IKE_AUTH response/, payloads =>
      payloads.some(p => p.type === 'SA')
        ? ([
            ...payloads.filter(p => p.type === 'IDr' || p.type === 'AUTH'),
            Wire.notify(Wire.NOTIFY.INVALID_SYNTAX),
          ] as readonly Wire.PlainPayload[])
        : (payloads as readonly Wire.PlainPayload[]),
    )
    lab.both({})
    lab.run(500)
    t.equal(lab.a.ike.report('B')?.sas.length, 0)
    t.equal(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_CHILD_REFUSED_IN_AUTH')
    lab.run(5000)
    t.equal(lab.a.children.size, 1)
    t.match(lab.exchanges().at(-1), /CREATE_CHILD_SA response/)
  },
)
