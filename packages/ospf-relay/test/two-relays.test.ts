import { instant } from '@brunel/base'
import { hex } from '@brunel/base/testing'
import t from 'tap'
import { emitBeacon, parseBeacon } from '../src/beacon.js'
import { type TunnelSettings, tunnelPort } from '../src/index.js'
import { hello, ospf, type Router } from './packets.js'
import { Rig, sourceOf } from './rig.js'
import { type Lan, type Station, World } from './world.js'

const A: Router = { address: '10.9.0.1', id: '1.1.1.1' }
const B: Router = { address: '10.9.0.2', id: '2.2.2.2' }
const C: Router = { address: '10.9.0.3', id: '3.3.3.3' }

const beaconOf = (relay: string, links: readonly { far: string; id: string }[]): Uint8Array =>
  emitBeacon({ relay, lan: relay, number: 0, links })

/** A router on each LAN: A on the first, and so on. */
const onLans = (...lans: readonly Lan[]): (readonly [Router, Lan])[] =>
  lans.map((lan, i) => [[A, B, C][i] as Router, lan])

/** For `seconds`, each of the routers says a Hello a second on its LAN, all alike but for the IPv4 identification. */
function talk(world: World, speakers: readonly (readonly [Router, Lan])[], seconds: number): void {
  for (let s = 0; s < seconds; s++) {
    for (const [router, lan] of speakers) lan.says(hello(router))
    world.run(1000)
  }
}

const count = (lan: Lan, router: Router, since = 0): number =>
  lan.heard.filter(({ at, packet }) => at >= since && sourceOf(packet) === router.address).length
const heardOf = (lan: Lan): number[] => [A, B, C].map(router => count(lan, router))
const othersOf = (own: Router, times: number): number[] => [A, B, C].map(one => (one === own ? 0 : times))
const sentBy = (from: Station, to: Station): number => from.sent.get(tunnelPort(to.id))?.length ?? 0
const copies = (lan: Lan): number => {
  const seen = new Map<string, number>()
  for (const { packet } of lan.heard) seen.set(hex(packet), (seen.get(hex(packet)) ?? 0) + 1)
  return Math.max(0, ...seen.values())
}

/**
 *    LAN a ── R1 ══ R3 ── LAN b
 */
function across(id = '1') {
  const world = new World()
  const [a, b] = [world.lan(), world.lan()]
  const [r1, r3] = [world.relay(id, a), world.relay('3', b)]
  world.tunnel(r1, r3)
  world.run(5000)
  return { world, a, b, r1, r3 }
}

/**
 *    LAN a ─┬─ R1 ══ R3 ── LAN b
 *           └─ R2 ══ R3
 */
function twoOnOneLan(options: Partial<TunnelSettings> = {}) {
  const world = new World()
  const [a, b] = [world.lan(), world.lan()]
  const [r1, r2, r3] = [world.relay('1', a), world.relay('2', a), world.relay('3', b)]
  world.tunnel(r1, r3, options)
  world.tunnel(r2, r3)
  world.run(5000)
  return { world, a, b, r1, r2, r3 }
}

function oneRelay(): { onA: number; onB: number; inTunnels: number } {
  const { world, a, b, r1, r3 } = across()
  talk(world, onLans(a, b), 20)
  return { onA: count(a, B), onB: count(b, A), inTunnels: sentBy(r1, r3) + sentBy(r3, r1) }
}

t.test(
  'RFC 2328 §8.1: two relays on one LAN neither loop nor double: the packets are those of one relay',
  async t => {
    const { world, a, b, r1, r2, r3 } = twoOnOneLan()
    t.same(
      [r1.state(r3), r2.state(r3), r3.state(r1), r3.state(r2)],
      ['forwarding', 'standby', 'forwarding', 'standby'],
    )
    talk(world, onLans(a, b), 20)
    const inTunnels = sentBy(r1, r3) + sentBy(r3, r1) + sentBy(r2, r3) + sentBy(r3, r2)
    t.same({ onA: count(a, B), onB: count(b, A), inTunnels }, oneRelay())
    t.same([count(a, B), count(b, A)], [20, 20])
    t.notOk(r2.answers.has(B.address), 'the one that stands by answers no ARP')
    t.ok(r1.answers.has(B.address))
  },
)

t.test(
  'RFC 2328 §8.1: two relays on both LANs, each with a tunnel of its own: both ends choose the same one',
  async t => {
    for (const ids of [
      ['1', '2', '3', '4'],
      ['4', '2', '1', '3'],
      ['2', '3', '4', '1'],
      ['4', '3', '2', '1'],
    ]) {
      const world = new World()
      const [a, b] = [world.lan(), world.lan()]
      const [r1, r2] = [world.relay(ids[0]!, a), world.relay(ids[1]!, a)]
      const [r3, r4] = [world.relay(ids[2]!, b), world.relay(ids[3]!, b)]
      world.tunnel(r1, r3)
      world.tunnel(r2, r4)
      world.run(6000)
      const states = [r1.state(r3), r3.state(r1), r2.state(r4), r4.state(r2)].join(' ')
      t.match(
        states,
        /^(forwarding forwarding standby standby|standby standby forwarding forwarding)$/,
        ids.join(),
      )
      talk(world, onLans(a, b), 10)
      t.same([count(a, B), count(b, A)], [10, 10])
    }
  },
)

t.test('RFC 2328 §8.1: all tunnels between two pairs of relays: one forwards', async t => {
  const world = new World()
  const [a, b] = [world.lan(), world.lan()]
  const left = [world.relay('5', a), world.relay('2', a)]
  const right = [world.relay('3', b), world.relay('4', b)]
  for (const l of left) for (const r of right) world.tunnel(l, r)
  world.run(6000)
  const states = left.flatMap(l => right.flatMap(r => [l.state(r), r.state(l)]))
  t.equal(states.filter(state => state === 'forwarding').length, 2)
  talk(world, onLans(a, b), 10)
  t.same([count(a, B), count(b, A)], [10, 10])
})

t.test(
  'RFC 2328 §10.3: the other relay takes over within ten seconds when the one that forwards dies',
  async t => {
    const { world, a, b, r1, r2 } = twoOnOneLan()
    talk(world, onLans(a, b), 5)
    r1.dead = true
    talk(world, onLans(a, b), 10)
    const since = world.now
    talk(world, onLans(a, b), 5)
    t.same([count(a, B, since), count(b, A, since)], [5, 5])
    t.ok(r2.answers.has(B.address), 'and answers for the neighbours')
    r1.dead = false
    talk(world, onLans(a, b), 10)
    const later = world.now
    talk(world, onLans(a, b), 5)
    t.same([count(a, B, later), count(b, A, later)], [5, 5], 'its return doubles nothing')
  },
)

t.test(
  'RFC 2328 §10.3: the other relay takes over at once when the first says that its tunnel is gone',
  async t => {
    const { world, a, b, r1, r3 } = twoOnOneLan({ failFast: true })
    talk(world, onLans(a, b), 5)
    world.cut(r1, r3)
    world.run(3000)
    const since = world.now
    talk(world, onLans(a, b), 5)
    t.same([count(a, B, since), count(b, A, since)], [5, 5])
    t.same(
      r1.events.filter(({ type }) => type === 'fail-fast'),
      [],
      'there is another way: nobody needs to die',
    )
  },
)

t.test(
  'RFC 2328 §8.1: two relays of one LAN with tunnels to different sites: both forward, and the sites hear each other',
  async t => {
    const world = new World()
    const [a, b, c] = [world.lan(), world.lan(), world.lan()]
    const [r1, r2, r3, r4] = [
      world.relay('1', a),
      world.relay('2', a),
      world.relay('3', b),
      world.relay('4', c),
    ]
    world.tunnel(r1, r3)
    world.tunnel(r2, r4)
    world.run(5000)
    talk(world, onLans(a, b, c), 10)
    t.same(
      [count(a, B), count(a, C), count(b, A), count(b, C), count(c, A), count(c, B)],
      [10, 10, 10, 10, 10, 10],
    )
  },
)

t.test('RFC 2328 §8.1: hub and two spokes are one segment; nothing goes back where it came from', async t => {
  const world = new World()
  const [a, b, c] = [world.lan(), world.lan(), world.lan()]
  const [hub, one, two] = [world.relay('1', a), world.relay('2', b), world.relay('3', c)]
  world.tunnel(hub, one)
  world.tunnel(hub, two)
  world.run(5000)
  talk(world, onLans(a, b, c), 10)
  for (const [own, lan] of onLans(a, b, c)) {
    t.same(heardOf(lan), othersOf(own, 10))
    t.equal(copies(lan), 1)
  }
  t.same([sentBy(hub, one), sentBy(hub, two), sentBy(one, hub), sentBy(two, hub)], [20, 20, 10, 10])
})

t.test('RFC 2328 §8.1: three sites in a full mesh: each LAN hears each packet once', async t => {
  const world = new World()
  const [a, b, c] = [world.lan(), world.lan(), world.lan()]
  const [r1, r2, r3] = [world.relay('1', a), world.relay('2', b), world.relay('3', c)]
  world.tunnel(r1, r2)
  world.tunnel(r2, r3)
  world.tunnel(r3, r1)
  world.run(5000)
  talk(world, onLans(a, b, c), 10)
  for (const [own, lan] of onLans(a, b, c)) t.same(heardOf(lan), othersOf(own, 10))
  t.ok(r1.drops.some(({ drop }) => drop === 'relay-duplicate'))
})

t.test('RFC 2328 §8.1: two tunnels of one relay to the same far router: one forwards', async t => {
  const world = new World()
  const a = world.lan()
  const r1 = world.relay('1', a)
  for (const name of ['by-dsl', 'by-lte']) {
    r1.addTunnel(name, undefined, { far: 'router.example' })
    r1.feed({ on: 'tunnel-state', tunnel: name, carries: true })
  }
  r1.addTunnel('elsewhere', undefined, { far: 'other.example' })
  r1.feed({ on: 'tunnel-state', tunnel: 'elsewhere', carries: true })
  world.run(5000)
  talk(world, [[A, a]], 5)
  t.same(
    [...r1.sent].map(([port, packets]) => [port, packets.length]),
    [
      ['tunnel:by-dsl', 5],
      ['tunnel:elsewhere', 5],
    ],
  )
})

t.test('RFC 2328 §8.1: a tunnel between two relays of one LAN doubles nothing there', async t => {
  const world = new World()
  const [a, b] = [world.lan(), world.lan()]
  const [r1, r2, r3] = [world.relay('1', a), world.relay('2', a), world.relay('3', b)]
  world.tunnel(r1, r2)
  world.tunnel(r1, r3)
  world.run(5000)
  talk(world, onLans(a, b), 10)
  t.same([count(a, A), count(a, B), count(b, A), count(b, B)], [0, 10, 10, 0])
})

t.test('(policy): a forger who takes the name of the far LAN stops nothing', async t => {
  const { world, a, b, r3 } = across('5')
  const forged = (): void => {
    a.beacon(beaconOf(r3.id, []))
    world.later(1000, forged)
  }
  forged()
  world.run(3000)
  talk(world, onLans(a, b), 10)
  t.same([count(a, B), count(b, A)], [10, 10])
})

t.test('(policy): a claim to carry that does not show on the LAN is not believed', async t => {
  const { world, a, b, r1, r3 } = across('5')
  // Somebody on LAN a says the beacons of a relay that carries to LAN b, and carries nothing.
  const forger = world.relay('1', world.lan())
  forger.addTunnel('x', undefined)
  forger.feed({ on: 'tunnel-state', tunnel: 'x', carries: true })
  const forged = (): void => {
    const links = [{ far: r3.id, id: '0'.repeat(36) }]
    a.beacon(beaconOf(forger.id, links))
    world.later(1000, forged)
  }
  forged()
  world.run(3000)
  t.equal(r1.state(r3), 'standby')
  talk(world, onLans(a, b), 10)
  t.equal(r1.state(r3), 'forwarding')
  t.equal(r1.events.filter(({ type }) => type === 'claim-refuted').length, 1)
  const since = world.now
  talk(world, onLans(a, b), 10)
  t.same([count(a, B, since), count(b, A, since)], [10, 10])
})

t.test(
  'RFC 2328 §8.1: a packet that is said again is carried again, but not within a fifth of a second',
  async t => {
    const { world, a, b } = across()
    const same = ospf(A, '224.0.0.5', 5, new Uint8Array(0))
    for (const wait of [0, 100, 150]) {
      world.run(wait)
      a.says(same)
    }
    world.run(1000)
    t.equal(count(b, A), 2)
  },
)

t.test('(policy): who stands by believes a claim that shows, whichever copy comes first', async t => {
  for (const [first, second] of [
    [0, 30],
    [30, 0],
  ] as const) {
    const world = new World()
    const a = world.lan()
    const [r1, r2] = [world.relay('1', a), world.relay('2', a)]
    //    LAN a ─┬─ R1 ══ router.example, which is no relay of ours and sends each packet to both
    //           └─ R2 ══ router.example
    for (const r of [r1, r2]) {
      r.addTunnel('z', undefined, { far: 'router.example' })
      r.feed({ on: 'tunnel-state', tunnel: 'z', carries: true })
    }
    world.run(5000)
    for (let i = 0; i < 20; i++) {
      const packet = hello(B)
      world.later(first, () => r1.feed({ on: 'packet', port: 'tunnel:z', packet: packet.slice() }))
      world.later(second, () => r2.feed({ on: 'packet', port: 'tunnel:z', packet: packet.slice() }))
      world.run(i % 4 === 3 ? 1500 : 50)
    }
    t.equal(count(a, B), 20)
    t.same(
      r2.events.filter(({ type }) => type === 'claim-refuted'),
      [],
    )
  }
})

t.test('RFC 2328 §8.1: a relay that is new is answered at once, not with the next beacon', async t => {
  const world = new World()
  const r1 = world.relay('1', world.lan())
  r1.addTunnel('x', undefined)
  world.run(5300)
  const beacon = beaconOf('2'.repeat(16), [])
  const before = r1.relay.deadline
  r1.relay.handle(instant(world.now), { on: 'beacon', port: 'lan', beacon })
  t.ok((before ?? 0) > world.now)
  t.equal(r1.relay.deadline, world.now)
  t.match(r1.relay.handle(instant(world.now), { on: 'tick' }), [{ do: 'beacon', port: 'lan' }])
  t.same(r1.relay.handle(instant(world.now), { on: 'beacon', port: 'lan', beacon: beacon.slice(1) }), [
    { do: 'drop', port: 'lan', drop: 'relay-beacon' },
  ])
  t.equal(r1.relay.deadline, world.now + 1000, 'once')
  const flood = Array.from({ length: 100 }, () =>
    r1.relay.handle(instant(world.now), { on: 'beacon', port: 'lan', beacon }),
  )
  t.match(flood.at(-1), [{ do: 'drop', drop: 'relay-rate' }])
})

t.test('at most 16 relays are heard on a LAN, and one that is silent is gone', async t => {
  const world = new World()
  const r1 = world.relay('f000000000000000', world.lan())
  for (let i = 0; i < 20; i++)
    r1.feed({ on: 'beacon', port: 'lan', beacon: beaconOf(`${i + 10}`.padStart(16, '0'), []) })
  const heard = (): number => r1.relay.report(instant(world.now)).lanRelays.length
  t.equal(heard(), 16)
  world.run(5000)
  t.equal(heard(), 0)
  t.equal(r1.events.filter(({ type }) => type === 'relay-gone').length, 16)
})

t.test('(policy): a moment in which nothing that was claimed shows refutes nobody', async t => {
  const world = new World()
  const a = world.lan()
  const [r1, r2] = [world.relay('1', a), world.relay('2', a)]
  for (const r of [r1, r2]) {
    r.addTunnel('z', undefined, { far: 'router.example' })
    r.feed({ on: 'tunnel-state', tunnel: 'z', carries: true })
  }
  world.run(5000)
  const comes = (packet: Uint8Array, ...to: Station[]): void => {
    for (const r of to) r.feed({ on: 'packet', port: 'tunnel:z', packet: packet.slice() })
    world.run(700)
  }
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 4; i++) comes(hello(B), r2)
    comes(hello(B), r1, r2)
  }
  t.same(
    r2.events.filter(({ type }) => type === 'claim-refuted'),
    [],
  )
  for (let i = 0; i < 9; i++) comes(hello(B), r2)
  t.equal(r2.events.filter(({ type }) => type === 'claim-refuted').length, 1)
})

t.test('tunnels have numbers of their own, after 65,535 of them too', async t => {
  const rig = new Rig(['first'])
  const settings = { far: 'x', multicast: [], bfd: false, failFast: false, forward: true }
  for (let i = 1; i < 0xffff; i++) {
    rig.feed({ on: 'tunnel-set', settings: { ...settings, tunnel: 'other' } })
    rig.feed({ on: 'tunnel-removed', tunnel: 'other' })
  }
  rig.feed({ on: 'tunnel-set', settings: { ...settings, tunnel: 'last' } })
  rig.feed({ on: 'tunnel-state', tunnel: 'last', carries: true })
  const from = rig.effects.length
  rig.run(1000)
  const told = rig.effects
    .slice(from)
    .flatMap(e => (e.do === 'beacon' && e.port !== 'lan' ? [parseBeacon(e.beacon)] : []))
  t.match(told.slice(-2), [{ number: 1 }, { number: 2 }])
})

t.test(
  '(policy): a far end that is another relay with each beacon is answered four times a second',
  async t => {
    const rig = new Rig(['x', 'y'])
    const from = rig.effects.length
    for (let i = 0; i < 200; i++) {
      const relay = `00000000000000b${i % 2}`
      rig.feed({ on: 'beacon', port: 'tunnel:x', beacon: beaconOf(relay, []) })
      rig.run(50)
    }
    const answers = rig.effects
      .slice(from)
      .filter(effect => effect.do === 'beacon' && effect.port === 'tunnel:y')
    t.ok(answers.length <= 41, `${answers.length} in ten seconds`)
  },
)
