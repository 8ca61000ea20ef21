import t from 'tap'
import { hex, unhex } from './octets.js'
import type { TsPayload } from './payload.js'
import { emitTs, parseTs } from './ts.js'

const bytes = (text: string): Uint8Array => unhex(text.replaceAll(' ', ''))
const V4 = '07 2f 0010 0000 ffff c0000201 c0000201'
const V6 = '08 00 0028 0050 0051 20010db8000000000000000000000001 20010db80000000000000000000000ff'

t.test('RFC 7296 §3.13.1: an IPv4 and an IPv6 selector, both ways', async t => {
  const wire = `02 000000 ${V4} ${V6}`
  const parsed: TsPayload = {
    type: 'TSi',
    selectors: [
      { protocol: 47, startPort: 0, endPort: 65535, startAddress: '192.0.2.1', endAddress: '192.0.2.1' },
      { protocol: 0, startPort: 80, endPort: 81, startAddress: '2001:db8::1', endAddress: '2001:db8::ff' },
    ],
  }
  t.same(parseTs('TSi', bytes(wire)), parsed)
  t.equal(hex(emitTs(parsed)), wire.replaceAll(' ', ''))
})

t.test('RFC 7296 §2.9: a selector of an unknown type is skipped, the others stay', async t => {
  const parsed = parseTs('TSr', bytes(`02 000000 09 2f 0006 abcd ${V4}`))
  t.match(parsed, { type: 'TSr', selectors: [{ startAddress: '192.0.2.1' }] })
  t.same(parseTs('TSr', bytes('01 000000 09 2f 0006 abcd')), { type: 'TSr', selectors: [] })
})

t.test('RFC 7296 §3.13.1: ANY ports are 0 to 65535, OPAQUE 65535 to 0', async t => {
  const opaque = V4.replace('0000 ffff', 'ffff 0000')
  t.match(parseTs('TSi', bytes(`01 000000 ${opaque}`)), { selectors: [{ startPort: 65535, endPort: 0 }] })
})

for (const [title, text] of [
  ['a payload without its count', '00 0000'],
  ['a count above the selectors', `02 000000 ${V4}`],
  ['a count below the selectors', `01 000000 ${V4} ${V4}`],
  ['a selector length beyond the payload', `01 000000 ${V4.replace('0010', '0011')}`],
  ['a selector length below its header', '01 000000 07 2f 0003'],
  ['an IPv4 selector of the length of IPv6', `01 000000 07${V6.slice(2)}`],
  ['an IPv4 selector cut short, with a length to match', '01 000000 07 2f 000c 0000 ffff c0000201'],
  ['an IPv4 selector with octets behind it', '01 000000 07 2f 0014 0000 ffff c0000201 c0000201 ffffffff'],
  ['a start port above the end port', `01 000000 ${V4.replace('0000 ffff', '0051 0050')}`],
  [
    'a start address above the end address',
    `01 000000 ${V4.replace('c0000201 c0000201', 'c0000202 c0000201')}`,
  ],
] as const)
  t.test(`RFC 7296 §3.13: ${title} is ike-payload`, async t =>
    t.equal(parseTs('TSi', bytes(text)), 'ike-payload'),
  )
