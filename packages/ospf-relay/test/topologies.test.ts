import fc from 'fast-check'
import t from 'tap'
import { hello, type Router } from './packets.js'
import { sourceOf } from './rig.js'
import { type Lan, type Station, World } from './world.js'

const router = (lan: number): Router => ({ address: `10.9.0.${lan + 1}`, id: `1.1.1.${lan + 1}` })

/** LANs by number, the relays of each, and tunnels between relays. */
const topologies = fc.record({
  relays: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 6 }),
  tunnels: fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { minLength: 1, maxLength: 10 }),
  ids: fc.shuffledSubarray(['1', '2', '3', '4', '5', '6'], { minLength: 6, maxLength: 6 }),
})

interface Built {
  readonly world: World
  readonly lans: readonly Lan[]
  readonly reachable: readonly ReadonlySet<number>[]
}

function build({ relays, tunnels, ids }: typeof topologies extends fc.Arbitrary<infer T> ? T : never): Built {
  const world = new World()
  const lans = [world.lan(), world.lan(), world.lan()]
  const stations: Station[] = relays.map((lan, i) => world.relay(ids[i]!, lans[lan]!))
  const reachable = lans.map((_, i) => new Set([i]))
  const seen = new Set<string>()
  for (const [a, b] of tunnels.map(
    ([a, b]) => [a % relays.length, b % relays.length].sort() as [number, number],
  )) {
    if (a === b || seen.has(`${a} ${b}`)) continue
    seen.add(`${a} ${b}`)
    world.tunnel(stations[a]!, stations[b]!)
    const joined = new Set([...reachable[relays[a]!]!, ...reachable[relays[b]!]!])
    for (const lan of joined) reachable[lan] = joined
  }
  return { world, lans, reachable }
}

const count = (lan: Lan, from: Router): number =>
  lan.heard.filter(({ packet }) => sourceOf(packet) === from.address).length

t.test(
  'RFC 2328 §8.1: whatever relays and tunnels join three LANs, each hears each packet once, and its own never',
  async () =>
    fc.assert(
      fc.property(topologies, topology => {
        const { world, lans, reachable } = build(topology)
        world.run(8000)
        for (const [i, lan] of lans.entries()) {
          lan.says(hello(router(i)))
          world.run(1000)
        }
        return lans.every((lan, there) =>
          lans.every(
            (_, from) => count(lan, router(from)) === (there !== from && reachable[from]!.has(there) ? 1 : 0),
          ),
        )
      }),
      { numRuns: 150 },
    ),
)

t.test('RFC 2328 §8.1: before anything is elected no packet goes round for ever', async () =>
  fc.assert(
    fc.property(topologies, fc.integer({ min: 0, max: 3000 }), (topology, begin) => {
      const { world, lans } = build(topology)
      world.run(begin)
      for (const [i, lan] of lans.entries()) lan.says(hello(router(i)))
      world.run(1500)
      return lans.every(lan => lan.heard.length <= 3 * 6)
    }),
    { numRuns: 100 },
  ),
)

/** A seeded generator: Marsaglia's xorshift32. */
function dice(seed: number): () => number {
  let x = seed | 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) / 2 ** 32
  }
}

t.test(
  'RFC 2328 §8.1: with a tenth of all packets and beacons lost, nothing storms and little is doubled',
  async t => {
    for (const seed of [1, 2, 3, 4]) {
      const relays = [0, 0, 1, 1, 2]
      const tunnels: [number, number][] = [
        [0, 2],
        [1, 3],
        [0, 3],
        [1, 4],
        [2, 4],
      ]
      const { world, lans } = build({ relays, tunnels, ids: ['3', '1', '4', '2', '5'] })
      world.run(8000)
      const random = dice(seed * 7919)
      world.lost = () => random() < 0.1
      const hellos = 300
      for (let s = 0; s < hellos; s++) {
        for (const [i, lan] of lans.entries()) lan.says(hello(router(i)))
        world.run(1000)
      }
      for (const [there, lan] of lans.entries())
        for (const [from] of lans.entries()) {
          const heard = count(lan, router(from)) / hellos
          if (there !== from) t.ok(heard > 0.6 && heard < 1.1, `LAN ${there} hears ${heard} of LAN ${from}`)
          else t.ok(heard < 0.05, `LAN ${there} hears ${heard} of itself`)
        }
    }
  },
)
