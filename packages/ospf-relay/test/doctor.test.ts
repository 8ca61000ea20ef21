import { instant } from '@brunel/base'
import t from 'tap'
import type { Finding, FindingCode, NeighbourState } from '../src/index.js'
import {
  allRouters,
  description,
  type HelloOptions,
  hello,
  ip,
  ospf,
  type Router,
  request,
  update,
} from './packets.js'
import { Rig } from './rig.js'

const A: Router = { address: '10.9.0.1', id: '1.1.1.1' }
const B: Router = { address: '10.9.0.2', id: '2.2.2.2' }
const A6: Router = { address: 'fe80::a', id: '1.1.1.1' }
const B6: Router = { address: 'fe80::b', id: '2.2.2.2' }

interface Speaker {
  readonly router: Router
  readonly options?: HelloOptions
  /** Whether it accepts the other's Hellos, so that its own name him. */
  readonly hears?: boolean
}

/** A on the LAN says a Hello at 0, 10, 20… s, B behind tunnel x at 5, 15, 25… s. */
function talk(rig: Rig, a: Speaker, b: Speaker, hellos = 2): void {
  const say = (port: string, me: Speaker, other: Speaker, first: boolean): void => {
    const named = me.hears !== false && !first ? [other.router.id] : []
    rig.hears(port, hello(me.router, named, me.options))
    rig.run(5000)
  }
  for (let i = 0; i < hellos; i++) {
    say('lan', a, b, i === 0 && rig.relay.report(instant(rig.now)).neighbours.length === 0)
    say('x', b, a, false)
  }
}

const findings = (rig: Rig): readonly Finding[] => rig.relay.report(instant(rig.now)).findings
const codes = (rig: Rig): FindingCode[] => findings(rig).map(({ code }) => code)
const said = (rig: Rig, type: string): unknown[] =>
  rig.events(type).map(e => e.do === 'event' && ('finding' in e.event ? e.event.finding.code : e.event))

const good: readonly [Speaker, Speaker] = [{ router: A }, { router: B }]
const good6: readonly [Speaker, Speaker] = [{ router: A6 }, { router: B6 }]

for (const [name, a, b, code, values] of [
  [
    'RFC 2328 §8.2: area',
    { router: A, hears: false },
    { router: { ...B, area: '0.0.0.1' }, hears: false },
    'BRUNEL_OSPF_AREA',
    ['0.0.0.0', '0.0.0.1'],
  ],
  [
    'RFC 2328 §10.5: HelloInterval',
    { router: A, hears: false },
    { router: B, options: { hello: 5 }, hears: false },
    'BRUNEL_OSPF_HELLO_INTERVAL',
    ['10 s', '5 s'],
  ],
  [
    'RFC 2328 §10.5: RouterDeadInterval',
    { router: A, hears: false },
    { router: B, options: { dead: 60 }, hears: false },
    'BRUNEL_OSPF_DEAD_INTERVAL',
    ['40 s', '60 s'],
  ],
  [
    'RFC 5340 §A.3.2: RouterDeadInterval of version 3',
    { router: A6, hears: false },
    { router: B6, options: { dead: 60 }, hears: false },
    'BRUNEL_OSPF_DEAD_INTERVAL',
    ['40 s', '60 s'],
  ],
  [
    'RFC 2328 §10.5: network mask',
    { router: A, hears: false },
    { router: B, options: { mask: '255.255.255.128' }, hears: false },
    'BRUNEL_OSPF_MASK',
    ['255.255.255.0', '255.255.255.128'],
  ],
  [
    'RFC 2328 §10.5: E-bit, a stub area',
    { router: A, hears: false },
    { router: B, options: { options: 0 }, hears: false },
    'BRUNEL_OSPF_STUB',
    ['normal', 'stub'],
  ],
  [
    'RFC 2328 §A.2: N/P-bit, a stub area and an NSSA',
    { router: A, options: { options: 0 }, hears: false },
    { router: B, options: { options: 8 }, hears: false },
    'BRUNEL_OSPF_STUB',
    ['stub', 'NSSA'],
  ],
  [
    'RFC 2328 §8.2, §D.5: authentication type',
    { router: A, hears: false },
    { router: { ...B, key: 1 }, hears: false },
    'BRUNEL_OSPF_AUTHENTICATION',
    ['none', 'cryptographic, key 1, digest of 16 octets'],
  ],
  [
    'RFC 2328 §D.5.3: key id',
    { router: { ...A, key: 2 }, hears: false },
    { router: { ...B, key: 1 }, hears: false },
    'BRUNEL_OSPF_AUTHENTICATION',
    ['cryptographic, key 2, digest of 16 octets', 'cryptographic, key 1, digest of 16 octets'],
  ],
  [
    'RFC 5709 §3.3: algorithm',
    { router: { ...A, key: 1, digest: 32 }, hears: false },
    { router: { ...B, key: 1 }, hears: false },
    'BRUNEL_OSPF_AUTHENTICATION',
    ['cryptographic, key 1, digest of 32 octets', 'cryptographic, key 1, digest of 16 octets'],
  ],
  [
    'RFC 4552 §3: authentication header',
    { router: { ...A6, spi: 256 }, hears: false },
    { router: B6, hears: false },
    'BRUNEL_OSPF_AUTHENTICATION',
    ['AH, SPI 256', 'none'],
  ],
  [
    'RFC 4302 §2.4: SPI of the authentication header',
    { router: { ...A6, spi: 256 }, hears: false },
    { router: { ...B6, spi: 257 }, hears: false },
    'BRUNEL_OSPF_AUTHENTICATION',
    ['AH, SPI 256', 'AH, SPI 257'],
  ],
  [
    'RFC 2328 §1.2: router id',
    { router: A, hears: false },
    { router: { ...B, id: A.id }, hears: false },
    'BRUNEL_OSPF_ROUTER_ID',
    ['1.1.1.1', '1.1.1.1'],
  ],
  [
    'RFC 2328 §9.4: network type',
    { router: A, options: { dr: A.address } },
    { router: B },
    'BRUNEL_OSPF_NETWORK_TYPE',
    ['broadcast', 'point-to-point'],
  ],
] as const satisfies readonly (readonly [string, Speaker, Speaker, FindingCode, readonly [string, string]])[])
  t.test(`${name}: said within two hello intervals, and no more when mended`, async t => {
    const rig = new Rig(['x'])
    talk(rig, a, b)
    t.match(findings(rig), [{ code, sides: values.map(value => ({ value })) }])
    t.equal(findings(rig).length, 1)
    const [{ sentence, sides, remedy } = { sentence: '', sides: [], remedy: '' }] = findings(rig)
    t.match(sentence, /^10\.9\.0\.1|^fe80::a/)
    t.match(sentence, /behind tunnel x/)
    t.ok(remedy.length > 20)
    if (a.router.address.includes(':')) t.notMatch(remedy, /`ip ospf/, 'OSPFv3 has commands of its own')
    t.same(
      sides.map(({ port }) => port),
      ['lan', 'tunnel:x'],
    )
    t.same(said(rig, 'finding'), [code])
    const whole = a.router.address.includes(':') ? good6 : good
    talk(rig, ...whole)
    t.same(codes(rig), [])
    t.same(said(rig, 'finding-gone'), [code])
  })

t.test(
  'RFC 2328 §10.5: routers that agree are found to agree, on any network type and at any start',
  async t => {
    for (const [a, b] of [
      good,
      good6,
      // Point-to-point with different masks: ignored.
      [{ router: A }, { router: B, options: { mask: '255.255.255.252' } }],
      [
        { router: A, options: { dr: A.address, bdr: B.address } },
        { router: B, options: { dr: A.address, bdr: B.address } },
      ],
      [{ router: { ...A6, spi: 256 } }, { router: { ...B6, spi: 256 } }],
      // A key is being exchanged: both accept both.
      [{ router: { ...A, key: 1 } }, { router: { ...B, key: 2 } }],
    ] as const) {
      const rig = new Rig(['x'])
      talk(rig, a, b, 6)
      t.same(said(rig, 'finding'), [])
    }
  },
)

t.test(
  'RFC 2328 §9.4: a router that hears of the election and joins it is no other network type',
  async t => {
    const rig = new Rig(['x'])
    talk(rig, ...good, 4)
    rig.hears('lan', hello(A, [B.id], { dr: A.address }))
    rig.run(5000)
    rig.hears('x', hello(B, [A.id]))
    rig.run(5000)
    t.same(said(rig, 'finding'), [], 'its Hello may have been on the way')
    rig.hears('lan', hello(A, [B.id], { dr: A.address }))
    rig.run(5000)
    rig.hears('x', hello(B, [A.id], { dr: A.address, bdr: B.address }))
    rig.run(5000)
    t.same(said(rig, 'finding'), [])
  },
)

t.test('RFC 2328 §9.1: a router that restarts, and names nobody once, is no other network type', async t => {
  const rig = new Rig(['x'])
  const both = { dr: A.address, bdr: B.address }
  talk(rig, { router: A, options: both }, { router: B, options: both }, 3)
  rig.hears('lan', hello(A, [B.id], both))
  rig.run(5000)
  rig.hears('x', hello(B, [A.id]))
  rig.run(5000)
  t.same(said(rig, 'finding'), [])
})

t.test('RFC 2328 §10.6: different MTUs are named with both numbers; 0 is accepted', async t => {
  const rig = new Rig(['x'])
  talk(rig, ...good)
  rig.hears('lan', description(A, B.address, { mtu: 1500, flags: 7 }))
  rig.hears('x', description(B, A.address, { mtu: 1400, flags: 7 }))
  rig.run(1000)
  t.match(findings(rig), [{ code: 'BRUNEL_OSPF_MTU', sides: [{ value: '1500' }, { value: '1400' }] }])
  t.equal(
    findings(rig)[0]?.sentence,
    '10.9.0.1 (router 1.1.1.1, on the LAN) announces an MTU of 1500, 10.9.0.2 (router 2.2.2.2, behind tunnel x) one of 1400 and refuses it.',
  )
  t.match(findings(rig)[0]?.remedy, /an MTU of 1400, or both 1500/)
  rig.hears('lan', description(A, B.address, { mtu: 1400, flags: 7 }))
  t.same(codes(rig), [])
  rig.hears('x', description(B, A.address, { mtu: 0, flags: 7 }))
  t.same(codes(rig), [])
})

t.test('RFC 2328 §10.6: MTUs that do not hinder (mtu-ignore) are no finding once both are Full', async t => {
  const rig = new Rig(['x'])
  talk(rig, ...good)
  rig.hears('lan', description(A, B.address, { mtu: 1500, flags: 1, sequence: 9 }))
  rig.hears('x', description(B, A.address, { mtu: 1400, flags: 0, sequence: 9 }))
  t.same(codes(rig), [])
})

t.test(
  'RFC 2328 §D.5.3: Hellos that are not accepted, though nothing in them differs, are a finding of their own',
  async t => {
    const rig = new Rig(['x'])
    talk(rig, { router: { ...A, key: 1 } }, { router: { ...B, key: 1 }, hears: false }, 4)
    t.match(findings(rig), [
      {
        code: 'BRUNEL_OSPF_UNHEARD',
        sentence:
          '10.9.0.2 (router 2.2.2.2, behind tunnel x) does not accept the Hellos of 10.9.0.1 (router 1.1.1.1, on the LAN).',
      },
    ])
    talk(rig, { router: { ...A, key: 1 } }, { router: { ...B, key: 1 } }, 1)
    t.same(codes(rig), [])
    const neither = new Rig(['x'])
    talk(neither, { router: A, hears: false }, { router: B, hears: false }, 4)
    t.match(findings(neither)[0]?.sentence, /do not accept each other's Hellos/)
  },
)

t.test(
  'RFC 2328 §10.3: who is silent for his dead interval is named, and since when; for an hour',
  async t => {
    const rig = new Rig(['x'])
    talk(rig, ...good)
    const last = rig.now - 5000
    for (let i = 0; i < 5; i++) {
      rig.hears('lan', hello(A, [B.id]))
      rig.run(10_000)
    }
    t.match(findings(rig), [
      { code: 'BRUNEL_OSPF_SILENT', sides: [{ address: B.address, port: 'tunnel:x' }] },
    ])
    const [, silent] = rig.relay.report(instant(rig.now)).neighbours
    t.match(silent, { address: B.address, silentSince: last, states: [{ state: 'Down' }] })
    rig.hears('x', hello(B, [A.id]))
    t.same(codes(rig), [])
    rig.run(3_602_000)
    t.same(rig.relay.report(instant(rig.now)).neighbours, [], 'then both are forgotten')
  },
)

t.test('RFC 5340 §2.5: who goes on from another address of its link is not silent', async t => {
  const rig = new Rig(['x'])
  const moved = { ...B, address: '10.9.0.77' }
  talk(rig, ...good)
  for (let i = 0; i < 6; i++) {
    rig.hears('lan', hello(A, [B.id]))
    rig.hears('x', hello(moved, [A.id]))
    rig.run(10_000)
  }
  t.same(codes(rig), [])
  t.same(
    rig.relay.report(instant(rig.now)).neighbours.map(({ address }) => address),
    [A.address, moved.address],
  )
})

t.test('RFC 2328 §10.1: an adjacency that becomes Full is news, and so is its end', async t => {
  const rig = new Rig(['x'])
  talk(rig, ...good)
  rig.hears('lan', description(A, B.address, { flags: 1, sequence: 9 }))
  rig.hears('x', description(B, A.address, { flags: 0, sequence: 9 }))
  rig.run(3000)
  const ends = [
    { port: 'lan', address: A.address, routerId: A.id },
    { port: 'tunnel:x', address: B.address, routerId: B.id },
  ]
  t.same(said(rig, 'adjacency-full'), [{ type: 'adjacency-full', ends }])
  t.same(said(rig, 'adjacency-lost'), [])
  rig.hears('x', hello(B))
  rig.run(3000)
  t.same(said(rig, 'adjacency-lost'), [{ type: 'adjacency-lost', ends }])
  t.equal(said(rig, 'adjacency-full').length, 1)
})

/** The states of A for B and of B for A. */
const states = (rig: Rig): NeighbourState[] =>
  rig.relay.report(instant(rig.now)).neighbours.flatMap(n => n.states.map(({ state }) => state))

/**
 *    A                                B
 *    │ Hello ()                       │
 *    │                     Hello (A)  │
 *    │ Hello (B)                      │
 *    │ DD I M MS   ────▶   DD I M MS  │
 *    │ DD M=0      ────▶   DD M=0     │
 *    │ LSR, LSU    ────▶   LSU        │
 */
t.test(
  'RFC 2328 §10.1, §10.6, §10.7, §10.8: the states of both directions follow the conversation up to Full',
  async t => {
    for (const [a, b] of [
      [A, B],
      [A6, B6],
    ] as const) {
      const rig = new Rig(['x'])
      const steps: [string, string, Uint8Array, NeighbourState[]][] = [
        ['Hello of A', 'lan', hello(a), []],
        ['Hello of B names A', 'x', hello(b, [a.id]), ['Down', 'Init']],
        ['Hello of A names B', 'lan', hello(a, [b.id]), ['2-Way', '2-Way']],
        ['DD of A, I', 'lan', description(a, b.address, { flags: 7 }), ['ExStart', '2-Way']],
        ['DD of B, I', 'x', description(b, a.address, { flags: 7, sequence: 5 }), ['ExStart', 'ExStart']],
        [
          'DD of A, slave',
          'lan',
          description(a, b.address, { flags: 2, sequence: 5 }),
          ['Exchange', 'ExStart'],
        ],
        [
          'DD of B, last',
          'x',
          description(b, a.address, { flags: 1, sequence: 6 }),
          ['Exchange', 'Exchange'],
        ],
        ['LSR of A', 'lan', request(a, b.address), ['Exchange', 'Exchange']],
        ['DD of A, last', 'lan', description(a, b.address, { flags: 0, sequence: 6 }), ['Loading', 'Full']],
        ['LSU of B', 'x', update(b, a.address), ['Full', 'Full']],
        [
          'DD of A, I: it begins anew',
          'lan',
          description(a, b.address, { flags: 7 }),
          ['ExStart', 'Exchange'],
        ],
        ['LSR of A', 'lan', request(a, b.address), ['ExStart', 'Exchange']],
        ['DD of A, I: and again', 'lan', description(a, b.address, { flags: 7 }), ['ExStart', 'Exchange']],
        ['DD of A, all said', 'lan', description(a, b.address, { sequence: 7 }), ['Exchange', 'Exchange']],
        ['DD of B, all said', 'x', description(b, a.address, { flags: 1, sequence: 7 }), ['Full', 'Full']],
        ['Hello of B without A', 'x', hello(b), ['Init', 'Down']],
        ['Hello of B names A again', 'x', hello(b, [a.id]), ['Exchange', '2-Way']],
      ]
      // A version 3 request has no Link State Type in its first octets that this builder makes: same length, so it is read.
      for (const [name, port, packet, want] of steps) {
        rig.hears(port, packet)
        rig.run(300)
        t.same(states(rig), want, name)
      }
    }
  },
)

t.test(
  'RFC 2328 §10.4: an adjacency that was Full before the relay began is seen as Full after a dead interval',
  async t => {
    const rig = new Rig(['x'])
    const both = { dr: A.address, bdr: B.address }
    talk(rig, { router: A, options: both }, { router: B, options: both }, 2)
    t.same(states(rig), ['2-Way', '2-Way'])
    talk(rig, { router: A, options: both }, { router: B, options: both }, 4)
    t.same(states(rig), ['Full', 'Full'])
    const others = new Rig(['x'])
    const third = { dr: '10.9.0.9', bdr: '10.9.0.8' }
    talk(others, { router: A, options: third }, { router: B, options: third }, 7)
    t.same(states(others), ['2-Way', '2-Way'], 'two that are neither DR nor Backup stay there')
  },
)

t.test('RFC 2328 §10.3, AdjOK?: two that were Full and are led by others are back in 2-Way', async t => {
  const rig = new Rig(['x'])
  const [b, c] = [
    { dr: A.address, bdr: B.address },
    { dr: '10.9.0.9', bdr: '10.9.0.8' },
  ]
  talk(rig, { router: A, options: b }, { router: B, options: b }, 2)
  rig.hears('lan', description(A, B.address, { flags: 0, sequence: 6 }))
  rig.hears('x', description(B, A.address, { flags: 1, sequence: 6 }))
  rig.run(300)
  t.same(states(rig), ['Full', 'Full'])
  talk(rig, { router: A, options: c }, { router: B, options: c }, 1)
  t.same(states(rig), ['2-Way', '2-Way'])
})

t.test('RFC 2328 §10.4: a router that has just begun to name the other is not Full', async t => {
  const rig = new Rig(['x'])
  talk(rig, { router: A, hears: false }, { router: B }, 6)
  t.same(states(rig), ['Down', 'Init'])
  talk(rig, { router: A }, { router: B }, 1)
  t.same(states(rig), ['2-Way', '2-Way'])
})

t.test(
  'RFC 5340 §2.4: who is alone in an instance is told; instances with routers on both sides are apart',
  async t => {
    const rig = new Rig(['x'])
    const inOne = (router: Router): Speaker => ({
      router: { ...router, instance: 1, area: '0.0.0.1' },
      hears: false,
    })
    talk(rig, { router: A6, hears: false }, inOne(B6), 2)
    t.match(findings(rig), [
      {
        code: 'BRUNEL_OSPF_INSTANCE',
        sentence:
          'fe80::a (router 1.1.1.1, on the LAN) speaks in instance 0, fe80::b (router 2.2.2.2, behind tunnel x) speaks in instance 1.',
        sides: [{ value: '0' }, { value: '1' }],
      },
    ])
    t.same(states(rig), [])
    const instances = rig.relay.report(instant(rig.now)).neighbours.map(({ instance }) => instance)
    t.same(instances, [0, 1])
    const [a1, b1] = [inOne({ ...A6, address: 'fe80::a1', id: '1.1.1.2' }), inOne(B6)]
    talk(rig, { ...a1, hears: true }, { ...b1, hears: true }, 2)
    t.same(codes(rig), [], 'somebody is in both on the one side')
  },
)

t.test(
  'RFC 5340 §2.4: who changes to another instance is told at once, and its old self is forgotten',
  async t => {
    const rig = new Rig(['x'])
    talk(rig, ...good6, 3)
    const moved = { router: { ...B6, instance: 9 }, hears: false }
    talk(rig, good6[0], moved, 2)
    t.same(codes(rig), ['BRUNEL_OSPF_INSTANCE'], 'after two of its Hellos')
    talk(rig, good6[0], moved, 4)
    t.same(codes(rig), ['BRUNEL_OSPF_INSTANCE'], 'and nobody is called silent')
    talk(rig, ...good6, 2)
    t.same(codes(rig), [])
  },
)

t.test(
  'RFC 2328 §10.5: who speaks otherwise at last is not blamed for not having been accepted before',
  async t => {
    const rig = new Rig(['x'])
    const wrong = { router: { ...B, area: '0.0.0.1' }, hears: false }
    talk(rig, { router: A, hears: false }, wrong, 5)
    t.same(codes(rig), ['BRUNEL_OSPF_AREA'])
    talk(rig, { router: A, hears: false }, good[1], 1)
    t.same(codes(rig), [])
  },
)

t.test(
  'RFC 2328 §10.5: a mask that changes where there is an election is told before the dead interval',
  async t => {
    const rig = new Rig(['x'])
    const elected = { dr: A.address }
    talk(rig, { router: A, options: elected }, { router: B, options: elected }, 3)
    t.same(codes(rig), [])
    // A still names B: until the dead interval it does.
    talk(rig, { router: A, options: elected }, { router: B, options: { mask: '255.255.255.128' } }, 1)
    t.same(codes(rig), ['BRUNEL_OSPF_MASK'])
  },
)

t.test('RFC 2328 §10.5: a router that is heard behind another tunnel is the same router', async t => {
  const rig = new Rig(['x', 'y'])
  talk(rig, ...good)
  rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: false })
  rig.hears('y', hello(B, [A.id]))
  rig.run(2000)
  t.same(codes(rig), [])
  t.match(rig.relay.report(instant(rig.now)).neighbours, [
    { port: 'lan' },
    { port: 'tunnel:y', address: B.address },
  ])
  t.equal(rig.relay.report(instant(rig.now)).neighbours.length, 2)
})

t.test('the report names what a neighbour says of itself', async t => {
  const rig = new Rig(['x'])
  rig.hears('x', hello({ ...B, password: true }, [A.id], { dr: B.address, priority: 5 }))
  rig.hears('x', description({ ...B, password: true }, allRouters(B), { mtu: 1476 }))
  t.match(rig.relay.report(instant(rig.now)).neighbours, [
    {
      port: 'tunnel:x',
      address: B.address,
      version: 2,
      instance: 0,
      routerId: B.id,
      area: '0.0.0.0',
      authentication: 'simple password',
      mtu: 1476,
      heardAt: rig.now,
      hello: {
        helloInterval: 10,
        deadInterval: 40,
        mask: '255.255.255.0',
        areaKind: 'normal',
        options: 2,
        priority: 5,
        designatedRouter: B.address,
        backupDesignatedRouter: '0.0.0.0',
        neighbours: [A.id],
      },
      states: [],
    },
  ])
})

t.test('neighbours and findings are bounded, whoever speaks', async t => {
  const rig = new Rig(Array.from({ length: 8 }, (_, i) => `t${i}`))
  for (let n = 0; n < 480; n++) {
    rig.run(25)
    const router = {
      address: `10.8.${n >> 8}.${n & 255}`,
      id: `8.8.${n >> 8}.${n & 255}`,
      area: `0.0.0.${n % 250}`,
    }
    rig.hears(`t${n % 8}`, hello(router))
  }
  rig.run(1000)
  const { neighbours } = rig.relay.report(instant(rig.now))
  t.equal(neighbours.length, 256)
  t.equal(findings(rig).length, 128)
})

t.test('what cannot be read is counted by its reason', async t => {
  const rig = new Rig(['x'])
  rig.hears('lan', ospf(A, '224.0.0.5', 9, new Uint8Array(8)))
  const bare = ospf({ ...A, key: 1, digest: 16 }, '224.0.0.5', 5, new Uint8Array(0))
  rig.hears('lan', ip(A.address, '224.0.0.5', bare.slice(20, 44)))
  t.same(rig.relay.report(instant(rig.now)).unread, { 'ospf-body': 1, 'ospf-authentication': 1 })
})

/** Two subnets on each of two LANs: A and B are in one, C and D in the other. */
const C: Router = { address: '10.8.0.1', id: '3.3.3.3', area: '0.0.0.1' }
const D: Router = { address: '10.8.0.2', id: '4.4.4.4', area: '0.0.0.1' }

t.test('RFC 2328 §8.2: routers of two subnets on one cable are not compared', async t => {
  const rig = new Rig(['x'])
  for (let i = 0; i < 6; i++) {
    talk(rig, ...good, 1)
    talk(
      rig,
      { router: C, options: { mask: '255.255.255.128' } },
      { router: D, options: { mask: '255.255.255.128' } },
      1,
    )
  }
  t.same(codes(rig), [])
  const states = rig.relay
    .report(instant(rig.now))
    .neighbours.map(n => n.states.map(({ routerId }) => routerId))
  t.same(states, [[D.id], [B.id], [C.id], [A.id]], 'and have no states for one another')
  talk(rig, { router: C }, { router: { ...D, id: A.id } }, 2)
  t.ok(codes(rig).includes('BRUNEL_OSPF_ROUTER_ID'), 'but their ids must differ')
})

t.test(
  'RFC 2328 §8.2: routers of two subnets that describe their databases to one another do take one another',
  async t => {
    const rig = new Rig(['x'])
    for (let i = 0; i < 3; i++) {
      talk(rig, ...good, 1)
      talk(rig, { router: C }, { router: D }, 1)
    }
    rig.hears('lan', description(A, D.address, { mtu: 1500, flags: 7 }))
    const stranger = rig.relay.report(instant(rig.now)).neighbours.find(({ routerId }) => routerId === A.id)
    t.ok(stranger?.states.some(({ routerId }) => routerId === D.id))
    t.ok(codes(rig).includes('BRUNEL_OSPF_AREA'))
  },
)

t.test('RFC 2328 §8.2: who is alone in his subnet is told so', async t => {
  const rig = new Rig(['x'])
  const [a, c] = [
    { router: A, hears: false },
    { router: { ...C, area: '0.0.0.0' }, hears: false },
  ]
  talk(rig, a, c, 4)
  t.match(findings(rig), [
    {
      code: 'BRUNEL_OSPF_SUBNET',
      sentence:
        '10.9.0.1 (router 1.1.1.1, on the LAN) is in the subnet 10.9.0.0/24, 10.8.0.1 (router 3.3.3.3, behind tunnel x) is in the subnet 10.8.0.0/24.',
    },
  ])
  talk(rig, { router: A }, { router: { ...C, area: '0.0.0.0' } }, 2)
  t.same(codes(rig), [], 'on a point-to-point network they take one another')
})

t.test('RFC 2328 §10.4: two that need not be adjacent refuse no MTU of one another', async t => {
  const rig = new Rig(['x', 'y'])
  const [other, leader] = [
    { address: '10.9.0.3', id: '3.3.3.3' },
    { address: '10.9.0.9', id: '9.9.9.9' },
  ]
  const options = { dr: leader.address }
  rig.hears('y', hello(leader, [A.id, B.id], options))
  for (const [port, me, mtu] of [
    ['lan', A, 1500],
    ['x', other, 1400],
  ] as const) {
    rig.hears(port, hello(me, [A.id, other.id, leader.id], options))
    rig.hears(port, description(me, leader.address, { mtu, flags: 7 }))
  }
  rig.hears('y', hello(leader, [A.id, other.id], options))
  t.same(codes(rig), [])
})

t.test('RFC 2328 §9.4: two with priority 0 wait for a Designated Router, and are not Full', async t => {
  const rig = new Rig(['x'])
  const options = { priority: 0 }
  talk(rig, { router: A, options }, { router: B, options }, 8)
  t.match(rig.relay.report(instant(rig.now)).neighbours, [
    { states: [{ state: '2-Way' }] },
    { states: [{ state: '2-Way' }] },
  ])
})

t.test('who speaks in 256 instances is three routers at most, and pushes nobody out', async t => {
  const rig = new Rig(['x'])
  talk(rig, ...good6)
  for (let instance = 0; instance < 256; instance++)
    rig.hears('lan', hello({ address: 'fe80::bad', id: '6.6.6.6', instance }))
  const { neighbours } = rig.relay.report(instant(rig.now))
  t.same(
    neighbours.map(({ address }) => address).filter(address => address !== 'fe80::bad'),
    [A6.address, B6.address],
  )
  t.equal(neighbours.length, 5)
})

t.test('a port on which many speak forgets its own before those of others', async t => {
  const rig = new Rig(['x', 'y'])
  talk(rig, ...good6)
  for (const port of ['x', 'y'])
    for (let n = 0; n < 63; n++) {
      for (const instance of [0, 1, 2])
        rig.hears(port, hello({ address: `fe80::${port === 'x' ? 1 : 2}:${n + 1}`, id: '6.6.6.6', instance }))
      rig.run(100)
    }
  rig.hears('y', hello({ address: 'fe80::3', id: '6.6.6.7' }))
  const { neighbours } = rig.relay.report(instant(rig.now))
  const of = (port: string): number => neighbours.filter(n => n.port === port).length
  t.same([of('lan'), of('tunnel:x'), of('tunnel:y')], [1, 127, 128])
})

t.test(
  'RFC 2328 §A.3.2: of a Hello that names 16,000 routers as many are remembered as there may be',
  async t => {
    const rig = new Rig(['x'])
    talk(rig, ...good)
    const crowd = Array.from({ length: 16_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    t.same(rig.hears('lan', hello(A, [B.id, ...crowd])), ['tunnel:x: 10.9.0.1 > 224.0.0.5'])
    t.equal(rig.relay.report(instant(rig.now)).neighbours[0]?.hello?.neighbours.length, 256)
  },
)
