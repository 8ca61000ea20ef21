import { isDrop } from '@brunel/base'
import { content, hex, inSlot, octets, received } from '@brunel/base/testing'
import t from 'tap'
import * as Address from './address.js'
import * as Ipv4 from './ipv4.js'
import * as Ipv6 from './ipv6.js'
import * as Udp from './udp.js'

for (const [name, packet, want] of [
  ['a header and data', '1194 1194 000a 0000 beef', 10],
  ['octets behind the length', '1194 1194 0009 0000 beef', 9],
  ['7 octets', '1194 1194 0008 00', 'ip-truncated'],
  ['a length below the header', '1194 1194 0007 0000', 'ip-truncated'],
  ['a length beyond the packet', '1194 1194 000b 0000 beef', 'ip-truncated'],
] as const) {
  t.test(`RFC 768: ${name}: ${want}`, async t => {
    const p = received(packet)
    const udp = Udp.open(p, 0)
    t.equal(isDrop(udp) ? udp : Udp.endAt(p, udp), want)
  })
}

t.test('RFC 3948 §2.1: ESP in UDP is pushed with checksum zero, which verifies', async t => {
  const p = inSlot('deadbeef')
  const udp = Udp.push(p, 4500, 4501)
  if (isDrop(udp)) return t.fail(udp)
  t.equal(hex(content(p)), hex(octets('1194 1195 000c 0000 deadbeef')))
  t.same([Udp.sourcePort(p, udp), Udp.destinationPort(p, udp), Udp.length(p, udp)], [4500, 4501, 12])
  t.equal(Udp.payloadAt(udp), p.start + 8)
  t.ok(Udp.checksumGood(p, udp, 0x1234), 'whatever the pseudo header')
  t.equal(Udp.push(inSlot('', 7), 1, 2), 'underlay-room')
  t.equal(Udp.push(inSlot(new Uint8Array(65528)), 1, 2), 'tunnel-too-big')
})

t.test('RFC 768: the checksum covers the pseudo header, in IPv4 and IPv6 (RFC 8200 §8.1)', async t => {
  const p = inSlot('01020304')
  const udp = Udp.push(p, 500, 500)
  if (isDrop(udp)) return t.fail(udp)
  const [source, destination] = [Address.parse('192.0.2.1')!, Address.parse('192.0.2.2')!]
  const ip = Ipv4.push(p, {
    source,
    destination,
    protocol: 17,
    ttl: 64,
    tos: 0,
    identification: 0,
    dontFragment: false,
  })
  if (isDrop(ip)) return t.fail(ip)
  const pseudo = Ipv4.pseudoSum(p, ip, 12)
  // c000 + 0201 + c000 + 0202 + 0011 + 000c + 01f4 + 01f4 + 000c + 0102 + 0304 = 18c1a, folded 8c1b
  Udp.setChecksum(p, udp, pseudo)
  t.equal(Udp.checksum(p, udp), 0x73e4)
  t.ok(Udp.checksumGood(p, udp, pseudo))
  t.notOk(Udp.checksumGood(p, udp, pseudo + 1))
  const six = inSlot('01020304')
  const [local, remote] = [Address.parse('::1')!, Address.parse('::2')!]
  const inner = Udp.push(six, 500, 500)
  const outer = Ipv6.push(six, {
    source: local,
    destination: remote,
    nextHeader: 17,
    hopLimit: 1,
    trafficClass: 0,
    flowLabel: 0,
  })
  if (isDrop(inner) || isDrop(outer)) return t.fail('push')
  t.equal(Ipv6.pseudoSum(six, outer, { protocol: 17, length: 12 }), 1 + 2 + 17 + 12)
})

t.test('RFC 768: a computed zero is sent as all ones', async t => {
  const p = received('0001 0002 0008 0000')
  const udp = Udp.open(p, 0)
  if (isDrop(udp)) return t.fail(udp)
  Udp.setChecksum(p, udp, 0xffff - 11)
  t.equal(Udp.checksum(p, udp), 0xffff)
})
