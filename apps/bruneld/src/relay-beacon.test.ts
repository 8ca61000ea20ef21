import { Packet } from '@brunel/base'
import { Ipv4 } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { beaconIn, beaconPacket } from './relay-beacon.js'

t.test('a beacon comes out as it went in, also where more octets follow', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1200 }), beacon => {
      const packet = beaconPacket(beacon)
      t.same(beaconIn(packet), beacon)
      t.same(beaconIn(Uint8Array.of(...packet, 0xa5, 0xa5)), beacon)
    }),
    { numRuns: 30 },
  )
})

t.test('it is a packet that no router forwards and no router minds: TTL 1, CS6, a good checksum', async t => {
  const p = new Packet(beaconPacket(Uint8Array.of(1, 2, 3)))
  const ip = Ipv4.open(p, 0)
  if (typeof ip === 'string') return t.fail(ip)
  t.same([Ipv4.ttl(p, ip), Ipv4.tos(p, ip), Ipv4.checksumGood(p, ip)], [1, 0xc0, true])
})

for (const [what, at, octet] of [
  ['another protocol', 9, 89],
  ['another group', 19, 5],
  ['another port', 23, 1],
  ['a fragment', 7, 1],
  ['IPv6', 0, 0x65],
  ['a length beyond the end', 3, 255],
] as const)
  t.test(`${what} is no beacon`, async t => {
    const packet = beaconPacket(new Uint8Array(28))
    packet[at] = octet
    t.equal(beaconIn(packet), undefined)
  })
