import { Checksum } from '@brunel/wire'
import t from 'tap'
import { hexOf, ipv4, ipv6, syn, tcpSum } from './packets.js'
import { HERE, pair, saSpec, THERE, toySealer, tunnelSpec } from './router.js'

const v6 = (text: string): string =>
  text.replace('192.0.2.1', '2001:db8::1').replace('198.51.100.7', '2001:db8::7')
const deliveryV6 = {
  ...saSpec,
  localDelivery: v6(HERE.address),
  remoteDelivery: v6(THERE.address),
  selectors: [
    {
      localStart: v6(HERE.address),
      localEnd: v6(HERE.address),
      remoteStart: v6(THERE.address),
      remoteEnd: v6(THERE.address),
      protocol: 47,
    },
  ],
}

for (const [innerName, inner] of [
  ['IPv4', ipv4({ tos: 0xb8 })],
  ['IPv6', ipv6({ tos: 0xb8 })],
] as const) {
  for (const [deliveryName, sa, length] of [
    ['IPv4', saSpec, 20],
    ['IPv6', deliveryV6, 40],
  ] as const) {
    for (const mode of ['tunnel', 'transport'] as const) {
      for (const [optionName, gre, optionLength] of [
        ['no option', { key: undefined, checksum: false, sequence: false }, 0],
        ['a key', { key: 7, checksum: false, sequence: false }, 4],
        ['a checksum', { key: undefined, checksum: true, sequence: false }, 4],
        ['a sequence number', { key: undefined, checksum: false, sequence: true }, 4],
        ['all of them', { key: 0, checksum: true, sequence: true }, 12],
      ] as const) {
        const title = `${innerName} in GRE with ${optionName} in ${mode} mode, delivered by ${deliveryName}`
        t.test(`RFC 2784 §2, RFC 7676 §3, RFC 4303 §3.1: ${title}: arrives as it was sent`, async t => {
          const [a, b] = pair({ ...tunnelSpec, gre }, { ...sa, mode })
          const sent = a.send(inner, inner)
          t.equal(sent.length, 2)
          const plain = inner.length + 4 + optionLength + (mode === 'tunnel' ? length : 0)
          t.equal(sent[0]?.length, 16 + Math.ceil((plain + 2) / 4) * 4 + 16)
          t.same(
            a.underlay.sent.map(s => [s.path, s.tos]),
            [
              [9, 0xb8],
              [9, 0xb8],
            ],
          )
          t.same(b.receive(sent, { remote: HERE }).map(hexOf), [hexOf(inner), hexOf(inner)])
          t.same(a.drops(), {})
          t.same(b.drops(), {})
          t.same(
            b.tun.written.map(w => w.tun),
            [3, 3],
          )
        })
      }
    }
  }
}

t.test(
  'RFC 2328 §A.1: OSPF crosses untouched: multicast, TTL 1, precedence 6, which the underlay sees too',
  async t => {
    const hello = ipv4({ destination: '224.0.0.5', protocol: 89, ttl: 1, tos: 0xc0 })
    const hello6 = ipv6({ source: 'fe80::1', destination: 'ff02::5', protocol: 89, ttl: 1, tos: 0xc0 })
    const [a, b] = pair()
    t.same(b.receive(a.send(hello, hello6), { remote: HERE }).map(hexOf), [hexOf(hello), hexOf(hello6)])
    t.same(
      a.underlay.sent.map(s => s.tos),
      [0xc0, 0xc0],
    )
  },
)

t.test('AES-CBC: 16 octets of IV that are the sealer’s, blocks of 16', async t => {
  const sa = { ...saSpec, ivLength: 16, blockLength: 16, counterIv: false }
  const [a, b] = pair(tunnelSpec, sa, () => toySealer(24))
  const sent = a.send(ipv4())
  t.equal(((sent[0]?.length ?? 0) - 8 - 16) % 16, 0)
  t.same(b.receive(sent, { remote: HERE }).map(hexOf), [hexOf(ipv4())])
})

t.test('RFC 4303 §3.4.3: packets out of order inside the window all arrive', async t => {
  const [a, b] = pair()
  const sent = a.send(...Array.from({ length: 8 }, (_, i) => ipv4({ tos: i << 2 })))
  const mixed = [3, 0, 1, 7, 2, 5, 4, 6].map(i => sent[i] as Uint8Array)
  t.equal(b.receive(mixed, { remote: HERE }).length, 8)
  t.same(b.drops(), {})
})

for (const [family, limit] of [
  [4, 1360],
  [6, 1340],
] as const) {
  t.test(
    `RFC 1624 §3: the MSS of an IPv${family} SYN is lowered on both ways, the checksum stays right`,
    async t => {
      const [a, b] = pair({ ...tunnelSpec, mss: { ipv4: 0, ipv6: 0 } })
      a.configure()
      const sent = a.send(syn(family, 1460))
      for (const [name, got] of [
        ['on the way out', b.receive(sent, { remote: HERE })[0]],
        ['on the way in', pairIn(family)],
      ] as const) {
        const mss = got && ((got.at(-2) as number) << 8) | (got.at(-1) as number)
        t.equal(mss, limit, name)
        t.ok(got && Checksum.good(tcpSum(got)), name)
      }
      t.equal(a.counters.cells[a.counters.tunnel('outbound', 3) + 2], 1)
    },
  )
}

/** Sent without clamping, received with. */
function pairIn(family: 4 | 6): Uint8Array | undefined {
  const [a, b] = pair({ ...tunnelSpec, mss: { ipv4: 0, ipv6: 0 } })
  b.configure({ ...tunnelSpec, remoteAddress: HERE.address })
  return b.receive(a.send(syn(family, 1460)), { remote: HERE })[0]
}

t.test('counters of tunnel and SA, both ways', async t => {
  const [a, b] = pair()
  const inner = ipv4({ length: 61 })
  b.receive(a.send(inner, inner), { remote: HERE })
  for (const [router, direction] of [
    [a, 'outbound'],
    [b, 'inbound'],
  ] as const) {
    const { cells } = router.counters
    const tunnel = router.counters.tunnel(direction, 3)
    const sa = router.counters.sa(direction, 5)
    t.same([...cells.slice(tunnel, tunnel + 4)], [2, 122, 0, 1000], `${direction} tunnel`)
    t.same([...cells.slice(sa, sa + 6)], [2, 2 * 88, 1000, 2, 0, 0], `${direction} SA`)
  }
})
