import { isDrop } from '@brunel/base'
import fc from 'fast-check'
import t from 'tap'
import { type Beacon, emitBeacon, parseBeacon } from './beacon.js'

const digits = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const beacons: fc.Arbitrary<Beacon> = fc.record({
  relay: digits(16),
  lan: digits(16),
  number: fc.integer({ min: 0, max: 0xffff }),
  links: fc.array(fc.record({ far: digits(16), id: digits(36) }), { maxLength: 5 }),
})

t.test('a beacon survives the wire', async t =>
  fc.assert(fc.property(beacons, beacon => t.same(parseBeacon(emitBeacon(beacon)), beacon))),
)

t.test('nearly valid beacons are read or refused by name', async () =>
  fc.assert(
    fc.property(
      beacons,
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: -30, max: 30 }),
      (beacon, at, octet, cut) => {
        const bytes = emitBeacon(beacon)
        bytes[at % bytes.length] = octet
        const changed = cut < 0 ? bytes.slice(0, cut) : new Uint8Array([...bytes, ...new Uint8Array(cut)])
        const parsed = parseBeacon(changed)
        return isDrop(parsed) ? parsed === 'relay-beacon' : cut === 0
      },
    ),
  ),
)

t.test('more links than a datagram holds are not told, and none is read that is not there', async t => {
  const links = Array.from({ length: 2500 }, () => ({ far: '0'.repeat(16), id: '0'.repeat(36) }))
  const bytes = emitBeacon({ relay: '1'.repeat(16), lan: '1'.repeat(16), number: 0, links })
  t.ok(bytes.length < 65_000)
  const read = parseBeacon(bytes)
  t.equal(!isDrop(read) && read.links.length, 2000)
})
