import { isDrop } from '@brunel/base'
import { content, hex, inSlot, octets, received } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Gre from './gre.js'

for (const [name, packet, want] of [
  ['RFC 2784 §2.1: plain IPv4', '0000 0800', 4],
  ['RFC 2784 §2.2: a checksum', '8000 0800 00000000', 8],
  ['RFC 2890 §2: keyed', '2000 0800 0000002a', 8],
  ['RFC 2890 §2: a sequence number', '1000 0800 00000001', 8],
  ['RFC 2890 §2: every option at once', 'b000 0800 00000000 0000002a 00000001', 16],
  ['RFC 2784 §2.3: bits 6 to 12 are ignored on receipt', '03f8 0800', 4],
  ['RFC 2784 §2.3: bit 1 is routing in RFC 1701, not ours', '4000 0800', 'gre-reserved-bits'],
  ['RFC 2784 §2.3: bit 4', '0800 0800', 'gre-reserved-bits'],
  ['RFC 2784 §2.3: bit 5', '0400 0800', 'gre-reserved-bits'],
  ['RFC 2784 §2.3.1: version 1 is PPTP, not ours', '2001 880b 00000000', 'gre-version'],
  ['RFC 2784 §2.3.1: version 7', '0007 0800', 'gre-version'],
  ['RFC 2784 §2.3.1: version 4', '0004 0800', 'gre-version'],
  ['RFC 2784 §2.1: 3 octets', '0000 08', 'gre-truncated'],
  ['RFC 2890 §2: a key is promised and missing', '2000 0800', 'gre-truncated'],
  ['RFC 2784 §2.2: half a checksum word', '8000 0800 0000', 'gre-truncated'],
  [
    'RFC 2890 §2: the last of three options lacks an octet',
    'b000 0800 00000000 0000002a 000000',
    'gre-truncated',
  ],
] as const) {
  t.test(name, async t => {
    const p = received(packet)
    const gre = Gre.open(p, 0)
    t.equal(isDrop(gre) ? gre : Gre.payloadAt(p, gre), want)
  })
}

const field = fc.option(fc.integer({ min: 0, max: 0xffffffff }), { nil: undefined })
const headers = fc.record<Gre.Header>({
  protocolType: fc.constantFrom(0x0800, 0x86dd, 0, 0xffff),
  checksum: fc.boolean(),
  key: field,
  sequence: field,
})
const payloads = fc.uint8Array({ maxLength: 33 })

t.test(
  'RFC 2784 §2.1, RFC 2890 §2: what is pushed opens again with all its fields, at any length',
  async () =>
    fc.assert(
      fc.property(headers, payloads, (header, payload) => {
        const p = inSlot(payload)
        const pushed = Gre.push(p, header)
        const gre = Gre.open(p, p.start)
        if (isDrop(gre) || pushed !== gre) return false
        return (
          Gre.payloadAt(p, gre) === 128 &&
          Gre.headerLength(header) === 128 - gre &&
          Gre.protocolType(p, gre) === header.protocolType &&
          Gre.hasChecksum(p, gre) === header.checksum &&
          Gre.key(p, gre) === (header.key ?? -1) &&
          Gre.hasKey(p, gre) === (header.key !== undefined) &&
          Gre.sequence(p, gre) === (header.sequence ?? -1) &&
          Gre.hasSequence(p, gre) === (header.sequence !== undefined) &&
          Gre.checksumGood(p, gre)
        )
      }),
    ),
)

t.test('RFC 2784 §2.3, §2.6: reserved fields are sent as zero', async t => {
  const p = inSlot('4500')
  Gre.push(p, { protocolType: 0x0800, checksum: true, key: 42, sequence: 7 })
  // b000 + 0800 + 002a + 0007 + 4500 = fd31
  t.equal(hex(content(p)), hex(octets('b000 0800 02ce0000 0000002a 00000007 4500')))
})

t.test('RFC 2784 §2.5: the checksum covers header and payload, every bit of them', async () =>
  fc.assert(
    fc.property(headers, fc.uint8Array({ minLength: 1, maxLength: 33 }), fc.nat(), (header, payload, bit) => {
      const p = inSlot(payload)
      const gre = Gre.push(p, { ...header, checksum: true })
      if (isDrop(gre)) return false
      // Not the flags, for they move the fields; and behind them bits of Reserved1, key, payload, any.
      const at = gre + 2 + ((bit >> 3) % (p.end - gre - 2))
      p.bytes[at]! ^= 1 << (bit & 7)
      return !Gre.checksumGood(p, gre)
    }),
  ),
)

t.test('a header that finds no room is a drop', async t => {
  const p = inSlot('4500', 7)
  t.equal(
    Gre.push(p, { protocolType: 0x0800, checksum: false, key: 1, sequence: undefined }),
    'underlay-room',
  )
  t.equal(p.start, 7)
})

const nearlyValid = fc
  .tuple(
    fc.constantFrom(0x00, 0x10, 0x20, 0x80, 0xb0, 0x40),
    fc.constantFrom(0, 1, 0xf8),
    fc.uint8Array({ maxLength: 20 }),
  )
  .map(([flags, version, rest]) => Uint8Array.of(flags, version, ...rest))
t.test('open refuses it, or the payload starts inside the packet', async () =>
  fc.assert(
    fc.property(nearlyValid, bytes => {
      const p = received(bytes)
      const gre = Gre.open(p, 0)
      return isDrop(gre) || Gre.payloadAt(p, gre) <= p.end
    }),
  ),
)
