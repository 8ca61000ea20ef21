import { readFileSync } from 'node:fs'
import { instant } from '@brunel/base'
import t from 'tap'
import { LAN, Relay, type RelayEffect, tunnelPort } from '../src/index.js'
import * as Lsas from './lsas.js'
import { allRouters, description, hello, type Router } from './packets.js'
import { framesOf, shared } from './pcapng.js'
import { Rig, sourceOf } from './rig.js'

const A: Router = { address: '10.9.0.1', id: '1.1.1.1' }
const B: Router = { address: '10.9.0.2', id: '2.2.2.2' }
const [A6, B6] = [
  { ...A, address: 'fe80::1' },
  { ...B, address: 'fe80::2' },
]

/** What has become of the routes of the ports that were told, in the order of the telling. */
const told = (effects: readonly RelayEffect[]): string[] =>
  effects.flatMap(effect =>
    effect.do === 'routes'
      ? [
          `${effect.port}: ${effect.routes.map(({ to, via, neighbour }) => `${to} ${via} ${neighbour}`).join(', ')}`,
        ]
      : [],
  )
const since = (rig: Rig, run: () => void): string[] => {
  const from = rig.effects.length
  run()
  return told(rig.effects.slice(from))
}

const greet = (rig: Rig, a = A, b = B, port = 'x', leader?: string): void => {
  const options = leader === undefined ? {} : { dr: leader }
  rig.hears('lan', hello(a, [b.id], options))
  rig.hears(port, hello(b, [a.id], options))
}

/** Two that exchange their databases: nothing is in them yet. */
function exchange(rig: Rig, a = A, b = B, port = 'x'): void {
  greet(rig, a, b, port)
  for (const flags of [7, 2, 0]) {
    rig.hears('lan', description(a, b.address, { flags, sequence: flags === 7 ? 1 : 2 }))
    rig.hears(port, description(b, a.address, { flags: flags === 7 ? 7 : flags | 1, sequence: 2 }))
  }
}

const areaOf = (stubA: string, stubB: string, sequence = 0): [Uint8Array, Uint8Array] => [
  Lsas.router(
    2,
    [
      { router: B.id, cost: 10 },
      { stub: stubA, cost: 1 },
    ],
    { by: A.id, sequence },
  ),
  Lsas.router(
    2,
    [
      { router: A.id, cost: 10 },
      { stub: stubB, cost: 1 },
    ],
    { by: B.id, sequence },
  ),
]

function joined(settings: ConstructorParameters<typeof Rig>[0] = ['x']): Rig {
  const rig = new Rig(settings)
  exchange(rig)
  const [a, b] = areaOf('10.91.0.0/16', '10.92.0.0/16')
  rig.hears('lan', Lsas.updates(A, allRouters(A), [a]))
  rig.hears('x', Lsas.updates(B, A.address, [b]))
  return rig
}

const BOTH = ['lan: 10.92.0.0/16 tunnel:x 10.9.0.2', 'tunnel:x: 10.91.0.0/16 lan 10.9.0.1']

t.test('RFC 2328 §13: data follows what two routers tell one another through the relay', async t => {
  const rig = new Rig(['x'])
  t.same(
    since(rig, () => exchange(rig)),
    [],
  )
  const [a, b] = areaOf('10.91.0.0/16', '10.92.0.0/16')
  t.same(
    since(rig, () => {
      rig.hears('lan', Lsas.updates(A, allRouters(A), [a]))
      rig.hears('x', Lsas.updates(B, A.address, [b]))
      rig.run(1500)
    }),
    BOTH,
  )
  t.same(
    since(rig, () => rig.run(5000)),
    [],
    'told once',
  )
  const [, without] = areaOf('10.91.0.0/16', '10.93.0.0/16', 1)
  t.same(
    since(rig, () => {
      rig.hears('x', Lsas.updates(B, allRouters(B), [without]))
      rig.run(200)
    }),
    ['lan: 10.93.0.0/16 tunnel:x 10.9.0.2'],
    'a stub network that is taken away is followed no longer, within 200 ms',
  )
  const report = rig.relay.report(instant(rig.now)).following
  t.match(report.routes, [{ port: LAN, routes: [{ to: '10.93.0.0/16', kind: 'intra-area', cost: 1 }] }, {}])
  t.same(report.areas, [{ version: 2, instance: 0, area: '0.0.0.0', lsas: 2, missing: 0, missingNames: [] }])
})

t.test('RFC 5340 §4.8: the same with OSPFv3, by link-local addresses', async t => {
  const rig = new Rig(['x'])
  exchange(rig, A6, B6)
  const of = (r: Router) => ({ type: 'router' as const, id: '0.0.0.0', router: r.id })
  const lsasOf = (r: Router, other: Router, prefix: string): Uint8Array[] => [
    Lsas.router(3, [{ router: other.id, cost: 10 }], { by: r.id }),
    Lsas.prefixes3(of(r), [[prefix, 1]], { by: r.id }),
  ]
  t.same(
    since(rig, () => {
      rig.hears('lan', Lsas.updates(A6, 'ff02::5', lsasOf(A, B, '2001:db8:a::/48')))
      rig.hears('x', Lsas.updates(B6, 'ff02::5', lsasOf(B, A, '2001:db8:b::/48')))
      rig.run(1500)
    }),
    ['lan: 2001:db8:b::/48 tunnel:x fe80::2', 'tunnel:x: 2001:db8:a::/48 lan fe80::1'],
  )
})

t.test('RFC 5838 §2.1: of OSPFv3 for IPv4 no next hop is known', async t => {
  const rig = new Rig(['x'])
  const [a, b] = [
    { ...A6, instance: 64 },
    { ...B6, instance: 64 },
  ]
  exchange(rig, a, b)
  rig.hears('x', Lsas.updates(b, 'ff02::5', [Lsas.router(3, [], { by: B.id })]))
  rig.run(1500)
  t.match(rig.relay.report(instant(rig.now)), {
    neighbours: [{ instance: 64 }, {}],
    following: { areas: [] },
  })
})

t.test('RFC 2328 §13: LSAs of a router that no other takes any from make no routes', async t => {
  const [, b] = areaOf('10.91.0.0/16', '10.92.0.0/16')
  const rig = new Rig(['x'])
  const stranger: Router = { address: '10.9.0.66', id: '2.2.2.2' }
  rig.hears('lan', hello(A, [B.id]))
  rig.hears('x', hello(stranger, []))
  rig.hears('x', Lsas.updates(stranger, allRouters(B), [b]))
  rig.run(3000)
  t.same(rig.relay.report(instant(rig.now)).following.areas, [])
  greet(rig)
  rig.hears('x', Lsas.updates(B, allRouters(B), [b]))
  rig.run(500)
  t.match(
    rig.relay.report(instant(rig.now)).following.areas,
    [{ lsas: 1 }],
    'they are Full since before we came',
  )
})

t.test('RFC 2328 §10.4: of two that need not be adjacent neither is believed', async t => {
  const rig = new Rig(['x'])
  greet(rig, A, B, 'x', '10.9.0.7')
  rig.hears('x', Lsas.updates(B, '224.0.0.6', [areaOf('10.91.0.0/16', '10.92.0.0/16')[1]]))
  rig.run(1500)
  t.match(rig.relay.report(instant(rig.now)).following.areas, [{ lsas: 0 }])
})

t.test('what comes at once is calculated once, and what never ends ever more rarely', async t => {
  const rig = joined()
  rig.run(20_000)
  let count = 0
  const end = rig.now + 60_000
  for (let sequence = 1; rig.now < end; sequence++) {
    const [a, b] = areaOf('10.91.0.0/16', `10.${sequence % 250}.0.0/16`, sequence)
    greet(rig)
    count += since(rig, () => {
      rig.hears('x', Lsas.updates(B, allRouters(B), [b]))
      rig.hears('lan', Lsas.updates(A, allRouters(A), [a]))
      rig.run(50)
    }).filter(line => line.startsWith('lan')).length
  }
  t.ok(count >= 12 && count <= 25, `${count} times in a minute of 1,200 changes`)
})

t.test('a tunnel that carries nothing is followed no moment longer; once it does, it is again', async t => {
  const rig = joined()
  rig.run(1500)
  t.same(
    since(rig, () => rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: false })),
    ['lan: ', 'tunnel:x: '],
  )
  t.same(
    since(rig, () => {
      rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: true })
      rig.run(4000)
    }),
    BOTH,
  )
  t.same(
    since(rig, () => rig.feed({ on: 'tunnel-removed', tunnel: 'x' })),
    ['lan: ', 'tunnel:x: '],
  )
})

t.test('a router that fell silent is followed no longer', async t => {
  const rig = joined()
  rig.run(30_000)
  rig.hears('lan', hello(A, [B.id]))
  t.same(
    since(rig, () => rig.run(12_000)),
    ['lan: ', 'tunnel:x: '],
  )
})

t.test('a tunnel that data is not to go by has no routes, and no other has any to it', async t => {
  const rig = joined([{ tunnel: 'x', forward: false }, 'y'])
  rig.run(3000)
  t.same(told(rig.effects), ['tunnel:y: 10.91.0.0/16 lan 10.9.0.1'])
  t.same(joined([{ tunnel: 'x', forward: false }]).relay.kept(instant(0)), [], 'nothing is kept for nobody')
})

t.test('RFC 2328 §14: an LSA that is flushed or too old counts no longer', async t => {
  const rig = joined()
  rig.run(1500)
  t.same(
    since(rig, () => {
      const flushed = Lsas.router(2, [], { by: B.id, sequence: 1, age: 3600 })
      rig.hears('x', Lsas.updates(B, allRouters(B), [flushed]))
      rig.run(500)
    }),
    ['lan: '],
  )
})

t.test('RFC 2328 §13.1: an older instance that comes late changes nothing', async t => {
  const rig = joined()
  rig.run(1500)
  const again = areaOf('10.91.0.0/16', '10.99.0.0/16', 1)[1]
  rig.hears('x', Lsas.updates(B, allRouters(B), [again]))
  rig.run(1500)
  t.same(
    since(rig, () => {
      rig.hears('x', Lsas.updates(B, allRouters(B), [areaOf('10.91.0.0/16', '10.92.0.0/16')[1]]))
      rig.run(1500)
    }),
    [],
  )
})

t.test('RFC 2328 §10.6: what routers describe and what we never saw is missing, until it comes', async t => {
  const rig = new Rig(['x'])
  exchange(rig)
  const [a, b] = areaOf('10.91.0.0/16', '10.92.0.0/16')
  rig.hears('lan', Lsas.descriptions(A, B.address, 2, [a, areaOf('10.91.0.0/16', '10.1.0.0/16', 5)[1]]))
  rig.run(1500)
  const missing = () => rig.relay.report(instant(rig.now)).following.areas[0]?.missingNames
  t.same(missing(), [
    'that of router 1.1.1.1',
    'that of router 2.2.2.2',
    'type 1 1.1.1.1 of 1.1.1.1',
    'type 1 2.2.2.2 of 2.2.2.2',
  ])
  rig.hears('lan', Lsas.updates(A, allRouters(A), [a]))
  rig.hears('x', Lsas.updates(B, allRouters(B), [b]))
  rig.run(1500)
  t.same(missing(), ['type 1 2.2.2.2 of 2.2.2.2'], 'an older instance does not do')
})

t.test('what was kept is followed by the next relay as soon as routers are heard, and ages', async t => {
  const first = joined()
  first.run(1500)
  t.ok(first.effects.some(effect => effect.do === 'keep'))
  first.run(100_000)
  const areas = first.relay.kept(instant(first.now))
  t.same(
    areas.map(({ lsas }) => lsas.length),
    [2],
  )
  t.same(
    areas[0]?.lsas.map(lsa => lsa[1]),
    [102, 102],
    'a second when they came',
  )
  const rig = new Rig(['x'])
  rig.feed({ on: 'kept', areas })
  t.same(
    since(rig, () => {
      greet(rig)
      rig.run(1500)
    }),
    BOTH,
  )
  t.same(
    since(rig, () => {
      for (let s = 0; s < 3600; s += 30) {
        greet(rig)
        rig.run(30_000)
      }
    }),
    ['lan: ', 'tunnel:x: '],
    'nobody refreshed them',
  )
})

t.test('RFC 2328 §10.6: what neither of two routers describes is nobody’s any more', async t => {
  const areas = [
    { version: 2 as const, instance: 0, area: '0.0.0.0', lsas: areaOf('10.1.0.0/16', '10.2.0.0/16', 9) },
  ]
  const rig = new Rig(['x'])
  rig.feed({ on: 'kept', areas })
  greet(rig)
  t.equal(since(rig, () => rig.run(1500)).length, 2)
  rig.now += 10_000
  t.same(
    since(rig, () => {
      exchange(rig)
      rig.run(1500)
    }),
    ['lan: ', 'tunnel:x: '],
  )
})

t.test('RFC 2328 §13 (8): an older instance is believed where nobody answers with a newer one', async t => {
  const rig = joined()
  rig.run(1500)
  const flood = (sequence: number, stub: string): string[] => {
    greet(rig)
    return since(rig, () => {
      rig.hears('x', Lsas.updates(B, allRouters(B), [areaOf('10.91.0.0/16', stub, sequence)[1]]))
      rig.run(1500)
    })
  }
  const by = (stub: string): string[] => [`lan: ${stub} tunnel:x 10.9.0.2`]
  t.same(flood(7, '10.7.0.0/16'), by('10.7.0.0/16'))
  t.same(flood(3, '10.3.0.0/16'), [], 'it may have been on its way')
  rig.run(5000)
  t.same(flood(3, '10.3.0.0/16'), by('10.3.0.0/16'), 'everybody has begun anew')
  t.same(flood(7, '10.7.0.0/16'), by('10.7.0.0/16'), 'no, somebody had it')
})

t.test(
  'RFC 2328 §12.1.6: after the last of all sequence numbers comes the first, once it is flushed',
  async t => {
    const rig = joined()
    rig.run(1500)
    const flood = (sequence: number, stub: string, age: number): string[] =>
      since(rig, () => {
        const links = [
          { router: A.id, cost: 10 },
          { stub, cost: 1 },
        ]
        const lsa = Lsas.router(2, links, { by: B.id, sequence, age })
        rig.hears('x', Lsas.updates(B, allRouters(B), [lsa]))
        rig.run(2000)
      })
    const last = 0x7fffffff - 0x80000001
    t.same(flood(last, '10.94.0.0/16', 1), ['lan: 10.94.0.0/16 tunnel:x 10.9.0.2'])
    t.same(flood(last, '10.94.0.0/16', 3600), ['lan: '])
    t.same(
      flood(last - 1, '10.95.0.0/16', 3),
      [],
      'what was on its way when it was flushed is older than that',
    )
    t.same(flood(0, '10.96.0.0/16', 1), ['lan: 10.96.0.0/16 tunnel:x 10.9.0.2'])
  },
)

t.test('RFC 2328 §14: what is described and never comes is missing no longer than an LSA lives', async t => {
  const rig = new Rig(['x'])
  const missing = (): readonly string[] | undefined =>
    rig.relay
      .report(instant(rig.now))
      .following.areas[0]?.missingNames.filter(name => name.includes('8.8.8.8'))
  const alive = (ms: number): void => {
    for (const end = rig.now + ms; rig.now < end; rig.run(30_000)) greet(rig)
  }
  const gone = Lsas.router(2, [], { by: '8.8.8.8', age: 1800 })
  exchange(rig)
  rig.hears('lan', Lsas.descriptions(A, B.address, 2, [gone]))
  alive(1_700_000)
  t.same(missing(), ['type 1 8.8.8.8 of 8.8.8.8'])
  alive(200_000)
  t.same(missing() ?? [], [])
})

t.test('RFC 2328 §10.6: what is missing and what no router describes any more is not missed', async t => {
  const rig = new Rig(['x'])
  const missing = (): unknown =>
    rig.relay.report(instant(rig.now)).following.areas[0]?.missingNames.includes('type 1 8.8.8.8 of 8.8.8.8')
  exchange(rig)
  rig.hears('lan', Lsas.descriptions(A, B.address, 2, [Lsas.router(2, [], { by: '8.8.8.8' })]))
  rig.run(1500)
  t.equal(missing(), true)
  exchange(rig)
  t.notOk(missing())
})

t.test(
  'RFC 2328 §A.4.3: networks with 16,000 routers each are carried, and make no more routes than there is time for',
  async t => {
    const rig = joined()
    rig.run(1500)
    const routers = Array.from({ length: 16_000 }, (_, i) => `20.0.${i >> 8}.${i & 255}`)
    const taken = Array.from({ length: 8 }, (_, n) => {
      const lsa = Lsas.network2(`10.200.${n}.1/24`, `10.200.${n}.1`, routers, { by: B.id })
      return rig.hears('x', Lsas.updates(B, A.address, [lsa]))[0] !== 'relay-routes-full'
    })
    t.same(taken, [true, true, true, true, true, true, false, false])
    t.same(
      rig.hears(
        'x',
        Lsas.updates(B, A.address, [
          Lsas.network2('10.200.0.1/24', '10.200.0.1', [], { by: B.id, sequence: 1 }),
        ]),
      ),
      ['lan: 10.9.0.2 > 10.9.0.1'],
      'what becomes smaller leaves room',
    )
  },
)

t.test('RFC 2328 §12.1.7: an LSA with a wrong checksum is counted, carried and not followed', async t => {
  const rig = new Rig(['x'])
  exchange(rig)
  const [, b] = areaOf('10.91.0.0/16', '10.92.0.0/16')
  t.same(rig.hears('x', Lsas.updates(B, A.address, [b.with(40, b[40]! ^ 1)])), [
    'ospf-lsa',
    'lan: 10.9.0.2 > 10.9.0.1',
  ])
})

t.test('a relay remembers so many LSAs and no more; those it has may still change', async t => {
  const rig = joined()
  const drops: string[] = []
  for (let i = 0; i < 20_100; i += 50) {
    const lsas = Array.from({ length: 50 }, (_, k) =>
      Lsas.external(`100.${(i + k) >> 8}.${(i + k) & 255}.0/24`, { metric: 1 }, { by: B.id }),
    )
    if (i % 5000 === 0) greet(rig)
    drops.push(
      ...rig.hears('x', Lsas.updates(B, A.address, lsas)).filter(line => line === 'relay-routes-full'),
    )
    rig.now += 10
  }
  t.equal(drops.length, 102)
  t.equal(rig.relay.report(instant(rig.now)).following.areas[0]?.lsas, 20_000)
  const [, b] = areaOf('10.91.0.0/16', '10.93.0.0/16', 3)
  t.same(rig.hears('x', Lsas.updates(B, A.address, [b])), ['lan: 10.9.0.2 > 10.9.0.1'])
})

const file = shared('vectors/pcap/OSPFv2_Capture_FINAL.pcapng')
const skip = file === undefined && 'no ../shared/vectors/pcap/OSPFv2_Capture_FINAL.pcapng here'

t.test('RFC 2328 §16: the routes of a captured conversation', { skip }, async t => {
  const relay = new Relay({ group: 'test', id: '00000000000000aa' })
  const settings = { tunnel: 'x', far: 'x', multicast: [], bfd: false, failFast: false, forward: true }
  const effects: RelayEffect[] = []
  let now = 0
  const feed = (input: Parameters<Relay['handle']>[1]): void => {
    effects.push(...relay.handle(instant(now), input))
  }
  const run = (ms: number): void => {
    for (const end = now + ms; now < end; now += 50) feed({ on: 'tick' })
  }
  feed({ on: 'tunnel-set', settings })
  feed({ on: 'tunnel-state', tunnel: 'x', carries: true })
  run(4000)
  let before = 0
  for (const { ms, frame } of framesOf(readFileSync(file!))) {
    const packet = frame.slice(14, 14 + ((frame[16]! << 8) | frame[17]!))
    run(before === 0 ? 0 : ms - before)
    before = ms
    feed({ on: 'packet', port: sourceOf(packet) === '192.168.121.42' ? LAN : tunnelPort('x'), packet })
  }
  run(1000)
  const { areas, routes } = relay.report(instant(now)).following
  t.match(areas, [{ version: 2, area: '0.0.0.0', lsas: 10, missing: 0 }])
  t.same(
    routes.map(one => [
      one.port,
      ...one.routes.map(({ to, neighbour, kind }) => `${to} ${neighbour} ${kind}`),
    ]),
    [
      [
        LAN,
        '192.168.120.0/24 192.168.121.4 intra-area',
        '192.168.121.0/24 192.168.121.4 intra-area',
        '0.0.0.0/0 192.168.121.4 external-2',
      ],
      [
        'tunnel:x',
        '192.168.255.11/32 192.168.121.42 intra-area',
        '192.168.122.0/30 192.168.121.42 intra-area',
        '192.168.124.0/24 192.168.121.42 external-2',
        '192.168.127.0/24 192.168.121.42 external-2',
        '192.168.128.0/23 192.168.121.42 external-2',
        '192.168.255.12/31 192.168.121.42 external-2',
      ],
    ],
  )
})
