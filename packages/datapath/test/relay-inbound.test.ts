import { instant, isDrop, Packet } from '@brunel/base'
import { RELAY_BEACON, TUNNEL_COUNTER } from '@brunel/datapath'
import { type Kind, Relay, tunnelPort } from '@brunel/ospf-relay'
import { Ipv4 } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { RelayIntake } from '../src/relay-intake.js'
import { hexOf, type IpOptions, ipv4, ipv6 } from './packets.js'
import { HERE, mirrored, pair, type Router, saSpec, tunnelSpec } from './router.js'

const ALL: readonly Kind[] = ['ospf', 'bfd', 'pim', 'rip', 'eigrp', 'vrrp']

/** A router with a relay on its tunnel, and the one at the far end. */
function relayed(kinds: readonly Kind[] = ALL, tunnel = tunnelSpec): [Router, Router] {
  const [near, far] = pair(tunnel)
  far.inbound.command({ do: 'relay-set', tun: 3, kinds })
  return [near, far]
}

const udp = (port: number, length = 8): Uint8Array =>
  Uint8Array.of(0x12, 0x34, port >>> 8, port & 0xff, 0, length, 0, 0).slice(0, length)

const hex = ({ packet }: { packet: Uint8Array }): string => hexOf(packet)

const LINK = { source: 'fe80::1:2' }
const hello4: IpOptions = { protocol: 89, ttl: 1, tos: 0xc0, destination: '224.0.0.5' }
const hello6: IpOptions = { protocol: 89, ttl: 1, tos: 0xc0, destination: 'ff02::5', ...LINK }
/** RFC 4302 §2.2: 24 octets, then OSPF. */
const behindAh = (next: number): IpOptions => ({
  ...hello6,
  protocol: 51,
  payload: Uint8Array.of(next, 4, ...new Uint8Array(22), ...new Uint8Array(44)),
})
const fragmentHeader = (next: number, offset: number, more: boolean): Uint8Array =>
  Uint8Array.of(next, 0, 0, offset | (more ? 1 : 0), 0, 0, 0, 1, ...new Uint8Array(64))

/** IPv4 with these flags and this fragment offset. */
function inPieces(o: IpOptions, word: number): Uint8Array {
  const bytes = ipv4(o)
  const p = new Packet(bytes)
  p.view.setUint16(6, word)
  const ip = Ipv4.open(p, 0)
  if (!isDrop(ip)) Ipv4.setChecksum(p, ip)
  return bytes
}

const rip = { protocol: 17, payload: udp(520) }
const bfd = { protocol: 17, payload: udp(3784), ttl: 255 }
const beacon = { protocol: 17, payload: udp(RELAY_BEACON.port) }

for (const [title, kind, packet] of [
  ['OSPF to all routers', 'ospf', ipv4(hello4)],
  ['OSPF to the designated ones', 'ospf', ipv4({ ...hello4, destination: '224.0.0.6' })],
  ['OSPF with a TTL that the relay refuses by name', 'ospf', ipv4({ ...hello4, ttl: 2 })],
  ['RFC 2328 §A.1: unicast of an adjacency', 'ospf', ipv4({ protocol: 89, ttl: 1 })],
  ['OSPFv3 to all routers', 'ospf', ipv6(hello6)],
  ['OSPFv3 to the designated ones', 'ospf', ipv6({ ...hello6, destination: 'ff02::6' })],
  ['OSPFv3 unicast, whatever its hop limit', 'ospf', ipv6({ protocol: 89, ttl: 64, ...LINK })],
  ['OSPFv3 behind AH', 'ospf', ipv6(behindAh(89))],
  ['the first fragment of OSPF', 'ospf', inPieces(hello4, 0x2000)],
  ['a later fragment of OSPF', 'ospf', inPieces(hello4, 0x0003)],
  ['the first of OSPFv3', 'ospf', ipv6({ ...hello6, protocol: 44, payload: fragmentHeader(89, 0, true) })],
  ['a later one of OSPFv3', 'ospf', ipv6({ ...hello6, protocol: 44, payload: fragmentHeader(89, 8, false) })],
  [
    'a later one of OSPFv3 behind AH',
    'ospf',
    ipv6({ ...hello6, protocol: 44, payload: fragmentHeader(51, 8, false) }),
  ],
  [
    'OSPFv3 from what begins like an address of the far router',
    'ospf',
    ipv6({ ...hello6, source: 'aff:1::9' }),
  ],
  ['BFD control', 'bfd', ipv4(bfd)],
  ['BFD echo', 'bfd', ipv4({ ...bfd, payload: udp(3785) })],
  ['BFD over IPv6', 'bfd', ipv6({ ...bfd, ...LINK })],
  ['PIM', 'pim', ipv4({ protocol: 103, destination: '224.0.0.13' })],
  ['PIM over IPv6', 'pim', ipv6({ protocol: 103, destination: 'ff02::d', ...LINK })],
  ['RIP', 'rip', ipv4({ ...rip, destination: '224.0.0.9' })],
  ['RIP to one', 'rip', ipv4(rip)],
  ['RIPng', 'rip', ipv6({ protocol: 17, payload: udp(521), destination: 'ff02::9', ...LINK })],
  ['EIGRP', 'eigrp', ipv4({ protocol: 88, destination: '224.0.0.10' })],
  ['EIGRP to one', 'eigrp', ipv4({ protocol: 88 })],
  ['EIGRP over IPv6', 'eigrp', ipv6({ protocol: 88, destination: 'ff02::a', ...LINK })],
  ['VRRP', 'vrrp', ipv4({ protocol: 112, destination: '224.0.0.18', ttl: 255 })],
  ['VRRP over IPv6', 'vrrp', ipv6({ protocol: 112, destination: 'ff02::12', ttl: 255, ...LINK })],
] as const) {
  t.test(`${title} goes up where ${kind} is the relay's, and to the TUN where it is not`, async t => {
    const [near, far] = relayed([kind])
    t.same(far.receive(near.send(packet), { remote: HERE }), [])
    t.same(far.said('relay').map(hex), [hexOf(packet)])
    t.equal(far.said('relay')[0]?.tun, 3)
    far.inbound.command({ do: 'relay-set', tun: 3, kinds: ALL.filter(other => other !== kind) })
    t.same(far.receive(near.send(packet), { remote: HERE }).map(hexOf), [hexOf(packet)])
    far.inbound.command({ do: 'relay-set', tun: 3, kinds: [] })
    t.same(far.receive(near.send(packet), { remote: HERE }).map(hexOf), [hexOf(packet)])
    t.equal(far.said('relay').length, 1)
    t.same([near.drops(), far.drops()], [{}, {}])
  })
}

for (const [title, packet] of [
  ['a beacon', ipv4({ ...beacon, destination: RELAY_BEACON.ipv4 })],
  ['a beacon in IPv6', ipv6({ ...beacon, destination: RELAY_BEACON.ipv6 })],
  [
    'a beacon from the address of the far router',
    ipv4({ ...beacon, destination: RELAY_BEACON.ipv4, source: '10.255.0.1' }),
  ],
] as const) {
  t.test(`${title} goes up with any kind, and to the TUN without relay`, async t => {
    const [near, far] = relayed(['pim'])
    t.same(far.receive(near.send(packet), { remote: HERE }), [])
    t.same(far.said('relay').map(hex), [hexOf(packet)])
    far.inbound.command({ do: 'relay-set', tun: 3, kinds: [] })
    t.equal(far.receive(near.send(packet), { remote: HERE }).length, 1)
  })
}

for (const [title, packet] of [
  ['TCP', ipv4({ protocol: 6, length: 44 })],
  ['UDP to another port', ipv4({ protocol: 17, payload: udp(53) })],
  ['UDP without its header', ipv4({ protocol: 17, payload: udp(520, 7), destination: '224.0.0.9' })],
  ['TCP in IPv6', ipv6({ protocol: 6, length: 64 })],
  ['RFC 2328 §A.1: OSPF over a virtual link', ipv4({ protocol: 89, ttl: 64 })],
  ['RFC 5340 §2.5: OSPFv3 over a virtual link', ipv6({ protocol: 89, ttl: 1 })],
  ['OSPF to another group', ipv4({ ...hello4, destination: '224.0.0.9' })],
  ['OSPFv3 to another group', ipv6({ ...hello6, destination: 'ff05::5' })],
  ['RFC 5881 §5: BFD from farther away', ipv4({ ...bfd, ttl: 254 })],
  ['BFD to a group', ipv4({ ...bfd, destination: '224.0.0.5' })],
  ['PIM to one', ipv4({ protocol: 103 })],
  ['VRRP to one', ipv6({ protocol: 112, ...LINK })],
  ['a datagram to the port of beacons', ipv4(beacon)],
  ['IGMP', ipv4({ protocol: 2, destination: '224.0.0.22', ttl: 1 })],
  ['AH before something else', ipv6(behindAh(58))],
  ['the first fragment of UDP', inPieces({ ...rip, destination: '224.0.0.9' }, 0x2000)],
  ['a fragment of UDP in IPv6', ipv6({ protocol: 44, payload: fragmentHeader(17, 8, false), ...LINK })],
  ['a fragment of OSPF over a virtual link', inPieces({ protocol: 89, ttl: 64 }, 0x2000)],
  ["a fragment of the far router's own", inPieces({ ...hello4, source: '10.255.0.1' }, 0x2000)],
  ['a broken chain of headers', ipv6({ ...hello6, protocol: 0, payload: Uint8Array.of(89, 200, 0, 0) })],
  ["OSPF of the far router's own", ipv4({ ...hello4, source: '10.255.0.1' })],
  ["OSPFv3 of the far router's own", ipv6({ ...hello6, source: 'fd00:7::1' })],
] as const) {
  t.test(`${title} goes to the TUN although there is a relay`, async t => {
    const [near, far] = relayed()
    t.same(far.receive(near.send(packet), { remote: HERE }).map(hexOf), [hexOf(packet)])
    t.same(far.said('relay'), [])
    t.same(far.drops(), {})
  })
}

t.test('whatever the machine carries comes up, and what comes up it carries or refuses by name', async t => {
  const machine = new Relay({ group: 'test', id: '00000000000000aa' })
  const tunnel = { tunnel: 'x', far: 'x', multicast: ['pim', 'rip', 'eigrp', 'vrrp'], bfd: true } as const
  machine.handle(instant(0), { on: 'tunnel-set', settings: { ...tunnel, failFast: false, forward: false } })
  // A tunnel that was just set is down: the last thing that is asked of a packet that could be carried.
  const verdict = (packet: Uint8Array): string =>
    machine
      .handle(instant(0), { on: 'packet', port: tunnelPort('x'), packet })
      .map(effect => (effect.do === 'drop' ? effect.drop : effect.do))
      .join()
  const intake = new RelayIntake(ALL)
  const ours = new Set(['relay-not-carrying', 'relay-ttl', 'relay-source'])
  const options = {
    protocol: fc.constantFrom(89, 17, 103, 88, 112, 6, 51, 2),
    ttl: fc.constantFrom(1, 2, 64, 255),
    port: fc.constantFrom(520, 521, 3784, 3785, 53),
  }
  const group = fc.constantFrom(5, 6, 9, 10, 13, 18)
  const v4 = fc.record({
    ...options,
    source: fc.constantFrom('10.1.0.9', '0.0.0.0', '224.0.0.1'),
    destination: fc.oneof(
      fc.constant('10.7.0.9'),
      group.map(n => `224.0.0.${n}`),
    ),
  })
  const v6 = fc.record({
    ...options,
    source: fc.constantFrom('fe80::1', 'fd01::9'),
    destination: fc.oneof(
      fc.constantFrom('fe80::2', 'fd07::9'),
      group.map(n => `ff02::${(n === 18 ? 0x12 : n).toString(16)}`),
    ),
  })
  const ospf4 = Uint8Array.of(2, 1, 0, 24, ...new Uint8Array(8), 0xfd, 0xe6, ...new Uint8Array(10))
  const ospf6 = Uint8Array.of(3, 1, 0, 16, ...new Uint8Array(12))
  let carried = 0
  const check = (packet: Uint8Array): boolean => {
    const said = verdict(packet)
    const taken = intake.takes(new Packet(packet), [])
    if (said === 'relay-not-carrying') carried += 1
    return taken ? ours.has(said) : said !== 'relay-not-carrying'
  }
  const body = (ospf: Uint8Array, { protocol, port }: { protocol: number; port: number }): Uint8Array =>
    protocol === 89 ? ospf : protocol === 17 ? udp(port) : new Uint8Array(24)
  fc.assert(
    fc.property(v4, o => check(ipv4({ ...o, payload: body(ospf4, o) }))),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(v6, o => check(ipv6({ ...o, payload: body(ospf6, o) }))),
    { numRuns: 2000 },
  )
  t.ok(carried > 200, `${carried} of 4000`)
  t.comment(`${carried} of 4000 were carried`)
})

t.test('the tunnel counts what goes up, and so does its SA', async t => {
  const [near, far] = relayed()
  const { counters } = far
  far.receive(near.send(ipv4(hello4), ipv4(), ipv4(hello4)), { remote: HERE })
  const cell = counters.tunnel('inbound', 3)
  t.equal(counters.cells[cell + TUNNEL_COUNTER.packets], 3)
  t.equal(counters.cells[cell + TUNNEL_COUNTER.bytes], 180)
  t.equal(counters.cells[cell + TUNNEL_COUNTER.lastAt], far.clock.now())
  t.equal(counters.cells[counters.sa('inbound', 5)], 3)
  t.same(far.tun.written.length, 1)
})

t.test('what goes up is a copy without what lay behind the packet', async t => {
  const [near, far] = relayed()
  const hello = ipv4(hello4)
  far.receive(near.send(Uint8Array.of(...hello, 7, 7, 7)), { remote: HERE })
  far.inboundBatch.bytes.fill(0x5a)
  const packet = far.said('relay')[0]?.packet
  t.equal(packet && hexOf(packet), hexOf(hello))
  t.equal(packet?.buffer.byteLength, hello.length)
})

t.test('all checks of a packet that is bound for the TUN come first', async t => {
  const keyed = { ...tunnelSpec, gre: { ...tunnelSpec.gre, key: 7 } }
  const [near, far] = relayed(ALL, keyed)
  near.outbound.command({ do: 'tunnel-set', tunnel: tunnelSpec })
  far.receive(near.send(ipv4(hello4)), { remote: HERE })
  near.outbound.command({ do: 'tunnel-set', tunnel: keyed })
  const sent = near.send(ipv4(hello4), ipv4({ ...hello4, ttl: 0 }), ipv4(hello4))
  far.receive([sent[0] as Uint8Array], { remote: HERE, tos: 0xc3 })
  far.receive([(sent[1] as Uint8Array).with(-1, 0)], { remote: HERE })
  t.same(far.said('relay'), [])
  t.same(far.drops(), { 'gre-key-missing': 1, 'ecn-congestion-lost': 1, 'esp-integrity': 1 })
})

t.test('a flood fills no mailbox: 2048 at once, then 2 a millisecond, each tunnel for itself', async t => {
  const [near, far] = relayed()
  const other = { ...mirrored(saSpec), tun: 8, sa: 9, spi: 0xc0ffee09 }
  near.configure({ ...tunnelSpec, tun: 8 }, { ...mirrored(other), path: 2 })
  far.configure({ ...tunnelSpec, tun: 8, farAddresses: [] }, saSpec, other)
  far.inbound.command({ do: 'relay-set', tun: 8, kinds: ['ospf'] })
  const flood = near.send(...Array.from({ length: 2100 }, () => ipv4(hello4)))
  far.receive(flood, { remote: HERE })
  t.equal(far.said('relay').length, 2048)
  t.same(far.drops(), { 'relay-queue-full': 52 })
  const cells = far.counters.cells
  const cell = far.counters.tunnel('inbound', 3)
  t.equal(cells[cell + TUNNEL_COUNTER.packets], 2048)
  t.equal(cells[cell + TUNNEL_COUNTER.refused], 0, 'the tunnel is as it should be')
  t.equal(far.receive(near.send(ipv4()), { remote: HERE }).length, 1, 'other traffic goes on')
  near.tun.waiting.push({ tun: 8, bytes: ipv4(hello4) })
  far.receive(near.send(), { remote: HERE })
  t.equal(far.said('relay').at(-1)?.tun, 8, 'and so does the relay of another tunnel')
  far.clock.advance(5)
  far.receive(near.send(...Array.from({ length: 20 }, () => ipv4(hello4))), { remote: HERE })
  t.equal(far.said('relay').length, 2048 + 1 + 10)
})

t.test('a relay stays while its tunnel changes, and goes with it', async t => {
  const [near, far] = relayed()
  const tunnel = { ...tunnelSpec, mtu: 1300, farAddresses: ['10.255.0.77'], remoteAddress: HERE.address }
  far.inbound.command({ do: 'tunnel-set', tunnel })
  far.receive(near.send(ipv4(hello4), ipv4({ ...hello4, source: '10.255.0.77' })), { remote: HERE })
  t.equal(far.said('relay').length, 1)
  far.inbound.command({ do: 'tunnel-remove', tun: 3 })
  far.inbound.command({ do: 'relay-set', tun: 3, kinds: ALL })
  far.inbound.command({ do: 'tunnel-set', tunnel })
  t.equal(far.receive(near.send(ipv4(hello4)), { remote: HERE }).length, 1, 'without a tunnel it is nothing')
  t.equal(far.said('relay').length, 1)
})

t.test('what a routing process on the router sends into the TUN leaves as ever', async t => {
  const [near] = relayed()
  near.inbound.command({ do: 'relay-set', tun: 3, kinds: ALL })
  near.outbound.command({ do: 'relay-set', tun: 3, kinds: ALL })
  t.equal(near.send(ipv4({ ...hello4, source: '10.255.0.1' })).length, 1)
  t.same(near.said('relay'), [])
})
