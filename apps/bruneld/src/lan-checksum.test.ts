import { Address, Checksum } from '@brunel/wire'
import t from 'tap'
import { finishUdp } from './lan-checksum.js'
import { rebuilt } from './lan-destination.js'

const at = (text: string): Uint8Array => Address.parse(text) as Uint8Array
const sum = (octets: Uint8Array): number =>
  Checksum.sum(new DataView(octets.buffer, octets.byteOffset, octets.length), 0, octets.length)

/** A BFD Control packet of 24 octets, RFC 5881 §4. */
function datagram(checksum: number): Uint8Array {
  const octets = new Uint8Array(32).fill(0xa5)
  octets.set([0xc0, 0, 0x0e, 0xc8, 0, 32, checksum >>> 8, checksum & 255])
  return octets
}
const field = (octets: Uint8Array, at: number): number => (octets[at + 6]! << 8) | octets[at + 7]!

for (const [from, to] of [
  ['10.9.0.1', '10.9.0.2'],
  ['fe80::1', 'fe80::2'],
] as const) {
  const ends = sum(at(from)) + sum(at(to))
  const pseudo = ends + 17 + 32
  const whole = Checksum.finish(pseudo + sum(datagram(0)))

  t.test(
    `RFC 768: a checksum that nobody finished is finished, and no other is touched: ${from}`,
    async t => {
      for (const [given, wanted] of [
        [Checksum.fold(pseudo), whole],
        [whole, whole],
        [0, 0],
        [(whole + 1) & 0xffff, (whole + 1) & 0xffff],
      ] as const) {
        const octets = datagram(given)
        finishUdp(octets, 0, ends)
        t.equal(field(octets, 0), wanted)
        t.same(octets.subarray(8), datagram(0).subarray(8))
      }
      const lying = datagram(Checksum.fold(ends + 17 + 200))
      lying[5] = 200
      finishUdp(lying, 0, ends)
      t.equal(field(lying, 0), Checksum.fold(ends + 17 + 200), 'longer than the packet')
      finishUdp(new Uint8Array(5), 0, ends)
    },
  )
}

t.test('RFC 8200 §8.1: what comes unfinished by IPv6 leaves finished', async t => {
  const [source, destination] = ['fe80::1', 'fe80::2']
  const ends = sum(at(source)) + sum(at(destination))
  const payload = datagram(Checksum.fold(ends + 17 + 32))
  const packet = rebuilt({ protocol: 17, source, destination, payload })
  if (!(packet instanceof Uint8Array)) return t.fail(String(packet))
  t.equal(field(packet, 40), Checksum.finish(ends + 17 + 32 + sum(datagram(0))))
})
