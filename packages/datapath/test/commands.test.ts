import { SOCKET } from '@brunel/datapath'
import t from 'tap'
import { hexOf, ipv4 } from './packets.js'
import { HERE, mirrored, pair, Router, saSpec, THERE, tunnelSpec } from './router.js'

const next = { ...saSpec, sa: 6, spi: 0xc0ffee02 }
const spiOf = (packet: Uint8Array | undefined): string => hexOf(packet?.slice(0, 4) ?? new Uint8Array())

t.test(
  'RFC 7296 §2.8: a rekeying loses nothing: the new SA receives before it sends, the old stays for a while',
  async t => {
    const [a, b] = pair()
    const old = a.send(ipv4())
    b.inbound.command({ do: 'inbound-add', sa: mirrored(next) })
    a.outbound.command({ do: 'outbound-use', sa: next })
    const fresh = a.send(ipv4())
    t.same([spiOf(old[0]), spiOf(fresh[0])], ['c0ffee01', 'c0ffee02'])
    t.equal(b.receive([...fresh, ...old], { remote: HERE }).length, 2)
    t.same(
      b.said('sa-used').map(e => e.sa),
      [6, 5],
    )
    a.outbound.command({ do: 'sa-remove', direction: 'outbound', sa: 5 })
    b.inbound.command({ do: 'sa-remove', direction: 'inbound', sa: 5 })
    t.same(a.said('released'), [{ on: 'released', direction: 'outbound', sa: 5 }])
    t.same(b.said('released'), [{ on: 'released', direction: 'inbound', sa: 5 }])
    t.equal(b.receive([...a.send(ipv4()), ...old], { remote: HERE }).length, 1)
    t.same(b.drops(), { 'esp-unknown-spi': 1 })
  },
)

t.test('an outbound SA that goes leaves the tunnel to the newest of the others', async t => {
  const router = new Router().configure()
  router.outbound.command({ do: 'outbound-use', sa: next })
  router.outbound.command({ do: 'sa-remove', direction: 'outbound', sa: 6 })
  t.equal(spiOf(router.send(ipv4())[0]), 'c0ffee01')
  router.outbound.command({ do: 'sa-remove', direction: 'outbound', sa: 5 })
  t.same(router.send(ipv4()), [])
  t.same(router.drops(), { 'tunnel-no-sa': 1 })
})

t.test('of three outbound SAs the two newest take over in turn', async t => {
  const router = new Router().configure()
  router.outbound.command({ do: 'outbound-use', sa: next })
  router.outbound.command({ do: 'outbound-use', sa: { ...saSpec, sa: 7, spi: 0xc0ffee03 } })
  router.outbound.command({ do: 'sa-remove', direction: 'outbound', sa: 7 })
  t.equal(spiOf(router.send(ipv4())[0]), 'c0ffee02')
})

t.test('the first authentic packet of an SA is told, once', async t => {
  const [a, b] = pair()
  const sent = a.send(ipv4(), ipv4(), ipv4())
  b.receive([(sent[0] as Uint8Array).with(40, 0)], { remote: HERE })
  t.same(b.said('sa-used'), [])
  b.receive(sent, { remote: HERE })
  t.same(b.said('sa-used'), [{ on: 'sa-used', sa: 5, spi: saSpec.spi }])
})

t.test(
  'RFC 4303 §2.2.1, §A2.2: an SA with ESN goes on across 2^32, both ways of the border in one window',
  async t => {
    const [, b] = pair()
    const at = (sequence: number, count: number): Uint8Array[] =>
      pair(tunnelSpec, { ...saSpec, sequence })[0].send(...Array.from({ length: count }, () => ipv4()))
    t.equal(b.receive(at(2 ** 31, 1), { remote: HERE }).length, 1, 'numbers are let to jump')
    const border = at(2 ** 32 - 4, 8)
    const mixed = [1, 5, 0, 3, 7, 2, 6, 4].map(i => border[i] as Uint8Array)
    t.equal(b.receive(mixed, { remote: HERE }).length, 8)
    t.equal(b.receive(border, { remote: HERE }).length, 0)
    t.same(b.drops(), { 'esp-replay': 8 })
    t.equal(b.counters.cells[b.counters.sa('inbound', 5) + 3], 2 ** 32 + 4)
  },
)

t.test('RFC 4303 §3.3.3: at the last number the SA stops: told, audited, dropped by name', async t => {
  const router = new Router().configure(tunnelSpec, { ...saSpec, esn: false, sequence: 2 ** 32 - 2 })
  t.equal(router.send(ipv4(), ipv4(), ipv4()).length, 1)
  t.same(router.drops(), { 'esp-sequence-exhausted': 2 })
  const told = { sa: 5, spi: saSpec.spi, limit: 'hard', why: 'sequence' }
  t.same(router.said('sa-limit'), [{ on: 'sa-limit', ...told }])
  const audit = {
    on: 'audit',
    drop: 'esp-sequence-exhausted',
    spi: saSpec.spi,
    seq: 2 ** 32 - 1,
    remote: THERE,
    local: undefined,
  }
  t.same(router.said('audit'), [audit, audit])
})

t.test('RFC 4106 §2, §3.1: an SA that is told to be used again goes on counting', async t => {
  const router = new Router().configure()
  router.send(ipv4())
  router.outbound.command({ do: 'outbound-use', sa: saSpec })
  t.equal(hexOf(router.send(ipv4())[0]?.slice(4, 16) ?? new Uint8Array()), '000000020000000000000002')
})

t.test('RFC 4303 §3.4.3: an SA that is added again keeps its replay window', async t => {
  const [a, b] = pair()
  const sent = a.send(ipv4())
  b.receive(sent, { remote: HERE })
  b.inbound.command({ do: 'inbound-add', sa: mirrored(saSpec) })
  t.same(b.receive(sent, { remote: HERE }), [])
  t.same(b.drops(), { 'esp-replay': 1 })
})

t.test(
  'a command that waits at the door is read before a packet of its SA is refused, once a batch',
  async t => {
    const [a, b] = pair(tunnelSpec, next)
    b.inbound.command({ do: 'sa-remove', direction: 'inbound', sa: 6 })
    let asked = 0
    b.refresh = () => {
      asked += 1
      b.inbound.command({ do: 'inbound-add', sa: mirrored(next) })
      return true
    }
    t.equal(b.receive(a.send(ipv4(), ipv4()), { remote: HERE }).length, 2)
    t.equal(asked, 1)
  },
)

t.test('a flood of unknown SPIs asks at the door once a batch', async t => {
  const router = new Router()
  let asked = 0
  router.refresh = () => {
    asked += 1
    return true
  }
  const packet = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1)
  router.receive(Array(64).fill(packet))
  t.equal(asked, 1)
})

t.test('a removal at the door waits until the batch is done: its rows still name the SA', async t => {
  const [a, b] = pair()
  const stranger = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1)
  b.refresh = () => {
    b.inbound.command({ do: 'sa-remove', direction: 'inbound', sa: 5 })
    t.same(b.said('released'), [])
    return true
  }
  const [first, second] = a.send(ipv4(), ipv4()) as [Uint8Array, Uint8Array]
  t.equal(b.receive([first, stranger, second], { remote: HERE }).length, 2)
  t.equal(b.said('released').length, 1)
})

t.test(
  'RFC 7296 §2.23: a new source is told after the ICV is good, until the control plane took note',
  async t => {
    const [a, b] = pair()
    const moved = { address: '203.0.113.9', port: 61000 }
    b.receive(a.send(ipv4()), { remote: HERE })
    t.same(b.said('sa-source'), [])
    const [one, two, three, four] = a.send(ipv4(), ipv4(), ipv4(), ipv4()) as Uint8Array[]
    b.receive([(one as Uint8Array).with(30, 0)], { remote: moved })
    t.same(b.said('sa-source'), [], 'a forged packet tells nothing')
    b.receive([two as Uint8Array], { remote: moved })
    b.receive([three as Uint8Array], { remote: moved })
    t.same(b.said('sa-source'), [{ on: 'sa-source', sa: 5, spi: saSpec.spi, remote: moved }])
    b.receive([one as Uint8Array], { remote: { address: '203.0.113.10', port: 1 } })
    t.equal(b.said('sa-source').length, 1, 'a late packet, kept back by somebody, turns nothing around')
    b.inbound.command({ do: 'sa-moved', sa: 5, remote: moved })
    b.clock.advance(5000)
    b.receive([four as Uint8Array], { remote: moved })
    t.equal(b.said('sa-source').length, 1)
  },
)

t.test('protocol 50 has no ports: there the address alone says where a packet came from', async t => {
  const [a, b] = pair()
  const from = (address: string) => ({ remote: { address, port: 0 }, socket: SOCKET.esp })
  b.receive(a.send(ipv4()), from(HERE.address))
  t.same(b.said('sa-source'), [])
  b.receive(a.send(ipv4()), from('203.0.113.9'))
  t.equal(b.said('sa-source').length, 1)
})

t.test('RFC 7296 §2.23, RFC 3948 §2.1: every SA receives in UDP and bare, at any time', async t => {
  const [a, b] = pair()
  const [one, two, three] = a.send(ipv4(), ipv4(), ipv4()) as Uint8Array[]
  const bare = { remote: { ...HERE, port: 0 }, socket: SOCKET.esp }
  t.equal(b.receive([one as Uint8Array], bare).length, 1)
  t.equal(b.receive([two as Uint8Array], { remote: HERE }).length, 1)
  t.equal(b.receive([three as Uint8Array], bare).length, 1)
  t.same(b.drops(), {})
})

t.test(
  'RFC 3948 §2.3, §4: a keepalive is no sign of life: it tells nothing and counts for no SA',
  async t => {
    const [, b] = pair()
    b.receive([Uint8Array.of(0xff)], { remote: { address: '203.0.113.9', port: 61000 } })
    t.same(b.events, [])
    t.equal(b.counters.cells[b.counters.sa('inbound', 5) + 2], 0)
  },
)

t.test('a source that nobody took note of is told again after a second', async t => {
  const [a, b] = pair()
  const moved = { address: '203.0.113.9', port: 61000 }
  b.receive(a.send(ipv4()), { remote: moved })
  b.clock.advance(1000)
  b.receive(a.send(ipv4()), { remote: moved })
  t.equal(b.said('sa-source').length, 2)
})

t.test(
  'RFC 4303 §3.4.4.1, §4: audited drops say SPI, number, source and destination, at most 10 a second for each reason',
  async t => {
    const [a, b] = pair()
    const sent = a.send(ipv4())
    const copies = Array.from({ length: 100 }, () => sent[0] as Uint8Array)
    b.receive([...copies], { remote: HERE })
    const audit = { on: 'audit', drop: 'esp-replay', spi: saSpec.spi, seq: 1, remote: HERE, local: HERE }
    t.same(b.said('audit'), Array(10).fill(audit))
    b.clock.advance(1000)
    b.receive([(sent[0] as Uint8Array).with(7, 2), ...copies], { remote: HERE })
    t.equal(b.said('audit').length, 21)
    t.equal(b.said('audit')[20]?.drop, 'esp-integrity')
  },
)

t.test('RFC 4303 §3.4.2: unknown SPIs are told, at most 10 a second', async t => {
  const router = new Router()
  const packet = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1)
  router.receive(Array(100).fill(packet), { socket: SOCKET.esp })
  t.same(router.said('unknown-spi'), Array(10).fill({ on: 'unknown-spi', spi: 0xdeadbeef, remote: THERE }))
  t.same(router.drops(), { 'esp-unknown-spi': 100 })
  const audit = { on: 'audit', drop: 'esp-unknown-spi', spi: 0xdeadbeef, seq: 1, remote: THERE, local: HERE }
  t.same(router.said('audit'), Array(10).fill(audit), 'RFC 4303 §3.4.2: an auditable event')
})

t.test('RFC 4301 §8.1: path MTU news go up, at most 100 a second', async t => {
  const router = new Router()
  const news = { remote: THERE, socket: SOCKET.udp4500, mtu: 1300, spi: 0 }
  router.underlay.news.push(...Array(300).fill(news))
  for (let i = 0; i < 5; i++) router.receive([])
  t.same(router.said('too-big'), Array(100).fill({ on: 'too-big', remote: THERE, spi: 0, mtu: 1300 }))
})

t.test(
  'RFC 2890 §2.2: a tunnel that changes its MTU keeps its sequence numbers; a restart begins anew',
  async t => {
    const gre = { key: undefined, checksum: false, sequence: true }
    const [a, b] = pair({ ...tunnelSpec, gre })
    b.receive(a.send(ipv4()), { remote: HERE })
    a.outbound.command({ do: 'tunnel-set', tunnel: { ...tunnelSpec, gre, mtu: 1300 } })
    t.equal(b.receive(a.send(ipv4()), { remote: HERE }).length, 1)
    a.outbound.command({ do: 'tunnel-restart', tun: 3 })
    t.equal(b.receive(a.send(ipv4()), { remote: HERE }).length, 0)
    t.same(b.drops(), { 'gre-out-of-order': 1 })
    a.outbound.command({ do: 'tunnel-restart', tun: 3 })
    b.inbound.command({ do: 'tunnel-restart', tun: 3 })
    t.equal(b.receive(a.send(ipv4()), { remote: HERE }).length, 1)
  },
)

t.test(
  'RFC 2890 §2.2: other addresses or a checksum leave the sequence numbers alone, another key does not',
  async t => {
    const gre = { key: 7, checksum: false, sequence: true }
    const [a, b] = pair({ ...tunnelSpec, gre })
    b.receive(a.send(ipv4(), ipv4()), { remote: HERE })
    const set = (change: Partial<typeof tunnelSpec>) =>
      a.outbound.command({ do: 'tunnel-set', tunnel: { ...tunnelSpec, gre, ...change } })
    set({ farAddresses: ['10.255.0.6'] })
    t.equal(b.receive(a.send(ipv4()), { remote: HERE }).length, 1)
    set({ gre: { ...gre, checksum: true } })
    t.equal(b.receive(a.send(ipv4()), { remote: HERE }).length, 1)
    set({ gre: { ...gre, key: 8 } })
    set({ gre })
    t.equal(b.receive(a.send(ipv4()), { remote: HERE }).length, 0, 'from 0 again')
    t.same(b.drops(), { 'gre-out-of-order': 1 })
  },
)

t.test('one batch mixes tunnels and SAs', async t => {
  const far = { ...mirrored(saSpec), tun: 8, sa: 9, spi: 0xc0ffee09 }
  const keyed = { ...tunnelSpec, tun: 8, name: 'gre8', gre: { ...tunnelSpec.gre, key: 8 } }
  const [a, b] = pair()
  a.configure(keyed, { ...mirrored(far), path: 2 })
  b.configure({ ...keyed, remoteAddress: HERE.address, farAddresses: [] }, saSpec, far)
  for (let i = 0; i < 6; i++) a.tun.waiting.push({ tun: i % 2 ? 8 : 3, bytes: ipv4({ tos: i << 2 }) })
  const sent = a.send()
  t.same(
    a.underlay.sent.map(s => s.path),
    [9, 2, 9, 2, 9, 2],
  )
  b.receive(sent, { remote: HERE })
  t.same(
    b.tun.written.map(w => [w.tun, w.bytes[1]]),
    [0, 1, 2, 3, 4, 5].map(i => [i % 2 ? 8 : 3, i << 2]),
  )
  t.same([a.drops(), b.drops()], [{}, {}])
})

t.test('stop is answered by each pump', async t => {
  const router = new Router().configure()
  router.outbound.command({ do: 'stop' })
  router.inbound.command({ do: 'stop' })
  t.same(router.events, [{ on: 'stopped' }, { on: 'stopped' }])
  t.same([router.outbound.stopped, router.inbound.stopped], [true, true])
})

t.test('each pump takes what concerns it and lets the rest pass', async t => {
  const router = new Router()
  for (const pump of [router.outbound, router.inbound]) {
    pump.command({ do: 'ike-spi', spi: '0123456789abcdef', ours: true })
    pump.command({ do: 'esp-spi', spi: 0x12345678, ours: true })
    pump.command({ do: 'sa-moved', sa: 99, remote: HERE })
    pump.command({ do: 'sa-remove', direction: pump === router.outbound ? 'inbound' : 'outbound', sa: 5 })
  }
  router.outbound.command({ do: 'inbound-add', sa: saSpec })
  router.inbound.command({ do: 'outbound-use', sa: saSpec })
  t.same(router.events, [])
})
