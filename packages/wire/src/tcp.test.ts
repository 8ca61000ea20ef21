import { isDrop } from '@brunel/base'
import { octets, received, words } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Tcp from './tcp.js'

const fixed = (dataOffset: string, flags = '02'): string =>
  `0016 cafe 01020304 05060708 ${dataOffset}0 ${flags} ffff 1234 0000`

for (const [name, packet, want] of [
  ['no options', fixed('5'), 20],
  ['4 octets of options', `${fixed('6')} 020405b4`, 24],
  ['19 octets', fixed('5').slice(0, -2), 'ip-truncated'],
  ['a data offset below 5', `${fixed('4')} 020405b4`, 'ip-truncated'],
  ['options beyond the segment', `${fixed('7')} 020405b4`, 'ip-truncated'],
] as const) {
  t.test(`RFC 793 §3.1: ${name}: ${want}`, async t => {
    const p = received(packet)
    const tcp = Tcp.open(p, 0)
    t.equal(isDrop(tcp) ? tcp : Tcp.payloadAt(p, tcp), want)
  })
}

for (const [name, options, want] of [
  ['first', '020405b4', 22],
  ['behind NOPs, at an odd offset', '01 020405b4 000000', 23],
  ['behind others', '0303 07 0101 020405b4 000000', 27],
  ['absent', '01010101', -1],
  ['behind the end of the list', '00 020405b4 000000', -1],
  ['of length 3', '020305b4', -1],
  ['of length 5', '020505b4 00000000', -1],
  ['cut off by the header', '010102 04', -1],
  ['behind an option of length 0', '0800 020405b4 0000', -1],
  ['behind an option of length 1', '0801 020405b4 0000', -1],
  ['behind an option that runs over the end', '0809 020405b4 0000', -1],
  ['kind without length as the last octet', '01010102', -1],
] as const) {
  t.test(`RFC 793 §3.1: an MSS option ${name}: ${want}`, async t => {
    const offset = (5 + octets(options).length / 4).toString(16)
    const p = received(`${fixed(offset)} ${options}`)
    const tcp = Tcp.open(p, 0)
    t.equal(isDrop(tcp) ? tcp : Tcp.mssAt(p, tcp), want)
  })
}

t.test('RFC 793 §3.1: the fields are where the drawing has them', async t => {
  const p = received(`${fixed('5', '12')} 01`)
  const tcp = Tcp.open(p, 0)
  if (isDrop(tcp)) return t.fail(tcp)
  t.same([Tcp.sourcePort(p, tcp), Tcp.destinationPort(p, tcp)], [22, 0xcafe])
  t.same([Tcp.sequence(p, tcp), Tcp.acknowledgment(p, tcp)], [0x01020304, 0x05060708])
  t.equal(Tcp.flags(p, tcp), Tcp.FLAG.syn | Tcp.FLAG.ack)
  t.equal(Tcp.checksum(p, tcp), 0x1234)
  // 0016 + cafe + 0102 + 0304 + 0506 + 0708 + 5012 + ffff + 0100 and 0006 of the pseudo header = 22c5f -> 2c61
  t.equal(
    Tcp.computeChecksum(p, tcp, { end: 21, pseudo: 6 }),
    ~(0x0016 + 0xcafe + 0x0102 + 0x0304 + 0x0506 + 0x0708 + 0x5012 + 0x0100 + 6 - 0x10000 + 1) & 0xffff,
  )
  Tcp.setChecksum(p, tcp, 0xabcd)
  t.equal(Tcp.checksum(p, tcp), 0xabcd)
})

t.test('RFC 793 §3.1: an MSS is found inside the options or not at all', async () => {
  const option = fc.constantFrom('00', '01', '020405b4', '0303', '0402', '080a', '02', '0204', '01020405b4')
  const nearlyValid = fc
    .tuple(fc.array(option, { maxLength: 10 }), fc.integer({ min: 4, max: 15 }))
    .map(([list, offset]) => words(octets(fixed(offset.toString(16))), octets(list.join(''))))
  fc.assert(
    fc.property(nearlyValid, bytes => {
      const p = received(bytes)
      const tcp = Tcp.open(p, 0)
      if (isDrop(tcp)) return true
      const at = Tcp.mssAt(p, tcp)
      return at === -1 || (at >= 22 && at + 2 <= Tcp.payloadAt(p, tcp) && p.view.getUint16(at - 2) === 0x0204)
    }),
  )
})
