import t from 'tap'
import { hex, unhex } from './octets.js'
import type { SaPayload } from './payload.js'
import { emitSa, parseSa } from './sa.js'

const bytes = (text: string): Uint8Array => unhex(text.replaceAll(' ', ''))

/** aes256gcm16-prfsha256-x25519, then aes128-sha256 as ESP with SPI and extended sequence numbers. */
const TWO = [
  '02 00 0024 01 01 00 03',
  '  03 00 000c 01 00 0014 800e 0100',
  '  03 00 0008 02 00 0005',
  '  00 00 0008 04 00 001f',
  '00 00 0028 02 03 04 03 c0ffee01',
  '  03 00 000c 01 00 000c 800e 0080',
  '  03 00 0008 03 00 000c',
  '  00 00 0008 05 00 0001',
].join('')

const PARSED: SaPayload = {
  type: 'SA',
  proposals: [
    {
      number: 1,
      protocol: 1,
      spi: new Uint8Array(0),
      transforms: [
        { type: 1, id: 20, attributes: [{ type: 14, value: 256 }] },
        { type: 2, id: 5, attributes: [] },
        { type: 4, id: 31, attributes: [] },
      ],
    },
    {
      number: 2,
      protocol: 3,
      spi: bytes('c0ffee01'),
      transforms: [
        { type: 1, id: 12, attributes: [{ type: 14, value: 128 }] },
        { type: 3, id: 12, attributes: [] },
        { type: 5, id: 1, attributes: [] },
      ],
    },
  ],
}

t.test('RFC 7296 §3.3: two proposals, both ways', async t => {
  t.same(parseSa(bytes(TWO)), PARSED)
  t.equal(hex(emitSa(PARSED)), TWO.replaceAll(' ', ''))
})

t.test(
  'RFC 7296 §3.3.6: unknown transform types, IDs and attributes are kept, for the chooser to skip',
  async t => {
    const strange =
      '00 00 0024 01 01 00 02' +
      '03 00 0010 f1 00 fff1 0012 0004 01020304' +
      '00 00 000c 01 00 03ff 8063 1234'
    const parsed = parseSa(bytes(strange))
    t.match(parsed, {
      proposals: [
        {
          transforms: [
            { type: 0xf1, id: 0xfff1, attributes: [{ type: 0x12, value: bytes('01020304') }] },
            { type: 1, id: 0x3ff, attributes: [{ type: 0x63, value: 0x1234 }] },
          ],
        },
      ],
    })
    t.equal(hex(emitSa(parsed as SaPayload)), strange.replaceAll(' ', ''))
  },
)

for (const [title, hexText] of [
  ['an empty SA payload', ''],
  ['a proposal cut off', '00 00 0024 01 01 00'],
  ['a proposal longer than the payload', '00 00 0010 01 01 00 01 00 00 0008 02 00'],
  ['a proposal shorter than its header', '00 00 0007 01 01 00 00'],
  ['an SPI that does not fit its proposal', '00 00 0008 01 01 08 00'],
  ['more transforms than there are', '00 00 0010 01 01 00 02 00 00 0008 02 00 0005'],
  ['fewer transforms than there are', '00 00 0010 01 01 00 00 00 00 0008 02 00 0005'],
  ['a transform longer than its proposal', '00 00 0010 01 01 00 01 00 00 0009 02 00 0005'],
  ['a transform shorter than its header', '00 00 0010 01 01 00 01 00 00 0004 02 00 0005'],
  ['a last proposal that promises another', '02 00 0010 01 01 00 01 00 00 0008 02 00 0005'],
  ['a last transform that promises another', '00 00 0010 01 01 00 01 03 00 0008 02 00 0005'],
  ['a proposal that denies the next', TWO.replace('02 00 0024', '00 00 0024')],
  ['an attribute cut off', '00 00 0012 01 01 00 01 00 00 000a 01 00 000c 800e'],
  ['an attribute longer than its transform', '00 00 0014 01 01 00 01 00 00 000c 01 00 000c 000e 0001'],
] as const)
  t.test(`RFC 7296 §3.3: ${title} is ike-payload`, async t => t.equal(parseSa(bytes(hexText)), 'ike-payload'))
