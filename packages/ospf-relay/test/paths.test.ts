import { isDrop } from '@brunel/base'
import { Address, Ospf } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { BestMatch } from '../src/routes/best-match.js'
import { pathsOf } from '../src/routes/paths.js'
import * as Lsas from './lsas.js'

/**
 *    segment: 1.1.1.1, 2.2.2.2     1.1.1.1 ──10── 3.3.3.3 ──5── 2.2.2.2     3.3.3.3 ──1── 4.4.4.4
 */
const [R1, R2, R3, R4, FAR] = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4', '9.9.9.9'] as const
const AREA2 = [
  Lsas.router(
    2,
    [
      { network: '10.9.0.1', cost: 1 },
      { router: R3, cost: 10 },
      { stub: '10.1.0.0/16', cost: 1 },
    ],
    { by: R1 },
  ),
  Lsas.router(
    2,
    [
      { network: '10.9.0.1', cost: 1 },
      { router: R3, cost: 5 },
      { stub: '10.2.0.0/16', cost: 1 },
    ],
    { by: R2 },
  ),
  Lsas.router(
    2,
    [
      { router: R1, cost: 10 },
      { router: R2, cost: 5 },
      { router: R4, cost: 1 },
      { stub: '10.3.0.0/16', cost: 2 },
    ],
    { by: R3 },
  ),
  Lsas.router(2, [{ router: R3, cost: 1 }], { by: R4 }),
  Lsas.network2('10.9.0.0/24', '10.9.0.1', [R1, R2], { by: R1 }),
]
const AREA3 = [
  Lsas.router3(
    [
      { network: '0.0.0.7', dr: R1, cost: 1 },
      { router: R3, cost: 10 },
    ],
    { by: R1 },
  ),
  Lsas.router3([{ network: '0.0.0.7', dr: R1, cost: 1 }], { by: R2 }),
  Lsas.router3([{ router: R3, cost: 5 }], { by: R2 }, { id: '0.0.0.1' }),
  Lsas.router3(
    [
      { router: R1, cost: 10 },
      { router: R2, cost: 5 },
      { router: R4, cost: 1 },
    ],
    { by: R3 },
  ),
  Lsas.router3([{ router: R3, cost: 1 }], { by: R4 }),
  Lsas.network3('0.0.0.7', [R1, R2], { by: R1 }),
  Lsas.prefixes3({ type: 'router', id: '0.0.0.0', router: R1 }, [['2001:db8:1::/48', 1]], { by: R1 }),
  Lsas.prefixes3({ type: 'router', id: '0.0.0.0', router: R2 }, [['2001:db8:2::/48', 1]], { by: R2 }),
  Lsas.prefixes3({ type: 'router', id: '0.0.0.0', router: R3 }, [['2001:db8:3::/48', 2]], { by: R3 }),
]
const ROOTS = [
  { routerId: R1, addresses: ['10.9.0.1', 'fe80::1'] },
  { routerId: R2, addresses: ['10.9.0.2', 'fe80::2'] },
]

const parsed = (version: 2 | 3, lsas: readonly Uint8Array[]): Ospf.Lsa[] =>
  lsas.map(bytes => {
    const lsa = Ospf.parseLsa(bytes, version)
    if (isDrop(lsa)) throw new Error(lsa)
    return lsa
  })

function lines(version: 2 | 3, more: readonly Uint8Array[], area = version === 2 ? AREA2 : AREA3): string[] {
  const { paths } = pathsOf(version, parsed(version, [...area, ...more]), ROOTS)
  return [...paths].map(
    ([prefix, { kind, cost, metric, origins }]) =>
      `${prefix} ${kind} ${cost}${metric > 0 ? `+${metric}` : ''} by ${[...origins].sort().join(' or ')}`,
  )
}

t.test('RFC 2328 §16.1: stub networks and networks, from the nearest router of the segment', async t => {
  t.same(lines(2, []).sort(), [
    '10.1.0.0/16 intra-area 1 by 1.1.1.1',
    '10.2.0.0/16 intra-area 1 by 2.2.2.2',
    '10.3.0.0/16 intra-area 7 by 2.2.2.2',
    '10.9.0.0/24 intra-area 1 by 1.1.1.1 or 2.2.2.2',
  ])
})

t.test(
  'RFC 5340 §4.8.1: router-LSAs of one router are one, and prefixes hang on routers and networks',
  async t => {
    const onLink = Lsas.prefixes3({ type: 'network', id: '0.0.0.7', router: R1 }, [['2001:db8:9::/64', 0]], {
      by: R1,
      sequence: 1,
    })
    t.same(lines(3, [onLink]), [
      '2001:db8:1::/48 intra-area 1 by 1.1.1.1',
      '2001:db8:2::/48 intra-area 1 by 2.2.2.2',
      '2001:db8:3::/48 intra-area 7 by 2.2.2.2',
      '2001:db8:9::/64 intra-area 1 by 1.1.1.1 or 2.2.2.2',
    ])
  },
)

t.test(
  'RFC 2328 §16.1 (3): of what is as far networks come first, so that no equal way is missed',
  async t => {
    const area = [
      Lsas.router(2, [{ router: R3, cost: 5 }], { by: R1 }),
      Lsas.router(2, [{ network: '10.8.0.2', cost: 5 }], { by: R2 }),
      Lsas.router(
        2,
        [
          { router: R1, cost: 5 },
          { network: '10.8.0.2', cost: 9 },
          { stub: '10.3.0.0/16', cost: 2 },
        ],
        { by: R3 },
      ),
      Lsas.network2('10.8.0.0/24', '10.8.0.2', [R2, R3], { by: R2 }),
    ]
    t.ok(lines(2, [], area).includes('10.3.0.0/16 intra-area 7 by 1.1.1.1 or 2.2.2.2'))
  },
)

t.test('RFC 5340 §4.8.1: whose R bit is clear is no way, and not reached', async t => {
  const leaf = Lsas.router3(
    [
      { router: R1, cost: 10 },
      { router: R2, cost: 5 },
    ],
    { by: R3 },
    { options: 0x03 },
  )
  const area = AREA3.map((lsa, i) => (i === 3 ? leaf : lsa))
  t.same(lines(3, [], area), [
    '2001:db8:1::/48 intra-area 1 by 1.1.1.1',
    '2001:db8:2::/48 intra-area 1 by 2.2.2.2',
  ])
})

t.test('RFC 2328 §16.1 (2b): a link that only one end speaks of is none', async t => {
  const alone = Lsas.router(
    2,
    [
      { router: R4, cost: 1 },
      { stub: '10.3.0.0/16', cost: 2 },
    ],
    { by: R3 },
  )
  const area = AREA2.map((lsa, i) => (i === 2 ? alone : lsa))
  t.notOk(lines(2, [], area).some(line => line.startsWith('10.3.')))
})

for (const [title, more, want] of [
  [
    '§16.2: a summary counts from its border router',
    [Lsas.summary('10.50.0.0/16', 100, { by: R4 })],
    '10.50.0.0/16 inter-area 106 by 2.2.2.2',
  ],
  [
    '§16.2: of two border routers the nearer',
    [Lsas.summary('10.50.0.0/16', 100, { by: R4 }), Lsas.summary('10.50.0.0/16', 105, { by: R1 })],
    '10.50.0.0/16 inter-area 105 by 1.1.1.1',
  ],
  ['§16.2: LSInfinity is no way', [Lsas.summary('10.50.0.0/16', 0xffffff, { by: R4 })], undefined],
  ['§16.2: a border router that is not reached', [Lsas.summary('10.50.0.0/16', 1, { by: FAR })], undefined],
  [
    '§11: an inner path before a summary, whatever it costs',
    [Lsas.summary('10.3.0.0/16', 1, { by: R1 })],
    undefined,
  ],
  [
    '§16.4: type 1 adds the way to the boundary router',
    [Lsas.external('10.50.0.0/16', { metric: 20, type: 1 }, { by: R4 })],
    '10.50.0.0/16 external-1 26 by 2.2.2.2',
  ],
  [
    '§16.4: type 2 compares its metric first',
    [
      Lsas.external('10.50.0.0/16', { metric: 20 }, { by: R4 }),
      Lsas.external('10.50.0.0/16', { metric: 21 }, { by: R1 }),
    ],
    '10.50.0.0/16 external-2 6+20 by 2.2.2.2',
  ],
  [
    '§16.4.1: of equal type 2 the nearer boundary router',
    [
      Lsas.external('10.50.0.0/16', { metric: 20 }, { by: R4 }),
      Lsas.external('10.50.0.0/16', { metric: 20 }, { by: R1 }),
    ],
    '10.50.0.0/16 external-2 0+20 by 1.1.1.1',
  ],
  [
    '§16.4.1: type 1 before type 2',
    [
      Lsas.external('10.50.0.0/16', { metric: 900, type: 1 }, { by: R4 }),
      Lsas.external('10.50.0.0/16', { metric: 1 }, { by: R1 }),
    ],
    '10.50.0.0/16 external-1 906 by 2.2.2.2',
  ],
  [
    '§16.4 (3): a forwarding address is reached inside',
    [Lsas.external('10.50.0.0/16', { metric: 20, forwarding: '10.3.0.1' }, { by: R1 })],
    '10.50.0.0/16 external-2 7+20 by 2.2.2.2',
  ],
  [
    '§16.4 (3): a forwarding address on the segment is its owner',
    [Lsas.external('10.50.0.0/16', { metric: 20, forwarding: '10.9.0.2' }, { by: R1 })],
    '10.50.0.0/16 external-2 0+20 by 2.2.2.2',
  ],
  [
    '§16.4 (3): a forwarding address that nothing leads to',
    [Lsas.external('10.50.0.0/16', { metric: 20, forwarding: '10.77.0.1' }, { by: R1 })],
    undefined,
  ],
  [
    '§16.4 (3): not over another external route',
    [
      Lsas.external('10.77.0.0/16', { metric: 20 }, { by: R1 }),
      Lsas.external('10.50.0.0/16', { metric: 20, forwarding: '10.77.0.1' }, { by: R1 }),
    ],
    undefined,
  ],
  [
    '§16.2: a boundary router in another area, by the border router',
    [
      Lsas.boundary(2, FAR, 30, { by: R4 }),
      Lsas.boundary(2, FAR, 40, { by: R1 }),
      Lsas.external('10.50.0.0/16', { metric: 1, type: 1 }, { by: FAR }),
    ],
    '10.50.0.0/16 external-1 37 by 2.2.2.2',
  ],
  [
    'RFC 3101 §2.5: NSSA, the default route',
    [Lsas.external('0.0.0.0/0', { metric: 1, type: 1, nssa: true }, { by: R1 })],
    '0.0.0.0/0 external-1 1 by 1.1.1.1',
  ],
] as const)
  t.test(title.startsWith('RFC') ? title : `RFC 2328 ${title}`, async t => {
    const before = lines(2, [])
    const changed = lines(2, more).filter(line => !before.includes(line) && !line.startsWith('10.77.'))
    t.same(changed, want === undefined ? [] : [want])
  })

t.test('RFC 5340 §4.8.3, §4.8.5: summaries and external routes of version 3', async t => {
  const more = [
    Lsas.summary('2001:db8:50::/48', 100, { by: R4 }),
    Lsas.boundary(3, FAR, 30, { by: R4 }),
    Lsas.external('2001:db8:51::/48', { metric: 1, type: 1 }, { by: FAR }),
  ]
  t.same(lines(3, more).slice(3), [
    '2001:db8:50::/48 inter-area 106 by 2.2.2.2',
    '2001:db8:51::/48 external-1 37 by 2.2.2.2',
  ])
  const forwarded = Lsas.external('2001:db8:52::/48', { metric: 9, forwarding: '2001:db8:3::9' }, { by: R1 })
  t.same(lines(3, [forwarded]).slice(3), ['2001:db8:52::/48 external-2 7+9 by 2.2.2.2'])
})

t.test('whom LSAs or the segment name, and who did not speak, is known', async t => {
  t.same(pathsOf(2, parsed(2, AREA2.slice(0, 2)), ROOTS).unknown, ['network 10.9.0.1', 'router 3.3.3.3'])
  t.same(pathsOf(2, parsed(2, AREA2), ROOTS).unknown, [])
  t.same(pathsOf(2, [], ROOTS).unknown, ['router 1.1.1.1', 'router 2.2.2.2'])
})

/** As long lists as LSAs have room for: what grew with their square took minutes, and nothing else ran meanwhile. */
const lsaOf = (id: number, type: number, by: string, body: Ospf.Lsa['body']): Ospf.Lsa => ({
  age: 1,
  doNotAge: false,
  type,
  linkStateId: dotted(id),
  advertisingRouter: by,
  sequence: 1,
  checksum: 0,
  body,
})
const dotted = (n: number): string => `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
const HERE = [{ routerId: R1, addresses: ['fe80::1'] }]

t.test('RFC 5340 §4.8.1: a router in 20,000 router-LSAs is one, and calculated at once', async t => {
  const links = (n: number): Ospf.RouterLink[] =>
    Array.from({ length: 10 }, (_, i) => ({ to: 'router', router: dotted(n + i), metric: 1 }))
  const all = Array.from({ length: 20_000 }, (_, n) =>
    lsaOf(n, 0x2001, R1, { type: 'router', forwards: true, links: links(n) }),
  )
  t.equal(pathsOf(3, all, HERE).unknown.length, 20_009)
})

t.test('RFC 2328 §16.1: 20,000 network-LSAs of one name are one network, and calculated at once', async t => {
  const all = Array.from({ length: 20_000 }, (_, n) =>
    lsaOf(1, 2, dotted(n), { type: 'network', routers: Array.from({ length: 10 }, (_, i) => dotted(n + i)) }),
  )
  t.equal(pathsOf(2, all, HERE).unknown.length, 20_010)
})

t.test('RFC 2328 §16.4: 20,000 forwarding addresses are looked up at once', async t => {
  const address = (n: number): Uint8Array => Uint8Array.of(32, 1, ...Array(12).fill(n & 7), n >> 8, n)
  const prefixes = Array.from({ length: 129 }, (_, length) => ({
    prefix: Address.parsePrefix(`${Address.format(address(0))}/${length}`)!,
    metric: length,
  }))
  const of = { type: 'intra-area-prefix', of: 'router', linkStateId: '0.0.0.0', router: R1 } as const
  const all = [
    lsaOf(0, 0x2001, R1, { type: 'router', forwards: true, links: [] }),
    lsaOf(1, 0x2009, R1, { ...of, prefixes }),
    ...Array.from({ length: 20_000 }, (_, n) =>
      lsaOf(n, 0x4005, R1, {
        type: 'external',
        prefix: { address: address(n), length: 128 },
        metric: 1,
        type2: true,
        forwardingAddress: address(n),
      }),
    ),
  ]
  t.equal(pathsOf(3, all, HERE).paths.size, 20_128)
})

const anyPrefix = fc
  .tuple(fc.uint8Array({ minLength: 2, maxLength: 2 }), fc.nat(16))
  .map(([[a = 0, b = 0], length]) => Address.parsePrefix(`10.0.${a & 3}.${b & 3}/${length * 2}`)!)
t.test('RFC 2328 §16.4 (3): the best match is the longest prefix that holds the address', async () =>
  fc.assert(
    fc.property(fc.array(anyPrefix, { maxLength: 30 }), fc.nat(3), fc.nat(3), (prefixes, a, b) => {
      const address = Uint8Array.of(10, 0, a, b)
      const held = prefixes.filter(prefix => Address.contains(prefix, address)).map(({ length }) => length)
      const match = new BestMatch(prefixes.map(prefix => ({ prefix }))).of(address)
      return match === undefined ? held.length === 0 : match.prefix.length === Math.max(...held)
    }),
  ),
)
