import { isDrop, Packet } from '@brunel/base'
import { wireMtu } from '@brunel/mtu'
import { Ipv4 } from '@brunel/wire'
import t from 'tap'
import { LanPieces } from './lan-pieces.js'

const packet = (identification: number): Uint8Array => {
  const p = new Packet(new Uint8Array(1520), 20)
  const ends = { source: Uint8Array.of(10, 9, 0, 1), destination: Uint8Array.of(224, 0, 0, 5) }
  const ip = Ipv4.push(p, { ...ends, protocol: 89, ttl: 1, tos: 0xc0, identification, dontFragment: false })
  if (isDrop(ip)) throw new Error(ip)
  return p.bytes
}
const shown = (pieces: readonly Uint8Array[] | string): unknown =>
  typeof pieces === 'string'
    ? pieces
    : pieces.map(bytes => {
        const p = new Packet(bytes)
        const ip = Ipv4.open(p, 0)
        return isDrop(ip) ? ip : [bytes.length, p.view.getUint16(4), Ipv4.checksumGood(p, ip)]
      })

t.test(
  'RFC 791 §3.2: a LAN that does not carry a packet in one piece gets fragments of one identification',
  async t => {
    const pieces = new LanPieces()
    t.same(shown(pieces.of(packet(7), wireMtu(1500))), [
      [1500, 7, true],
      [40, 7, true],
    ])
    t.same(shown(pieces.of(packet(7), wireMtu(1520))), [[1520, 7, true]])
  },
)

t.test('RFC 6864 §4.1: where there is none, the kernel would give each piece another', async t => {
  const pieces = new LanPieces()
  const whole = packet(0)
  for (const id of [1, 2])
    t.same(shown(pieces.of(whole, wireMtu(1500))), [
      [1500, id, true],
      [40, id, true],
    ])
  t.same(whole, packet(0), 'others may send the same octets')
})
