import { isDrop, Packet } from '@brunel/base'
import { content, hex, octets, received, words } from '@brunel/base/testing'
import { Address, Ipv4 } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { ipv4, ipv6, withFlags } from '../test/ip.js'
import { checkSize, FRAGMENT, fragment } from './fragment.js'
import { tunnelMtu } from './units.js'

const payload = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 0xff)

for (const [name, p, mtu, want] of [
  ['IPv4 that fits', ipv4(payload(1380)), 1400, undefined],
  ['IPv4 that fits, DF set', ipv4(payload(1380), { dontFragment: true }), 1400, undefined],
  [
    'RFC 7588 §2.2, §3.3.1.1, RFC 4303 §3.3.4: IPv4 too large, DF clear: the payload is fragmented, before GRE and ESP',
    ipv4(payload(1381)),
    1400,
    FRAGMENT,
  ],
  [
    'RFC 7588 §3.3.1.1: IPv4 too large, DF set',
    ipv4(payload(1381), { dontFragment: true }),
    1400,
    'tunnel-too-big',
  ],
  ['RFC 7676 §3.3: IPv6 that fits', ipv6(payload(1360)), 1400, undefined],
  ['RFC 7676 §3.3: IPv6 too large', ipv6(payload(1361)), 1400, 'tunnel-too-big'],
  ['RFC 7676 §3.2: any IPv6 on a tunnel below 1280', ipv6(payload(1)), 1279, 'tunnel-ipv6-below-1280'],
  ['RFC 7676 §3.2: IPv6 of 1280 octets', ipv6(payload(1240)), 1280, undefined],
  ['an IPv4 packet cut short', received('4500001c'), 1400, 'ip-truncated'],
  ['an IPv6 packet cut short', received('6000'), 1400, 'ip-truncated'],
  ['nothing', received(''), 1400, 'ip-truncated'],
  ['version 1', received('10'), 1400, 'ip-version'],
] as const) {
  t.test(`${name}: ${want ?? 'fits'}`, async t => t.equal(checkSize(p, p.start, tunnelMtu(mtu)), want))
}

/** `length offset more checksum-good` of each fragment. */
function shape(pieces: readonly Uint8Array[]): string[] {
  return pieces.map(bytes => {
    const p = new Packet(bytes)
    const ip = Ipv4.open(p, 0)
    if (isDrop(ip)) return ip
    const flags = `${Ipv4.moreFragments(p, ip) ? 'more' : 'last'} ${Ipv4.checksumGood(p, ip) ? 'good' : 'bad'}`
    return `${Ipv4.totalLength(p, ip)} at ${Ipv4.fragmentOffset(p, ip)} ${flags}`
  })
}
const pieces = (p: Packet, mtu: number): Uint8Array[] => {
  const result = fragment(content(p), tunnelMtu(mtu))
  if (isDrop(result)) throw new Error(result)
  return result
}

t.test('RFC 791 §3.2: all fragments but the last hold a multiple of 8 octets', async t => {
  t.same(shape(pieces(ipv4(payload(1000)), 500)), [
    '500 at 0 more good',
    '500 at 480 more good',
    '60 at 960 last good',
  ])
  t.same(shape(pieces(ipv4(payload(1000)), 506)), [
    '500 at 0 more good',
    '500 at 480 more good',
    '60 at 960 last good',
  ])
  t.same(shape(pieces(ipv4(payload(100)), 120)), ['120 at 0 last good'], 'what fits stays whole')
})

t.test('RFC 791 §3.2: a fragment is fragmented further; only the end of the whole is the last', async t => {
  t.same(shape(pieces(withFlags(ipv4(payload(64)), 0x2005), 52)), [
    '52 at 40 more good',
    '52 at 72 more good',
  ])
  t.same(shape(pieces(withFlags(ipv4(payload(63)), 0x0005), 52)), [
    '52 at 40 more good',
    '51 at 72 last good',
  ])
})

/** Puts options between header and payload of an IPv4 packet. */
function withOptions(options: string, data: Uint8Array): Uint8Array {
  const list = octets(options)
  const bytes = content(ipv4(words(list, data)))
  bytes[0] = 0x40 | ((20 + list.length) / 4)
  const p = new Packet(bytes)
  const ip = Ipv4.open(p, 0)
  if (isDrop(ip)) throw new Error(ip)
  Ipv4.setChecksum(p, ip)
  return bytes
}

t.test('RFC 791 §3.1: only options with the copied flag go into later fragments', async t => {
  // Record route (7, not copied), router alert (148, copied), no operation, end.
  const result = fragment(withOptions('0703 04 94040000 01 00 000000', payload(100)), tunnelMtu(96))
  if (isDrop(result)) return t.fail(result)
  t.same(
    result.map(bytes => hex(bytes.slice(20, (bytes[0]! & 15) * 4))),
    ['0703049404000001'.padEnd(24, '0'), '94040000'],
  )
  t.same(shape(result), ['96 at 0 more good', '60 at 64 last good'])
  const broken = fragment(withOptions('94010000', payload(100)), tunnelMtu(96))
  t.equal(isDrop(broken) ? broken : broken[1]![0], 0x45, 'a malformed option is not copied')
  const beyond = fragment(withOptions('01 94ff00', payload(100)), tunnelMtu(96))
  t.equal(isDrop(beyond) ? beyond : beyond[1]![0], 0x45)
})

t.test('RFC 791 §3.2: DF, no room for 8 octets, and no IPv4 are drops', async t => {
  t.equal(fragment(content(ipv4(payload(1000), { dontFragment: true })), tunnelMtu(500)), 'tunnel-too-big')
  t.equal(fragment(content(ipv4(payload(1000))), tunnelMtu(27)), 'tunnel-too-big')
  t.equal(fragment(octets('60'), tunnelMtu(500)), 'ip-version')
})

t.test('RFC 791 §3.2: the fragments put together are the packet', async () =>
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 28, max: 1500 }), (length, mtu) => {
      const whole = content(ipv4(payload(length)))
      const result = fragment(whole, tunnelMtu(mtu))
      if (isDrop(result)) return false
      const data = new Uint8Array(length).fill(0xa5)
      for (const bytes of result) {
        const p = new Packet(bytes)
        const ip = Ipv4.open(p, 0)
        if (isDrop(ip) || bytes.length > mtu || !Ipv4.checksumGood(p, ip)) return false
        if (Ipv4.identification(p, ip) !== 0x1234 || !Address.equalAt(bytes, 12, whole.slice(12, 20)))
          return false
        data.set(bytes.slice(20), Ipv4.fragmentOffset(p, ip))
      }
      return hex(data) === hex(whole.slice(20))
    }),
  ),
)
