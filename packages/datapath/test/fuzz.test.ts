import { DROP_NAMES, type Drop, millis } from '@brunel/base'
import { SOCKET } from '@brunel/datapath'
import fc from 'fast-check'
import t from 'tap'
import { ipv4, ipv6 } from './packets.js'
import { HERE, mirrored, pair, Router, saSpec, THERE, tunnelSpec } from './router.js'

/**
 * Garbage in: no exception, and each packet comes out, goes up or is counted as a drop, once. Nearly valid on purpose:
 * random octets die at the first check and prove nothing.
 */

const total = (router: Router): number =>
  DROP_NAMES.reduce((sum, name) => sum + (router.drops()[name as Drop] ?? 0), 0)

/** Some octets of a good packet changed, or its end cut off or made longer. */
const damaged = (good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      good,
      fc.array(fc.tuple(fc.nat(120), fc.constantFrom(0, 1, 4, 0x20, 0x40, 0x60, 0x80, 0xff)), {
        maxLength: 4,
      }),
      fc.option(fc.nat(150), { nil: undefined }),
    )
    .map(([bytes, changes, length]) => {
      const out = new Uint8Array(length ?? bytes.length)
      out.set(bytes.subarray(0, out.length))
      for (const [at, value] of changes) if (at < out.length) out[at] = value
      return out
    })

const inner = fc.constantFrom(
  ipv4(),
  ipv6(),
  ipv4({ protocol: 6, length: 44 }),
  ipv6({ protocol: 6, length: 64 }),
  ipv6({ protocol: 0, length: 100 }),
  ipv4({ length: 1900, dontFragment: false }),
  ipv4({ destination: THERE.address, protocol: 17 }),
  ipv4({ destination: '224.0.0.5', protocol: 89, ttl: 1 }),
  ipv4({ length: 4000, dontFragment: false }),
)

t.test('out: whatever the host or a relay sends', async () => {
  fc.assert(
    fc.property(
      fc.array(damaged(inner), { maxLength: 20 }),
      fc.constantFrom(68, 1279, 1280, 1400),
      fc.nat(20),
      (packets, mtu, relayed) => {
        const router = new Router().configure({ ...tunnelSpec, mtu })
        for (const packet of packets.slice(0, relayed))
          router.outbound.command({ do: 'relay-send', tun: 3, packet })
        for (const bytes of packets.slice(relayed)) router.tun.waiting.push({ tun: 3, bytes })
        while (router.outbound.turn(millis(0)) > 0);
        return (
          total(router) <= packets.length && router.underlay.sent.length + total(router) >= packets.length
        )
      },
    ),
    { numRuns: 300 },
  )
})

const ike = Uint8Array.of(0, 0, 0, 0, ...Array(16).fill(1), 0x21, 0x20, 0x22, 8, 0, 0, 0, 0, 0, 0, 0, 28)
const [sender] = pair()
const espPackets = sender.send(ipv4(), ipv6(), ipv4({ length: 1300 }), ipv4({ tos: 2 }))
const wire = fc.constantFrom(ike, ike.slice(4), Uint8Array.of(0xff), ...espPackets)
const datagram = fc.record({
  bytes: damaged(wire),
  socket: fc.constantFrom(...Object.values(SOCKET), SOCKET.udp4500, 77),
  tos: fc.nat(255),
  remote: fc.constantFrom(HERE, THERE, { address: '2001:db8::9', port: 9 }),
})

t.test('in: whatever the underlay brings', async () => {
  fc.assert(
    fc.property(fc.array(datagram, { maxLength: 20 }), datagrams => {
      const [, router] = pair()
      for (const d of datagrams) router.underlay.arriving.push({ ...d, local: HERE })
      while (router.inbound.turn(millis(0)) > 0);
      return total(router) + router.said('ike').length + router.tun.written.length === datagrams.length
    }),
    { numRuns: 500 },
  )
})

/** Past the ICV: the sealer lets everything through, so that what lies behind it is reached. */
const open = { seal: () => undefined, open: () => undefined }

t.test('in: whatever an authentic peer encloses', async t => {
  const any = {
    localStart: '0.0.0.0',
    localEnd: '255.255.255.255',
    remoteStart: '0.0.0.0',
    remoteEnd: '255.255.255.255',
  }
  for (const mode of ['tunnel', 'transport'] as const) {
    const sa = {
      ...saSpec,
      mode,
      replayWindow: 1024,
      selectors: [...saSpec.selectors, { ...any, protocol: 0 }],
    }
    const hello = { protocol: 89, ttl: 1, source: 'fe80::1', destination: 'ff02::5' }
    // With a checksum nearly all damage ends at GRE, without it goes on.
    const enclosed = [true, false].flatMap(checksum => {
      const [near] = pair({ ...tunnelSpec, gre: { key: 7, checksum, sequence: checksum } }, sa, () => open)
      return near.send(
        ipv4(),
        ipv6(),
        ipv4({ protocol: 6, length: 44 }),
        ipv4({ protocol: 89, ttl: 1 }),
        ipv6(hello),
        ipv6({ ...hello, protocol: 51, payload: Uint8Array.of(89, 4, ...new Uint8Array(66)) }),
      )
    })
    let up = 0
    fc.assert(
      fc.property(fc.array(damaged(fc.constantFrom(...enclosed)), { maxLength: 8 }), packets => {
        const far = { ...tunnelSpec, gre: { key: 7, checksum: false, sequence: false } }
        const router = new Router(open).configure(far, sa, mirrored(sa))
        router.inbound.command({ do: 'relay-set', tun: 3, kinds: ['ospf', 'rip'] })
        const got = router.receive(
          packets.map((bytes, i) => (bytes.length < 8 ? bytes : bytes.with(7, i + 1))),
          { remote: HERE },
        )
        up += router.said('relay').length
        return got.length + router.said('relay').length + total(router) === packets.length
      }),
      { numRuns: 500 },
    )
    t.ok(up > 9, `${up} went up`)
  }
})
