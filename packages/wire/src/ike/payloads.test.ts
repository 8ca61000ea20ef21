import { isDrop } from '@brunel/base'
import fc from 'fast-check'
import t from 'tap'
import { identityBody } from './bodies.js'
import { NOTIFY, notifyName } from './notify.js'
import { concat, hex, unhex } from './octets.js'
import {
  errorNotify,
  find,
  findNotify,
  type IdPayload,
  notify,
  notifyChild,
  type PlainPayload,
  unknownCritical,
} from './payload.js'
import { emitPayloads, parsePayloads } from './payloads.js'

const bytes = (text: string): Uint8Array => unhex(text.replaceAll(' ', ''))
const NONCE = '00112233445566778899aabbccddeeff'

/** One payload with a generic header in front, as the only one of a chain. */
for (const [title, first, wire, payload] of [
  ['KE, RFC 7296 §3.4', 34, '001f 0000 abcd', { type: 'KE', group: 31, data: bytes('abcd') }],
  ['IDi, RFC 7296 §3.5', 35, '02 000000 6162', { type: 'IDi', idType: 2, data: bytes('6162'), reserved: 0 }],
  ['IDr, RFC 7296 §3.5', 36, '0b 000000', { type: 'IDr', idType: 11, data: bytes(''), reserved: 0 }],
  ['CERT, RFC 7296 §3.6', 37, '04 3082', { type: 'CERT', encoding: 4, data: bytes('3082') }],
  ['CERTREQ, RFC 7296 §3.7', 38, '04', { type: 'CERTREQ', encoding: 4, data: bytes('') }],
  ['AUTH, RFC 7296 §3.8', 39, '02 000000 0102', { type: 'AUTH', method: 2, data: bytes('0102') }],
  ['Nonce, RFC 7296 §3.9', 40, NONCE, { type: 'NONCE', data: bytes(NONCE) }],
  [
    'Notify, RFC 7296 §3.10',
    41,
    '00 00 4004 0102',
    { type: 'N', protocol: 0, spi: bytes(''), notifyType: 16388, data: bytes('0102') },
  ],
  [
    'REKEY_SA, RFC 7296 §3.10',
    41,
    '03 04 4009 c0ffee01',
    { type: 'N', protocol: 3, spi: bytes('c0ffee01'), notifyType: 16393, data: bytes('') },
  ],
  ['Delete of the IKE SA, RFC 7296 §3.11', 42, '01 00 0000', { type: 'D', protocol: 1, spis: [] }],
  [
    'Delete of two children, RFC 7296 §3.11',
    42,
    '03 04 0002 c0ffee01 c0ffee02',
    { type: 'D', protocol: 3, spis: [bytes('c0ffee01'), bytes('c0ffee02')] },
  ],
  ['Vendor ID, RFC 7296 §3.12', 43, '62', { type: 'V', data: bytes('62') }],
  [
    'Configuration, RFC 7296 §3.15',
    47,
    '01 000000 0001 0004 0a000001 0003 0000',
    {
      type: 'CP',
      cfgType: 1,
      attributes: [
        { type: 1, value: bytes('0a000001') },
        { type: 3, value: bytes('') },
      ],
    },
  ],
  ['EAP, RFC 7296 §3.16', 48, '01020004', { type: 'EAP', message: bytes('01020004') }],
  ['an unknown payload', 200, 'abcd', { type: 'unknown', number: 200, critical: false, body: bytes('abcd') }],
] as const)
  t.test(`${title}, both ways`, async t => {
    const body = bytes(wire)
    const chain = concat(Uint8Array.of(0, 0, 0, body.length + 4), body)
    t.same(parsePayloads(first, chain), [payload])
    const emitted = emitPayloads([payload as PlainPayload])
    t.equal(emitted.first, first)
    t.equal(hex(emitted.bytes), hex(chain))
  })

for (const [title, first, wire, want] of [
  ['a generic header cut off', 40, '00 00 00', 'ike-truncated'],
  ['a payload length below 4', 43, '00 00 0003', 'ike-truncated'],
  ['a payload length of 0', 43, '00 00 0000', 'ike-truncated'],
  ['a payload past the end', 43, '00 00 0006 61', 'ike-truncated'],
  ['a second payload past the end', 43, '2b 00 0006 6161 00 00 0006 61', 'ike-truncated'],
  ['a chain that promises another payload', 43, '2b 00 0005 61', 'ike-truncated'],
  ['octets behind the last payload', 43, '00 00 0005 61 00', 'ike-length'],
  ['octets where no payload is promised', 0, '00', 'ike-length'],
] as const)
  t.test(`RFC 7296 §3.2: ${title} is ${want}`, async t => t.equal(parsePayloads(first, bytes(wire)), want))

for (const [title, first, body, want] of [
  ['KE without its fixed fields', 34, '001f00', 'ike-payload'],
  ['ID without its fixed fields', 35, '020000', 'ike-payload'],
  ['CERT without encoding', 37, '', 'ike-payload'],
  ['AUTH without its fixed fields', 39, '020000', 'ike-payload'],
  ['a nonce of 15 octets, RFC 7296 §3.9', 40, NONCE.slice(2), 'ike-payload'],
  ['a nonce of 257 octets, RFC 7296 §3.9', 40, 'aa'.repeat(257), 'ike-payload'],
  ['Notify without its fixed fields', 41, '000040', 'ike-payload'],
  ['Notify with an SPI beyond its end', 41, '03044009c0ffee', 'ike-payload'],
  ['Delete without its fixed fields', 42, '030400', 'ike-payload'],
  ['Delete with fewer SPIs than it says', 42, '03040002c0ffee01', 'ike-payload'],
  ['Delete with more SPIs than it says', 42, '03040000c0ffee01', 'ike-payload'],
  ['Delete of ESP with SPI size 8', 42, '030800010000000000000001', 'ike-payload'],
  ['Delete of IKE with an SPI', 42, '010800010000000000000001', 'ike-payload'],
  ['Delete of IKE with a count', 42, '01000001', 'ike-payload'],
  ['CP attribute beyond its end', 47, '01000000000100040a0000', 'ike-payload'],
  ['SKF without its numbers, RFC 7383 §2.5', 53, '000100', 'ike-fragment'],
  ['SKF number 0, RFC 7383 §2.5', 53, '00000001', 'ike-fragment'],
  ['SKF number above the total, RFC 7383 §2.5', 53, '00030002', 'ike-fragment'],
] as const)
  t.test(`${title} is ${want}`, async t => {
    const length = body.length / 2 + 4
    t.equal(parsePayloads(first, concat(Uint8Array.of(0, 0, length >> 8, length), bytes(body))), want)
  })

t.test('RFC 7296 §2.5: the critical bit counts on unknown payloads only', async t => {
  const chain = bytes('c8 80 0004' + '00 80 0004')
  const payloads = parsePayloads(43, chain)
  t.same(payloads, [
    { type: 'V', data: bytes('') },
    { type: 'unknown', number: 200, critical: true, body: bytes('') },
  ])
  t.equal(unknownCritical(isDrop(payloads) ? [] : payloads), 200, 'what UNSUPPORTED_CRITICAL_PAYLOAD names')
  t.equal(unknownCritical([{ type: 'unknown', number: 200, critical: false, body: bytes('') }]), undefined)
})

t.test('RFC 7296 §3.2, §2.5: critical and RESERVED bits are sent as 0 and ignored on receipt', async t => {
  const emitted = emitPayloads([notify(NOTIFY.COOKIE), { type: 'AUTH', method: 2, data: bytes('01') }])
  t.equal(hex(emitted.bytes), '27000008 00004006 00000009 02000000 01'.replaceAll(' ', ''))
  const noisy = bytes('27ff0008 00004006 00ff0009 02ffffff 01')
  t.same(parsePayloads(41, noisy), parsePayloads(41, emitted.bytes))
})

t.test(
  'RFC 7296 §2.15: RESERVED of an ID payload is kept as it came, since AUTH covers it, and sent as 0',
  async t => {
    const [id] = parsePayloads(35, bytes('0000000a 02a1b2c3 6162')) as [IdPayload]
    t.equal(hex(identityBody(id)), '02a1b2c36162')
    t.equal(hex(emitPayloads([id]).bytes), '0000000a020000006162')
  },
)

t.test('RFC 7296 §3.10: without an SPI the protocol ID is sent as 0 and ignored', async t => {
  t.match(notify(NOTIFY.COOKIE), { protocol: 0, spi: bytes('') })
  t.match(parsePayloads(41, bytes('00000008 01004000')), [{ protocol: 0, notifyType: 16384 }])
  t.match(notifyChild(NOTIFY.REKEY_SA, 0xc0ffee01), { protocol: 3, spi: bytes('c0ffee01'), data: bytes('') })
})

t.test('payloads are found by type, notifies by theirs; errors are below 16384', async t => {
  const payloads: PlainPayload[] = [
    notify(NOTIFY.COOKIE),
    notify(NOTIFY.TS_UNACCEPTABLE),
    { type: 'V', data: bytes('') },
  ]
  t.equal(find(payloads, 'V'), payloads[2])
  t.equal(find(payloads, 'SA'), undefined)
  t.equal(findNotify(payloads, NOTIFY.TS_UNACCEPTABLE), payloads[1])
  t.equal(errorNotify(payloads), payloads[1])
  t.equal(notifyName(38), 'TS_UNACCEPTABLE')
  t.equal(notifyName(40000), '40000')
})

/** Chains of sensible payloads. */
const octets = (min = 0, max = 40) => fc.uint8Array({ minLength: min, maxLength: max })
const port = fc.integer({ min: 0, max: 65535 })
const payload: fc.Arbitrary<PlainPayload> = fc.oneof(
  fc.record({ type: fc.constant('KE' as const), group: port, data: octets() }),
  fc.record({
    type: fc.constantFrom('IDi' as const, 'IDr' as const),
    idType: fc.nat(255),
    data: octets(),
    reserved: fc.constant(0),
  }),
  fc.record({ type: fc.constant('NONCE' as const), data: octets(16, 256) }),
  fc.record({
    type: fc.constant('N' as const),
    notifyType: port,
    protocol: fc.constant(3),
    spi: octets(4, 4),
    data: octets(),
  }),
  fc.record({
    type: fc.constant('D' as const),
    protocol: fc.constant(3),
    spis: fc.array(octets(4, 4), { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constantFrom('TSi' as const, 'TSr' as const),
    selectors: fc.array(
      fc.record({
        protocol: fc.nat(255),
        startPort: fc.nat(80),
        endPort: fc.integer({ min: 80, max: 65535 }),
        startAddress: fc.constantFrom('10.0.0.0', '10.0.0.1'),
        endAddress: fc.constantFrom('10.0.0.1', '10.255.0.0'),
      }),
      { maxLength: 4 },
    ),
  }),
  fc.record({
    type: fc.constant('SA' as const),
    proposals: fc.array(
      fc.record({
        number: fc.nat(255),
        protocol: fc.nat(3),
        spi: octets(0, 8),
        transforms: fc.array(
          fc.record({
            type: fc.nat(255),
            id: port,
            attributes: fc.array(fc.record({ type: fc.nat(0x7fff), value: fc.oneof(port, octets()) }), {
              maxLength: 3,
            }),
          }),
          { maxLength: 5 },
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({
    type: fc.constant('unknown' as const),
    number: fc.integer({ min: 100, max: 255 }),
    critical: fc.boolean(),
    body: octets(),
  }),
)

t.test('what is emitted is parsed back to the same payloads', async t => {
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 6 }), payloads => {
      const { first, bytes } = emitPayloads(payloads)
      t.same(parsePayloads(first, bytes), payloads)
    }),
    { numRuns: 200 },
  )
})

t.test('a chain with a few wrong octets is refused, or its payloads fit the octets that came', async () => {
  const wrong = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(
      fc.array(payload, { minLength: 1, maxLength: 4 }),
      wrong,
      fc.nat(3),
      (payloads, changes, cut) => {
        const { first, bytes } = emitPayloads(payloads)
        for (const [at, octet] of changes) bytes[at % bytes.length] = octet
        const parsed = parsePayloads(first, bytes.subarray(0, bytes.length - cut))
        if (isDrop(parsed)) return true
        const again = emitPayloads(
          parsed.filter((p): p is PlainPayload => p.type !== 'SK' && p.type !== 'SKF'),
        )
        return again.bytes.length <= bytes.length
      },
    ),
    { numRuns: 2000 },
  )
})
