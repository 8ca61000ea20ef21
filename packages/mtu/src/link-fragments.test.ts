import { isDrop, Packet } from '@brunel/base'
import { content } from '@brunel/base/testing'
import { Ipv4, Ipv6 } from '@brunel/wire'
import t from 'tap'
import { ipv4, ipv6 } from '../test/ip.js'
import { linkFragments } from './link-fragments.js'
import { tunnelMtu } from './units.js'

const payload = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 0xff)
const cut = (packet: Uint8Array, mtu: number): readonly Uint8Array[] => {
  const pieces = linkFragments(packet, tunnelMtu(mtu), 9)
  if (isDrop(pieces)) throw new Error(pieces)
  return pieces
}

t.test('RFC 791 §3.2: IPv4 is cut whatever DF says, and DF stays what it was', async t => {
  for (const dontFragment of [true, false]) {
    const pieces = cut(content(ipv4(payload(1480), { dontFragment })), 1422)
    const seen = pieces.map(bytes => {
      const p = new Packet(bytes)
      const ip = Ipv4.open(p, 0)
      if (isDrop(ip)) return ip
      return [bytes.length, Ipv4.fragmentOffset(p, ip), Ipv4.dontFragment(p, ip), Ipv4.checksumGood(p, ip)]
    })
    t.same(seen, [
      [1420, 0, dontFragment, true],
      [100, 1400, dontFragment, true],
    ])
  }
})

t.test(
  'RFC 8200 §4.5: IPv6 gets a fragment header, all pieces but the last a multiple of 8 octets',
  async t => {
    const whole = content(ipv6(payload(1460)))
    const pieces = cut(whole, 1422)
    const upper = Ipv6.upper()
    const seen = pieces.map(bytes => {
      const p = new Packet(bytes)
      const ip = Ipv6.open(p, 0)
      if (isDrop(ip)) return ip
      Ipv6.walk(p, ip, upper)
      return [bytes.length, upper.protocol, upper.fragmentOffset, upper.moreFragments, p.view.getUint32(44)]
    })
    t.same(seen, [
      [1416, whole[6], 0, true, 9],
      [140, whole[6], 1368, false, 9],
    ])
  },
)

t.test('what fits stays as it is, and what leaves no room for 8 octets is dropped', async t => {
  for (const packet of [content(ipv4(payload(100))), content(ipv6(payload(100)))]) {
    t.same(cut(packet, 1400), [packet])
    t.equal(linkFragments(packet, tunnelMtu(27), 9), 'tunnel-too-big')
  }
  t.equal(linkFragments(Uint8Array.of(0x60), tunnelMtu(1400), 9), 'ip-truncated')
})
