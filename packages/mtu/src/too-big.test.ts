import { isDrop, Packet } from '@brunel/base'
import { content, hex, octets, words } from '@brunel/base/testing'
import { Address, Icmp, Ipv4, Ipv6 } from '@brunel/wire'
import t from 'tap'
import { type IpOptions, ipv4, ipv6, withFlags } from '../test/ip.js'
import { tooBig } from './too-big.js'
import { tunnelMtu } from './units.js'

const from = { ipv4: Address.parse('10.255.0.1')!, ipv6: Address.parse('fd00:7::1')! }
const MTU = tunnelMtu(1400)
const payload = new Uint8Array(1480).fill(7)
const four = (options: IpOptions = {}, data: Uint8Array = payload): Uint8Array =>
  content(ipv4(data, { dontFragment: true, ...options }))
const six = (options: IpOptions = {}, data: Uint8Array = payload): Uint8Array => content(ipv6(data, options))

t.test(
  'RFC 1191 §4, RFC 1812 §4.3.2.3: ICMP 3/4 has the next-hop MTU and quotes up to 576 octets in all',
  async t => {
    const error = tooBig(four(), MTU, from)
    if (!error) return t.fail('no answer')
    t.equal(error.length, 576)
    const p = new Packet(error)
    const ip = Ipv4.open(p, 0)
    if (isDrop(ip)) return t.fail(ip)
    t.ok(Ipv4.checksumGood(p, ip))
    t.same([Ipv4.protocol(p, ip), Ipv4.totalLength(p, ip), Ipv4.tos(p, ip)], [1, 576, 0xc0])
    t.equal(Address.format(error.slice(12, 16)), '10.255.0.1')
    t.equal(Address.format(error.slice(16, 20)), '10.1.0.1')
    t.same(Icmp.parseV4(error.slice(20)), { type: 'too-big', mtu: 1400, quote: four().slice(0, 548) })
  },
)

t.test('RFC 4443 §3.2: Packet Too Big quotes up to 1280 octets in all', async t => {
  const error = tooBig(six(), MTU, from)
  if (!error) return t.fail('no answer')
  t.equal(error.length, 1280)
  const p = new Packet(error)
  const ip = Ipv6.open(p, 0)
  if (isDrop(ip)) return t.fail(ip)
  t.same([Ipv6.nextHeader(p, ip), Ipv6.payloadLength(p, ip)], [58, 1240])
  const ends = { source: error.slice(8, 24), destination: error.slice(24, 40) }
  t.same([Address.format(ends.source), Address.format(ends.destination)], ['fd00:7::1', 'fd00:1::1'])
  t.same(Icmp.parseV6(error.slice(40), ends), { type: 'too-big', mtu: 1400, quote: six().slice(0, 1232) })
})

t.test('RFC 1812 §4.3.2.3: a short packet is quoted whole, without what lies behind it', async t => {
  const short = four({}, new Uint8Array(50))
  t.equal(tooBig(words(short, octets('a5a5')), MTU, from)?.length, 28 + 70)
  t.equal(tooBig(words(six({}, new Uint8Array(50)), octets('a5a5')), MTU, from)?.length, 48 + 90)
})

const icmp4 = (type: number): Uint8Array => four({ protocol: 1 }, words(Uint8Array.of(type), payload))
const icmp6 = (type: number): Uint8Array => six({ protocol: 58 }, words(Uint8Array.of(type), payload))
const fragment = (word: number): Uint8Array => content(withFlags(ipv4(payload), word))
for (const [name, packet, answered] of [
  ['RFC 1812 §4.3.2.7: an ICMP destination unreachable', icmp4(3), false],
  ['RFC 1812 §4.3.2.7: an ICMP redirect', icmp4(5), false],
  ['RFC 1812 §4.3.2.7: an ICMP time exceeded', icmp4(11), false],
  ['RFC 1812 §4.3.2.7: an ICMP echo request', icmp4(8), true],
  ['RFC 1812 §4.3.2.7: an ICMP header that is missing', four({ protocol: 1 }, new Uint8Array()), false],
  ['RFC 1812 §4.3.2.7: IPv4 multicast', four({ destination: '224.0.0.5' }), false],
  ['RFC 1812 §4.3.2.7: limited broadcast', four({ destination: '255.255.255.255' }), false],
  ['RFC 1812 §4.3.2.7: a first fragment', fragment(0x2000), true],
  ['RFC 1812 §4.3.2.7: a later fragment', fragment(0x2001), false],
  ['RFC 1812 §4.3.2.7: a source of zeros', four({ source: '0.0.0.0' }), false],
  ['RFC 1812 §4.3.2.7: a loopback source', four({ source: '127.0.0.1' }), false],
  ['RFC 1812 §4.3.2.7: a multicast source', four({ source: '224.0.0.1' }), false],
  ['RFC 1812 §4.3.2.7: a class E source', four({ source: '240.0.0.1' }), false],
  ['RFC 4443 §2.4 (e.1): an ICMPv6 error', icmp6(1), false],
  ['RFC 4443 §2.4 (e.2): an ICMPv6 redirect', icmp6(137), false],
  ['RFC 4443 §2.4: an ICMPv6 echo request', icmp6(128), true],
  [
    'RFC 4443 §2.4 (e.1): an ICMPv6 error behind options',
    six({ protocol: 60 }, words(octets('3a00 0104 00000000 01'), payload)),
    false,
  ],
  [
    'RFC 4443 §2.4 (e.1): a later fragment of ICMPv6',
    six({ protocol: 44 }, words(octets('3a00 0009 00000001 80'), payload)),
    false,
  ],
  [
    'RFC 4443 §2.4: a later fragment of UDP',
    six({ protocol: 44 }, words(octets('1100 0009 00000001 80'), payload)),
    true,
  ],
  ['RFC 4443 §2.4: a broken chain', six({ protocol: 60 }, octets('3aff 0104 00000000')), false],
  ['RFC 4443 §2.4 (e.3): IPv6 multicast is the exception', six({ destination: 'ff02::1:2' }), true],
  ['RFC 4443 §2.4 (e.6): an unspecified source', six({ source: '::' }), false],
  ['RFC 4443 §2.4 (e.6): a multicast source', six({ source: 'ff02::1' }), false],
  ['what is not IP', octets('10'), false],
  ['an IPv4 header cut short', four().slice(0, 19), false],
  ['an IPv6 header cut short', six().slice(0, 39), false],
  ['nothing', new Uint8Array(), false],
] as const) {
  t.test(`${name} is ${answered ? '' : 'never '}answered`, async t =>
    t.equal(tooBig(packet, MTU, from) !== undefined, answered),
  )
}

t.test('a family without an address to answer from stays silent', async t => {
  t.equal(tooBig(four(), MTU, { ...from, ipv4: undefined }), undefined)
  t.equal(tooBig(six(), MTU, { ...from, ipv6: undefined }), undefined)
  t.ok(hex(tooBig(six(), MTU, { ...from, ipv4: undefined }) ?? new Uint8Array()).startsWith('6'))
})
