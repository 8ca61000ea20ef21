import { isDrop } from '@brunel/base'
import { hex, octets, putFletcher } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Address from '../address.js'
import * as Ospf from './index.js'

const HEADER = 20

/** An LSA with its length and checksum; `type`: two octets, options and type, or the type of version 3. */
function lsa(type: string, id: string, body: string, age = '0001'): Uint8Array {
  const content = octets(body)
  const bytes = octets(`${age}${type} ${id} 0a000001 80000001 0000 0000 ${hex(content)}`)
  new DataView(bytes.buffer).setUint16(18, bytes.length)
  return putFletcher(bytes, 2, 16)
}

const prefix = (text: string) => Address.parsePrefix(text)!
const ROUTER2 = lsa(
  '0201',
  '0a000001',
  `0000 0005
   0a000002 0a090001 01 00 000a
   0a090001 0a090001 02 01 000b 05000009
   0a5b0000 ffff0000 03 00 0001
   0a000003 0a090001 04 00 0001
   0a5c0101 ffffffff 03 00 0002`,
)
const ROUTER3 = lsa(
  '2001',
  '00000000',
  '00000013 0100 000a 00000001 00000002 0a000002  0200 000b 00000001 00000007 0a000003  0400 0001 00000001 00000007 0a000003',
)
const EXTERNAL2 = lsa('0205', '0a5d0000', 'ffff0000 80000014 0a090007 00000000')
const EXTERNAL3 = lsa('4005', '00000005', `07000014 20 00 0000 20010db8 fe80${'00'.repeat(13)}09 0000002a`)
const PREFIXES3 = lsa(
  '2009',
  '00000001',
  '0003 2002 00000007 0a000003  40000001 20010db800010000  30010002 20010db80002ffff  00000003',
)

for (const [title, version, bytes, body] of [
  [
    'RFC 2328 §A.4.2: a router: point-to-point, transit, stub; a virtual link is none',
    2,
    ROUTER2,
    {
      type: 'router',
      forwards: true,
      links: [
        { to: 'router', router: '10.0.0.2', metric: 10 },
        { to: 'network', linkStateId: '10.9.0.1', metric: 11 },
        { to: 'stub', prefix: prefix('10.91.0.0/16'), metric: 1 },
        { to: 'stub', prefix: prefix('10.92.1.1/32'), metric: 2 },
      ],
    },
  ],
  [
    'RFC 2328 §A.4.3: a network',
    2,
    lsa('0202', '0a090001', 'ffffff00 0a000001 0a000002'),
    { type: 'network', routers: ['10.0.0.1', '10.0.0.2'], prefix: prefix('10.9.0.0/24') },
  ],
  [
    'RFC 2328 §A.4.4: a summary of a network',
    2,
    lsa('0203', '0a5b0000', 'ffff0000 00010203'),
    { type: 'summary-network', prefix: prefix('10.91.0.0/16'), metric: 0x10203 },
  ],
  [
    'RFC 2328 §A.4.4: a summary of a router',
    2,
    lsa('0204', '0a000009', '00000000 00000007'),
    { type: 'summary-router', router: '10.0.0.9', metric: 7 },
  ],
  [
    'RFC 2328 §A.4.5: an AS external route of type 2 with a forwarding address',
    2,
    EXTERNAL2,
    {
      type: 'external',
      prefix: prefix('10.93.0.0/16'),
      metric: 20,
      type2: true,
      forwardingAddress: Address.parse('10.9.0.7')!,
    },
  ],
  [
    'RFC 3101 §2.4: an NSSA external route of type 1, the default one',
    2,
    lsa('0207', '00000000', '00000000 00000005 00000000 00000000'),
    { type: 'external', prefix: prefix('0.0.0.0/0'), metric: 5, type2: false },
  ],
  ['RFC 2328 §12.1.3: an LSA of another type', 2, lsa('020a', '01000000', '1234'), { type: 'other' }],
  [
    'RFC 5340 §A.4.3: a router',
    3,
    ROUTER3,
    {
      type: 'router',
      forwards: true,
      links: [
        { to: 'router', router: '10.0.0.2', metric: 10 },
        { to: 'network', linkStateId: '0.0.0.7', router: '10.0.0.3', metric: 11 },
      ],
    },
  ],
  [
    'RFC 5340 §A.2: a router whose R bit is clear forwards nothing',
    3,
    lsa('2001', '00000000', '00000003'),
    { type: 'router', forwards: false, links: [] },
  ],
  [
    'RFC 5340 §A.4.4: a network',
    3,
    lsa('2002', '00000007', '00000013 0a000003 0a000001'),
    { type: 'network', routers: ['10.0.0.3', '10.0.0.1'] },
  ],
  [
    'RFC 5340 §A.4.5: an inter-area prefix, its bits behind the length cleared',
    3,
    lsa('2003', '00000001', '00000009 24000000 20010db8 f1ffffff'),
    { type: 'summary-network', prefix: prefix('2001:db8:f000::/36'), metric: 9 },
  ],
  [
    'RFC 5340 §A.4.1.1: a prefix with the NU bit is no route',
    3,
    lsa('2003', '00000001', '00000009 20010000 20010db8'),
    { type: 'other' },
  ],
  [
    'RFC 5340 §A.4.6: an inter-area router',
    3,
    lsa('2004', '00000001', '00000013 00000009 0a000009'),
    { type: 'summary-router', router: '10.0.0.9', metric: 9 },
  ],
  [
    'RFC 5340 §A.4.7: an AS external route of type 2 with a forwarding address',
    3,
    EXTERNAL3,
    {
      type: 'external',
      prefix: prefix('2001:db8::/32'),
      metric: 20,
      type2: true,
      forwardingAddress: Address.parse('fe80::9')!,
    },
  ],
  [
    'RFC 5340 §A.4.10: prefixes of a network, without that which has the NU bit',
    3,
    PREFIXES3,
    {
      type: 'intra-area-prefix',
      of: 'network',
      linkStateId: '0.0.0.7',
      router: '10.0.0.3',
      prefixes: [
        { prefix: prefix('2001:db8:1::/64'), metric: 1 },
        { prefix: prefix('::/0'), metric: 3 },
      ],
    },
  ],
] as const)
  t.test(title, async t => {
    const parsed = Ospf.parseLsa(bytes, version)
    t.match(parsed, { age: 1, doNotAge: false, advertisingRouter: '10.0.0.1', sequence: 0x80000001 | 0 })
    t.same(isDrop(parsed) ? parsed : parsed.body, body)
  })

const resealed = (bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
  const copy = bytes.slice()
  copy.set(values, at)
  return putFletcher(copy, 2, 16)
}

for (const [title, version, bytes] of [
  ['RFC 2328 §12.1.7: a bit is wrong', 2, ROUTER2.with(30, ROUTER2[30]! ^ 1)],
  ['RFC 2328 §A.4.1: no header', 2, ROUTER2.slice(0, 19)],
  ['RFC 2328 §A.4.1: a length that is not its own', 2, resealed(ROUTER2, 18, 0, 21)],
  ['RFC 2328 §A.4.2: more links than there are', 2, resealed(ROUTER2, HEADER + 2, 0, 9)],
  ['RFC 2328 §A.4.2: metrics of a TOS that are not there', 2, resealed(ROUTER2, ROUTER2.length - 3, 9)],
  ['RFC 2328 §A.4.2: no mask', 2, resealed(ROUTER2, HEADER + 36, 0xff, 0, 0xff)],
  ['RFC 2328 §A.4.3: half a router', 2, lsa('0202', '0a090001', 'ffffff00 0a00')],
  ['RFC 2328 §A.4.3: no mask', 2, lsa('0202', '0a090001', '00ffff00 0a000001')],
  ['RFC 2328 §A.4.4: no metric', 2, lsa('0203', '0a5b0000', 'ffff0000')],
  ['RFC 2328 §A.4.4: no mask', 2, lsa('0203', '0a5b0000', 'ffff0001 00000001')],
  ['RFC 2328 §A.4.5: no tag', 2, lsa('0205', '0a5b0000', 'ffff0000 00000001 00000000')],
  ['RFC 2328 §A.4.5: no mask', 2, lsa('0205', '0a5b0000', 'fff00fff 00000001 00000000 00000000')],
  ['RFC 5340 §A.4.3: half a link', 3, lsa('2001', '00000000', '00000013 0100 000a')],
  ['RFC 5340 §A.4.4: half a router', 3, lsa('2002', '00000007', '00000013 0a00')],
  [
    'RFC 5340 §A.4.1: a prefix of 129 bits',
    3,
    lsa('2003', '00000001', `00000009 81000000 ${'00'.repeat(20)}`),
  ],
  ['RFC 5340 §A.4.1: a prefix that is cut', 3, lsa('2003', '00000001', '00000009 40000000 20010db8')],
  ['RFC 5340 §A.4.6: no router', 3, lsa('2004', '00000001', '00000013 00000009')],
  ['RFC 5340 §A.4.7: no prefix', 3, lsa('4005', '00000001', '00')],
  ['RFC 5340 §A.4.7: no forwarding address', 3, lsa('4005', '00000001', '02000001 00000000 fe80')],
  ['RFC 5340 §A.4.10: no reference', 3, lsa('2009', '00000001', '0000 2001 00000000')],
  ['RFC 5340 §A.4.10: more prefixes than there are', 3, resealed(PREFIXES3, HEADER, 0, 4)],
] as const)
  t.test(`${title}: ospf-lsa`, async t => {
    t.equal(Ospf.parseLsa(bytes, version), 'ospf-lsa')
  })

t.test(
  'RFC 2328 §12.1.7, RFC 1793 §2.2: the age is not in the checksum, and keeps its DoNotAge bit',
  async t => {
    const never = lsa('0202', '0a090001', 'ffffff00 0a000001', '8001')
    t.match(Ospf.parseLsa(never, 2), { age: 1, doNotAge: true })
    t.match(Ospf.parseLsa(Ospf.aged(never, 77.9), 2), { age: 77, doNotAge: true })
    t.match(Ospf.parseLsa(Ospf.aged(ROUTER2, 9999), 2), { age: Ospf.MAX_AGE, doNotAge: false })
  },
)

const every = [ROUTER2, ROUTER3, EXTERNAL2, EXTERNAL3, PREFIXES3]

t.test('nearly valid LSAs with a right checksum are parsed or refused by name', async () =>
  fc.assert(
    fc.property(
      fc.constantFrom(...every),
      fc.constantFrom<2 | 3>(2, 3),
      fc.record({ at: fc.nat(), octet: fc.integer({ min: 0, max: 255 }), cut: fc.nat({ max: 24 }) }),
      fc.constantFrom(1, 2, 3, 4, 5, 7, 9),
      (bytes, version, change, type) => {
        const copy = bytes.slice(0, Math.max(HEADER, bytes.length - (change.cut % 3 === 0 ? change.cut : 0)))
        copy[change.at % copy.length] = change.octet
        copy.set(version === 2 ? [2, type] : [type === 5 ? 0x40 : 0x20, type], 2)
        new DataView(copy.buffer).setUint16(18, copy.length)
        const parsed = Ospf.parseLsa(putFletcher(copy, 2, 16), version)
        if (isDrop(parsed)) return parsed === 'ospf-lsa'
        // What it says is bounded by what it is.
        return JSON.stringify(parsed.body).length < 40 * copy.length
      },
    ),
    { numRuns: 3000 },
  ),
)

t.test('arbitrary octets are no LSA, or a whole one', async () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom<2 | 3>(2, 3), (bytes, version) => {
      const parsed = Ospf.parseLsa(bytes, version)
      return isDrop(parsed) || bytes.length >= HEADER
    }),
  ),
)
