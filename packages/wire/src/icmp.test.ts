import { hex, octets } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Address from './address.js'
import * as Icmp from './icmp.js'

const ends = { source: Address.parse('2001:db8::1')!, destination: Address.parse('2001:db8::2')! }

t.test('RFC 1191 §4: 3/4 carries the next-hop MTU in the low half of the second word', async t => {
  const message: Icmp.Message = { type: 'too-big', mtu: 1400, quote: octets('45000000') }
  const bytes = Icmp.emitV4(message)
  // 0304 + 0578 + 4500 = 4d7c
  t.equal(hex(bytes), hex(octets('0304 b283 0000 0578 45000000')))
  t.same(Icmp.parseV4(bytes), message)
})

t.test('RFC 4443 §3.2: Packet Too Big carries 32 bits of MTU, its checksum covers the addresses', async t => {
  const message: Icmp.Message = { type: 'too-big', mtu: 0x00010578, quote: octets('60000000') }
  const bytes = Icmp.emitV6(message, ends)
  t.equal(hex(bytes.slice(0, 2)), '0200')
  t.equal(hex(bytes.slice(4)), hex(octets('00010578 60000000')))
  t.same(Icmp.parseV6(bytes, ends), message)
  t.equal(Icmp.parseV6(bytes, { ...ends, source: Address.parse('2001:db8::3')! }), undefined)
})

t.test('RFC 792: a short message and a wrong checksum are drops', async t => {
  t.equal(Icmp.parseV4(octets('0304 b283 0000 05')), undefined)
  t.equal(Icmp.parseV4(octets('0304 b283 0000 0579 45000000')), undefined)
  t.equal(Icmp.parseV6(octets('0200'), ends), undefined)
})

const data = fc.uint8Array({ maxLength: 21 })
const short = fc.integer({ min: 0, max: 0xffff })
const octet = fc.integer({ min: 0, max: 255 })
const messages: fc.Arbitrary<Icmp.Message> = fc.oneof(
  fc.record({
    type: fc.constantFrom('echo-request' as const, 'echo-reply' as const),
    identifier: short,
    sequence: short,
    data,
  }),
  fc.record({ type: fc.constant('too-big' as const), mtu: short, quote: data }),
  fc.record({
    type: fc.constantFrom('unreachable' as const, 'time-exceeded' as const),
    code: fc.constantFrom(0, 1, 3),
    quote: data,
  }),
  fc.record({
    type: fc.constant('other' as const),
    number: fc.constantFrom(5, 12, 134, 136),
    code: octet,
    rest: fc.nat(),
    data,
  }),
)
t.test('RFC 792, RFC 4443 §2.1: every message survives the wire in both families', async t => {
  fc.assert(
    fc.property(messages, message => t.same(Icmp.parseV4(Icmp.emitV4(message)), message)),
    { numRuns: 60 },
  )
  fc.assert(
    fc.property(messages, message => t.same(Icmp.parseV6(Icmp.emitV6(message, ends), ends), message)),
    { numRuns: 60 },
  )
})

t.test('nearly valid messages are parsed or refused, never misread', async () =>
  fc.assert(
    fc.property(messages, fc.nat(), (message, bit) => {
      const bytes = Icmp.emitV4(message)
      bytes[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7)
      return Icmp.parseV4(bytes) === undefined
    }),
  ),
)

t.test('RFC 1812 §4.3.2.7, RFC 4443 §2.4: errors are told from questions and answers', async t => {
  t.same(
    [3, 4, 5, 11, 12].map(type => Icmp.isError(4, type)),
    [true, true, true, true, true],
  )
  t.same(
    [0, 8, 13, 14].map(type => Icmp.isError(4, type)),
    [false, false, false, false],
  )
  t.same(
    [1, 2, 3, 4, 127, 137].map(type => Icmp.isError(6, type)),
    [true, true, true, true, true, true],
  )
  t.same(
    [128, 129, 133, 136].map(type => Icmp.isError(6, type)),
    [false, false, false, false],
  )
})
