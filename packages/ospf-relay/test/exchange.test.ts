import { instant } from '@brunel/base'
import type { Ospf } from '@brunel/wire'
import t from 'tap'
import { type Direction, Exchanges } from '../src/routes/exchange.js'

const AB: Direction = { from: 'a', to: 'b' }
const BA: Direction = { from: 'b', to: 'a' }
const AC: Direction = { from: 'a', to: 'c' }
const CA: Direction = { from: 'c', to: 'a' }
const BEGINS = { init: true, more: true } as Ospf.DatabaseDescription
const GOES_ON = { init: false, more: true } as Ospf.DatabaseDescription
const ENDS = { init: false, more: false } as Ospf.DatabaseDescription

type Step = readonly [at: number, direction: Direction, body: Ospf.DatabaseDescription, ...keys: string[]]

/** What is whole, by the time it is. */
function whole(...steps: readonly Step[]): string[] {
  const exchanges = new Exchanges()
  return steps.flatMap(([at, direction, body, ...keys]) => {
    const all = exchanges.described(instant(at), direction, body, keys)
    return all === undefined ? [] : [`${at}: since ${all.since}: ${[...all.keys].sort().join(' ')}`]
  })
}

for (const [title, steps, want] of [
  [
    'both described all',
    [
      [1, AB, BEGINS],
      [2, BA, BEGINS],
      [3, AB, GOES_ON, 'x'],
      [4, BA, ENDS, 'y'],
      [5, AB, ENDS, 'z'],
    ],
    ['5: since 1: x y z'],
  ],
  [
    'one has not',
    [
      [1, AB, BEGINS],
      [2, BA, BEGINS],
      [3, AB, ENDS, 'x'],
      [4, BA, GOES_ON, 'y'],
    ],
    [],
  ],
  [
    'the beginning was not heard',
    [
      [2, BA, BEGINS],
      [3, AB, ENDS, 'x'],
      [4, BA, ENDS, 'y'],
    ],
    [],
  ],
  [
    'one begins anew',
    [
      [1, AB, BEGINS],
      [2, AB, GOES_ON, 'x'],
      [3, BA, BEGINS],
      [4, AB, BEGINS],
      [5, BA, ENDS],
      [6, AB, ENDS, 'y'],
    ],
    ['6: since 3: y'],
  ],
  [
    'what is said to a third router meanwhile is of another exchange',
    [
      [1, AB, BEGINS],
      [2, BA, BEGINS],
      [3, AB, GOES_ON, 'x'],
      [4, AC, BEGINS],
      [5, AB, ENDS, 'y'],
      [6, BA, ENDS],
      [7, AC, ENDS],
    ],
    ['6: since 1: x y'],
  ],
  [
    'a third router told the first one all',
    [
      [1, AB, BEGINS],
      [2, CA, BEGINS],
      [3, AB, ENDS, 'x'],
      [4, CA, ENDS],
    ],
    [],
  ],
  [
    'by multicast, on a point-to-point network',
    [
      [1, { from: 'a', to: undefined }, BEGINS],
      [2, { from: 'b', to: undefined }, BEGINS],
      [3, { from: 'a', to: undefined }, ENDS, 'x'],
      [4, { from: 'b', to: undefined }, ENDS, 'y'],
    ],
    ['4: since 1: x y'],
  ],
  [
    'by multicast, and answered by unicast',
    [
      [1, { from: 'a', to: undefined }, BEGINS],
      [2, BA, BEGINS],
      [3, { from: 'a', to: undefined }, ENDS, 'x'],
      [4, CA, BEGINS],
      [5, BA, ENDS, 'y'],
    ],
    ['5: since 1: x y'],
  ],
  [
    'of different days',
    [
      [1, AB, BEGINS],
      [2, AB, ENDS, 'x'],
      [70_000, BA, BEGINS],
      [70_001, BA, ENDS, 'y'],
    ],
    [],
  ],
] as const satisfies readonly (readonly [string, readonly Step[], readonly string[]])[])
  t.test(`RFC 2328 §10.6: what two routers have together: ${title}`, async t => {
    t.same(whole(...steps), want)
  })

const described = (exchanges: Exchanges, direction: Direction, keys: readonly string[], at = 1): unknown => {
  exchanges.described(instant(at), direction, BEGINS, [])
  return exchanges.described(instant(at), direction, ENDS, keys)
}

t.test('exchanges that never end are given up for new ones', async t => {
  const exchanges = new Exchanges()
  for (let i = 0; i < 1000; i++) exchanges.described(instant(1), { from: 'a', to: `nobody ${i}` }, BEGINS, [])
  described(exchanges, AB, ['x'])
  t.same(described(exchanges, BA, ['y']), { since: 1, keys: new Set(['x', 'y']) })
})

t.test('who describes without end is given up, and nobody else', async t => {
  const exchanges = new Exchanges()
  described(exchanges, AB, ['x'])
  exchanges.described(instant(1), AC, BEGINS, [])
  exchanges.described(instant(1), CA, BEGINS, [])
  const keys = (n: number): string[] => Array.from({ length: 1000 }, (_, i) => `${n} ${i}`)
  for (let n = 0; n < 150; n++) exchanges.described(instant(1), AC, GOES_ON, keys(n))
  exchanges.described(instant(1), CA, ENDS, [])
  t.equal(exchanges.described(instant(1), AC, ENDS, []), undefined, 'its end is that of half of it')
  t.same(described(exchanges, BA, ['y']), { since: 1, keys: new Set(['x', 'y']) })
})
