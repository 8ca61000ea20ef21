import fc from 'fast-check'
import t from 'tap'
import { farName, lanName, linkId, winners } from './election.js'

const id = (n: number): string => n.toString(16).padStart(16, '0')

t.test('both ends of a tunnel give it the same name, and no two tunnels have one', async () =>
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 6 }), ids => {
      const names = new Set<string>()
      let tunnels = 0
      for (const [i, a] of ids.entries())
        for (const b of ids.slice(i + 1))
          for (const number of [1, 2]) {
            const [one, other] = [
              { relay: id(a), number },
              { relay: id(b), number: number + 7 },
            ]
            if (linkId(one, other) !== linkId(other, one)) return false
            names.add(linkId(one, other))
            tunnels++
          }
      return names.size === tunnels
    }),
  ),
)

t.test('the lowest link to each far LAN wins, in whatever order they are heard', async t => {
  const links = [
    { far: 'b', id: '3' },
    { far: 'b', id: '1' },
    { far: 'c', id: '2' },
    { far: 'b', id: '2' },
  ]
  t.same(
    [...winners(links)],
    [
      ['b', '1'],
      ['c', '2'],
    ],
  )
  t.same(new Map([...winners(links.toReversed())].sort()), winners(links))
})

t.test('a LAN is called by its lowest relay; a far end by its identity', async t => {
  t.equal(lanName('5', ['7', '6']), '5')
  t.equal(lanName('5', ['3', '6']), '3')
  t.match(farName('router.example'), /^[0-9a-f]{16}$/)
  t.equal(farName('router.example'), farName('router.example'))
  t.not(farName('router.example'), farName('router.exampl3'))
})
