import { isDrop } from '@brunel/base'
import { content, growthPerCall, hex, inSlot, octets, received, words } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Address from './address.js'
import * as Ipv6 from './ipv6.js'

const ends = '20010db8000000000000000000000001 20010db8000000000000000000000002'
const packet = (next: string, payload: string): string => {
  const length = octets(payload).length.toString(16).padStart(4, '0')
  return `60000000 ${length} ${next} 40 ${ends} ${payload}`
}

for (const [name, hexes, want] of [
  ['a header and 4 octets', packet('3b', 'deadbeef'), 40],
  ['octets behind the payload length', `${packet('3b', 'deadbeef')} 00`, 40],
  ['39 octets', packet('3b', '').slice(0, -2), 'ip-truncated'],
  ['version 4', `4${packet('3b', '').slice(1)}`, 'ip-version'],
  ['a short packet of another version', '45', 'ip-version'],
  ['no octet at all', '', 'ip-truncated'],
  ['a payload length beyond the packet', packet('3b', 'deadbeef').slice(0, -2), 'ip-truncated'],
] as const) {
  t.test(`RFC 8200 §3: ${name}: ${want}`, async t => {
    const ip = Ipv6.open(received(hexes), 0)
    t.equal(isDrop(ip) ? ip : Ipv6.payloadAt(ip), want)
  })
}

/** `[protocol, offset behind the fixed header, fragment offset, more fragments]` or a drop. */
function walked(hexes: string): unknown {
  const p = received(hexes)
  const ip = Ipv6.open(p, 0)
  if (isDrop(ip)) return ip
  const upper = Ipv6.upper()
  return Ipv6.walk(p, ip, upper) ?? [upper.protocol, upper.at - 40, upper.fragmentOffset, upper.moreFragments]
}

const options = (next: string): string => `${next}00 0104 00000000`
for (const [name, hexes, want] of [
  ['no extension header', packet('06', '00'), [6, 0, 0, false]],
  [
    'GRE behind hop-by-hop and destination options',
    packet('00', `${options('3c')} ${options('2f')}`),
    [47, 16, 0, false],
  ],
  [
    'a routing header of 24 octets',
    packet('2b', `1102 0000 00000000 ${'00'.repeat(16)}`),
    [17, 24, 0, false],
  ],
  ['an AH header counts in words', packet('33', `0604 0000 ${'00'.repeat(20)}`), [6, 24, 0, false]],
  [
    'a first fragment is walked through',
    packet('2c', `0600 0001 00000007 ${'00'.repeat(20)}`),
    [6, 8, 0, true],
  ],
  ['a later fragment is not', packet('2c', `3c00 0009 00000007 ff`), [60, 8, 8, true]],
  ['ESP is an upper layer here', packet('32', '00000100'), [50, 0, 0, false]],
  ['next header 59', packet('3b', ''), [59, 0, 0, false]],
  ['an extension header of 7 octets', packet('3c', '0600 0104 000000'), 'ip-extension-headers'],
  ['an extension header beyond the payload', packet('3c', '0601 0104 00000000'), 'ip-extension-headers'],
  ['8 extension headers', packet('3c', `${options('3c').repeat(7)} ${options('06')}`), [6, 64, 0, false]],
  [
    '9 extension headers',
    packet('3c', `${options('3c').repeat(8)} ${options('06')}`),
    'ip-extension-headers',
  ],
] as const) {
  t.test(`RFC 8200 §4.1: the last next header: ${name}`, async t => t.same(walked(hexes), want))
}

t.test('RFC 8200 §4: the walk says where the last next header is named', async t => {
  const p = received(packet('00', `${options('3c')} ${options('2f')}`))
  const ip = Ipv6.open(p, 0)
  const upper = Ipv6.upper()
  if (isDrop(ip)) return t.fail(ip)
  Ipv6.walk(p, ip, upper)
  t.equal(upper.nextHeaderAt, 48)
  t.equal(p.view.getUint8(upper.nextHeaderAt), 47)
})

const header = (): Ipv6.Header => ({
  source: Address.parse('2001:db8::1')!,
  destination: Address.parse('2001:db8::2')!,
  nextHeader: 47,
  hopLimit: 63,
  trafficClass: 0xc1,
  flowLabel: 0xabcde,
})

t.test('RFC 8200 §3: a pushed header reads back field by field', async t => {
  const p = inSlot('deadbeef')
  const ip = Ipv6.push(p, header())
  if (isDrop(ip)) return t.fail(ip)
  t.equal(hex(content(p)), hex(octets(`6c1abcde 0004 2f3f ${ends} deadbeef`)))
  t.equal(Ipv6.open(p, p.start), ip)
  t.same(
    [
      Ipv6.trafficClass(p, ip),
      Ipv6.flowLabel(p, ip),
      Ipv6.nextHeader(p, ip),
      Ipv6.hopLimit(p, ip),
      Ipv6.payloadLength(p, ip),
    ],
    [0xc1, 0xabcde, 47, 63, 4],
  )
  t.ok(Address.equalAt(p.bytes, Ipv6.sourceAt(ip), header().source))
  t.ok(Address.equalAt(p.bytes, Ipv6.destinationAt(ip), header().destination))
  t.equal(Ipv6.endAt(p, ip), p.end)
  Ipv6.setTrafficClass(p, ip, 0x2e)
  Ipv6.setHopLimit(p, ip, 1)
  Ipv6.setNextHeader(p, ip, 50)
  Ipv6.setPayloadLength(p, ip, 3)
  t.equal(hex(content(p)), hex(octets(`62eabcde 0003 3201 ${ends} deadbeef`)), 'the flow label stays')
})

t.test('a header that finds no room, or would be too long, is a drop', async t => {
  t.equal(Ipv6.push(inSlot('', 39), header()), 'underlay-room')
  t.equal(Ipv6.push(inSlot(new Uint8Array(65536)), header()), 'tunnel-too-big')
})

const nearlyValid = fc
  .tuple(
    fc.constantFrom(0, 6, 43, 44, 51, 60, 135, 59),
    fc.array(
      fc
        .tuple(
          fc.constantFrom(0, 6, 43, 44, 51, 60, 139),
          fc.constantFrom(0, 0, 0, 1, 2, 255),
          fc.constantFrom(0, 1, 8),
        )
        .map(([next, length, more]) => Uint8Array.of(next, length, 0, more, 0, 0, 0, 0)),
      { maxLength: 12 },
    ),
    fc.uint8Array({ maxLength: 9 }),
  )
  .map(([next, chain, rest]) => {
    const payload = words(...chain, rest)
    return words(octets('60000000'), Uint8Array.of(0, payload.length, next, 64), new Uint8Array(32), payload)
  })
t.test('RFC 8200 §4: the walk ends inside the packet or is refused', async () =>
  fc.assert(
    fc.property(nearlyValid, bytes => {
      const p = received(bytes)
      const ip = Ipv6.open(p, 0)
      const upper = Ipv6.upper()
      return isDrop(ip) || Ipv6.walk(p, ip, upper) !== undefined || (upper.at >= 40 && upper.at <= p.end)
    }),
  ),
)

t.test('opening, walking and pushing allocate nothing per packet', async t => {
  const p = inSlot(new Uint8Array(100))
  const [mine, upper] = [header(), Ipv6.upper()]
  mine.nextHeader = 60
  const growth = growthPerCall(i => {
    p.point(128, 228, 0, 356)
    mine.trafficClass = i & 0xff
    const ip = Ipv6.push(p, mine)
    if (isDrop(ip) || Ipv6.open(p, ip) !== ip || Ipv6.walk(p, ip, upper) === undefined)
      throw new Error('lost')
  })
  t.ok(growth < 4, `${growth} octets a packet`)
})
