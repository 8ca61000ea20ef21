import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { NOTIFY, saOf, say } from './forge.js'
import { Lab, peerFor } from './lab.js'

/** A network that carries no UDP at all. */
const noUdp = () => []

/** Two routers, A begins; B answers only. */
function pair(change: Parameters<Lab['both']>[0] = {}, options: ConstructorParameters<typeof Lab>[0] = {}) {
  const lab = new Lab(options)
  lab.both({ tcp: 'auto', ...change })
  return lab
}

const childOf = (lab: Lab, name: 'a' | 'b') => [...lab[name].children.values()].at(-1)

t.test('RFC 9329, RFC 8229 §5.1: where UDP answers, nobody opens a TCP connection', async t => {
  const lab = pair()
  lab.run(60_000)
  t.equal(childOf(lab, 'a')?.encapsulation, 'none')
  t.same(lab.streams.opened, [])
})

t.test(
  'RFC 9329, RFC 8229 §5.1, §6: UDP is silent: after a repetition TCP is tried, on port 4500',
  async t => {
    const lab = pair({}, { rule: noUdp })
    lab.run(4000)
    const dialled = Number(lab.ladder.find(line => line.endsWith('SYN'))?.split(' ')[0])
    t.equal(dialled, 2000, 'within seconds')
    t.ok(lab.sent.filter(d => d.sender === 'A').length >= 2, 'the request over UDP was repeated')
    t.same(saOf(lab, lab.a).remote, { address: '192.0.2.2', port: 4500, stream: 2 })
    t.same(saOf(lab, lab.b).remote, { address: '192.0.2.1', port: 40002, stream: 1 })
    for (const name of ['a', 'b'] as const) {
      const child = childOf(lab, name)
      t.equal(child?.encapsulation, 'tcp')
      t.same([child?.local, child?.remote], [saOf(lab, lab[name]).local, saOf(lab, lab[name]).remote])
      t.same(
        lab[name].event('transport').map(e => [e.over, e.weBegan]),
        [['tcp', name === 'a']],
      )
    }
    const bound = lab.b.effects.flatMap(e => (e.do === 'stream-bound' ? [e.stream] : []))
    t.same(bound, [1], 'the connection is no longer a stranger')
    t.same(lab.a.event('failed'), [], 'nothing failed')
  },
)

t.test('RFC 9329, RFC 8229 §5.1: a peer that knows UDP only and answers late is not disturbed', async t => {
  const lab = pair({}, { rule: (d, nth) => (/SA_INIT request/.test(d.text) && nth < 4 ? [] : [10]) })
  lab.streams.way = 'refused'
  lab.run(12_000)
  t.equal(lab.streams.opened.length, 1)
  t.equal(childOf(lab, 'a')?.encapsulation, 'none')
  t.same(lab.a.event('failed'), [])
})

t.test('RFC 9329, RFC 8229 §5.1: neither way answers: both are tried in turn, for ever', async t => {
  const lab = pair({}, { rule: noUdp })
  lab.streams.way = 'silent'
  lab.run(120_000)
  t.ok(lab.streams.opened.length >= 5, `${lab.streams.opened.length} connections`)
  t.ok(lab.a.event('initiating').length >= 5)
  t.equal(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_PEER_SILENT')
  const closed = lab.a.effects.filter(e => e.do === 'stream-close').length
  t.ok(closed >= lab.streams.opened.length - 1, 'what does not open is given up')
})

t.test('RFC 9329, RFC 8229 §5.1: a whole line that comes back comes back over UDP', async t => {
  const lab = pair({}, { rule: noUdp })
  lab.streams.way = 'refused'
  lab.run(1900)
  lab.streams.way = 'open'
  lab.rule = () => undefined
  lab.run(30_000)
  t.equal(lab.streams.opened.length, 1, 'TCP was up first')
  t.ok((lab.a.event('ike-up')[0]?.at ?? 9999) < 2300, 'UDP was asked at once when TCP stood')
  t.equal(childOf(lab, 'a')?.encapsulation, 'none')
  t.equal(lab.streams.standing, 0, 'and is not kept')
})

t.test('RFC 9329, RFC 8229 §5.1: a peer that is not configured yet is met over UDP when it is', async t => {
  const lab = new Lab()
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, { tcp: 'auto' }) })
  lab.run(55_000)
  t.ok(lab.streams.opened.length >= 4, 'TCP was tried')
  t.equal(lab.streams.standing, 0, 'and closed by the other end at once')
  lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { tcp: 'auto', initiate: false }) })
  lab.run(75_000)
  t.equal(childOf(lab, 'a')?.encapsulation, 'none')
})

t.test('RFC 9329, RFC 8229 §5.1: a refusal over UDP shows that UDP works', async t => {
  const lab = new Lab()
  lab.feed(lab.b, {
    on: 'peer-set',
    peer: peerFor(lab.b, lab.a, { initiate: false, ike: ['aes128-sha256-modp2048'] }),
  })
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, { tcp: 'auto' }) })
  lab.run(30_000)
  t.same(lab.streams.opened, [])
})

t.test('`always` begins over TCP at once, `never` takes nobody from there', async t => {
  const lab = pair({ tcp: 'always' })
  lab.run(1000)
  t.equal(childOf(lab, 'a')?.encapsulation, 'tcp')
  t.same(lab.sent, [], 'not one datagram')

  const deaf = new Lab()
  deaf.both({ tcp: 'always' }, { tcp: 'never' })
  deaf.run(60_000)
  t.equal(deaf.b.children.size, 0)
  t.match(deaf.b.drops[0], /^ike-no-peer/)
  t.ok(deaf.a.event('failed').length > 0)
})

t.test('no connection at all is a failure in words', async t => {
  const lab = new Lab()
  lab.streams.way = 'refused'
  lab.both({ tcp: 'always' })
  lab.run(100)
  const [failed] = lab.a.event('failed')
  t.equal(failed?.why.code, 'BRUNEL_IKE_NO_CONNECTION')
  t.match(failed?.why.sentence, '192.0.2.2:4500')
  lab.streams.way = 'open'
  lab.run(10_000)
  t.equal(childOf(lab, 'a')?.encapsulation, 'tcp', 'it is tried again')
})

t.test('RFC 9329 §6.2: nothing is repeated within a connection, and the waits stay as limits', async t => {
  const lab = pair({ tcp: 'always', liveness: 10_000 })
  lab.run(1000)
  const before = lab.streams.sent.length
  // The connection stands, and nothing comes through any more.
  lab.streams.swallows = true
  lab.run(20_000)
  const texts = lab.streams.sent.slice(before).filter(s => s.sender === 'A' && s.stream === 2)
  t.equal(new Set(texts.map(s => s.text)).size, texts.length, 'no message twice on it')
  t.equal(lab.a.event('ike-down')[0]?.why.code, 'BRUNEL_IKE_PEER_LOST')
})

t.test('RFC 9329, RFC 8229 §6: the originator opens a broken connection anew, and the SAs stay', async t => {
  const lab = pair({ tcp: 'always' })
  lab.run(1000)
  const spis = [...lab.a.children.keys(), ...lab.b.children.keys()]
  lab.streams.cut()
  lab.run(2000)
  t.same([...lab.a.children.keys(), ...lab.b.children.keys()], spis, 'the same SAs')
  t.same([saOf(lab, lab.a).remote.stream, saOf(lab, lab.b).remote.stream], [4, 3])
  for (const name of ['a', 'b'] as const) {
    const moved = lab[name].effects.findLast(e => e.do === 'peer-moved')
    t.equal(moved?.do === 'peer-moved' && moved.remote.stream, name === 'a' ? 4 : 3, 'ESP goes there too')
  }
  t.match(lab.streams.sent.find(s => s.stream === 4)?.text, /INFORMATIONAL/, 'a message tells where we are')
  t.same(
    lab.a.event('connection').map(e => e.state),
    ['broken', 'restored'],
  )
  t.same(lab.a.event('ike-down'), [])
})

t.test('RFC 9329 §6.2: what was in flight goes out again on the new connection', async t => {
  const lab = pair({ tcp: 'always' })
  lab.run(1000)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.streams.cut()
  lab.run(3000)
  const rekeys = lab.streams.sent.filter(s => s.sender === 'A' && /CREATE_CHILD_SA/.test(s.text))
  t.same(
    rekeys.map(s => s.stream),
    [2, 4],
  )
  t.equal(rekeys[0]?.text, rekeys[1]?.text, 'the same request')
  t.equal(lab.a.event('child-rekeyed').length, 1)
})

t.test('RFC 9329, RFC 8229 §6: whoever accepted the connection does not open another', async t => {
  const lab = pair({ tcp: 'always' })
  lab.run(1000)
  lab.streams.way = 'silent'
  lab.streams.cut()
  lab.run(5000)
  t.ok(lab.b.effects.every(e => e.do !== 'stream-open'))
  t.equal(lab.b.children.size, 1, 'and keeps its SAs')
})

t.test('RFC 9329, RFC 8229 §6: who rekeys changes nothing: the originator stays the originator', async t => {
  const lab = pair({ tcp: 'always' })
  lab.run(1000)
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'ike' })
  lab.run(40_000)
  t.equal(saOf(lab, lab.b).initiator, true, 'B made the IKE SA in use')
  lab.streams.cut()
  lab.run(42_000)
  t.ok(lab.b.effects.every(e => e.do !== 'stream-open'))
  t.equal(saOf(lab, lab.a).remote.stream, 4)
  t.equal(saOf(lab, lab.b).remote.stream, 3)
})

t.test(
  'RFC 9329, RFC 8229 §6: the originator goes by its own connection, wherever the peer says something',
  async t => {
    const lab = pair({ tcp: 'always' })
    lab.run(1000)
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
    const request = lab.streams.sent.findLast(s => s.sender === 'B')?.bytes
    if (request === undefined) return t.fail('nothing was sent')
    lab.feed(lab.a, {
      on: 'datagram',
      bytes: request,
      local: { address: '192.0.2.1', port: 4500 },
      remote: { address: '192.0.2.2', port: 999, stream: 77 },
    })
    t.equal(saOf(lab, lab.a).remote.stream, 2)
  },
)

t.test('RFC 9329, RFC 8229 §6: a replayed message on another connection moves nobody', async t => {
  const lab = pair({ tcp: 'always' })
  lab.run(1000)
  const old = lab.streams.sent.findLast(s => s.sender === 'A')?.bytes
  if (old === undefined) return t.fail('nothing was sent')
  lab.feed(lab.b, {
    on: 'datagram',
    bytes: old,
    local: { address: '192.0.2.2', port: 4500 },
    remote: { address: '198.51.100.9', port: 999, stream: 77 },
  })
  t.equal(saOf(lab, lab.b).remote.stream, 1)
})

t.test('RFC 9329, RFC 8229 §6: one connection, one IKE SA and what it is rekeyed into', async t => {
  const lab = pair({ tcp: 'always' })
  lab.run(1000)
  const { local, remote } = saOf(lab, lab.b)
  const init = lab.streams.sent[0]?.bytes
  if (init === undefined) return t.fail('nothing was sent')
  lab.feed(lab.b, { on: 'datagram', bytes: init, local, remote })
  t.match(lab.b.drops.at(-1), /^tcp-shared/)
})

t.test('RFC 9329, RFC 8229 §6: the connection is closed with its last IKE SA', async t => {
  const lab = pair({ tcp: 'always' })
  lab.run(1000)
  lab.feed(lab.a, { on: 'down', peer: 'B' })
  lab.run(5000)
  t.equal(lab.streams.standing, 0)
  t.same(
    lab.a.effects.flatMap(e => (e.do === 'stream-close' ? [e.stream] : [])),
    [2],
  )
})

t.test('RFC 8229 §9, §10: no fragments and no NAT keepalives in a stream', async t => {
  const lab = pair({ tcp: 'always', psk: 'x' }, { settings: { datagram4: 200 } })
  lab.run(60_000)
  t.equal(childOf(lab, 'a')?.encapsulation, 'tcp')
  t.ok(lab.streams.sent.every(s => !/SKF/.test(s.text)))
  t.ok([...lab.a.effects, ...lab.b.effects].every(e => e.do !== 'keepalive'))
})

t.test('UDP works again: the tunnel goes back to it, make before break', async t => {
  const lab = pair({}, { rule: noUdp })
  lab.run(5000)
  t.equal(childOf(lab, 'a')?.encapsulation, 'tcp')
  lab.run(50_000)
  t.same(lab.a.event('failed'), [], 'a look that finds UDP silent is no failure')
  t.equal(childOf(lab, 'a')?.encapsulation, 'tcp')
  lab.rule = () => undefined
  lab.run(240_000)
  t.equal(lab.a.children.size, 1)
  for (const name of ['a', 'b'] as const) {
    t.equal(childOf(lab, name)?.encapsulation, 'none', name)
    t.equal(lab[name].event('transport').at(-1)?.over, 'udp')
    const held = lab[name].effects.filter(e => e.do === 'child-install' || e.do === 'child-remove')
    const gap = held.findIndex((e, i) => e.do === 'child-remove' && i < 2)
    t.equal(gap, -1, 'the new child was there before the old one went')
  }
  t.equal(lab.streams.standing, 0, 'the connection is closed')
})

t.test('UDP dies in mid-life: the tunnel is over TCP seconds after the silence was noticed', async t => {
  const lab = pair()
  lab.run(5000)
  lab.rule = noUdp
  lab.run(30_000)
  const lost = lab.a.event('ike-down')[0]?.at ?? 0
  const back = lab.a.event('ike-up').at(-1)
  t.equal(back?.remote.stream, 2)
  t.ok((back?.at ?? 0) - lost < 5000, `${back?.at} after ${lost}`)
})

t.test('reauthentication of a session over TCP takes a connection of its own', async t => {
  const lab = pair({}, { rule: noUdp })
  lab.run(5000)
  lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
  lab.run(15_000)
  t.equal(saOf(lab, lab.a).remote.stream, 4)
  t.equal(lab.streams.standing, 1, 'and the old one is closed')
  t.equal(lab.a.children.size, 1)
})

t.test('UDP that dies between IKE_SA_INIT and IKE_AUTH is followed by TCP too', async t => {
  const lab = pair({}, { rule: d => (/IKE_AUTH/.test(d.text) ? [] : undefined) })
  lab.run(40_000)
  t.equal(childOf(lab, 'a')?.encapsulation, 'tcp')
})

t.test(
  'RFC 8229 §8: a peer with MOBIKE may go over to TCP and back; where TCP is not wanted, it may not',
  async t => {
    const mobike = { returnRoutability: true }
    const byStream = { address: '192.0.2.1', port: 40_001, stream: 1 }
    const lab = pair({ mobike })
    lab.run(1000)
    const update = [Wire.notify(NOTIFY.UPDATE_SA_ADDRESSES)]
    say(lab, lab.a, update, { from: byStream })
    t.same(saOf(lab, lab.b).remote, byStream)
    const moved = lab.b.effects.findLast(e => e.do === 'peer-moved')
    t.match(moved, { remote: byStream, encapsulation: 'tcp' }, 'ESP too')
    say(lab, lab.a, update, { from: { address: '192.0.2.1', port: 500 }, messageId: 3 })
    t.equal(saOf(lab, lab.b).remote.stream, undefined)

    const deaf = pair({ mobike, tcp: 'never' })
    deaf.run(1000)
    say(deaf, deaf.a, update, { from: byStream })
    t.equal(saOf(deaf, deaf.b).remote.stream, undefined)
    t.match(deaf.streams.sent.at(-1)?.text, /UNACCEPTABLE_ADDRESSES/)
  },
)

t.test('a session over TCP has no MOBIKE: it goes back to UDP by a new one', async t => {
  const lab = pair({ mobike: { returnRoutability: true } }, { rule: noUdp })
  lab.run(5000)
  t.ok(lab.streams.sent.length > 0)
  t.ok(lab.streams.sent.every(s => !/MOBIKE_SUPPORTED/.test(s.text)))
})
