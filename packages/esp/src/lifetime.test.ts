import t from 'tap'
import { Lifetime, limitsOf } from './lifetime.js'

/** What happens when packets of these sizes pass, as 'packet number: limit by reason'. */
function told(lifetime: Lifetime, sizes: readonly number[], firstSequence = 1): string[] {
  const said: string[] = []
  sizes.forEach((size, i) => {
    if (lifetime.add(size, firstSequence + i)) {
      said.push(`${i + 1}: ${lifetime.news(firstSequence + i)} by ${lifetime.why}`)
    }
  })
  return said
}

const none = { softBytes: 0, hardBytes: 0, softPackets: 0, hardPackets: 0 }

for (const [name, limits, sequence, sizes, want] of [
  [
    'soft before hard, each once',
    { ...none, softPackets: 2, hardPackets: 4 },
    [],
    [9, 9, 9, 9, 9],
    ['2: soft by packets', '4: hard by packets'],
  ],
  [
    'bytes count as well as packets, the first to be reached wins',
    { softBytes: 20, hardBytes: 100, softPackets: 4, hardPackets: 5 },
    [],
    [9, 9, 9, 9, 9, 9],
    ['3: soft by bytes', '5: hard by packets'],
  ],
  [
    'one packet over both limits is told as hard',
    { ...none, softBytes: 10, hardBytes: 20 },
    [],
    [30, 30],
    ['1: hard by bytes'],
  ],
  ['no limit is never reached', none, [], [1e15, 1e15], []],
  ['infinity is no limit', limitsOf(Infinity, 0, { share: 0.1, spread: 0.1, draw: 1 }), [], [1e15], []],
  ['the sequence numbers', none, [3, 5], [1, 1, 1, 1, 1, 1], ['3: soft by sequence', '5: hard by sequence']],
] as const) {
  t.test(`RFC 4301 §4.4.2.1: soft and hard lifetimes: ${name}`, async t => {
    const lifetime = new Lifetime(limits, ...sequence)
    t.same(told(lifetime, sizes), want)
    t.equal(
      lifetime.expired,
      want.some(w => w.includes('hard')),
    )
  })
}

t.test('RFC 7296 §2.8: the soft limit is drawn earlier by the share that was given, never later', async t => {
  const margin = { share: 0.1, spread: 0.1 }
  t.same(limitsOf(1000, 100, { ...margin, draw: 0 }), {
    softBytes: 900,
    hardBytes: 1000,
    softPackets: 90,
    hardPackets: 100,
  })
  t.same(limitsOf(1000, 0, { ...margin, draw: 1 }), {
    softBytes: 800,
    hardBytes: 1000,
    softPackets: 0,
    hardPackets: 0,
  })
  t.equal(limitsOf(1, 1, { ...margin, draw: 1 }).softBytes, 1, 'never none')
})
