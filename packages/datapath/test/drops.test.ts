import { type Drop, isDrop, millis, Packet } from '@brunel/base'
import { SOCKET } from '@brunel/datapath'
import { Ipv4 } from '@brunel/wire'
import t from 'tap'
import { hex, hexOf, ipv4, ipv6 } from './packets.js'
import { HERE, pair, Router, saSpec, THERE, tunnelSpec } from './router.js'

/** The ways out: a packet of the host that must not leave, and the name it is counted by. */
for (const [title, change, packet, want] of [
  ['nothing that is IP', {}, hex('ffff'), 'ip-version'],
  ['no octet', {}, hex(''), 'ip-truncated'],
  ['an IPv4 packet that is cut off', {}, ipv4().slice(0, 59), 'ip-truncated'],
  ['an IPv6 packet that is cut off', {}, ipv6().slice(0, 59), 'ip-truncated'],
  ['an IPv4 header length below 20', {}, hex('44000014000000004006000000000000000000ff'), 'ip-header-length'],
  ['a TTL that has run out', {}, ipv4({ ttl: 0 }), 'ttl-expired'],
  ['a hop limit that has run out', {}, ipv6({ ttl: 0 }), 'ttl-expired'],
  ['RFC 7588 §3.3.1.1: IPv4 with DF beyond the MTU', {}, ipv4({ length: 1401 }), 'tunnel-too-big'],
  ['RFC 7676 §3.2: IPv6 beyond the MTU', {}, ipv6({ length: 1401 }), 'tunnel-too-big'],
  ['RFC 7676 §3.2: IPv6 while 1280 do not fit', { mtu: 1279 }, ipv6(), 'tunnel-ipv6-below-1280'],
  [
    'RFC 2003 §3.2: own ESP routed into the tunnel',
    {},
    ipv4({ destination: THERE.address, protocol: 50 }),
    'gre-loop',
  ],
  [
    'RFC 2003 §3.2: own ESP in UDP routed into the tunnel',
    {},
    ipv4({ destination: THERE.address, protocol: 17, payload: hex('11941194 000c0000 00000000') }),
    'gre-loop',
  ],
] as const) {
  t.test(`out: ${title}: ${want}`, async t => {
    const router = new Router().configure({ ...tunnelSpec, ...change })
    t.same(router.send(packet), [])
    t.same(router.drops(), { [want]: 1 })
    t.equal(router.send(ipv4()).length, 1, 'the tunnel lives on')
  })
}

t.test('out: a TUN without a tunnel: tunnel-down', async t => {
  const router = new Router()
  t.same(router.send(ipv4()), [])
  t.same(router.drops(), { 'tunnel-down': 1 })
})

t.test(
  'RFC 4301 §5.1: without an SA nothing leaves; the control plane is asked at most once a second',
  async t => {
    const router = new Router()
    router.outbound.command({ do: 'tunnel-set', tunnel: tunnelSpec })
    t.same(router.send(ipv4(), ipv4(), ipv6()), [])
    t.same(router.drops(), { 'tunnel-no-sa': 3 })
    t.same(router.said('acquire'), [{ on: 'acquire', tun: 3 }])
    router.clock.advance(999)
    router.send(ipv4())
    t.equal(router.said('acquire').length, 1)
    router.clock.advance(1)
    router.send(ipv4())
    t.equal(router.said('acquire').length, 2)
  },
)

t.test('out: an underlay that refuses: underlay-send, and nothing is counted as sent', async t => {
  const router = new Router().configure()
  router.underlay.refusing.add(9)
  router.send(ipv4())
  t.same(router.drops(), { 'underlay-send': 1 })
  t.equal(router.counters.cells[router.counters.sa('outbound', 5)], 0)
})

t.test('out: no room in the slot: underlay-room', async t => {
  const router = new Router().configure({ ...tunnelSpec, mtu: 9000 })
  router.send(ipv4({ length: 2304 - 128 - 8 }))
  t.same(router.drops(), { 'underlay-room': 1 })
  t.equal(router.send(ipv4()).length, 1)
})

t.test('RFC 4303 §3.3.3, RFC 4301 §4.4.2.1: an SA beyond its hard limit: esp-expired', async t => {
  const limits = { softBytes: 0, hardBytes: 0, softPackets: 1, hardPackets: 2 }
  const router = new Router().configure(tunnelSpec, { ...saSpec, limits })
  t.equal(router.send(ipv4(), ipv4(), ipv4(), ipv4()).length, 2)
  t.same(router.drops(), { 'esp-expired': 2 })
  const told = { on: 'sa-limit', sa: 5, spi: saSpec.spi, why: 'packets' }
  t.same(router.said('sa-limit'), [
    { ...told, limit: 'soft' },
    { ...told, limit: 'hard' },
  ])
})

/** A packet as it stands on the wire. */
const [sender] = pair()
const genuine = sender.send(ipv4())[0] as Uint8Array
const flipped = (at: number): Uint8Array =>
  genuine.with(at < 0 ? genuine.length + at : at, genuine.at(at)! ^ 1)

for (const [title, socket, packet, want] of [
  ['RFC 4301 §5.2, §4.4.1: GRE in the clear', SOCKET.gre, hex('00000800'), 'gre-clear'],
  ['RFC 3948 §2.3: a keepalive', SOCKET.udp4500, hex('ff'), 'nat-keepalive'],
  ['another single octet', SOCKET.udp4500, hex('fe'), 'esp-truncated'],
  ['an empty datagram', SOCKET.udp4500, hex(''), 'esp-truncated'],
  [
    'RFC 4303 §2.1: an SPI of the reserved range',
    SOCKET.udp4500,
    hex('000000ff00000001'),
    'esp-spi-reserved',
  ],
  ['RFC 4303 §2.1: the SPI 0 on protocol 50', SOCKET.esp, hex('0000000000000001'), 'esp-spi-reserved'],
  ['RFC 4303 §3.4.2: an SPI that nobody has', SOCKET.esp, hex('deadbeef00000001'), 'esp-unknown-spi'],
  ['an ESP packet without room for its ICV', SOCKET.esp, genuine.slice(0, 30), 'esp-truncated'],
  ['RFC 4303 §3.4.4: a changed ICV', SOCKET.esp, flipped(-1), 'esp-integrity'],
  ['RFC 4303 §3.4.4: a changed octet of the payload', SOCKET.esp, flipped(20), 'esp-integrity'],
  ['RFC 4303 §3.4.4: a changed sequence number', SOCKET.esp, flipped(6), 'esp-integrity'],
  [
    'RFC 4303 §A2.2: a number before the first',
    SOCKET.esp,
    hex(`c0ffee01 fffffff0 ${'00'.repeat(28)}`),
    'esp-before-window',
  ],
  ['an IKE message without its header', SOCKET.udp500, hex('00'), 'ike-truncated'],
  ['an IKE message behind the marker without its header', SOCKET.udp4500, hex('0000000000'), 'ike-truncated'],
] as const) {
  t.test(`in: ${title}: ${want}`, async t => {
    const [, router] = pair()
    t.same(router.receive([packet], { socket, remote: HERE }), [])
    t.same(router.drops(), { [want]: 1 })
    t.equal(router.receive([genuine], { remote: HERE }).length, 1, 'the tunnel lives on')
  })
}

t.test('RFC 4303 §3.4.3: a copy in another batch, and in the same: esp-replay', async t => {
  const [, router] = pair()
  t.equal(router.receive([genuine, genuine], { remote: HERE }).length, 1)
  t.equal(router.receive([genuine], { remote: HERE }).length, 0)
  t.same(router.drops(), { 'esp-replay': 2 })
  t.equal(router.counters.cells[router.counters.sa('inbound', 5) + 4], 2)
})

t.test('RFC 4303 §3.4.3: left of the window: esp-before-window', async t => {
  const sa = { ...saSpec, esn: false, replayWindow: 32 }
  const [a, b] = pair(tunnelSpec, sa)
  const sent = a.send(...Array.from({ length: 40 }, () => ipv4()))
  b.receive(sent.slice(1), { remote: HERE })
  t.same(b.receive(sent.slice(0, 1), { remote: HERE }), [])
  t.same(b.drops(), { 'esp-before-window': 1 })
})

t.test('RFC 4303 §3.4.3: forged numbers far ahead blind nobody', async t => {
  const [, router] = pair()
  router.receive([genuine.with(4, 0x7f)], { remote: HERE })
  t.equal(router.receive([genuine], { remote: HERE }).length, 1)
  t.same(router.drops(), { 'esp-integrity': 1 })
})

const other = (address: string) => ({ ...saSpec, remoteDelivery: address })
const outer = {
  localStart: '0.0.0.0',
  localEnd: '255.255.255.255',
  remoteStart: '0.0.0.0',
  remoteEnd: '255.255.255.255',
}

for (const [title, sending, receiving, want] of [
  ['RFC 4301 §5.2: a destination outside the selectors', other('203.0.113.1'), saSpec, 'esp-selectors'],
  [
    'RFC 7676 §4.1: inside the selectors, but not the end points of the tunnel',
    other('203.0.113.1'),
    { ...saSpec, selectors: [{ ...outer, protocol: 47 }] },
    'gre-endpoints',
  ],
  [
    'RFC 7676 §4.1: inside the selectors, but from another end point',
    { ...saSpec, localDelivery: '203.0.113.1' },
    { ...saSpec, selectors: [{ ...outer, protocol: 47 }] },
    'gre-endpoints',
  ],
  [
    'RFC 4301 §5.2: between the end points, which the selectors leave out',
    saSpec,
    { ...saSpec, selectors: [{ ...outer, localStart: '255.0.0.0', protocol: 47 }] },
    'esp-selectors',
  ],
  [
    'transport mode where tunnel mode is agreed',
    { ...saSpec, mode: 'transport' as const },
    saSpec,
    'esp-next-header',
  ],
  [
    'tunnel mode where transport mode is agreed',
    saSpec,
    { ...saSpec, mode: 'transport' as const },
    'esp-next-header',
  ],
  [
    'RFC 4301 §5.2: GRE in transport mode under selectors for UDP',
    { ...saSpec, mode: 'transport' as const },
    { ...saSpec, mode: 'transport' as const, selectors: [{ ...outer, protocol: 17 }] },
    'esp-selectors',
  ],
] as const) {
  t.test(`in: ${title}: ${want}`, async t => {
    const [a] = pair(tunnelSpec, sending)
    const [, b] = pair(tunnelSpec, receiving)
    t.same(b.receive(a.send(ipv4()), { remote: HERE }), [])
    t.same(b.drops(), { [want]: 1 })
    t.equal(b.said('audit').length, want === 'esp-selectors' ? 1 : 0)
  })
}

const keyed = (key: number | undefined) => ({ ...tunnelSpec, gre: { ...tunnelSpec.gre, key } })
for (const [title, near, far, packet, want] of [
  ['RFC 2890 §2.1: a key where none is agreed', keyed(1), keyed(undefined), ipv4(), 'gre-key-unexpected'],
  ['RFC 2890 §2.1: no key', keyed(undefined), keyed(1), ipv4(), 'gre-key-missing'],
  ['RFC 2890 §2.1: another key', keyed(0), keyed(1), ipv4(), 'gre-key-mismatch'],
  [
    'RFC 2784 §3.1: for the far end itself',
    tunnelSpec,
    tunnelSpec,
    ipv4({ destination: '10.255.0.1' }),
    'gre-to-far-end',
  ],
] as const) {
  t.test(`in: ${title}: ${want}`, async t => {
    const [a] = pair(near)
    const [, b] = pair(far)
    t.same(b.receive(a.send(packet), { remote: HERE }), [])
    t.same(b.drops(), { [want]: 1 })
  })
}

t.test('in: a tunnel that was removed: tunnel-down', async t => {
  const [, router] = pair()
  router.inbound.command({ do: 'tunnel-remove', tun: 3 })
  t.same(router.receive([genuine], { remote: HERE }), [])
  t.same(router.drops(), { 'tunnel-down': 1 })
})

t.test('in: a TUN that refuses: tunnel-write', async t => {
  const [, router] = pair()
  router.tun.refusing.add(3)
  router.receive([genuine], { remote: HERE })
  t.same(router.drops(), { 'tunnel-write': 1 })
  t.equal(router.counters.cells[router.counters.tunnel('inbound', 3)], 0)
})

/** ECN of the inner header, of what the underlay marks. */
for (const [inner, outer, want] of [
  [0, 3, 'ecn-congestion-lost'],
  [2, 3, 3],
  [1, 3, 3],
  [2, 1, 1],
  [1, 2, 1],
  [3, 0, 3],
  [0, 1, 0],
] as const) {
  for (const mode of ['tunnel', 'transport'] as const) {
    for (const family of [4, 6] as const) {
      t.test(
        `RFC 6040 §4.2: IPv${family} with ECN ${inner}, underlay ${outer}, ${mode} mode: ${want}`,
        async t => {
          const [a, b] = pair(tunnelSpec, { ...saSpec, mode })
          const packet = (ecn: number) => (family === 4 ? ipv4 : ipv6)({ tos: 0xb8 | ecn })
          const got = b.receive(a.send(packet(inner)), { remote: HERE, tos: outer })
          t.same(got.map(hexOf), want === 'ecn-congestion-lost' ? [] : [hexOf(packet(want))])
          t.same(b.drops(), want === 'ecn-congestion-lost' ? { [want]: 1 } : {})
        },
      )
    }
  }
}

/** Past the ICV: the sealers do nothing, so that a test can write what an authentic peer encloses. */
const open = { seal: () => undefined, open: () => undefined }

/** An authentic packet whose delivery header was changed, its checksum made right again. */
function enclosed(inner: Uint8Array, change: (delivery: Packet) => void): Uint8Array {
  const [near] = pair(tunnelSpec, saSpec, () => open)
  const bytes = near.send(inner)[0] as Uint8Array
  const p = new Packet(bytes, 16)
  change(p)
  const ip = Ipv4.open(p, 16)
  if (!isDrop(ip)) Ipv4.setChecksum(p, ip)
  return bytes
}

t.test('RFC 4303 §2.6: an authentic dummy is discarded in silence and counted: esp-dummy', async t => {
  const [near] = pair(tunnelSpec, saSpec, () => open)
  const [, router] = pair(tunnelSpec, saSpec, () => open)
  const bytes = near.send(ipv4())[0] as Uint8Array
  const nextHeader = bytes.length - 16 - 1
  t.same(router.receive([bytes.with(nextHeader, 59)], { remote: HERE }), [])
  t.same(router.drops(), { 'esp-dummy': 1 })
  t.same(router.said('audit'), [])
  t.equal(router.counters.cells[router.counters.sa('inbound', 5)], 1, 'an authentic packet of the SA')
})

t.test('RFC 4303 §3.4.4.1: authentic padding that does not count 1, 2, 3 is refused', async t => {
  const [near] = pair(tunnelSpec, saSpec, () => open)
  const [, router] = pair(tunnelSpec, saSpec, () => open)
  // 20 + 4 + 64 octets and two of trailer need two of padding.
  const bytes = near.send(ipv4({ length: 64 }))[0] as Uint8Array
  const padding = bytes.length - 16 - 2 - (bytes.at(-18) as number)
  t.equal(bytes[padding], 1)
  t.same(router.receive([bytes.with(padding, 9)], { remote: HERE }), [])
  t.same(router.drops(), { 'esp-padding': 1 })
})

t.test('RFC 4303 §3.4.3: a copy is refused before its ICV is looked at', async t => {
  const [, router] = pair()
  router.receive([genuine], { remote: HERE })
  router.receive([flipped(-1)], { remote: HERE })
  t.same(router.drops(), { 'esp-replay': 1 })
})

t.test(
  'RFC 2784 §2.4: unknown protocol types are counted each for itself, as far as there is room',
  async t => {
    const [, router] = pair(tunnelSpec, anyProtocol, () => open)
    const of = (type: number) => enclosed(ipv4(), p => p.view.setUint16(36 + 2, type))
    const receive = (type: number, number: number) =>
      router.receive([of(type).with(7, number)], { remote: HERE })
    receive(0x6558, 1)
    receive(0x8847, 2)
    receive(0x6558, 3)
    t.same(router.counters.protocolTypes(), [
      { type: 0x6558, packets: 2 },
      { type: 0x8847, packets: 1 },
    ])
    for (let i = 0; i < 20; i++) receive(i, 4 + i)
    const all = router.counters.protocolTypes()
    t.equal(all.length, 16)
    t.same(all.at(-1), { type: undefined, packets: 7 })
    t.same(router.drops(), { 'gre-protocol-type': 23 })
  },
)

const anyProtocol = { ...saSpec, selectors: [{ ...outer, protocol: 0 }] }

for (const [title, change, want] of [
  ['RFC 2784 §4: not GRE, under selectors for anything', p => p.view.setUint8(16 + 9, 17), 'ip-protocol'],
  ['RFC 4303 §3.4.1: a fragment', p => p.view.setUint8(16 + 6, 0x20), 'ip-fragment'],
  ['RFC 2784 §2.3.1: GRE of version 1', p => p.view.setUint8(36 + 1, 1), 'gre-version'],
  ['RFC 2784 §2.4: GRE with another protocol', p => p.view.setUint16(36 + 2, 0x6558), 'gre-protocol-type'],
  ['a payload of another family', p => p.view.setUint16(36 + 2, 0x86dd), 'gre-payload-mismatch'],
  ['a payload without TTL', p => p.view.setUint8(40 + 8, 0), 'ttl-expired'],
] as [string, (p: Packet) => void, Drop][]) {
  t.test(`in: from an authentic peer: ${title}: ${want}`, async t => {
    const [, router] = pair(tunnelSpec, anyProtocol, () => open)
    t.same(router.receive([enclosed(ipv4(), change)], { remote: HERE }), [])
    t.same(router.drops(), { [want]: 1 })
    t.equal(router.said('audit').length, want === 'ip-fragment' ? 1 : 0)
  })
}

t.test(
  'RFC 6040 §4.2: congestion marked on the delivery header reaches the inner one, or its drop',
  async t => {
    const ce = (p: Packet) => p.view.setUint8(17, p.view.getUint8(17) | 3)
    const [, router] = pair(tunnelSpec, saSpec, () => open)
    t.same(router.receive([enclosed(ipv4({ tos: 2 }), ce)], { remote: HERE }).map(hexOf), [
      hexOf(ipv4({ tos: 3 })),
    ])
    const [, other] = pair(tunnelSpec, saSpec, () => open)
    other.receive([enclosed(ipv4(), ce)], { remote: HERE })
    t.same(other.drops(), { 'ecn-congestion-lost': 1 })
  },
)

t.test('octets behind the length of an inner packet are not carried', async t => {
  for (const packet of [ipv4(), ipv6()]) {
    const [a, b] = pair()
    t.same(b.receive(a.send(Uint8Array.of(...packet, 1, 2, 3)), { remote: HERE }).map(hexOf), [hexOf(packet)])
    t.equal(a.counters.cells[a.counters.tunnel('outbound', 3) + 1], 60)
  }
})

t.test('an empty turn does nothing', async t => {
  const router = new Router()
  t.equal(router.outbound.turn(millis(0)), 0)
  t.equal(router.inbound.turn(millis(0)), 0)
  t.same(router.events, [])
})
