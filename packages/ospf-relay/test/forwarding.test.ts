import { hex, octets } from '@brunel/base/testing'
import t from 'tap'
import { hello, ip, ospf, type Router, udp } from './packets.js'
import { Rig } from './rig.js'

const A: Router = { address: '10.9.0.1', id: '1.1.1.1' }
const B: Router = { address: '10.9.0.2', id: '2.2.2.2' }
const C: Router = { address: '10.9.0.3', id: '3.3.3.3' }
const A6: Router = { address: 'fe80::a', id: '1.1.1.1' }
const B6: Router = { address: 'fe80::b', id: '2.2.2.2' }

t.test(
  'RFC 2328 §8.1: multicast goes to every other port, unicast where its destination was heard',
  async t => {
    const rig = new Rig(['x', 'y'])
    t.same(rig.hears('lan', hello(A)), ['tunnel:x: 10.9.0.1 > 224.0.0.5', 'tunnel:y: 10.9.0.1 > 224.0.0.5'])
    t.same(rig.hears('lan', ospf(A, B.address, 2, octets('05dc020700000001'))), ['relay-unknown-destination'])
    t.same(rig.hears('x', hello(B)), [
      '10.9.0.2 is behind tunnel:x',
      'lan: 10.9.0.2 > 224.0.0.5',
      'tunnel:y: 10.9.0.2 > 224.0.0.5',
    ])
    t.same(rig.hears('lan', ospf(A, B.address, 2, octets('05dc020700000001'))), [
      'tunnel:x: 10.9.0.1 > 10.9.0.2',
    ])
    t.same(rig.hears('x', ospf(B, A.address, 2, octets('05dc020700000001'))), ['lan: 10.9.0.2 > 10.9.0.1'])
    t.same(rig.hears('y', hello(C)).slice(1), ['lan: 10.9.0.3 > 224.0.0.5', 'tunnel:x: 10.9.0.3 > 224.0.0.5'])
    t.same(rig.hears('y', ospf(C, B.address, 2, octets('05dc020700000001'))), [
      'tunnel:x: 10.9.0.3 > 10.9.0.2',
    ])
    t.same(rig.hears('x', ospf(B, '10.9.0.2', 5, octets(''))), ['relay-same-side'])
  },
)

t.test('RFC 5340 §A.1, §2.5, RFC 7676 §3.1: OSPFv3 likewise, from link-local addresses', async t => {
  const rig = new Rig(['x'])
  t.same(rig.hears('x', hello(B6)).slice(1), ['lan: fe80::b > ff02::5'])
  t.same(rig.hears('lan', hello(A6)), ['tunnel:x: fe80::a > ff02::5'])
  const raw = octets('00000002 05dc0007 00000001')
  t.same(rig.hears('lan', ospf(A6, B6.address, 2, raw)), ['tunnel:x: fe80::a > fe80::b'])
  const description = ospf(A6, B6.address, 2, raw)
  description[7] = 64
  t.same(
    rig.hears('lan', description),
    ['tunnel:x: fe80::a > fe80::b'],
    'unicast of many routers has hop limit 64',
  )
})

t.test('RFC 2328 §8.1, RFC 5340 §A.1: AllDRouters likewise', async t => {
  const rig = new Rig(['x', 'y'])
  for (const [from, group] of [
    [A, '224.0.0.6'],
    [A6, 'ff02::6'],
  ] as const)
    t.same(rig.hears('lan', ospf(from, group, 5, octets(''))), [
      `tunnel:x: ${from.address} > ${group}`,
      `tunnel:y: ${from.address} > ${group}`,
    ])
})

const changed = (packet: Uint8Array, at: number, octet: number): Uint8Array => {
  const copy = packet.slice()
  copy[at] = octet
  return copy
}
/** The same with a right IPv4 header checksum. */
const sealed = (packet: Uint8Array): Uint8Array => {
  packet.set([0, 0], 10)
  let sum = 0
  for (let i = 0; i < 20; i += 2) sum += (packet[i]! << 8) | packet[i + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  packet.set([(~sum >> 8) & 255, ~sum & 255], 10)
  return packet
}

const payload = (r: Router): Uint8Array => hello(r).slice(r.address.includes(':') ? 40 : 20)

for (const [name, packet, want] of [
  ['RFC 2328 §8.2: protocol 6', ip(A.address, '224.0.0.5', payload(A), { protocol: 6 }), 'relay-protocol'],
  ['RFC 2328 §A.1: TTL 2 on multicast', ip(A.address, '224.0.0.5', payload(A), { ttl: 2 }), 'relay-ttl'],
  ['RFC 2328 §A.1: TTL 255 on multicast', ip(A.address, '224.0.0.5', payload(A), { ttl: 255 }), 'relay-ttl'],
  ['RFC 2328 §A.1: TTL 64 on IPv4 unicast', ip(A.address, B.address, payload(A), { ttl: 64 }), 'relay-ttl'],
  [
    'RFC 5340 §A.1: hop limit 2 on multicast',
    ip(A6.address, 'ff02::5', payload(A6), { ttl: 2 }),
    'relay-ttl',
  ],
  ['RFC 2328 §A.1: another group', ip(A.address, '224.0.0.251', payload(A)), 'relay-group'],
  ['RFC 5340 §A.1: another group', ip(A6.address, 'ff02::1', payload(A6)), 'relay-group'],
  ['RFC 2328 §8.2: a wrong IP checksum', changed(hello(A), 10, 0x77), 'ip-checksum'],
  ['RFC 2328 §A.1: a fragment', sealed(changed(hello(A), 6, 0x20)), 'ip-fragment'],
  ['RFC 2328 §A.1: a later fragment', sealed(changed(hello(A), 7, 0x10)), 'ip-fragment'],
  [
    'RFC 5340 §A.1: a fragment of IPv6',
    ip(A6.address, 'ff02::5', octets(`59000001 00000001 ${hex(payload(A6))}`), { protocol: 44 }),
    'ip-fragment',
  ],
  ['RFC 5340 §2.5: a global source', hello({ ...A6, address: '2001:db8::1' }), 'relay-source'],
  ['RFC 2328 §8.1: a multicast source', hello({ ...A, address: '224.0.0.9' }), 'relay-source'],
  ['RFC 2328 §8.1: no source', hello({ ...A, address: '0.0.0.0' }), 'relay-source'],
  ['RFC 5340 §2.5: no source', ip('::', 'ff02::5', payload(A6)), 'relay-source'],
  ['RFC 2328 §8.2: our own address', hello({ ...A, address: '10.9.0.254' }), 'relay-source'],
  ['RFC 2328 §A.3.1: half a header', ip(A.address, '224.0.0.5', payload(A).slice(0, 20)), 'ospf-truncated'],
  ['RFC 2328 §A.3.1: version 1', ip(A.address, '224.0.0.5', changed(payload(A), 0, 1)), 'ospf-version'],
  [
    'RFC 2328 §A.3.1: length beyond the packet',
    ip(A.address, '224.0.0.5', changed(payload(A), 3, 99)),
    'ospf-length',
  ],
  [
    '(policy): IGMP',
    ip(A.address, '224.0.0.22', octets('2200000000000001'), { protocol: 2 }),
    'relay-protocol',
  ],
  ['(policy): mDNS', ip(A.address, '224.0.0.251', udp(5353), { protocol: 17 }), 'relay-protocol'],
  [
    '(policy): VRRP',
    ip(A.address, '224.0.0.18', octets('2101640100000000'), { protocol: 112, ttl: 255 }),
    'relay-group',
  ],
  [
    '(policy): BFD where nobody asked',
    ip(A.address, B.address, udp(3784), { protocol: 17, ttl: 255 }),
    'relay-protocol',
  ],
  ['an empty packet', new Uint8Array(0), 'ip-truncated'],
  ['UDP cut off', ip(A.address, '224.0.0.9', octets('00000208'), { protocol: 17 }), 'ip-truncated'],
] as const)
  t.test(`${name}: ${want}`, async t => {
    const rig = new Rig(['x', 'y'], ['10.9.0.254'])
    rig.hears('x', hello(B))
    t.same(rig.hears('lan', packet), [want])
  })

t.test(
  'RFC 2328 §8.2, §D.4.3: area and checksum are for diagnosis: the relay carries what it cannot read',
  async t => {
    const rig = new Rig(['x'])
    const wrong = ip(A.address, '224.0.0.5', changed(payload(A), 12, 0x77))
    t.same(rig.hears('lan', wrong), ['tunnel:x: 10.9.0.1 > 224.0.0.5'])
    t.same(rig.relay.report(rig.now as never).unread, { 'ospf-checksum': 1 })
  },
)

t.test('a tunnel that carries nothing is no port, and what comes by it is dropped', async t => {
  const rig = new Rig(['x'])
  rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: false })
  t.same(rig.hears('lan', hello(A)), ['relay-not-carrying'])
  t.same(rig.hears('x', hello(B)), ['relay-not-carrying'])
  t.same(rig.hears('nobody', hello(B)), ['relay-not-carrying'])
  rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: true })
  t.same(rig.hears('lan', hello(A)), ['relay-standby'], 'for two seconds it listens')
  t.same(rig.hears('x', hello(B)), ['relay-standby'])
  rig.run(3000)
  t.same(rig.hears('lan', hello(A)), ['tunnel:x: 10.9.0.1 > 224.0.0.5'])
})

t.test(
  'RFC 2328 §8.1: unicast to a neighbour behind a tunnel that carries nothing is dropped by name',
  async t => {
    const rig = new Rig(['x', 'y'])
    rig.hears('x', hello(B))
    rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: false })
    t.same(rig.hears('lan', ospf(A, B.address, 5, octets(''))), ['relay-not-carrying'])
  },
)

t.test('octets behind the end of the IP packet are not carried', async t => {
  const rig = new Rig(['x'])
  const padded = new Uint8Array([...hello(A), 1, 2, 3, 4])
  const send = rig.feed({ on: 'packet', port: 'lan', packet: padded }).find(effect => effect.do === 'send')
  t.equal(send?.do === 'send' && send.packet.length, padded.length - 4)
})

t.test('(policy): other multicast passes where the tunnel names it, and only there', async t => {
  const rig = new Rig([{ tunnel: 'x', multicast: ['pim', 'rip', 'eigrp', 'vrrp'] }, 'y'])
  for (const [packet, to] of [
    [ip(A.address, '224.0.0.13', octets('2000dfff'), { protocol: 103 }), '224.0.0.13'],
    [ip(A6.address, 'ff02::d', octets('2000dfff'), { protocol: 103 }), 'ff02::d'],
    [ip(A.address, '224.0.0.9', udp(520), { protocol: 17 }), '224.0.0.9'],
    [ip(A6.address, 'ff02::9', udp(521), { protocol: 17, ttl: 255 }), 'ff02::9'],
    [ip(A.address, '224.0.0.10', octets('0205'), { protocol: 88, ttl: 2 }), '224.0.0.10'],
    [ip(A.address, '224.0.0.18', octets('2101'), { protocol: 112, ttl: 255 }), '224.0.0.18'],
  ] as const)
    t.same(rig.hears('lan', packet), [`tunnel:x: ${to.includes(':') ? A6.address : A.address} > ${to}`], to)
  t.same(rig.drops('y', ip(B.address, '224.0.0.13', octets('2000'), { protocol: 103 })), ['relay-group'])
  t.same(
    rig.drops('x', ip(C.address, '224.0.0.18', octets('2101'), { protocol: 112, ttl: 254 })),
    ['relay-ttl'],
    'RFC 5798 §5.1.1.3',
  )
  t.same(rig.drops('x', ip(B.address, A.address, octets('2000'), { protocol: 103 })), ['relay-group'])
})

t.test('RFC 5881 §5: BFD passes with TTL 255 where asked, and with no other', async t => {
  const rig = new Rig([{ tunnel: 'x', bfd: true }])
  rig.hears('x', hello(B))
  for (const port of [3784, 3785]) {
    const [effect] = rig.feed({
      on: 'packet',
      port: 'lan',
      packet: ip(A.address, B.address, udp(port), { protocol: 17, ttl: 255 }),
    })
    t.match(effect, { do: 'send', port: 'tunnel:x' })
    t.equal(effect?.do === 'send' && effect.packet[8], 255)
  }
  t.same(rig.hears('lan', ip(A.address, B.address, udp(3784), { protocol: 17, ttl: 254 })), ['relay-ttl'])
  t.same(rig.hears('lan', ip(A.address, B.address, udp(4784), { protocol: 17, ttl: 255 })), [
    'relay-protocol',
  ])
})

t.test('RFC 2328 §8.1: packets that differ in one octet of payload are two packets', async t => {
  const rig = new Rig(['x'])
  t.same(rig.hears('lan', hello(A6, ['1.1.1.1'])), ['tunnel:x: fe80::a > ff02::5'])
  t.same(rig.hears('lan', hello(A6, ['1.1.1.2'])), ['tunnel:x: fe80::a > ff02::5'])
  t.same(rig.hears('lan', hello(A6, ['1.1.1.2'])), ['relay-duplicate'])
})

/** Cut in two behind `at` octets of data. */
function cutInTwo(packet: Uint8Array, at: number): [Uint8Array, Uint8Array] {
  const piece = (data: Uint8Array, word: number): Uint8Array => {
    const bytes = Uint8Array.of(...packet.subarray(0, 20), ...data)
    bytes.set([bytes.length >> 8, bytes.length & 255], 2)
    bytes.set([word >> 8, word & 255], 6)
    return sealed(bytes)
  }
  const data = packet.subarray(20)
  return [piece(data.subarray(0, at), 0x2000), piece(data.subarray(at), at / 8)]
}

t.test(
  'RFC 2328 §A.1, RFC 791 §3.2: what was cut for a tunnel is carried on when it is whole, octet by octet',
  async t => {
    const rig = new Rig(['x', 'y'])
    const [one, other] = cutInTwo(hello(B), 16)
    t.same(rig.hears('x', one), [])
    t.same(rig.hears('y', other), [], 'each tunnel by itself')
    t.same(rig.hears('x', other).slice(1), ['lan: 10.9.0.2 > 224.0.0.5', 'tunnel:y: 10.9.0.2 > 224.0.0.5'])
    const sent = rig.effects.filter(effect => effect.do === 'send').map(({ packet }) => hex(packet))
    t.same(
      sent.slice(-2).map(text => text.slice(40)),
      [hex(payload(B)), hex(payload(B))],
    )
    const before = rig.effects.length
    rig.run(3000)
    const lost = rig.effects.slice(before).filter(effect => effect.do === 'drop')
    t.same(lost, [{ do: 'drop', port: 'tunnel:y', drop: 'relay-fragments-lost' }])
  },
)

t.test('pieces go with their tunnel', async t => {
  const rig = new Rig(['x'])
  const [one, other] = cutInTwo(hello(B), 16)
  rig.hears('x', one)
  rig.feed({ on: 'tunnel-removed', tunnel: 'x' })
  t.same(rig.hears('x', other), ['relay-not-carrying'])
  const settings = { tunnel: 'x', far: 'x', multicast: [], bfd: false, failFast: false, forward: true }
  rig.feed({ on: 'tunnel-set', settings })
  t.same(rig.hears('x', other), [], 'of the next one of its name they are no pieces')
})
