import { millis } from '@brunel/base'
import { StreamUnderlay, type TunnelSpec } from '@brunel/datapath'
import t from 'tap'
import { ipv4, ipv6 } from './packets.js'
import { HERE, mirrored, pair, type Router, saSpec, tunnelSpec } from './router.js'

/** The SA that is negotiated while the first one carries traffic. */
const next = { ...saSpec, sa: 6, spi: 0x80000001 }
const add = { do: 'inbound-add', sa: mirrored(next) } as const
const numbered: TunnelSpec = { ...tunnelSpec, gre: { key: 7, checksum: true, sequence: true } }
const MOST_HELD = 32
const PATIENCE = 500

/** The first router sends on the new SA, whose keys the second expects. */
function expecting(tunnel: TunnelSpec = tunnelSpec): [Router, Router] {
  const [a, b] = pair(tunnel)
  a.outbound.command({ do: 'outbound-use', sa: next })
  b.inbound.command({ do: 'esp-spi', spi: next.spi, ours: true })
  return [a, b]
}
const here = { remote: HERE }

t.test('RFC 7296 §2.8: ESP that comes before its keys is delivered when they are here', async t => {
  const [a, b] = expecting()
  const sent = [ipv4({ length: 100 }), ipv6({ length: 900 }), ipv4()]
  t.same(b.receive(a.send(...sent), { ...here, tos: 1 }), [])
  t.same(b.drops(), {})
  t.same(b.said('unknown-spi'), [])
  b.inbound.command(add)
  const came = b.receive([])
  t.same(
    came.map(packet => packet.length),
    sent.map(packet => packet.length),
  )
  t.same(b.drops(), {})
  t.same(b.said('sa-used'), [{ on: 'sa-used', sa: 6, spi: next.spi }])
  t.same(b.said('sa-source'), [], 'its address was kept')
})

t.test('nobody waits for what is due: the batch after the command is theirs', async t => {
  const [a, b] = expecting()
  b.receive(a.send(ipv4()), here)
  const asked: number[] = []
  const receive = b.underlay.receive.bind(b.underlay)
  b.underlay.receive = (batch, target, timeout) => {
    asked.push(timeout)
    return receive(batch, target, timeout)
  }
  b.inbound.command(add)
  t.equal(b.inbound.turn(millis(500)), 1)
  t.same(asked, [])
  t.equal(b.inbound.turn(millis(500)), 0)
  t.same(asked, [500])
})

t.test('RFC 2890 §2.2: what waited comes before what is newer, however the command arrives', async t => {
  for (const how of ['with the batch', 'in the middle of it'] as const) {
    const [a, b] = expecting(numbered)
    const [one, two, three, four] = a.send(ipv4(), ipv4(), ipv4(), ipv4()) as Uint8Array[]
    b.receive([one, two] as Uint8Array[], here)
    if (how === 'with the batch') {
      const receive = b.underlay.receive.bind(b.underlay)
      b.underlay.receive = (batch, target, timeout) => {
        b.inbound.command(add)
        return receive(batch, target, timeout)
      }
    } else {
      b.refresh = () => {
        b.inbound.command(add)
        return true
      }
    }
    t.equal(b.receive([three, four] as Uint8Array[], here).length, 4, how)
    t.same(b.drops(), {}, 'GRE numbers are in order')
  }
})

t.test('no more than 32 packets wait, and none longer than half a second', async t => {
  const [a, b] = expecting()
  const sent = a.send(...Array(MOST_HELD + 3).fill(ipv4()))
  b.receive(sent, here)
  t.same(b.drops(), { 'esp-unknown-spi': 3 })
  b.clock.advance(PATIENCE - 1)
  b.receive([])
  t.same(b.drops(), { 'esp-unknown-spi': 3 })
  b.clock.advance(1)
  b.receive([])
  t.same(b.drops(), { 'esp-unknown-spi': MOST_HELD + 3 })
  t.same(b.said('unknown-spi'), [], 'the peer did nothing wrong')
  b.receive(a.send(ipv4()), here)
  b.inbound.command(add)
  t.equal(b.receive([]).length, 1, 'the SPI is expected still')
})

t.test('an SPI that comes to nothing is a stranger’s, and what waited for it is dropped', async t => {
  const [a, b] = expecting()
  const [one, two] = a.send(ipv4(), ipv4()) as [Uint8Array, Uint8Array]
  b.receive([one], here)
  b.inbound.command({ do: 'esp-spi', spi: next.spi, ours: false })
  t.same(b.receive([]), [])
  t.same(b.drops(), { 'esp-unknown-spi': 1 })
  t.same(b.said('unknown-spi'), [])
  b.receive([two], here)
  t.same(b.drops(), { 'esp-unknown-spi': 2 })
  t.equal(b.said('unknown-spi').length, 1)
})

t.test('ESP of other SAs passes what waits; replayed packets wait and are refused once opened', async t => {
  const [a, b] = pair()
  b.inbound.command({ do: 'esp-spi', spi: next.spi, ours: true })
  const old = a.send(ipv4({ length: 60 }))
  a.outbound.command({ do: 'outbound-use', sa: next })
  const early = a.send(ipv4({ length: 80 }))
  t.equal(b.receive([...early, ...early, ...old], here).length, 1)
  b.inbound.command(add)
  t.equal(b.receive([]).length, 1)
  t.same(b.drops(), { 'esp-replay': 1 })
})

t.test('what does not fit beside a batch has the next one for itself', async t => {
  const [a, b] = expecting()
  b.receive(a.send(ipv4({ length: 1000 }), ipv4({ length: 1000 })), here)
  const [large] = a.send(ipv4()) as [Uint8Array]
  const receive = b.underlay.receive.bind(b.underlay)
  b.underlay.receive = (batch, target, timeout) => {
    b.inbound.command(add)
    const n = receive(batch, target, timeout)
    // A packet that fills all memory but a little.
    if (n > 0) batch.rows[1] = batch.bytes.length - batch.shape.headroom - 1100
    return n
  }
  b.receive([large], here)
  t.equal(b.tun.written.length, 2)
  t.same(b.drops(), { 'esp-integrity': 1 })
})

t.test('ESP that comes early by TCP waits like any other', async t => {
  const [a, b] = expecting()
  const door = {
    inUse: () => false,
    streamOf: () => 0,
    room: () => 0,
    post: () => undefined,
    collect: () => undefined,
    taken: () => undefined,
    corrupt: () => undefined,
  }
  b.rewire(new StreamUnderlay(b.underlay, door))
  b.inbound.command({ do: 'tunnel-set', tunnel: tunnelSpec })
  b.inbound.command({ do: 'esp-spi', spi: next.spi, ours: true })
  b.receive(a.send(ipv4()), { ...here, socket: 4 })
  t.same(b.drops(), {})
  b.inbound.command(add)
  t.equal(b.receive([]).length, 1)
})
