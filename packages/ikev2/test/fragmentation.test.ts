import { isDrop } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { hand, rewritten, up } from './forge.js'
import { type Datagram, Lab, type LabOptions } from './lab.js'

const SMALL = { datagram4: 200 as never }
/** IKE_AUTH is cut into several fragments. */
const cut = (options: LabOptions = {}): Lab =>
  new Lab({ ...options, settings: { ...SMALL, ...options.settings } })
const fragments = (lab: Lab, sender: string): readonly Datagram[] =>
  lab.sent.filter(d => d.sender === sender && d.text.includes('SKF('))

t.test('RFC 7383 §2.2, §2.4: IKE_AUTH is fragmented, IKE_SA_INIT never', async t => {
  const lab = cut()
  lab.both()
  lab.run(1000)
  t.equal(lab.a.children.size, 1)
  t.ok(fragments(lab, 'A').length > 1)
  t.ok(fragments(lab, 'B').length > 1)
  t.match(
    [lab.sent[0]?.text, lab.sent[1]?.text],
    [/^IKE_SA_INIT request 0 \{SA/, /^IKE_SA_INIT response 0 \{SA/],
  )
  t.ok((lab.sent[0]?.bytes.length ?? 0) > 200)
  for (const d of fragments(lab, 'A')) t.ok(d.bytes.length + 20 + 8 <= 200)
})

const silent = (payloads: readonly Wire.PlainPayload[]): readonly Wire.PlainPayload[] =>
  payloads.filter(p => !(p.type === 'N' && p.notifyType === Wire.NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED))

t.test('RFC 7383 §2.3: who was not told of it sends none', async t => {
  const lab = cut({ rule: () => [] })
  lab.both()
  const [answer] = hand(lab, lab.b, lab.sent[0]?.bytes ?? new Uint8Array())
  const auth = hand(lab, lab.a, rewritten(answer?.bytes ?? new Uint8Array(), silent))
  t.match(
    auth.map(d => d.text),
    [/^IKE_AUTH request 1 \{IDi/],
  )
})

t.test('RFC 7383 §2.3: who was not told of it takes none', async t => {
  const lab = cut({ rule: () => [] })
  lab.both()
  const [answer] = hand(lab, lab.b, rewritten(lab.sent[0]?.bytes ?? new Uint8Array(), silent))
  t.notMatch(answer?.text, /FRAGMENTATION/)
  const announced = (payloads: readonly Wire.PlainPayload[]): readonly Wire.PlainPayload[] => [
    ...payloads,
    Wire.notify(Wire.NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED),
  ]
  const auth = hand(lab, lab.a, rewritten(answer?.bytes ?? new Uint8Array(), announced))
  t.ok(auth.length > 1)
  for (const { bytes } of auth) t.same(hand(lab, lab.b, bytes), [])
  t.ok(lab.b.drops.every(drop => drop === 'ike-fragment: fragmentation was not agreed'))
})

function payloadsOf(bytes: Uint8Array): readonly Wire.Payload[] {
  const message = Wire.parseMessage(bytes)
  if (isDrop(message)) throw new Error(message)
  return message.payloads
}

t.test('RFC 7383 §2.5: SKF is the last payload, numbered from 1, Next Payload in the first only', async t => {
  const lab = cut()
  lab.both()
  lab.run(1000)
  const sent = fragments(lab, 'A')
  for (const [i, d] of sent.entries()) {
    const skf = payloadsOf(d.bytes).at(-1)
    if (skf?.type !== 'SKF') return t.fail(d.text)
    t.same([skf.number, skf.total, skf.first], [i + 1, sent.length, i === 0 ? Wire.PAYLOAD.IDi : 0])
    t.same(d.bytes.slice(0, 16), sent[0]?.bytes.slice(0, 16))
    t.same(d.bytes.slice(17, 24), sent[0]?.bytes.slice(17, 24))
  }
})

t.test('RFC 7383 §2.6: fragments in any order, some twice, make the message once', async t => {
  const lab = cut({
    rule: d => (d.text.includes('SKF(1/') ? [40, 60] : d.text.includes('SKF(') ? [10, 20] : undefined),
  })
  lab.both()
  lab.run(1000)
  t.same([lab.a.children.size, lab.b.children.size], [1, 1])
})

t.test('RFC 7383 §2.6: a forged fragment is not stored and spoils nothing', async t => {
  const lab = cut()
  lab.rule = d => (d.text.includes('SKF(') ? [50] : undefined)
  lab.both()
  lab.run(25)
  const [first] = fragments(lab, 'A')
  const bytes = first?.bytes ?? new Uint8Array()
  t.same(hand(lab, lab.b, bytes.with(bytes.length - 20, (bytes.at(-20) as number) ^ 1)), [])
  t.match(lab.b.drops.at(-1), /^ike-integrity/)
  lab.run(1000)
  t.equal(lab.b.children.size, 1)
})

t.test(
  'RFC 7383 §2.6.1: of a request that was answered only fragment 1 makes the answer come again',
  async t => {
    const lab = cut()
    lab.both()
    lab.run(1000)
    const answers = fragments(lab, 'B').length
    for (const [i, d] of fragments(lab, 'A').entries())
      t.equal(hand(lab, lab.b, d.bytes).length, i === 0 ? answers : 0, d.text)
  },
)

t.test('RFC 7383 §2.6: an incomplete set is dropped after a time, as if it never came', async t => {
  for (const [wait, complete] of [
    [4900, true],
    [5100, false],
  ] as const) {
    const lab = cut({ settings: { fragmentTimeout: 5000 as never } })
    lab.rule = d => (d.text.includes('SKF(2/') ? [] : undefined)
    lab.both()
    lab.run(30)
    lab.rule = () => []
    const second = fragments(lab, 'A').find(d => d.text.includes('SKF(2/'))
    lab.run(30 + wait)
    const answers = hand(lab, lab.b, second?.bytes ?? new Uint8Array())
    t.equal(answers.length > 0, complete, `after ${wait} ms`)
  }
})

t.test('RFC 7383 §2.5.1: a datagram has at most 576 octets by default', async t => {
  const lab = up(
    {},
    { ike: ['aes256gcm16-prfsha384-modp4096-x25519', 'aes256-sha512-modp4096-modp3072-x25519'] },
  )
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(2000)
  const protectedOnes = lab.sent.filter(d => !d.text.startsWith('IKE_SA_INIT'))
  t.ok(protectedOnes.some(d => d.text.includes('SKF(')))
  for (const d of protectedOnes) t.ok(d.bytes.length + 28 <= 576, `${d.bytes.length}`)
})
