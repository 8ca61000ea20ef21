import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import type { IkePeer, TrafficSelector } from '../src/index.js'
import { findTs } from '../src/payload-find.js'
import { EXCHANGE, NOTIFY, saOf, say, tamper, textOf, up } from './forge.js'
import { Lab, peerFor } from './lab.js'
import { inside, resealed } from './wire-tap.js'

const plain = (bytes: Uint8Array): readonly Wire.PlainPayload[] =>
  inside(bytes) as readonly Wire.PlainPayload[]
const ts = (
  start: string,
  end = start,
  protocol = 47,
  ports: readonly [number, number] = [0, 65535],
): TrafficSelector => ({
  protocol,
  startPort: ports[0],
  endPort: ports[1],
  startAddress: start,
  endAddress: end,
})
const [A, B] = ['192.0.2.1', '192.0.2.2']
const selectorsOf = (lab: Lab, who: 'a' | 'b'): readonly TrafficSelector[] =>
  [...lab[who].children.values()].flatMap(c => [...c.localSelectors, ...c.remoteSelectors])

for (const [title, offer] of [
  ['GRE', { local: [ts(A)], remote: [ts(B)] }],
  ['any protocol', { local: [ts(A, A, 0)], remote: [ts(B, B, 0)] }],
  [
    'everything',
    { local: [ts('0.0.0.0', '255.255.255.255', 0)], remote: [ts('0.0.0.0', '255.255.255.255', 0)] },
  ],
  [
    'the packet first, then everything',
    {
      local: [ts(A), ts('0.0.0.0', '255.255.255.255', 0)],
      remote: [ts(B), ts('0.0.0.0', '255.255.255.255', 0)],
    },
  ],
] as const) {
  t.test(`RFC 7296 §2.9: an offer of ${title} is answered by GRE between the two hosts`, async t => {
    const lab = new Lab()
    lab.both({}, {})
    const peer = { ...peerFor(lab.a, lab.b), selectors: offer }
    lab.feed(lab.a, { on: 'peer-set', peer })
    lab.run(3000)
    t.same(selectorsOf(lab, 'b'), [ts(B), ts(A)])
    t.same(selectorsOf(lab, 'a'), [ts(A), ts(B)])
  })
}

t.test('RFC 7296 §2.9: nothing in common: TS_UNACCEPTABLE, and the IKE SA stays', async t => {
  const selectors: IkePeer['selectors'] = { local: [ts('10.0.0.1')], remote: [ts('10.0.0.2')] }
  const lab = new Lab()
  lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { initiate: false }) })
  lab.feed(lab.a, { on: 'peer-set', peer: { ...peerFor(lab.a, lab.b), selectors } })
  lab.run(900)
  t.equal(
    lab.sent.find(d => d.text.startsWith('IKE_AUTH response'))?.text,
    'IKE_AUTH response 1 {IDr, AUTH, N(TS_UNACCEPTABLE)}',
  )
  t.equal(saOf(lab, lab.b).state, 'established')
})

for (const [title, change] of [
  ['wider', (p: Wire.PlainPayload) => (p.type === 'TSr' ? { ...p, selectors: [ts(B, '192.0.2.9')] } : p)],
  ['another protocol', (p: Wire.PlainPayload) => (p.type === 'TSi' ? { ...p, selectors: [ts(A, A, 6)] } : p)],
  ['empty', (p: Wire.PlainPayload) => (p.type === 'TSi' ? { ...p, selectors: [] } : p)],
] as const) {
  t.test(`RFC 7296 §2.9: a reply that is ${title} is refused, and the child deleted`, async t => {
    const lab = up()
    tamper(lab, 'B CREATE_CHILD_SA response', bytes => resealed(bytes, plain(bytes).map(change)))
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(2000)
    t.equal(lab.a.event('child-rekeyed').length, 0)
    t.match(lab.sent[2]?.text, /^INFORMATIONAL request 3 \{D\(/)
    t.equal(lab.a.children.size, 1)
    t.equal(lab.b.children.size, 1, 'the peer keeps no half of it')
  })
}

t.test('RFC 7296 §2.9.2: a rekey proposes the selectors in use, without those of a packet', async t => {
  const lab = up()
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
  const [request] = lab.sent
  const payloads = inside(request?.bytes ?? new Uint8Array())
  t.same(findTs(payloads, 'TSi')?.selectors, [ts(B)])
  t.same(findTs(payloads, 'TSr')?.selectors, [ts(A)])
})

t.test('RFC 7296 §3.13, §3.13.1: malformed selectors are answered by INVALID_SYNTAX', async t => {
  for (const spoil of [
    (bytes: Uint8Array) => bytes.with(0, 2), // a count that is not true
    (bytes: Uint8Array) => bytes.with(7, 15), // a length that its type does not have
    (bytes: Uint8Array) => bytes.with(12, 250), // start above end
  ]) {
    const lab = up()
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    const payloads = plain(lab.sent[0]?.bytes ?? new Uint8Array())
    lab.rule = () => []
    // TSi is written by hand: number of selectors, three of RESERVED, then type, protocol, length, ports, addresses.
    const body = spoil(Uint8Array.of(1, 0, 0, 0, 7, 47, 0, 16, 0, 0, 255, 255, 192, 0, 2, 1, 192, 0, 2, 1))
    const raw: Wire.PlainPayload = { type: 'unknown', number: 44, critical: false, body }
    const answer = say(
      lab,
      lab.a,
      payloads.map(p => (p.type === 'TSi' ? raw : p)),
      { exchange: EXCHANGE.CREATE_CHILD_SA },
    )
    t.match(textOf(answer), ['CREATE_CHILD_SA response 2 {N(INVALID_SYNTAX)}'])
  }
})

const modeOf = (lab: Lab, who: 'a' | 'b') =>
  [...lab[who].children.values()].map(c => [c.mode, c.modeReason !== undefined])

t.test('RFC 7296 §1.3.1: both want transport mode: asked, echoed, done', async t => {
  const lab = new Lab()
  lab.both({ mode: 'transport' })
  lab.run(1000)
  t.match(lab.sent[2]?.text, /N\(USE_TRANSPORT_MODE\)/)
  t.match(lab.sent[3]?.text, /N\(USE_TRANSPORT_MODE\)/)
  t.same([modeOf(lab, 'a'), modeOf(lab, 'b')], [[['transport', false]], [['transport', false]]])
})

for (const [title, a, b] of [
  ['the initiator wants it', 'transport', 'tunnel'],
  ['the responder wants it', 'tunnel', 'transport'],
] as const) {
  t.test(`RFC 7296 §1.3.1: only ${title}: tunnel mode on both sides, the reason said`, async t => {
    const lab = new Lab()
    lab.both({ mode: a }, { mode: b })
    lab.run(1000)
    t.notMatch(lab.sent[3]?.text, /USE_TRANSPORT_MODE/)
    t.same(
      [modeOf(lab, 'a'), modeOf(lab, 'b')],
      [[['tunnel', a === 'transport']], [['tunnel', b === 'transport']]],
    )
  })
}

t.test(
  'RFC 7296 §1.3.3: a rekey names the inbound SPI of its sender, protocol 3, no data, and keeps the mode',
  async t => {
    const lab = new Lab()
    lab.both({ mode: 'transport' })
    lab.run(1000)
    lab.sent.length = 0
    const [old] = lab.a.children.values()
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    const payloads = inside(lab.sent[0]?.bytes ?? new Uint8Array())
    t.match(Wire.findNotify(payloads, NOTIFY.REKEY_SA), {
      protocol: 3,
      spi: Wire.uint32(old?.spiIn ?? 0),
      data: new Uint8Array(0),
    })
    t.ok(Wire.findNotify(payloads, NOTIFY.USE_TRANSPORT_MODE))
    lab.run(3000)
    t.same([modeOf(lab, 'a'), modeOf(lab, 'b')], [[['transport', false]], [['transport', false]]])
  },
)

t.test(
  'RFC 7296 §1.3.1: ESP_TFC_PADDING_NOT_SUPPORTED counts for the direction towards its sender',
  async t => {
    const lab = new Lab()
    lab.both()
    tamper(lab, 'A IKE_AUTH request', bytes =>
      resealed(bytes, [...plain(bytes), Wire.notify(NOTIFY.ESP_TFC_PADDING_NOT_SUPPORTED)]),
    )
    lab.run(1000)
    t.equal([...lab.b.children.values()][0]?.tfcPadding, false)
    t.equal([...lab.a.children.values()][0]?.tfcPadding, true)
  },
)

t.test(
  'RFC 7296 §1.3.1, RFC 4303 §2.7: in transport mode GRE has no length, so TFC padding is declined',
  async t => {
    const lab = new Lab()
    lab.both({ mode: 'transport' })
    lab.run(1000)
    t.match(
      [lab.sent[2]?.text, lab.sent[3]?.text],
      [/ESP_TFC_PADDING_NOT_SUPPORTED/, /ESP_TFC_PADDING_NOT_SUPPORTED/],
    )
    t.equal([...lab.a.children.values()][0]?.tfcPadding, false)
  },
)

t.test(
  'RFC 7296 §1.3.1, RFC 4301 §7.3: NON_FIRST_FRAGMENTS_ALSO is not ours: never sent, never echoed',
  async t => {
    const lab = new Lab()
    lab.both()
    tamper(lab, 'A IKE_AUTH request', bytes =>
      resealed(bytes, [...plain(bytes), Wire.notify(NOTIFY.NON_FIRST_FRAGMENTS_ALSO)]),
    )
    lab.run(1000)
    t.equal(lab.a.children.size, 1)
    t.notOk(lab.sent.some(d => d.text.includes('NON_FIRST_FRAGMENTS_ALSO')))
  },
)

t.test(
  'RFC 7296 §5.1, RFC 4301 §4.4.3.3, §4.4.3.4: a peer gets no address but its own, whoever else has it',
  async t => {
    const lab = new Lab({ nat: { inside: A, outside: '203.0.113.1', port: port => port + 20000 } })
    // The peer is behind a NAT and claims the address of another peer.
    const victim = {
      ...peerFor(lab.b, lab.a, { initiate: false, remoteId: 'v.example.net' }),
      name: 'V',
      remoteAddress: '192.0.2.77',
    }
    lab.feed(lab.b, { on: 'peer-set', peer: victim })
    lab.feed(lab.b, {
      on: 'peer-set',
      peer: peerFor(lab.b, lab.a, { initiate: false, remoteAddress: undefined }),
    })
    const selectors = { local: [ts('192.0.2.77')], remote: [ts(B)] }
    lab.feed(lab.a, { on: 'peer-set', peer: { ...peerFor(lab.a, lab.b), selectors } })
    lab.run(2000)
    t.match(lab.sent.find(d => d.text.startsWith('IKE_AUTH response'))?.text, /TS_UNACCEPTABLE/)
    t.equal(lab.b.children.size, 0)
  },
)

for (const [title, first, second, want] of [
  ['that coincides with that of a peer behind another NAT is refused', '10.0.0.1', '10.0.0.1', 1],
  ['of its own is taken', '10.0.0.1', '10.0.0.2', 2],
] as const) {
  t.test(`RFC 3948 §5.1: an inner address behind a NAT ${title}`, async t => {
    const lab = new Lab({ nat: { inside: A, outside: '203.0.113.1', port: port => port + 20000 } })
    const c = {
      ...peerFor(lab.b, lab.a, { initiate: false, remoteId: 'c.example.net', remoteAddress: undefined }),
      name: 'C',
    }
    lab.feed(lab.b, { on: 'peer-set', peer: c })
    lab.feed(lab.b, {
      on: 'peer-set',
      peer: peerFor(lab.b, lab.a, { initiate: false, remoteAddress: undefined }),
    })
    const peer = peerFor(lab.a, lab.b)
    lab.feed(lab.a, { on: 'peer-set', peer: { ...peer, selectors: { local: [ts(first)], remote: [ts(B)] } } })
    lab.run(2000)
    t.equal(lab.b.children.size, 1)
    // The second router has the first one's place in the lab, and another identity.
    lab.restart(lab.a, 55)
    lab.feed(lab.a, {
      on: 'peer-set',
      peer: {
        ...peerFor(lab.a, lab.b, { localId: 'c.example.net' }),
        selectors: { local: [ts(second)], remote: [ts(B)] },
      },
    })
    lab.run(3000)
    t.equal(lab.b.children.size, want)
  })
}

t.test(
  'RFC 7296 §2.8, RFC 4301 §4.1: a second child with equal selectors lives beside the first',
  async t => {
    const lab = up()
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    const request = plain(lab.sent[0]?.bytes ?? new Uint8Array()).filter(
      p => !(p.type === 'N' && p.notifyType === NOTIFY.REKEY_SA),
    )
    lab.rule = () => []
    const [answer] = say(lab, lab.a, request, { exchange: EXCHANGE.CREATE_CHILD_SA })
    t.match(answer?.text, /^CREATE_CHILD_SA response 2 \{SA, NONCE, KE, TSi, TSr\}/)
    t.equal(lab.b.children.size, 2)
    t.equal(lab.b.effects.filter(e => e.do === 'child-remove').length, 0)
  },
)

t.test(
  'RFC 4303 §2.1: SPIs of children are above 255 and unique on this router, whatever is drawn',
  async t => {
    const lab = new Lab()
    const draws = [0, 1, 255, 256, 256, 256, 300, 256, 300, 400]
    lab.a.random.espSpi = () => draws.shift() ?? 500
    lab.both()
    lab.run(1000)
    t.same([...lab.a.children.keys()], [256])
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(1015)
    t.equal(lab.a.effects.flatMap(e => (e.do === 'child-install' ? [e.child.spiIn] : [])).at(-1), 256)
    lab.run(2000)
    t.same([...lab.a.children.keys()], [300])
  },
)

t.test('RFC 7296 §2.9.2: what was narrowed is rekeyed as it was narrowed', async t => {
  const lab = new Lab()
  const all = ts('0.0.0.0', '255.255.255.255', 0)
  lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { initiate: false }) })
  const selectors = { local: [all], remote: [all] }
  lab.feed(lab.a, { on: 'peer-set', peer: { ...peerFor(lab.a, lab.b), selectors } })
  lab.run(1000)
  lab.sent.length = 0
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  const payloads = inside(lab.sent[0]?.bytes ?? new Uint8Array())
  t.same(findTs(payloads, 'TSi')?.selectors, [ts(A)])
  t.same(findTs(payloads, 'TSr')?.selectors, [ts(B)])
})

t.test('RFC 7296 §1.3.3: a rekey asks for the mode in use, not for the one that was wished', async t => {
  const lab = new Lab()
  lab.both({ mode: 'transport' }, { mode: 'tunnel' })
  lab.run(1000)
  lab.sent.length = 0
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  t.notMatch(lab.sent[0]?.text, /USE_TRANSPORT_MODE/)
})
