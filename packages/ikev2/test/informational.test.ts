import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { EXCHANGE, forge, NOTIFY, saOf, say, textOf, up } from './forge.js'
import { inside } from './wire-tap.js'

const spiText = (spi: number | undefined): string => (spi ?? 0).toString(16).padStart(8, '0')
const deleteEsp = (...spis: readonly number[]): Wire.PlainPayload => ({
  type: 'D',
  protocol: 3,
  spis: spis.map(Wire.uint32),
})

for (const type of [
  'INVALID_IKE_SPI',
  'INVALID_SYNTAX',
  'AUTHENTICATION_FAILED',
  'NO_PROPOSAL_CHOSEN',
] as const) {
  t.test(
    `RFC 7296 §2.4, §2.21.4: an unprotected ${type} ends nothing, changes nothing, has no answer`,
    async t => {
      const lab = up()
      for (const response of [false, true]) {
        const sent = say(lab, lab.b, [Wire.notify(NOTIFY[type])], { clear: true, response, messageId: 1 })
        t.ok(
          sent.every(d => d.text === 'INFORMATIONAL request 2 {}'),
          'a liveness check at most',
        )
      }
      lab.run(3000)
      t.equal(lab.a.children.size, 1)
      t.equal(saOf(lab, lab.a).state, 'established')
    },
  )
}

t.test('RFC 7296 §2.4: unprotected notifies make one liveness check at a time', async t => {
  const lab = up()
  lab.rule = d => (d.sender === 'A' ? [400] : undefined)
  let requests = 0
  for (let i = 0; i < 50; i++)
    requests += say(lab, lab.b, [Wire.notify(NOTIFY.INVALID_IKE_SPI)], {
      clear: true,
      response: true,
      messageId: i,
    }).length
  t.equal(requests, 1)
})

t.test('RFC 7296 §1.4: an empty INFORMATIONAL is answered by an empty one', async t => {
  const lab = up()
  t.same(textOf(say(lab, lab.a, [])), ['INFORMATIONAL response 2 {}'])
})

t.test(
  'RFC 7296 §2.4: who hears nothing asks, and after bounded tries the IKE SA is gone with its children',
  async t => {
    const lab = up()
    lab.feed(lab.a, { on: 'up', peer: 'B' })
    lab.rule = () => []
    lab.feed(lab.a, {
      on: 'child-activity',
      peer: 'B',
      lastIn: undefined,
      lastOut: lab.now,
    })
    lab.run(1000 + 10_000)
    t.match(lab.sent[0]?.text, 'INFORMATIONAL request 2 {}')
    t.equal(lab.a.children.size, 0, 'within ten seconds while something is being sent')
    t.equal(lab.a.event('ike-down').length, 1)
    t.notOk(
      lab.exchanges().some(line => line.includes('D(IKE)')),
      'nobody is there to be told',
    )
  },
)

t.test('RFC 7296 §2.4: fresh ESP is a sign of life: no question is asked', async t => {
  const lab = up()
  for (let s = 1; s <= 60; s++) {
    lab.at((1000 + s * 1000) as never, () => {
      for (const [router, peer] of [
        [lab.a, 'B'],
        [lab.b, 'A'],
      ] as const)
        lab.feed(router, { on: 'child-activity', peer, lastIn: lab.now, lastOut: lab.now })
    })
  }
  lab.run(61_000)
  t.same(lab.exchanges(), [])
})

t.test('RFC 7296 §2.4: without traffic the peer is asked, and an answer is enough', async t => {
  const lab = up()
  lab.run(60_000)
  t.ok(lab.exchanges().length > 0)
  t.ok(lab.exchanges().every(line => /INFORMATIONAL (request|response) \d+ \{\}/.test(line)))
  t.equal(lab.a.children.size, 1)
})

t.test(
  'RFC 7296 §1.4.1: Delete lists the SPI its sender receives; the answer names the other half',
  async t => {
    const lab = up()
    const [pairA] = lab.a.children.values()
    const [answer] = say(lab, lab.a, [deleteEsp(pairA?.spiIn ?? 0)])
    t.equal(answer?.text, `INFORMATIONAL response 2 {D(${spiText(pairA?.spiOut)})}`)
    t.equal(lab.b.children.size, 0)
  },
)

t.test('RFC 7296 §1.4.1: a Delete of an SPI that is unknown is answered without one', async t => {
  const lab = up()
  t.same(textOf(say(lab, lab.a, [deleteEsp(0x1000)])), ['INFORMATIONAL response 2 {}'])
  t.equal(lab.b.children.size, 1)
})

t.test('RFC 7296 §1.4.1: our own inbound SPI in a Delete is not the name of that SA', async t => {
  const lab = up()
  const [child] = lab.b.children.values()
  say(lab, lab.a, [deleteEsp(child?.spiIn ?? 0)])
  t.equal(lab.b.children.size, 1)
})

t.test('RFC 7296 §1.4.1, §2.25.1: crossed Deletes of one pair are answered without a Delete', async t => {
  const lab = up()
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.rule = d => (d.text.includes('D(') ? [200] : undefined)
  lab.run(1040)
  const old = lab.sent.find(d => d.text.startsWith('INFORMATIONAL request 3 {D('))
  t.ok(old, 'A is deleting')
  const [childOfA] = [...lab.a.children.values()]
  const [answer] = say(lab, lab.b, [deleteEsp(childOfA?.spiOut ?? 0)])
  t.equal(answer?.text, 'INFORMATIONAL response 0 {}')
})

t.test(
  'RFC 7296 §3.11, §1.4.1: a Delete of the IKE SA: SPI size 0, the answer empty, children gone',
  async t => {
    const lab = up()
    lab.feed(lab.a, { on: 'down', peer: 'B' })
    const [request] = lab.sent
    t.match(inside(request?.bytes ?? new Uint8Array()), [{ type: 'D', protocol: 1, spis: [] }])
    t.same([...(request?.bytes ?? [])].slice(32, 40), [0, 0, 0, 8, 1, 0, 0, 0])
    lab.run(2000)
    t.equal(lab.sent[1]?.text, 'INFORMATIONAL response 2 {}')
    t.same([lab.a.children.size, lab.b.children.size], [0, 0])
  },
)

t.test('RFC 7296 §1.4.1: an IKE SA that was rekeyed takes no child with it', async t => {
  const lab = up()
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(2000)
  t.match(textOf(lab.sent), [/./, /./, 'INFORMATIONAL request 3 {D(IKE)}', 'INFORMATIONAL response 3 {}'])
  t.same([lab.a.children.size, lab.b.children.size], [1, 1])
  t.equal(lab.a.effects.filter(e => e.do === 'child-remove').length, 0)
})

t.test(
  'RFC 7296 §3.10: a notify carries an SPI only where it names a child; else the protocol is 0',
  async t => {
    const lab = up()
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(2000)
    lab.feed(lab.a, {
      on: 'unknown-esp-spi',
      spi: 0xdeadbeef,
      remote: { address: lab.b.address, port: 4500 },
    })
    for (const { bytes } of lab.sent)
      for (const p of inside(bytes))
        if (p.type === 'N') {
          const named = p.notifyType === NOTIFY.REKEY_SA
          t.same([p.protocol, p.spi.length], named ? [3, 4] : [0, 0], Wire.notifyName(p.notifyType))
        }
    t.match(lab.sent.at(-1)?.text, /N\(INVALID_SPI\)/)
  },
)

t.test(
  'RFC 4303 §3.4.2, RFC 7296 §1.5: an unknown ESP SPI is told inside an existing IKE SA, rate limited',
  async t => {
    const lab = up()
    const remote = { address: lab.b.address, port: 4500 }
    for (let i = 0; i < 100; i++) lab.feed(lab.a, { on: 'unknown-esp-spi', spi: 0xdeadbeef, remote })
    t.same(textOf(lab.sent), ['INFORMATIONAL request 2 {N(INVALID_SPI)}'])
    lab.run(2000)
    lab.sent.length = 0
    lab.feed(lab.a, { on: 'unknown-esp-spi', spi: 0xdeadbeef, remote })
    t.same(lab.sent, [])
    const [message] = inside(forge(lab, lab.a, [Wire.notify(NOTIFY.INVALID_SPI, Wire.uint32(0xdeadbeef))]))
    t.match(message, { data: Wire.uint32(0xdeadbeef) })
  },
)

t.test('RFC 4303 §3.4.2: an unknown ESP SPI from nobody we have an IKE SA with is never told', async t => {
  const lab = up()
  lab.feed(lab.a, { on: 'unknown-esp-spi', spi: 0xdeadbeef, remote: { address: '203.0.113.9', port: 4500 } })
  t.same(lab.sent, [])
})

t.test('RFC 7296 §1.5: INVALID_SPI of a peer ends nothing by itself', async t => {
  const lab = up()
  const [child] = lab.a.children.values()
  say(lab, lab.b, [Wire.notify(NOTIFY.INVALID_SPI, Wire.uint32(child?.spiOut ?? 0))])
  t.equal(lab.a.children.size, 1)
  t.equal(lab.a.outbound, child?.spiIn)
})

t.test('RFC 7296 §2.21: every protected request in error has an answer', async t => {
  for (const [payloads, exchange] of [
    [[deleteEsp(1)], EXCHANGE.CREATE_CHILD_SA],
    [[{ type: 'NONCE', data: new Uint8Array(32) }], EXCHANGE.CREATE_CHILD_SA],
    [[], EXCHANGE.CREATE_CHILD_SA],
    [[], 99],
  ] as const) {
    const lab = up()
    t.match(textOf(say(lab, lab.a, payloads as readonly Wire.PlainPayload[], { exchange })), [
      /response 2 \{N\(/,
    ])
  }
})
