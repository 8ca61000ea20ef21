import type { Endpoint } from '@brunel/base'
import t from 'tap'
import { forge, hand, NOTIFY, rewritten, saOf, say, textOf, up } from './forge.js'
import { Lab, peerFor } from './lab.js'

const NAT = { inside: '192.0.2.1', outside: '203.0.113.1', port: (port: number) => port + 20000 }
const SEEN: Endpoint = { address: NAT.outside, port: 24500 }

/** Router A stands behind a NAT. */
function natted(change: Parameters<Lab['both']>[0] = {}): Lab {
  const lab = new Lab({ nat: NAT })
  lab.feed(lab.b, {
    on: 'peer-set',
    peer: peerFor(lab.b, lab.a, { initiate: false, ...change, remoteAddress: undefined }),
  })
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, change) })
  lab.run(1000)
  if (lab.b.children.size !== 1) throw new Error(lab.ladder.join('\n'))
  return lab
}

t.test('RFC 7296 §2.23: both NAT_DETECTION notifies in both messages of IKE_SA_INIT', async t => {
  const lab = new Lab()
  lab.both()
  lab.run(1000)
  for (const { text } of lab.sent.slice(0, 2))
    t.match(text, /N\(NAT_DETECTION_SOURCE_IP\), N\(NAT_DETECTION_DESTINATION_IP\)/)
})

t.test('RFC 7296 §2.23: no NAT: port 500, protocol 50', async t => {
  const lab = up()
  t.same([saOf(lab, lab.a).local.port, saOf(lab, lab.a).remote.port], [500, 500])
  t.equal([...lab.a.children.values()][0]?.encapsulation, 'none')
})

t.test('RFC 7296 §2.23, §2: a NAT: IKE_AUTH and all after it by 4500, with the marker', async t => {
  const lab = natted()
  t.same(
    lab.sent.slice(0, 4).map(d => [d.sender, d.from.port, d.to.port]),
    [
      ['A', 500, 500],
      ['B', 500, 20500],
      ['A', 4500, 4500],
      ['B', 4500, 24500],
    ],
  )
  const markers = [lab.a, lab.b].flatMap(r => r.effects.flatMap(e => (e.do === 'send' ? [e.marker] : [])))
  t.same(markers, [false, true, false, true])
  t.same(saOf(lab, lab.a).nat, { local: true, remote: false })
  t.same(saOf(lab, lab.b).nat, { local: false, remote: true })
})

t.test(
  'RFC 7296 §2.23, RFC 3948 §2.1: a NAT: both put ESP into UDP, on the ports of IKE, never 500',
  async t => {
    const lab = natted()
    const [a] = lab.a.children.values()
    const [b] = lab.b.children.values()
    t.same([a?.encapsulation, a?.local.port, a?.remote.port], ['udp', 4500, 4500])
    t.same([b?.encapsulation, b?.local.port, b?.remote], ['udp', 4500, SEEN])
  },
)

t.test('RFC 7296 §2.23: encapsulation can be forced without a NAT', async t => {
  const lab = up({}, { encapsulation: 'udp' })
  for (const router of lab.routers) t.equal([...router.children.values()][0]?.encapsulation, 'udp')
})

t.test('RFC 7296 §2.23: one SOURCE of several that matches is enough', async t => {
  const lab = new Lab({ rule: () => [] })
  lab.both()
  const other = {
    type: 'N',
    notifyType: NOTIFY.NAT_DETECTION_SOURCE_IP,
    protocol: 0,
    spi: new Uint8Array(0),
    data: new Uint8Array(20),
  } as const
  const bytes = rewritten(lab.sent[0]?.bytes ?? new Uint8Array(), payloads => [other, ...payloads, other])
  const [answer] = hand(lab, lab.b, bytes)
  const [auth] = hand(lab, lab.a, answer?.bytes ?? new Uint8Array())
  t.match(auth?.text, /^IKE_AUTH request/)
  t.equal(auth?.to.port, 500, 'no NAT')
})

t.test('RFC 7296 §2.23: a fresh authentic request from elsewhere moves a peer behind a NAT', async t => {
  const lab = natted()
  const from = { address: '203.0.113.1', port: 31000 }
  lab.sent.length = 0
  const [answer] = hand(lab, lab.b, forge(lab, lab.a, []), from)
  t.same(answer?.to, from)
  t.match(
    lab.b.effects.filter(e => e.do === 'peer-moved'),
    [{ remote: from }],
  )
  t.same(saOf(lab, lab.b).remote, from)
})

t.test('RFC 7296 §2.23: a replay, a forgery or a repeated request moves nobody', async t => {
  const lab = natted()
  const from = { address: '203.0.113.66', port: 4500 }
  const good = forge(lab, lab.a, [])
  hand(lab, lab.b, good.with(good.length - 1, 0), from)
  hand(lab, lab.b, good, SEEN)
  t.equal(hand(lab, lab.b, good, from).length, 1, 'the cached answer may go anywhere')
  hand(lab, lab.b, forge(lab, lab.a, [], { messageId: 1 }), from)
  t.same(
    lab.b.effects.filter(e => e.do === 'peer-moved'),
    [],
  )
  t.same(saOf(lab, lab.b).remote, SEEN)
})

t.test('RFC 7296 §2.23: who is behind the NAT itself follows nobody', async t => {
  const lab = natted()
  const before = saOf(lab, lab.a).remote
  const from = { address: '198.51.100.66', port: 4500 }
  const [answer] = say(lab, lab.b, [], { from })
  t.same(answer?.to, from, 'RFC 7296 §2.11: the answer goes where the request came from')
  t.same(saOf(lab, lab.a).remote, before)
  t.same(
    lab.a.effects.filter(e => e.do === 'peer-moved'),
    [],
  )
})

t.test(
  'RFC 7296 §2.23: authentic ESP from elsewhere moves the peer, on the side without NAT only',
  async t => {
    const lab = natted()
    const remote = { address: '203.0.113.1', port: 31000 }
    const [a] = lab.a.children.keys()
    const [b] = lab.b.children.keys()
    lab.feed(lab.a, { on: 'esp-source', peer: 'B', spiIn: a ?? 0, remote })
    lab.feed(lab.b, { on: 'esp-source', peer: 'A', spiIn: b ?? 0, remote })
    t.equal(lab.a.effects.filter(e => e.do === 'peer-moved').length, 0)
    t.match(
      lab.b.effects.filter(e => e.do === 'peer-moved'),
      [{ peer: 'A', remote }],
    )
  },
)

t.test('RFC 3948 §2.3, §4: keepalives after 20 s of silence, only behind the NAT', async t => {
  const lab = natted({ liveness: 600_000 })
  lab.run(65_000)
  const at = lab.a.effects.filter(e => e.do === 'keepalive')
  t.equal(at.length, 3)
  t.equal(lab.b.effects.filter(e => e.do === 'keepalive').length, 0)
  const plain = up({}, { liveness: 600_000 })
  plain.run(65_000)
  t.equal(plain.a.effects.filter(e => e.do === 'keepalive').length, 0)
})

t.test('RFC 3948 §4: no keepalive while ESP goes out', async t => {
  const lab = natted({ liveness: 600_000 })
  for (let s = 1; s <= 60; s++)
    lab.at((1000 + s * 1000) as never, () =>
      lab.feed(lab.a, { on: 'child-activity', peer: 'B', lastIn: lab.now, lastOut: lab.now }),
    )
  lab.run(61_000)
  t.equal(lab.a.effects.filter(e => e.do === 'keepalive').length, 0)
})

t.test(
  'RFC 7296 §2.23.1: transport mode behind a NAT: one address each, put right on both sides',
  async t => {
    const lab = natted({ mode: 'transport' })
    const [a] = lab.a.children.values()
    const [b] = lab.b.children.values()
    const hosts = (list: readonly { startAddress: string; endAddress: string }[] = []) =>
      list.flatMap(s => [s.startAddress, s.endAddress])
    t.equal(a?.mode, 'transport')
    t.same(
      [hosts(a?.localSelectors), hosts(a?.remoteSelectors)],
      [
        ['192.0.2.1', '192.0.2.1'],
        ['192.0.2.2', '192.0.2.2'],
      ],
    )
    t.same(
      [hosts(b?.localSelectors), hosts(b?.remoteSelectors)],
      [
        ['192.0.2.2', '192.0.2.2'],
        ['203.0.113.1', '203.0.113.1'],
      ],
    )
  },
)

t.test(
  'RFC 7296 §2.23.1, RFC 3948 §5.2: two peers behind one NAT, transport mode: both live, told apart by SPI and port',
  async t => {
    const lab = natted({ mode: 'transport' })
    const c = {
      ...peerFor(lab.b, lab.a, {
        initiate: false,
        remoteId: 'c.example.net',
        remoteAddress: undefined,
        mode: 'transport',
      }),
      name: 'C',
    }
    lab.feed(lab.b, { on: 'peer-set', peer: c })
    const other = new Lab({ seed: 31 })
    other.rule = () => []
    other.feed(other.a, {
      on: 'peer-set',
      peer: peerFor(other.a, other.b, { localId: 'c.example.net', mode: 'transport' }),
    })
    const at = (port: number): Endpoint => ({ address: NAT.outside, port })
    const [answer] = hand(lab, lab.b, other.sent[0]?.bytes ?? new Uint8Array(), at(40500))
    const [auth] = hand(other, other.a, answer?.bytes ?? new Uint8Array())
    t.match(textOf(hand(lab, lab.b, auth?.bytes ?? new Uint8Array(), at(44500), 4500)), [
      /USE_TRANSPORT_MODE/,
    ])
    const remotes = [...lab.b.children.values()].map(child => [child.peer, child.remote.port])
    t.same(remotes, [
      ['A', 24500],
      ['C', 44500],
    ])
    t.equal(new Set(lab.b.children.keys()).size, 2)
  },
)
