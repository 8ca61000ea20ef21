import { Ospf } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { LAN, type Port, tunnelPort } from '../src/index.js'
import { choose, type SegmentRouter } from '../src/routes/choice.js'
import { newer } from '../src/routes/newer.js'
import { type Path, pathsOf } from '../src/routes/paths.js'
import * as Lsas from './lsas.js'

const [X, Y] = [tunnelPort('x'), tunnelPort('y')]
const router = (port: Port, n: number): SegmentRouter => ({
  version: 2,
  instance: 0,
  area: '0.0.0.0',
  routerId: `${n}.${n}.${n}.${n}`,
  port,
  address: `10.9.0.${n}`,
})
const path = (to: string, ...by: readonly SegmentRouter[]): { path: Path; routers: SegmentRouter[] } => ({
  path: {
    prefix: {
      address: Uint8Array.from(to.split('/')[0]!.split('.').map(Number)),
      length: Number(to.split('/')[1]),
    },
    kind: 'intra-area',
    cost: 1,
    metric: 0,
    origins: new Set(by.map(({ routerId }) => routerId)),
  },
  routers: [...by],
})
const [onLan, third, onX, alsoX] = [router(LAN, 5), router(LAN, 6), router(X, 12), router(X, 3)]
const [onY, onLowY] = [router(Y, 4), router(Y, 1)]
const ALL = [onLan, onX, onY]

for (const [title, to, by, all, want] of [
  ['the router behind a tunnel that is nearest', '10.5.0.0/16', [onX], ALL, 'tunnel:x 10.9.0.12'],
  [
    'of two that are as near the one with the lowest address',
    '10.5.0.0/16',
    [onX, alsoX, onLowY],
    ALL,
    'tunnel:x 10.9.0.3',
  ],
  ['never back where it came from, though it is nearest there', '10.5.0.0/16', [onLan], ALL, undefined],
  ['who has the best way himself meant none that is as good', '10.5.0.0/16', [onLan, onX], ALL, undefined],
  [
    'a third router on the port may mean any that is as good',
    '10.5.0.0/16',
    [onLan, onX],
    [...ALL, third],
    'tunnel:x 10.9.0.12',
  ],
  [
    'but the default route of a router on the port is nobody else’s',
    '0.0.0.0/0',
    [onLan, onX],
    [...ALL, third],
    undefined,
  ],
  ['nobody takes the place of who is behind a port that is not used', '10.5.0.0/16', [onY], ALL, undefined],
  ['a default route behind a tunnel is followed', '0.0.0.0/0', [onX], ALL, 'tunnel:x 10.9.0.12'],
] as const)
  t.test(title, async t => {
    const chosen = choose(LAN, path(to, ...by), { ports: [LAN, X], routers: all })
    t.equal(chosen && `${chosen.via} ${chosen.neighbour}`, want)
  })

for (const [title, a, b, want] of [
  ['the higher sequence number', [-5, 1, 3000], [-6, 9, 0], 1],
  ['sequence numbers are signed', [1, 1, 0], [-0x7fffffff, 1, 0], 1],
  ['then the higher checksum', [1, 8, 3000], [1, 7, 0], 1],
  ['then MaxAge', [1, 7, 3600], [1, 7, 3000], 1],
  ['then the younger by more than 15 minutes', [1, 7, 1], [1, 7, 902], 1],
  ['else they are the same', [1, 7, 1], [1, 7, 901], 0],
] as const)
  t.test(`RFC 2328 §13.1: of two instances the newer: ${title}`, async t => {
    const instance = ([sequence, checksum, age]: readonly [number, number, number]) => ({
      sequence,
      checksum,
      age,
    })
    t.equal(Math.sign(newer(instance(a), instance(b))), want)
    t.equal(Math.sign(newer(instance(b), instance(a))), -want + 0)
  })

/**
 * A topology by chance: some routers on the segment, each on a port and with a cost of its own, others behind them;
 * links of any cost, a stub network at each router.
 */
const ROUTERS = 9
const topology = fc.record({
  onSegment: fc.array(fc.constantFrom<Port>(LAN, X, Y), { minLength: 2, maxLength: 6 }),
  costs: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: ROUTERS, maxLength: ROUTERS }),
  links: fc.array(
    fc.record({
      a: fc.nat({ max: ROUTERS - 1 }),
      b: fc.nat({ max: ROUTERS - 1 }),
      there: fc.integer({ min: 1, max: 12 }),
      back: fc.integer({ min: 1, max: 12 }),
    }),
    { maxLength: 16 },
  ),
  stubs: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: ROUTERS, maxLength: ROUTERS }),
  /** The same stub at another router too, so that there are ways that are as good. */
  shared: fc.array(fc.nat({ max: ROUTERS - 1 }), { maxLength: 3 }),
})
type Topology = typeof topology extends fc.Arbitrary<infer T> ? T : never

const id = (i: number): string => `${i + 1}.0.0.1`
/** Of each router, and one of some together. */
const stubsOf = (i: number, { stubs, shared }: Topology): { stub: string; cost: number }[] => [
  { stub: `10.${i + 1}.0.0/16`, cost: stubs[i]! },
  ...(shared.includes(i) ? [{ stub: '10.200.0.0/16', cost: stubs[i]! }] : []),
]
const linksOf = (i: number, { links }: Topology): { router: string; cost: number; to: number }[] =>
  links
    .filter(({ a, b }) => a !== b)
    .flatMap(({ a, b, there, back }) => [
      ...(a === i ? [{ router: id(b), cost: there, to: b }] : []),
      ...(b === i ? [{ router: id(a), cost: back, to: a }] : []),
    ])

function lsas2(net: Topology): Uint8Array[] {
  const here = net.onSegment.map((_, i) => id(i))
  return [
    Lsas.network2('10.9.0.0/24', '10.9.0.1', here, { by: id(0) }),
    ...Array.from({ length: ROUTERS }, (_, i) => {
      const segment = i < here.length ? [{ network: '10.9.0.1', cost: net.costs[i]! }] : []
      return Lsas.router(2, [...segment, ...linksOf(i, net), ...stubsOf(i, net)], { by: id(i) })
    }),
  ]
}

function lsas3(net: Topology): Uint8Array[] {
  const here = net.onSegment.map((_, i) => id(i))
  const mapped = (stub: string): string => `2001:db8:${stub.split('.')[1]}::/48`
  return [
    Lsas.network3('0.0.0.7', here, { by: id(0) }),
    ...Array.from({ length: ROUTERS }, (_, i) => {
      const segment = i < here.length ? [{ network: '0.0.0.7', dr: id(0), cost: net.costs[i]! }] : []
      return Lsas.router3([...segment, ...linksOf(i, net)], { by: id(i) })
    }),
    ...Array.from({ length: ROUTERS }, (_, i) =>
      Lsas.prefixes3(
        { type: 'router', id: '0.0.0.0', router: id(i) },
        stubsOf(i, net).map(({ stub, cost }) => [mapped(stub), cost] as const),
        { by: id(i) },
      ),
    ),
  ]
}

/** Floyd and Warshall: all distances, the segment as the last vertex. */
function distances(net: Topology): number[][] {
  const all = ROUTERS + 1
  const far = Array.from({ length: all }, (_, i) =>
    Array.from({ length: all }, (_, j) => (i === j ? 0 : Infinity)),
  )
  for (let i = 0; i < ROUTERS; i++) {
    for (const { to, cost } of linksOf(i, net)) far[i]![to] = Math.min(far[i]![to]!, cost)
    if (i >= net.onSegment.length) continue
    far[i]![ROUTERS] = net.costs[i]!
    far[ROUTERS]![i] = 0
  }
  for (let k = 0; k < all; k++)
    for (let i = 0; i < all; i++)
      for (let j = 0; j < all; j++) far[i]![j] = Math.min(far[i]![j]!, far[i]![k]! + far[k]![j]!)
  return far
}

/** How far a stub is from each router. */
function towards(stub: string, far: readonly (readonly number[])[], net: Topology): number[] {
  return far.map(row =>
    Math.min(
      ...Array.from({ length: ROUTERS }, (_, i) => i).flatMap(i =>
        stubsOf(i, net).map(one => (one.stub === stub ? row[i]! + one.cost : Infinity)),
      ),
    ),
  )
}

for (const version of [2, 3] as const)
  t.test(
    `RFC 2328 §16.1, §16.8: of OSPFv${version} data goes where the router that sent it by the segment meant it to go`,
    async t => {
      let followed = 0
      fc.assert(
        fc.property(topology, net => {
          const lsas = (version === 2 ? lsas2(net) : lsas3(net)).map(
            one => Ospf.parseLsa(one, version) as Ospf.Lsa,
          )
          const routers = net.onSegment.map((port, i) => ({
            ...router(port, i + 1),
            version,
            routerId: id(i),
          }))
          const roots = routers.map(({ routerId, address }) => ({ routerId, addresses: [address] }))
          const { paths } = pathsOf(version, lsas, roots)
          const far = distances(net)
          for (const stub of [
            ...Array.from({ length: ROUTERS }, (_, i) => `10.${i + 1}.0.0/16`),
            '10.200.0.0/16',
          ]) {
            const prefix = version === 2 ? stub : `2001:db8:${stub.split('.')[1]}::/48`
            const found = paths.get(prefix)
            const distance = towards(stub, far, net)
            if (found === undefined) {
              if (routers.some((_, i) => distance[i]! < Infinity)) return false
              continue
            }
            const candidate = { path: found, routers: routers.filter(one => found.origins.has(one.routerId)) }
            for (const [i, sender] of routers.entries()) {
              // The next routers of the sender, where the segment is on a shortest way of his.
              const next = routers.filter((_, n) => n !== i && net.costs[i]! + distance[n]! === distance[i]!)
              const elsewhere = next.filter(({ port }) => port !== sender.port)
              const chosen = choose(sender.port, candidate, { ports: [LAN, X, Y], routers })
              if (elsewhere.length === 0) continue
              if (elsewhere.length < next.length && chosen === undefined) return false
              if (!elsewhere.some(({ address }) => address === chosen?.neighbour)) return false
              followed++
            }
          }
          return true
        }),
        { numRuns: 120 },
      )
      t.ok(followed > 300, `${followed} choices were compared`)
    },
  )
