import { instant, isDrop, type Millis, millis, Packet } from '@brunel/base'
import { type Batch, TUNNEL_COUNTER } from '@brunel/datapath'
import { FakeTun } from '@brunel/datapath/fakes'
import { Relay, tunnelPort } from '@brunel/ospf-relay'
import { Ipv4 } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { hexOf, type IpOptions, ipv4, ipv6 } from './packets.js'
import { HERE, pair, Router, saSpec, THERE, tunnelSpec } from './router.js'

const hello: IpOptions = { protocol: 89, ttl: 1, tos: 0xc0, destination: '224.0.0.5' }

/** `near` sends, `far` has a relay for OSPF. */
function relayed(tunnel = tunnelSpec): [Router, Router] {
  const [near, far] = pair(tunnel)
  far.inbound.command({ do: 'relay-set', tun: 3, kinds: ['ospf'] })
  return [near, far]
}

const relay = (router: Router, packet: Uint8Array, tun = 3): void =>
  router.outbound.command({ do: 'relay-send', tun, packet })

/** One batch; what left, and what of it is the relay's at the far end. */
function turn(near: Router, far: Router): { left: number; order: string } {
  const before = near.underlay.sent.length
  near.outbound.turn(millis(0))
  const sent = near.underlay.sent.slice(before).map(s => s.bytes)
  const order = sent.map(bytes => {
    const told = far.said('relay').length
    const got = far.receive([bytes], { remote: HERE })
    return got.length > 0 ? 't' : far.said('relay').length > told ? 'r' : '-'
  })
  return { left: sent.length, order: order.join('') }
}

t.test('what one relay sends comes to the other octet by octet, at once and in order', async t => {
  const [near, far] = relayed()
  const packets = [
    ipv4(hello),
    ipv4({ ...hello, length: 1400, tos: 0 }),
    ipv6({ ...hello, source: 'fe80::1', destination: 'ff02::5' }),
  ]
  for (const packet of packets) relay(near, packet)
  t.same(far.receive(near.send(), { remote: HERE }), [])
  t.same(
    far.said('relay').map(({ packet }) => hexOf(packet)),
    packets.map(hexOf),
  )
  const cell = near.counters.tunnel('outbound', 3)
  t.equal(near.counters.cells[cell + TUNNEL_COUNTER.packets], 3)
  t.equal(near.counters.cells[cell + TUNNEL_COUNTER.bytes], 1520)
  t.equal(near.counters.cells[near.counters.sa('outbound', 5)], 3)
  t.same([near.drops(), far.drops()], [{}, {}])
})

t.test('it leaves in the batch that is read next, in front of what came from the TUN', async t => {
  const [near, far] = relayed()
  for (let i = 0; i < 5; i++) near.tun.waiting.push({ tun: 3, bytes: ipv4({ length: 100 + i }) })
  relay(near, ipv4(hello))
  relay(near, ipv4(hello))
  t.same(turn(near, far), { left: 7, order: 'rrttttt' })
  t.same(
    far.tun.written.map(({ bytes }) => bytes.length),
    [100, 101, 102, 103, 104],
  )
})

t.test('a burst holds the TUN up in no batch', async t => {
  const [near, far] = relayed()
  for (let i = 0; i < 200; i++) near.tun.waiting.push({ tun: 3, bytes: ipv4() })
  for (let i = 0; i < 200; i++) relay(near, ipv4(hello))
  t.same(turn(near, far), { left: 160, order: 'r'.repeat(96) + 't'.repeat(64) })
  t.same(turn(near, far), { left: 160, order: 'r'.repeat(96) + 't'.repeat(64) })
  t.same(turn(near, far), { left: 72, order: 'r'.repeat(8) + 't'.repeat(64) })
})

/** A super-packet of small segments fills all rows whatever is asked for. */
class Crammed extends FakeTun {
  reads: Millis[] = []

  override read(batch: Batch, _target: number, timeout: Millis): number {
    this.reads.push(timeout)
    return super.read(batch, batch.shape.rows, timeout)
  }
}

function crammed(): [Router, Router, Crammed] {
  const [near, far] = relayed()
  const tun = new Crammed()
  const wired = near as { tun: FakeTun }
  wired.tun = tun
  near.rewire(near.underlay)
  near.configure()
  return [near, far, tun]
}

t.test('behind a batch that was full the relay has one for itself', async t => {
  const [near, far, tun] = crammed()
  for (let i = 0; i < 600; i++) tun.waiting.push({ tun: 3, bytes: ipv4() })
  relay(near, ipv4(hello))
  t.same(turn(near, far), { left: 256, order: 't'.repeat(256) })
  t.same(turn(near, far), { left: 1, order: 'r' })
  t.equal(tun.reads.length, 1)
  t.equal(turn(near, far).left, 256)
  relay(near, ipv4(hello))
  t.equal(turn(near, far).left, 89, '88 packets of the TUN are left')
  t.same(near.drops(), {})
})

t.test('while something waits nobody waits for the TUN', async t => {
  const [near, far, tun] = crammed()
  near.outbound.turn(millis(500))
  relay(near, ipv4(hello))
  t.equal(near.outbound.turn(millis(500)), 1)
  near.outbound.turn(millis(500))
  t.same(tun.reads, [500, 0, 500])
  t.equal(far.receive([near.underlay.sent.at(-1)?.bytes as Uint8Array], { remote: HERE }).length, 0)
  t.equal(far.said('relay').length, 1)
})

t.test('a tunnel that goes takes with it what waits, and its index may serve another at once', async t => {
  const [near, , tun] = crammed()
  for (let i = 0; i < 256; i++) tun.waiting.push({ tun: 3, bytes: ipv4() })
  relay(near, ipv4(hello))
  near.outbound.turn(millis(0))
  relay(near, ipv4(hello), 3)
  near.outbound.command({ do: 'tunnel-remove', tun: 4 })
  near.outbound.command({ do: 'tunnel-remove', tun: 3 })
  near.outbound.command({ do: 'tunnel-set', tunnel: tunnelSpec })
  t.same(near.drops(), { 'tunnel-down': 2 })
  tun.waiting.push({ tun: 3, bytes: ipv4() })
  t.equal(near.outbound.turn(millis(0)), 1)
  t.equal(near.underlay.sent.length, 257)
})

t.test('no tunnel, no SA, nothing that is IP, no neighbour: the drops of all packets', async t => {
  const bare = new Router()
  relay(bare, ipv4(hello))
  bare.outbound.command({ do: 'tunnel-set', tunnel: tunnelSpec })
  relay(bare, ipv4(hello))
  t.same(bare.send(), [])
  t.same(bare.drops(), { 'tunnel-down': 1, 'tunnel-no-sa': 1 })
  t.same(bare.said('acquire'), [{ on: 'acquire', tun: 3 }])
  const router = new Router().configure({ ...tunnelSpec, mtu: 1279 })
  for (const packet of [
    Uint8Array.of(0xff),
    new Uint8Array(),
    new Uint8Array(4000),
    ipv4({ ...hello, ttl: 0 }),
    ipv4({ ...hello, ttl: 0, length: 4000 }),
    ipv4({ ...hello, destination: THERE.address, protocol: 47, length: 4000 }),
    ipv6({ ...hello, source: 'fe80::1', destination: 'ff02::5' }),
    ipv6({ ...hello, source: 'fe80::1', destination: 'ff02::5', length: 1400 }),
  ])
    relay(router, packet)
  t.same(router.send(), [])
  t.same(router.drops(), {
    'ip-version': 2,
    'ip-truncated': 1,
    'ttl-expired': 2,
    'gre-loop': 1,
    'tunnel-ipv6-below-1280': 2,
  })
  t.equal(router.send(ipv4()).length, 1, 'the tunnel lives on')
})

for (const [what, packet, out] of [
  ['unicast that was one hop from its end', ipv4({ ...hello, destination: '10.7.0.9' }), 0],
  ['a group', ipv4({ ...hello, ttl: 9 }), 0],
  ['OSPFv3 to a group', ipv6({ ...hello, destination: 'ff02::5' }), 0],
  ['a session over several hops', ipv4({ ...hello, ttl: 2, destination: '10.7.0.9' }), 1],
  ['what this router says itself', ipv4({ ...hello, source: '10.255.0.1' }), 1],
  ['what is not relayed', ipv4({ ...hello, protocol: 103, destination: '224.0.0.13' }), 1],
  ['a large one that is none', ipv4({ length: 1900, dontFragment: false }), 2],
] as const)
  t.test(
    `(policy): routed into a tunnel with a relay: ${what}: ${out ? 'leaves' : 'relay-routed'}`,
    async t => {
      const router = new Router().configure()
      router.outbound.command({ do: 'relay-set', tun: 3, kinds: ['ospf'] })
      relay(router, ipv4({ ...hello, length: 2000, destination: '10.7.0.9' }))
      t.equal(router.send(packet).length, 2 + out, 'besides what the relay sends')
      t.same(router.drops(), out ? {} : { 'relay-routed': 1 })
      router.outbound.command({ do: 'relay-set', tun: 3, kinds: [] })
      t.ok(router.send(packet).length > 0, 'without a relay it is a packet like others')
    },
  )

t.test('more than a pump keeps: relay-queue-full', async t => {
  const [near, far] = relayed()
  for (let i = 0; i < 4100; i++) relay(near, ipv4(hello))
  t.same(near.drops(), { 'relay-queue-full': 4 })
  t.equal(near.send().length, 4096)
  t.equal(turn(near, far).left, 0)
})

/** `length at offset` of what came out. */
const pieces = (packets: readonly Uint8Array[]): string[] =>
  packets.map(bytes => {
    const p = new Packet(bytes)
    const ip = Ipv4.open(p, 0)
    return isDrop(ip) ? ip : `${Ipv4.totalLength(p, ip)} at ${Ipv4.fragmentOffset(p, ip)}`
  })

for (const [length, want] of [
  [1401, ['1396 at 0', '25 at 1376']],
  [2000, ['1396 at 0', '624 at 1376']],
  [4000, ['1396 at 0', '1396 at 1376', '1248 at 2752']],
] as const)
  for (const dontFragment of [true, false]) {
    t.test(
      `RFC 791 §3.2: OSPF of ${length} octets ${dontFragment ? 'with' : 'without'} DF crosses in pieces`,
      async t => {
        const [near, far] = relayed()
        near.tun.waiting.push({ tun: 3, bytes: ipv4({ length: 500 }) })
        relay(near, ipv4({ ...hello, length, dontFragment }))
        t.same(pieces(far.receive(near.send(), { remote: HERE })), ['500 at 0'])
        t.same(pieces(far.said('relay').map(({ packet }) => packet)), want)
        t.same([near.drops(), far.drops()], [{}, {}])
      },
    )
  }

t.test('RFC 8200 §4.5: OSPFv3 likewise, and whatever is cut is joined at the far end as it was', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        six: fc.boolean(),
        length: fc.integer({ min: 100, max: 9000 }),
        mtu: fc.integer({ min: 1280, max: 3000 }),
      }),
      fc.boolean(),
      fc.infiniteStream(fc.nat()),
      async ({ six, length, mtu }, dontFragment, order) => {
        const [near, far] = relayed({ ...tunnelSpec, mtu })
        const payload = content(length)
        const packet = six
          ? ipv6({ ...hello, source: 'fe80::1', destination: 'ff02::5', payload })
          : ipv4({ ...hello, payload, dontFragment })
        relay(near, packet)
        far.receive(near.send(), { remote: HERE })
        const came = far.said('relay').map(event => event.packet)
        const shuffled = came
          .map(bytes => ({ bytes, at: order.next().value as number }))
          .sort((a, b) => a.at - b.at)
        const machine = new Relay({ group: 'test', id: '00000000000000aa' })
        const settings = {
          tunnel: 'x',
          far: 'x',
          multicast: [],
          bfd: false,
          failFast: false,
          forward: false,
        } as const
        machine.handle(instant(0), { on: 'tunnel-set', settings })
        machine.handle(instant(0), { on: 'tunnel-state', tunnel: 'x', carries: true })
        for (let s = 0; s <= 3; s++) machine.handle(instant(s * 1000), { on: 'tick' })
        const left = shuffled.flatMap(({ bytes }) =>
          machine.handle(instant(3001), { on: 'packet', port: tunnelPort('x'), packet: bytes }),
        )
        const sent = left.flatMap(effect => (effect.do === 'send' ? [hexOf(effect.packet)] : []))
        return came.every(bytes => bytes.length <= mtu) && sent.length === 1 && sent[0] === hexOf(packet)
      },
    ),
  )
})

/** OSPF of this many octets; what it says is of no concern. */
function content(length: number): Uint8Array {
  const payload = Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff)
  payload.set([2, 4, length >> 8, length & 0xff])
  return payload
}

t.test(
  'RFC 8200 §4.5: what must come before a fragment header, or is cut already, stays whole or is dropped',
  async t => {
    const router = new Router().configure()
    for (const protocol of [0, 43, 44])
      relay(router, ipv6({ ...hello, protocol, length: 1401, source: 'fe80::1', destination: 'ff02::5' }))
    t.same(router.send(ipv4({ length: 1402 })), [])
    t.same(router.drops(), { 'tunnel-too-big': 4 })
    t.equal(router.tun.written.length, 1, 'the host is told of its own')
  },
)

t.test('what no slot holds crosses in pieces that it does, although the tunnel would take more', async t => {
  const [near, far] = relayed({ ...tunnelSpec, mtu: 9000 })
  relay(near, ipv4({ ...hello, length: 3000 }))
  far.receive(near.send(), { remote: HERE })
  t.equal(far.said('relay').length, 2)
})

t.test('octets behind the end of a packet do not make it too large', async t => {
  const [near, far] = relayed()
  const packet = new Uint8Array(3000)
  packet.set(ipv4(hello))
  relay(near, packet)
  far.receive(near.send(), { remote: HERE })
  t.equal(hexOf(far.said('relay')[0]?.packet ?? new Uint8Array()), hexOf(ipv4(hello)))
})

for (const [title, outer, want] of [
  ['copied', undefined, 0xc0],
  ['that of the tunnel', { df: 'set', dscp: 46 }, 46 << 2],
] as const) {
  t.test(`RFC 4301 §5.1.2.1: the outer DSCP is ${title}`, async t => {
    const router = new Router().configure({ ...tunnelSpec, ...(outer && { outer }) }, saSpec)
    relay(router, ipv4(hello))
    router.send()
    t.same(
      router.underlay.sent.map(({ tos }) => tos),
      [want],
    )
  })
}
