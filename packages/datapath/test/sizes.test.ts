import { isDrop, Packet } from '@brunel/base'
import { Icmp, Ipv4 } from '@brunel/wire'
import t from 'tap'
import { hexOf, ipv4, ipv6 } from './packets.js'
import { HERE, pair, Router, saSpec, tunnelSpec } from './router.js'

const text = (bytes: Uint8Array): string => [...bytes].join('.')

t.test(
  'RFC 7588 §3.3.1.1, RFC 1191 §4: the source of what is too large is told, through the TUN it came from',
  async t => {
    const router = new Router().configure()
    const packet = ipv4({ length: 1500 })
    router.send(packet)
    const [error] = router.tun.written
    t.equal(error?.tun, 3)
    const bytes = error?.bytes ?? new Uint8Array()
    t.equal(text(bytes.slice(16, 20)), '10.1.0.9', 'to the source')
    t.equal(
      text(bytes.slice(12, 16)),
      '10.255.0.2',
      'from the far end: the kernel takes nothing that claims to be its own',
    )
    t.same(Icmp.parseV4(bytes.slice(20)), { type: 'too-big', mtu: 1400, quote: packet.slice(0, 548) })
  },
)

t.test('RFC 4443 §3.2: the same for IPv6', async t => {
  const router = new Router().configure()
  const packet = ipv6({ length: 1500 })
  router.send(packet)
  const bytes = router.tun.written[0]?.bytes ?? new Uint8Array()
  const message = Icmp.parseV6(bytes.slice(40), {
    source: bytes.slice(8, 24),
    destination: bytes.slice(24, 40),
  })
  t.same(message, { type: 'too-big', mtu: 1400, quote: packet.slice(0, 1232) })
  t.same(bytes.slice(24, 40), packet.slice(8, 24))
})

t.test(
  'RFC 4301 §6.2, §8.2.1: a "too big" that comes through the tunnel is delivered to its host',
  async t => {
    const [a, b] = pair()
    const told = ipv4({
      protocol: 1,
      payload: Icmp.emitV4({ type: 'too-big', mtu: 1300, quote: new Uint8Array(28) }),
    })
    t.same(b.receive(a.send(told), { remote: HERE }).map(hexOf), [hexOf(told)])
    t.same(b.said('too-big'), [], 'and is no news of the underlay')
  },
)

t.test('without an address of the far end the error comes from the destination', async t => {
  const router = new Router().configure({ ...tunnelSpec, farAddresses: ['fe80::2'] })
  router.send(ipv4({ length: 1500 }), ipv6({ length: 1500 }))
  const [v4, v6] = router.tun.written.map(w => w.bytes)
  t.equal(text(v4?.slice(12, 16) ?? new Uint8Array()), '10.7.0.9')
  t.equal(hexOf(v6?.slice(8, 24) ?? new Uint8Array()), 'fd070000000000000000000000000009')
})

t.test('RFC 1812 §4.3.2.7: nobody is told about an error or a multicast packet', async t => {
  const router = new Router().configure()
  const unreachable = Icmp.emitV4({ type: 'unreachable', code: 1, quote: new Uint8Array(1400) })
  router.send(ipv4({ protocol: 1, payload: unreachable }), ipv4({ length: 1500, destination: '224.0.0.5' }))
  t.same(router.tun.written, [])
  t.same(router.drops(), { 'tunnel-too-big': 2 })
})

t.test('RFC 4443 §2.4 (f): at most 100 errors a second', async t => {
  const router = new Router().configure()
  router.send(...Array.from({ length: 300 }, () => ipv4({ length: 1500 })))
  t.equal(router.tun.written.length <= 100, true)
  t.same(router.drops(), { 'tunnel-too-big': 300 })
})

t.test(
  'RFC 7588 §3.3.1.1: IPv4 with DF clear is fragmented before GRE, each piece in its own ESP packet',
  async t => {
    const [a, b] = pair()
    const packet = ipv4({ length: 3000 - 900, dontFragment: false })
    const sent = a.send(packet, ipv4())
    t.equal(sent.length, 3)
    const got = b.receive(sent, { remote: HERE })
    const pieces = got.filter(bytes => bytes.length !== 60)
    const data = new Uint8Array(packet.length - 20)
    for (const bytes of pieces) {
      const p = new Packet(bytes)
      const ip = Ipv4.open(p, 0)
      if (isDrop(ip)) return t.fail(ip)
      t.ok(Ipv4.checksumGood(p, ip))
      t.ok(bytes.length <= 1400)
      data.set(bytes.slice(20), Ipv4.fragmentOffset(p, ip))
    }
    t.same(data, packet.slice(20))
    t.same([a.drops(), b.drops()], [{}, {}])
  },
)

t.test('fragments that find no room in the batch are refused by name', async t => {
  const router = new Router().configure({ ...tunnelSpec, mtu: 68 })
  router.send(...Array.from({ length: 64 }, () => ipv4({ length: 1300, dontFragment: false })))
  const { 'tunnel-too-big': refused = 0, ...rest } = router.drops()
  t.ok(refused > 0)
  t.same(rest, {})
  t.equal(router.underlay.sent.length, (64 - refused) * Math.ceil(1280 / 48))
})

t.test('RFC 6040 §4.1, RFC 4301 §5.1.2.1: the underlay sees ECN and DSCP of the inner packet', async t => {
  for (const mode of ['tunnel', 'transport'] as const) {
    const router = new Router().configure(tunnelSpec, { ...saSpec, mode })
    router.send(ipv4({ tos: 0xb9 }), ipv6({ tos: 0x2a }), ipv4({ tos: 0x03 }))
    t.same(
      router.underlay.sent.map(s => s.tos),
      [0xb9, 0x2a, 0x03],
    )
  }
})

const MAY_FRAGMENT = 0x100
for (const [df, dscp, want] of [
  ['set', 'copy', [0xb9, 0xb9, 0x2a]],
  ['clear', 'copy', [0xb9 | MAY_FRAGMENT, 0xb9 | MAY_FRAGMENT, 0x2a | MAY_FRAGMENT]],
  ['copy', 'copy', [0xb9, 0xb9 | MAY_FRAGMENT, 0x2a]],
  ['set', 10, [0x29, 0x29, 0x2a]],
  ['copy', 0, [0x01, 0x01 | MAY_FRAGMENT, 0x02]],
] as const)
  t.test(`RFC 4301 §8.1, §5.1.2.1: DF ${df}, DSCP ${dscp}; ECN is copied always`, async t => {
    for (const mode of ['tunnel', 'transport'] as const) {
      const router = new Router().configure({ ...tunnelSpec, outer: { df, dscp } }, { ...saSpec, mode })
      router.send(ipv4({ tos: 0xb9 }), ipv4({ tos: 0xb9, dontFragment: false }), ipv6({ tos: 0x2a }))
      t.same(
        router.underlay.sent.map(s => s.tos),
        want,
        mode,
      )
    }
  })

t.test(
  'RFC 4301 §5.1.2, §5.1.2.1: the delivery header has TTL 64, DF, protocol 47, and the DSCP and ECN of the inner',
  async t => {
    const router = new Router().configure(tunnelSpec, { ...saSpec, ivLength: 0, counterIv: false }, saSpec)
    router.send(ipv4({ tos: 0xb9, ttl: 7 }))
    const masked = router.underlay.sent[0]?.bytes ?? new Uint8Array()
    const plain = masked.map((octet, i) => (i >= 16 ? octet ^ 0x5b : octet))
    t.equal(hexOf(plain.slice(8, 12)), '45b90054')
    t.equal(hexOf(plain.slice(14, 16)), '4000')
    t.equal(plain[16], 64)
    t.equal(plain[17], 47)
  },
)
