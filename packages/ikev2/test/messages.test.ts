import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { EXCHANGE, forge, hand, NOTIFY, rewritten, saOf, say, tamper, textOf, up } from './forge.js'
import { Lab } from './lab.js'
import { describe, inside, resealed, resealedRaw } from './wire-tap.js'

const UNKNOWN = 200
const critical = (critical: boolean): Wire.PlainPayload => ({
  type: 'unknown',
  number: UNKNOWN,
  critical,
  body: Uint8Array.of(1, 2),
})
const firstInit = (): { lab: Lab; bytes: Uint8Array } => {
  const lab = new Lab({ rule: () => [] })
  lab.both()
  return { lab, bytes: lab.sent[0]?.bytes ?? new Uint8Array() }
}

t.test('RFC 7296 §3.1: a length that is not that of the datagram has no answer', async t => {
  const { lab, bytes } = firstInit()
  t.same(hand(lab, lab.b, Wire.concat(bytes, Uint8Array.of(0))), [])
  t.match(lab.b.drops, [/^ike-length/])
})

t.test(
  'RFC 7296 §2.5, §1.5: a request of version 3 is answered in 2.0, its fields copied, no data',
  async t => {
    const { lab, bytes } = firstInit()
    const [answer, ...more] = hand(lab, lab.b, bytes.with(17, 0x30).with(23, 7))
    t.same(more, [])
    const message = Wire.parseMessage(answer?.bytes ?? new Uint8Array())
    if (typeof message === 'string') return t.fail(message)
    t.same([message.header.majorVersion, message.header.minorVersion, message.header.response], [2, 0, true])
    t.same(answer?.bytes.slice(0, 16), bytes.slice(0, 16), 'SPIs')
    t.same([message.header.messageId, message.header.exchangeType], [7, EXCHANGE.IKE_SA_INIT])
    t.equal(message.header.initiator, false)
    t.match(message.payloads, [{ notifyType: NOTIFY.INVALID_MAJOR_VERSION, data: new Uint8Array(0) }])
  },
)

t.test('RFC 7296 §2.21.4: such answers are rate limited', async t => {
  const { lab, bytes } = firstInit()
  let sent = 0
  for (let i = 0; i < 200; i++) sent += hand(lab, lab.b, bytes.with(17, 0x30)).length
  t.ok(sent > 0 && sent <= 20, `${sent}`)
})

t.test('RFC 7296 §2.5: a response of version 3 has no answer; a minor version is ignored', async t => {
  const { lab, bytes } = firstInit()
  t.same(hand(lab, lab.b, bytes.with(17, 0x30).with(19, 0x20)), [])
  t.match(textOf(hand(lab, lab.b, bytes.with(17, 0x25))), [/^IKE_SA_INIT response/])
})

t.test('RFC 7296 §2.5, §3.1: X and V bits are sent as 0 and ignored', async t => {
  const { lab, bytes } = firstInit()
  t.equal(bytes[19], 0x08)
  t.match(textOf(hand(lab, lab.b, bytes.with(19, 0x08 | 0xd7))), [/^IKE_SA_INIT response/])
})

t.test(
  'RFC 7296 §3.1, §2.2: the I flag is that of the original initiator, of a rekeyed SA of its initiator',
  async t => {
    const lab = up()
    const flags = (): readonly (readonly [string, number])[] =>
      lab.sent.map(d => [d.sender, (d.bytes[19] as number) & 0x28])
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
    lab.run(2000)
    t.same(flags(), [
      ['B', 0],
      ['A', 0x28],
      ['B', 0],
      ['A', 0x28],
    ])
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'ike' })
    lab.run(3000)
    lab.sent.length = 0
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
    lab.run(4000)
    t.same(flags().slice(0, 2), [
      ['B', 8],
      ['A', 0x20],
    ])
  },
)

t.test(
  'RFC 7296 §2.5, §2.21.2: an unknown critical payload in a request: nothing but its type comes back',
  async t => {
    const lab = up()
    const [answer] = say(lab, lab.a, [{ type: 'D', protocol: 1, spis: [] }, critical(true)])
    t.match(inside(answer?.bytes ?? new Uint8Array()), [
      { type: 'N', notifyType: NOTIFY.UNSUPPORTED_CRITICAL_PAYLOAD, data: Uint8Array.of(UNKNOWN) },
    ])
    t.equal(inside(answer?.bytes ?? new Uint8Array()).length, 1)
    t.equal(lab.b.ike.report('A')?.sas.length, 1, 'the Delete beside it was not obeyed')
  },
)

t.test('RFC 7296 §2.5: an unknown payload that is not critical is skipped, in any message', async t => {
  const lab = up()
  t.match(textOf(say(lab, lab.a, [critical(false)])), ['INFORMATIONAL response 2 {}'])
  const cold = firstInit()
  const changed = rewritten(cold.bytes, payloads => [critical(false), ...payloads])
  t.match(textOf(hand(cold.lab, cold.lab.b, changed)), [/^IKE_SA_INIT response 0 \{SA/])
})

t.test('RFC 7296 §2.5: an unknown critical payload in IKE_SA_INIT is told in the clear', async t => {
  const { lab, bytes } = firstInit()
  const changed = rewritten(bytes, payloads => [...payloads, critical(true)])
  t.same(textOf(hand(lab, lab.b, changed)), ['IKE_SA_INIT response 0 {N(UNSUPPORTED_CRITICAL_PAYLOAD)}'])
})

t.test(
  'RFC 7296 §2.5, §2.21: a response with an unknown critical payload is rejected and never answered',
  async t => {
    const lab = up()
    tamper(lab, 'B CREATE_CHILD_SA response', bytes =>
      resealed(bytes, [...(inside(bytes) as Wire.PlainPayload[]), critical(true)]),
    )
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
    lab.run(1100)
    t.equal(lab.a.event('ike-rekeyed').length, 0)
    t.match(lab.a.drops, [/^ike-critical/])
    t.same(
      lab.sent.filter(d => d.sender === 'A').map(d => d.text.split(' ')[1]),
      ['request'],
    )
  },
)

t.test('RFC 7296 §3.2: a payload length past the end is told only when it was protected', async t => {
  const { lab, bytes } = firstInit()
  t.same(hand(lab, lab.b, bytes.with(31, 255)), [])
  const established = up()
  const chain = { first: 41, bytes: Uint8Array.of(0, 0, 0, 99, 0, 0, 0, 1) }
  const [answer] = hand(established, established.b, resealedRaw(forge(established, established.a, []), chain))
  t.match(answer?.text, 'INFORMATIONAL response 2 {N(INVALID_SYNTAX)}')
})

t.test('RFC 7296 §2.21.3: INVALID_SYNTAX ends the IKE SA on both sides without a Delete', async t => {
  const lab = up()
  const chain = { first: 41, bytes: Uint8Array.of(0, 0, 0, 3) }
  tamper(lab, 'A CREATE_CHILD_SA request', bytes => resealedRaw(bytes, chain))
  lab.rule = (
    rule => (d, n) =>
      d.text.startsWith('IKE_SA_INIT') ? [] : rule(d, n)
  )(lab.rule)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(2000)
  t.match(
    lab.exchanges().filter(line => !line.includes('IKE_SA_INIT')),
    [/^A x CREATE_CHILD_SA request/, 'B > CREATE_CHILD_SA response 2 {N(INVALID_SYNTAX)}'],
  )
  t.same([lab.a.children.size, lab.b.children.size], [0, 0])
  t.equal(lab.b.ike.report('A')?.sas.length, 0)
})

t.test('RFC 7296 §2.2: Message IDs count 0, 1, 2 for each direction by itself', async t => {
  const lab = new Lab()
  lab.both()
  lab.run(1000)
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
  lab.run(2000)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(3000)
  const ids = (sender: string): readonly string[] =>
    lab.sent
      .filter(d => d.sender === sender && d.text.includes('request'))
      .map(d => d.text.split(' ')[2] ?? '')
  t.same(ids('A'), ['0', '1', '2', '3'])
  t.same(ids('B'), ['0', '1'])
})

t.test('RFC 7296 §2.2: a new IKE SA counts from 0, both ways', async t => {
  const lab = up()
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(2000)
  lab.sent.length = 0
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(3000)
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
  lab.run(4000)
  t.match(lab.sent[0]?.text, 'CREATE_CHILD_SA request 0')
  t.match(lab.sent.find(d => d.sender === 'B' && d.text.includes('request'))?.text, ' request 0')
})

t.test('RFC 7296 §2.1: a request is sent again bit by bit, by the requester only', async t => {
  const lab = up({ rule: d => (d.text.includes('response') && d.text.startsWith('CREATE') ? [] : undefined) })
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(6000)
  const requests = lab.sent.filter(d => d.sender === 'A')
  const answers = lab.sent.filter(d => d.sender === 'B')
  t.ok(requests.length >= 3)
  t.equal(answers.length, requests.length, 'one answer for each, none by itself')
  for (const d of [...requests]) t.same(d.bytes, requests[0]?.bytes)
  for (const d of [...answers]) t.same(d.bytes, answers[0]?.bytes, 'the cached answer')
  t.equal(lab.b.children.size, 2, 'and the request was processed once')
})

t.test('RFC 7296 §2.4: waits between transmissions grow exponentially', async t => {
  const lab = new Lab({ rule: () => [], settings: { jitterPercent: 0 } })
  lab.both()
  lab.run(7000)
  t.same(
    lab.ladder.map(line => Number(line.split(' ')[0])),
    [0, 1000, 3000, 7000],
  )
})

t.test('RFC 7296 §2.4: waits are capped, shortened by chance, and bounded in number', async t => {
  const waitsOf = (seed: number): readonly number[] => {
    const lab = new Lab({ rule: () => [], seed })
    lab.both()
    lab.run(10_900)
    const at = lab.ladder.map(line => Number(line.split(' ')[0])).slice(0, 4)
    t.match(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_PEER_SILENT')
    return at.slice(1).map((time, i) => time - (at[i] ?? 0))
  }
  const all = [1, 2, 3].map(waitsOf)
  for (const waits of all)
    for (const [i, most] of [1000, 2000, 4000].entries())
      t.ok((waits[i] ?? 0) <= most && (waits[i] ?? 0) >= 0.8 * most, `${waits}`)
  t.equal(new Set(all.map(String)).size, 3)
})

t.test('RFC 7296 §2.1: a request whose answer is forgotten is ignored', async t => {
  const lab = up()
  const [one] = [forge(lab, lab.a, [], { messageId: 2 })]
  t.equal(hand(lab, lab.b, one).length, 1)
  t.equal(say(lab, lab.a, [], { messageId: 3 }).length, 1)
  t.same(hand(lab, lab.b, one), [])
  t.match(lab.b.drops, [/^ike-duplicate/])
})

t.test('RFC 7296 §2.3: a request outside the window is not acknowledged, nor refused', async t => {
  const lab = up()
  t.same(say(lab, lab.a, [], { messageId: 3 }), [])
  t.match(lab.b.drops, [/^ike-message-id/])
  t.equal(say(lab, lab.a, [], { messageId: 2 }).length, 1)
})

t.test('RFC 7296 §2.3: one request is outstanding; it does not block the answer to the peer', async t => {
  const lab = up()
  lab.rule = d => (d.sender === 'A' ? [500] : undefined)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  t.equal(lab.sent.length, 1, 'the second request waits')
  const [answer] = say(lab, lab.b, [])
  t.equal(answer?.text, 'INFORMATIONAL response 0 {}')
})

t.test('RFC 7296 §2.3: SET_WINDOW_SIZE of the peer is taken, and changes nothing that we do', async t => {
  const lab = up()
  const [answer] = say(lab, lab.a, [Wire.notify(NOTIFY.SET_WINDOW_SIZE, Wire.uint32(5))])
  t.equal(answer?.text, 'INFORMATIONAL response 2 {}')
})

t.test(
  'RFC 7296 §2.21.4, §1.5: a request with SPIs that nobody has: INVALID_IKE_SPI, rate limited',
  async t => {
    const lab = up()
    const bytes = forge(lab, lab.a, [], { messageId: 9 }).with(8, 0xee)
    const [answer] = hand(lab, lab.b, bytes)
    t.equal(answer?.text, 'INFORMATIONAL response 9 {N(INVALID_IKE_SPI)}')
    t.same(answer?.bytes.slice(0, 16), bytes.slice(0, 16))
    t.equal(answer?.bytes[16], 41, 'unprotected')
    let sent = 0
    for (let i = 0; i < 200; i++) sent += hand(lab, lab.b, bytes).length
    t.ok(sent < 20)
  },
)

t.test('RFC 7296 §2.21.4: a response with SPIs that nobody has is never answered', async t => {
  const lab = up()
  t.same(hand(lab, lab.b, forge(lab, lab.a, [], { response: true }).with(8, 0xee)), [])
})

t.test('RFC 7296 §3.10.1: an unknown error or status notify in a request is ignored', async t => {
  const lab = up()
  for (const [i, type] of [8191, 40000].entries())
    t.same(textOf(say(lab, lab.a, [Wire.notify(type)], { messageId: 2 + i })), [
      `INFORMATIONAL response ${2 + i} {}`,
    ])
  t.equal(lab.b.ike.report('A')?.sas.length, 1)
})

t.test(
  'RFC 7296 §3.10.1: an unknown error in a response says that this exchange failed, and no more',
  async t => {
    const lab = up()
    tamper(lab, 'B CREATE_CHILD_SA response', bytes => resealed(bytes, [Wire.notify(8191)]))
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(1100)
    t.equal(lab.a.event('failed').length, 1)
    t.match(lab.a.event('failed')[0]?.why.sentence, /8191/)
    t.equal(lab.a.children.size, 1, 'what is there goes on')
    t.equal(lab.a.ike.report('B')?.sas.length, 1)
  },
)

t.test('RFC 7296 §3.10.1: an unknown status in a response is ignored', async t => {
  const lab = up()
  tamper(lab, 'B CREATE_CHILD_SA response', bytes =>
    resealed(bytes, [Wire.notify(40000), ...(inside(bytes) as Wire.PlainPayload[])]),
  )
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(2000)
  t.equal(lab.a.event('child-rekeyed').length, 1)
})

t.test('RFC 7296 §2: payloads come in any order; §3.12: an unfamiliar Vendor ID is ignored', async t => {
  const { lab, bytes } = firstInit()
  const vendor: Wire.PlainPayload = { type: 'V', data: new Uint8Array(20).fill(7) }
  const changed = rewritten(bytes, payloads => [vendor, ...payloads.toReversed()])
  t.match(textOf(hand(lab, lab.b, changed)), [/^IKE_SA_INIT response 0 \{SA/])
})

t.test('RFC 7296 §2: an IKE message of 3000 octets is processed', async t => {
  const { lab, bytes } = firstInit()
  const vendor: Wire.PlainPayload = { type: 'V', data: new Uint8Array(2800) }
  const changed = rewritten(bytes, payloads => [...payloads, vendor])
  t.ok(changed.length >= 3000)
  t.match(textOf(hand(lab, lab.b, changed)), [/^IKE_SA_INIT response 0 \{SA/])
})

t.test('RFC 7296 §2.11: a request from any port is answered there, from where it arrived', async t => {
  const { lab, bytes } = firstInit()
  const remote = { address: '192.0.2.1', port: 31000 }
  const [answer] = hand(lab, lab.b, bytes, remote)
  t.same([answer?.to, answer?.from], [remote, { address: lab.b.address, port: 500 }])
  const established = up()
  const [later] = say(established, established.a, [], { from: remote })
  t.same(later?.to, remote)
})

t.test('RFC 7296 §2.6: a message finds its IKE SA by SPI, wherever it comes from', async t => {
  const lab = up()
  const from = { address: '203.0.113.77', port: 500 }
  t.same(textOf(say(lab, lab.a, [], { from })), ['INFORMATIONAL response 2 {}'])
})

t.test(
  'RFC 7296 §2.1: a repeated IKE_SA_INIT has the same answer while half-open, none after IKE_AUTH',
  async t => {
    const { lab, bytes } = firstInit()
    const [first] = hand(lab, lab.b, bytes)
    const [again] = hand(lab, lab.b, bytes)
    t.same(again?.bytes, first?.bytes)
    const whole = new Lab()
    whole.both()
    whole.run(1000)
    const init = whole.sent[0]?.bytes ?? new Uint8Array()
    t.same(hand(whole, whole.b, init), [])
    t.match(whole.b.drops.at(-1), /^ike-duplicate/)
  },
)

t.test('RFC 7296 §2.1: with the same SPI and another nonce it is another IKE SA', async t => {
  const { lab, bytes } = firstInit()
  const [first] = hand(lab, lab.b, bytes)
  const other = rewritten(bytes, payloads =>
    payloads.map(p => (p.type === 'NONCE' ? { ...p, data: new Uint8Array(32).fill(9) } : p)),
  )
  const [second] = hand(lab, lab.b, other)
  t.match(second?.text, /^IKE_SA_INIT response 0 \{SA/)
  t.notSame(second?.bytes.slice(8, 16), first?.bytes.slice(8, 16))
})

t.test(
  'RFC 7296 §2.4, §1.4: a request in the clear on an established IKE SA is not obeyed and not answered',
  async t => {
    const lab = up()
    t.same(say(lab, lab.a, [{ type: 'D', protocol: 1, spis: [] }], { clear: true }), [])
    t.equal(lab.b.ike.report('A')?.sas.length, 1)
    t.match(lab.b.drops, [/^ike-unexpected/])
  },
)

t.test('RFC 7296 §3.14: a wrong ICV is dropped before anything inside counts, and not answered', async t => {
  const lab = up()
  const bytes = forge(lab, lab.a, [{ type: 'D', protocol: 1, spis: [] }])
  t.same(hand(lab, lab.b, bytes.with(bytes.length - 16, (bytes.at(-16) as number) ^ 1)), [])
  t.match(lab.b.drops, [/^ike-integrity/])
  t.equal(saOf(lab, lab.b).state, 'established')
})

t.test('RFC 7296 §2.21.3: an exchange type that has no place is answered by INVALID_SYNTAX', async t => {
  const lab = up()
  const [answer] = say(lab, lab.a, [], { exchange: EXCHANGE.IKE_AUTH })
  t.match(describe(answer?.bytes ?? new Uint8Array()), /INVALID_SYNTAX/)
})
