import { isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import * as Address from './address.js'

for (const [text, want] of [
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['192.0.2', undefined],
  ['192.0.2.256', undefined],
  ['192.0.2.01', undefined],
  ['192.0.2.1 ', undefined],
  ['192.0.2.1.', undefined],
  ['0x7f.0.0.1', undefined],
  ['', undefined],
  // RFC 5952 §4.1: no leading zeros; §4.3: lower case
  ['2001:0DB8::0001', '2001:db8::1'],
  // §4.2.1: as short as possible
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  // §4.2.2: one zero group is not shortened
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  // §4.2.3: the longest run, the first of equals
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['fe80::a:b', 'fe80::a:b'],
  // §5: the dotted tail of IPv4-mapped addresses
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['::ffff:c000:201', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1:2:3:4::5:6:7:8', undefined],
  ['1::2::3', undefined],
  [':::', undefined],
  [':1', undefined],
  ['1:', undefined],
  ['12345::', undefined],
  ['g::', undefined],
  ['fe80::1%eth0', undefined],
  ['1.2.3.4::', undefined],
  ['::1.2.3', undefined],
  ['::1.2.3.4:5', undefined],
] as const) {
  t.test(`RFC 5952 §4: "${text}" is ${want ?? 'no address'}`, async t =>
    t.equal(Address.canonical(text), want),
  )
}

const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => bytes.map(b => (b < 150 ? 0 : b)))
const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 })

t.test('RFC 5952 §4: what is formatted is parsed back, and is the form others write', async () =>
  fc.assert(
    fc.property(fc.oneof(v4, v6), bytes => {
      const text = Address.format(bytes)
      const back = Address.parse(text)
      return back !== undefined && Address.equal(back, bytes) && isIP(text) === (bytes.length === 4 ? 4 : 6)
    }),
  ),
)

t.test('nearly valid texts are taken exactly where the system takes them', async () => {
  const parts = fc.constantFrom('0', '1', 'ffff', '12345', '', ':', '::', '1.2.3.4', '256', '01', 'g', '2001')
  const nearly = fc.array(parts, { minLength: 1, maxLength: 9 }).map(list => list.join(':'))
  fc.assert(
    fc.property(
      fc.oneof(nearly, fc.ipV4(), fc.ipV6()),
      text => (Address.parse(text) !== undefined) === (isIP(text) !== 0),
    ),
    { numRuns: 2000 },
  )
})

for (const [prefix, address, want] of [
  ['10.7.0.0/16', '10.7.255.255', true],
  ['10.7.0.0/16', '10.8.0.0', false],
  ['10.7.1.2/16', '10.7.9.9', true],
  ['0.0.0.0/0', '198.51.100.7', true],
  ['198.51.100.7', '198.51.100.7', true],
  ['198.51.100.7/32', '198.51.100.6', false],
  ['198.51.100.6/31', '198.51.100.7', true],
  ['::/0', '198.51.100.7', false],
  ['fd00:7::/64', 'fd00:7::1', true],
  ['fd00:7::/65', 'fd00:7:0:0:8000::', false],
] as const) {
  t.test(`${prefix} ${want ? 'holds' : 'does not hold'} ${address}`, async t => {
    const parsed = Address.parsePrefix(prefix)
    t.ok(parsed)
    t.equal(Address.contains(parsed!, Address.parse(address)!), want)
  })
}

t.test('a prefix has one canonical text, and what is none is refused', async t => {
  t.equal(Address.formatPrefix(Address.parsePrefix('10.7.1.2/16')!), '10.7.0.0/16')
  t.equal(Address.formatPrefix(Address.parsePrefix('fd00:7::1')!), 'fd00:7::1/128')
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    'x/8',
    '::/129',
    '10.0.0.0/-1',
  ]) {
    t.equal(Address.parsePrefix(text), undefined, text)
  }
})

t.test('two prefixes overlap where the longer lies in the shorter', async t => {
  const overlap = (a: string, b: string): boolean =>
    Address.overlap(Address.parsePrefix(a)!, Address.parsePrefix(b)!)
  t.ok(overlap('10.0.0.0/8', '10.7.0.0/16'))
  t.ok(overlap('10.7.0.0/16', '10.0.0.0/8'))
  t.notOk(overlap('10.7.0.0/16', '10.8.0.0/16'))
  t.notOk(overlap('0.0.0.0/0', '::/0'))
})

t.test('addresses are compared and copied in place', async t => {
  const packet = Uint8Array.of(9, 192, 0, 2, 1, 9)
  const address = Address.parse('192.0.2.1')!
  t.ok(Address.equalAt(packet, 1, address))
  t.notOk(Address.equalAt(packet, 0, address))
  t.ok(Address.compareAt(packet, 1, Address.parse('192.0.2.2')!) < 0)
  t.ok(Address.compareAt(packet, 1, Address.parse('192.0.1.255')!) > 0)
  t.equal(Address.compareAt(packet, 1, address), 0)
  Address.copyTo(Address.parse('10.0.0.1')!, packet, 1)
  t.same([...packet], [9, 10, 0, 0, 1, 9])
  t.ok(Address.compare(address, Address.parse('::1')!) < 0, 'IPv4 sorts before IPv6')
  t.equal(Address.family(address), 4)
  t.equal(Address.family(Address.parse('::1')!), 6)
})

t.test('RFC 1112 §4, RFC 4291 §2.7: multicast is 224.0.0.0/4 and ff00::/8', async t => {
  const is = (text: string): boolean => Address.isMulticast(Address.parse(text)!)
  t.same(['224.0.0.5', '239.255.255.255', 'ff02::5'].map(is), [true, true, true])
  t.same(['223.255.255.255', '240.0.0.0', 'fe80::1'].map(is), [false, false, false])
})
