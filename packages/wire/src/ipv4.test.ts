import { isDrop } from '@brunel/base'
import { content, growthPerCall, hex, inSlot, octets, received, words } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Address from './address.js'
import * as Ipv4 from './ipv4.js'

const plain = '4500 0018 0000 0000 4011 0000 c0000201 c6336407 deadbeef'

for (const [name, packet, want] of [
  ['a header without options', plain, 20],
  ['a header with options', '4600 0018 0000 0000 4011 0000 c0000201 c6336407 01010100', 24],
  ['octets behind the total length', `${plain} 0000`, 20],
  ['no octet at all', '', 'ip-truncated'],
  ['19 octets', '4500 0018 0000 0000 4011 0000 c0000201 c63364', 'ip-truncated'],
  ['a short packet of another version', '60', 'ip-version'],
  ['version 6', '6500 0018 0000 0000 4011 0000 c0000201 c6336407 deadbeef', 'ip-version'],
  ['a header of 16 octets', '4400 0018 0000 0000 4011 0000 c0000201 c6336407 deadbeef', 'ip-header-length'],
  [
    'a header beyond the packet',
    '4700 0018 0000 0000 4011 0000 c0000201 c6336407 deadbeef',
    'ip-header-length',
  ],
  [
    'a total length below the header',
    '4500 0013 0000 0000 4011 0000 c0000201 c6336407 deadbeef',
    'ip-header-length',
  ],
  [
    'a total length beyond the packet',
    '4500 0019 0000 0000 4011 0000 c0000201 c6336407 deadbeef',
    'ip-truncated',
  ],
] as const) {
  t.test(`RFC 791 §3.1: ${name}: ${want}`, async t => {
    const p = received(packet)
    const ip = Ipv4.open(p, 0)
    t.equal(isDrop(ip) ? ip : Ipv4.payloadAt(p, ip), want)
  })
}

const header = (): Ipv4.Header => ({
  source: Address.parse('192.0.2.1')!,
  destination: Address.parse('198.51.100.7')!,
  protocol: 47,
  ttl: 64,
  tos: 0xc0,
  identification: 0x1234,
  dontFragment: true,
})

t.test('RFC 791 §3.1: a pushed header reads back field by field', async t => {
  const p = inSlot('deadbeef')
  const ip = Ipv4.push(p, header())
  if (isDrop(ip)) return t.fail(ip)
  t.equal(hex(content(p)), hex(octets('45c0 0018 1234 4000 402f 3b87 c0000201 c6336407 deadbeef')))
  t.equal(Ipv4.open(p, p.start), ip)
  t.ok(Ipv4.checksumGood(p, ip))
  t.equal(Ipv4.checksum(p, ip), 0x3b87)
  t.same(
    [
      Ipv4.tos(p, ip),
      Ipv4.identification(p, ip),
      Ipv4.ttl(p, ip),
      Ipv4.protocol(p, ip),
      Ipv4.totalLength(p, ip),
    ],
    [0xc0, 0x1234, 64, 47, 24],
  )
  t.same([Ipv4.dontFragment(p, ip), Ipv4.moreFragments(p, ip), Ipv4.isFragment(p, ip)], [true, false, false])
  t.ok(Address.equalAt(p.bytes, Ipv4.sourceAt(ip), header().source))
  t.ok(Address.equalAt(p.bytes, Ipv4.destinationAt(ip), header().destination))
  t.equal(Ipv4.endAt(p, ip), p.end)
  p.bytes[ip + 8]!--
  t.notOk(Ipv4.checksumGood(p, ip), 'a changed TTL shows')
})

t.test('a header that finds no room, or would be too long, is a drop and changes nothing', async t => {
  const p = inSlot('deadbeef', 19)
  t.equal(Ipv4.push(p, header()), 'underlay-room')
  t.equal(p.start, 19)
  t.equal(Ipv4.push(inSlot(new Uint8Array(65516)), header()), 'tunnel-too-big')
  t.notOk(isDrop(Ipv4.push(inSlot(new Uint8Array(65515)), header())))
})

t.test('RFC 791 §3.2: first, middle and last fragments are told apart', async t => {
  const flags = (word: string): unknown => {
    const p = received(`4500 0018 0000 ${word} 4011 0000 c0000201 c6336407 deadbeef`)
    const ip = Ipv4.open(p, 0)
    return isDrop(ip) ? ip : [Ipv4.isFragment(p, ip), Ipv4.moreFragments(p, ip), Ipv4.fragmentOffset(p, ip)]
  }
  t.same(flags('4000'), [false, false, 0])
  t.same(flags('2000'), [true, true, 0])
  t.same(flags('2001'), [true, true, 8])
  t.same(flags('1fff'), [true, false, 65528])
})

t.test('RFC 1624 §3: TOS, TTL, protocol and length change with the checksum', async () => {
  const value = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(fc.tuple(value, value, value), value, ([tos, ttl, protocol], more) => {
      const p = inSlot(new Uint8Array(300))
      const ip = Ipv4.push(p, header())
      if (isDrop(ip)) return false
      Ipv4.setTos(p, ip, tos)
      Ipv4.setTtl(p, ip, ttl)
      Ipv4.setProtocol(p, ip, protocol)
      Ipv4.setTotalLength(p, ip, 20 + more)
      const read = [Ipv4.tos(p, ip), Ipv4.ttl(p, ip), Ipv4.protocol(p, ip), Ipv4.totalLength(p, ip)]
      return Ipv4.checksumGood(p, ip) && read.join() === [tos, ttl, protocol, 20 + more].join()
    }),
  )
})

const nearlyValid = fc
  .tuple(
    fc.constantFrom(0x44, 0x45, 0x46, 0x4f, 0x65),
    fc.integer({ min: 0, max: 80 }),
    fc.uint8Array({ maxLength: 70 }),
  )
  .map(([first, total, rest]) => words(Uint8Array.of(first, 0, 0, total), rest))
t.test('open refuses it, or header and packet end inside the bytes', async () =>
  fc.assert(
    fc.property(nearlyValid, bytes => {
      const p = received(bytes)
      const ip = Ipv4.open(p, 0)
      return isDrop(ip) || (Ipv4.payloadAt(p, ip) <= Ipv4.endAt(p, ip) && Ipv4.endAt(p, ip) <= p.end)
    }),
  ),
)

t.test('opening, reading and pushing allocate nothing per packet', async t => {
  const p = inSlot(new Uint8Array(100))
  const mine = header()
  const growth = growthPerCall(i => {
    p.point(128, 228, 0, 356)
    mine.identification = i & 0xffff
    const ip = Ipv4.push(p, mine)
    if (isDrop(ip) || !Ipv4.checksumGood(p, ip) || Ipv4.open(p, ip) !== ip) throw new Error('lost')
  })
  t.ok(growth < 4, `${growth} octets a packet`)
})
