import { type Drop, isDrop } from '@brunel/base'
import { hex, octets } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Address from '../address.js'
import * as Checksum from '../checksum.js'
import * as Ospf from './index.js'

const ends = (source: string, destination: string): Ospf.Ends => ({
  source: Address.parse(source)!,
  destination: Address.parse(destination)!,
})
const ENDS4 = ends('10.9.0.1', '224.0.0.5')
const ENDS6 = ends('fe80::1', 'ff02::5')
const UNICAST6 = ends('fe80::1', 'fe80::2')

const LSA = '000102010101010102020202800000010000'
const DIGEST = 'ee'.repeat(32)
const TRAILER = `0001 0030 0000 0003 00000000 00000063 ${DIGEST}`

/** Checksums as tshark finds them right. */
const HELLO2 = `02010030 0a000001 00000000 d4820000 0000000000000000
  ffffff00 000a0201 00000028 0a090001 0a090002 0a000002`
const HELLO3 = `0301002c 0a000001 00000000 d1700400
  00000007 01000013 000a0028 0a000001 00000000 0a000002 0a000003`
const DD2 = `02020048 0a000001 00000000 89620000 0000000000000000
  05dc4207 00001234 ${LSA}0014 ${LSA}0014`
const DD3 = `03020030 0a000001 00000000 54fb0000 00000013 05dc0003 00001234 ${LSA}0014`
const UPDATE2 = `02040058 0a000001 00000000 e3510000 0000000000000000
  00000002 ${LSA}0024 00000000000000000000000000000000 ${LSA}0018 00000000`

const HEADER2: Omit<Ospf.Message, 'body'> = {
  version: 2,
  routerId: '10.0.0.1',
  areaId: '0.0.0.0',
  instance: 0,
  authentication: { type: 'null' },
}
const HEADER3: Omit<Ospf.Message, 'body'> = { ...HEADER2, version: 3 }
const HELLO: Omit<Ospf.Hello, 'mask' | 'interfaceId'> = {
  type: 'hello',
  helloInterval: 10,
  deadInterval: 40,
  options: 0x02,
  priority: 1,
  designatedRouter: '10.9.0.1',
  backupDesignatedRouter: '10.9.0.2',
  neighbours: ['10.0.0.2'],
}

for (const [name, content, at, want] of [
  ['RFC 2328 §A.3.2: Hello', HELLO2, ENDS4, { ...HEADER2, body: { ...HELLO, mask: '255.255.255.0' } }],
  [
    'RFC 5340 §A.3.2: Hello of instance 4',
    HELLO3,
    ENDS6,
    {
      ...HEADER3,
      instance: 4,
      body: {
        ...HELLO,
        interfaceId: 7,
        options: 0x13,
        designatedRouter: '10.0.0.1',
        backupDesignatedRouter: '0.0.0.0',
        neighbours: ['10.0.0.2', '10.0.0.3'],
      },
    },
  ],
  [
    'RFC 2328 §A.3.3: Database Description',
    DD2,
    ENDS4,
    {
      ...HEADER2,
      body: {
        type: 'database-description',
        mtu: 1500,
        options: 0x42,
        init: true,
        more: true,
        master: true,
        sequence: 0x1234,
        headers: 2,
      },
    },
  ],
  [
    'RFC 5340 §A.3.3: Database Description',
    DD3,
    UNICAST6,
    {
      ...HEADER3,
      body: {
        type: 'database-description',
        mtu: 1500,
        options: 0x13,
        init: false,
        more: true,
        master: true,
        sequence: 0x1234,
        headers: 1,
      },
    },
  ],
  [
    'RFC 2328 §A.3.4: Link State Request',
    '02030024 0a000001 00000000 edd00000 0000000000000000 00000001 01010101 02020202',
    ENDS4,
    { ...HEADER2, body: { type: 'link-state-request', requests: 1 } },
  ],
  [
    'RFC 5340 §A.3.4: Link State Request',
    '0303001c 0a000001 00000000 cf5e0000 00002001 01010101 02020202',
    UNICAST6,
    { ...HEADER3, body: { type: 'link-state-request', requests: 1 } },
  ],
  [
    'RFC 2328 §A.3.5: Link State Update',
    UPDATE2,
    ENDS4,
    { ...HEADER2, body: { type: 'link-state-update', lsas: 2 } },
  ],
  [
    'RFC 2328 §A.3.6: Link State Acknowledgment',
    `02050054 0a000001 00000000 5b4d0000 0000000000000000 ${`${LSA}0014`.repeat(3)}`,
    ENDS4,
    { ...HEADER2, body: { type: 'link-state-acknowledgment', headers: 3 } },
  ],
  [
    'RFC 2328 §D.4.2: a simple password is not in the checksum, and not read',
    HELLO2.replace('d4820000 0000000000000000', 'd4810001 7365637265740000'),
    ENDS4,
    {
      ...HEADER2,
      authentication: { type: 'password' },
      body: { ...HELLO, mask: '255.255.255.0' },
    },
  ],
  [
    'RFC 2328 §D.4.3: with cryptographic authentication the checksum is 0 and unchecked',
    `${HELLO2.replace('d4820000 0000000000000000', '00000002 0000011000000007')} ${'ee'.repeat(16)}`,
    ENDS4,
    {
      ...HEADER2,
      authentication: { type: 'cryptographic', keyId: 1, sequence: 7, digestLength: 16 },
      body: { ...HELLO, mask: '255.255.255.0' },
    },
  ],
  [
    'RFC 5709 §3.3: HMAC-SHA-256 has 32 octets of digest',
    `${HELLO2.replace('d4820000 0000000000000000', '00000002 0000012000000007')} ${DIGEST}`,
    ENDS4,
    {
      ...HEADER2,
      authentication: { type: 'cryptographic', keyId: 1, sequence: 7, digestLength: 32 },
      body: { ...HELLO, mask: '255.255.255.0' },
    },
  ],
  [
    'RFC 7474 §3: key id in the header, 64 bits of sequence number behind the packet',
    `${HELLO2.replace('d4820000 0000000000000000', '00000003 000000200000004d')} 00000005 00000009 ${DIGEST}`,
    ENDS4,
    {
      ...HEADER2,
      authentication: { type: 'extended', keyId: 77, bootCount: 5, sequence: 9, digestLength: 32 },
      body: { ...HELLO, mask: '255.255.255.0' },
    },
  ],
  [
    'RFC 5340 §A.3.1: a trailer behind the packet authenticates it, and the checksum is unchecked',
    `03010024 0a000001 00000000 00000000 00000007 01000413 000a0028 0a000001 00000000 ${TRAILER}`,
    ENDS6,
    {
      ...HEADER3,
      authentication: { type: 'trailer', keyId: 3, bootCount: 0, sequence: 99, digestLength: 32 },
      body: {
        ...HELLO,
        interfaceId: 7,
        options: 0x413,
        designatedRouter: '10.0.0.1',
        backupDesignatedRouter: '0.0.0.0',
        neighbours: [],
      },
    },
  ],
  [
    'RFC 5340 §A.3.1: the trailer stands behind a block of link-local signalling',
    `03010024 0a000001 00000000 00000000 00000007 01000613 000a0028 0a000001 00000000
     0000 0003 0001 0004 00000001 ${TRAILER}`,
    ENDS6,
    {
      ...HEADER3,
      authentication: { type: 'trailer', keyId: 3, bootCount: 0, sequence: 99, digestLength: 32 },
      body: {
        ...HELLO,
        interfaceId: 7,
        options: 0x613,
        designatedRouter: '10.0.0.1',
        backupDesignatedRouter: '0.0.0.0',
        neighbours: [],
      },
    },
  ],
] as const satisfies readonly (readonly [string, string, Ospf.Ends, Ospf.Message])[])
  t.test(name, async t => {
    t.same(Ospf.parse(octets(content), at), want)
  })

const repaired = (content: string): Uint8Array => {
  const bytes = octets(content)
  const view = new DataView(bytes.buffer)
  view.setUint16(12, 0)
  const sum = Checksum.sum(view, 24, view.getUint16(2), Checksum.sum(view, 0, 16))
  view.setUint16(12, Checksum.finish(sum))
  return bytes
}

for (const [name, content, at, want] of [
  ['RFC 2328 §A.3.1: nothing', '', ENDS4, 'ospf-truncated'],
  ['RFC 2328 §A.3.1: 23 octets', HELLO2.slice(0, 50), ENDS4, 'ospf-truncated'],
  ['RFC 5340 §A.3.1: 15 octets', HELLO3.slice(0, 33), ENDS6, 'ospf-truncated'],
  ['RFC 2328 §8.2: version 1', HELLO2.replace('0201', '0101'), ENDS4, 'ospf-version'],
  ['RFC 2328 §8.2: version 3 over IPv4', HELLO3, ENDS4, 'ospf-version'],
  ['RFC 5340 §A.3.1: version 2 over IPv6', HELLO2, ENDS6, 'ospf-version'],
  ['RFC 2328 §A.3.1: length below the header', HELLO2.replace('0030', '0017'), ENDS4, 'ospf-length'],
  ['RFC 2328 §A.3.1: length beyond the packet', HELLO2.replace('0030', '0031'), ENDS4, 'ospf-length'],
  ['RFC 2328 §D.5.1: a wrong checksum', HELLO2.replace('d482', 'd483'), ENDS4, 'ospf-checksum'],
  ['RFC 5340 §A.3.1: the checksum covers the addresses', HELLO3, UNICAST6, 'ospf-checksum'],
  [
    'RFC 2328 §D.3: a digest is promised and missing',
    HELLO2.replace('d4820000 0000000000000000', '00000002 0000011000000007'),
    ENDS4,
    'ospf-authentication',
  ],
  [
    'RFC 7474 §3: the sequence number is promised and cut',
    `${HELLO2.replace('d4820000 0000000000000000', '00000003 000000200000004d')} ${DIGEST}`,
    ENDS4,
    'ospf-authentication',
  ],
] as const satisfies readonly (readonly [string, string, Ospf.Ends, Drop])[])
  t.test(`${name}: ${want}`, async t => {
    t.equal(Ospf.parse(octets(content), at), want)
  })

for (const [name, content] of [
  ['RFC 2328 §A.3.1: type 6', HELLO2.replace('0201', '0206')],
  ['RFC 2328 §A.3.2: half a neighbour', HELLO2.replace('0030', '002e')],
  ['RFC 2328 §A.3.2: no Backup Designated Router', HELLO2.replace('0030', '0028')],
  ['RFC 2328 §A.3.3: half an LSA header', DD2.replace('0048', '0040')],
  ['RFC 2328 §A.3.3: no sequence number', DD2.replace('0048', '001c')],
  ['RFC 2328 §A.3.5: an LSA that is longer than the packet', UPDATE2.replace('0024 0', '0124 0')],
  ['RFC 2328 §A.3.5: an LSA shorter than its header', UPDATE2.replace('0024 0', '0004 0')],
  ['RFC 2328 §A.3.5: three LSAs are promised', UPDATE2.replace('00000002 ', '00000003 ')],
  ['RFC 2328 §A.3.6: half an LSA header', DD2.replace('0202', '0205').replace('0048', '0038')],
  ['RFC 2328 §A.3.4: half a request', DD2.replace('0202', '0203').replace('0048', '0034')],
] as const)
  t.test(`${name}: ospf-body`, async t => {
    t.equal(Ospf.parse(repaired(content), ENDS4), 'ospf-body')
  })

t.test('RFC 2328 §A.2: the bits on which neighbours must agree have one place in both versions', async t => {
  t.same([0x02, 0x12, 0x08, 0x13].map(Ospf.externalRouting), [true, true, false, true])
  t.same([0x02, 0x12, 0x08, 0x1b].map(Ospf.nssa), [false, false, true, true])
})

t.test('RFC 2328 §10.5: a Hello without its neighbours is as good as the one it was', async t => {
  const cut2 = Ospf.withoutNeighbours(octets(HELLO2), ENDS4)!
  t.equal(cut2.length, 44)
  t.same(Ospf.parse(cut2, ENDS4), {
    ...HEADER2,
    body: { ...HELLO, mask: '255.255.255.0', neighbours: [] },
  })
  const block = '0000 0003 0001 0004 00000001'
  const cut3 = Ospf.withoutNeighbours(octets(HELLO3 + block), ENDS6)!
  t.equal(hex(cut3.slice(36)), hex(octets(block)), 'what stands behind it stays')
  t.match(Ospf.parse(cut3, ENDS6), { instance: 4, body: { neighbours: [], helloInterval: 10 } })
  t.equal(Ospf.withoutNeighbours(octets(DD2), ENDS4), undefined)
  const password = HELLO2.replace('d4820000 0000000000000000', 'd4810001 7365637265740000')
  t.equal(Ospf.withoutNeighbours(octets(password), ENDS4), undefined, 'never in the name of a password')
})

const valid = [HELLO2, DD2, UPDATE2].map(octets).map(bytes => ({ bytes, at: ENDS4 }))
const all = [...valid, { bytes: octets(HELLO3), at: ENDS6 }, { bytes: octets(DD3), at: UNICAST6 }]

t.test('arbitrary octets are parsed or refused by name', async () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(ENDS4, ENDS6), (bytes, at) => {
      const message = Ospf.parse(bytes, at)
      return isDrop(message) || message.version === (at === ENDS4 ? 2 : 3)
    }),
  ),
)

t.test(
  'nearly valid packets are parsed or refused by name: an octet changed, the end cut, type and authentication any',
  async () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.record({ at: fc.nat(), octet: fc.integer({ min: 0, max: 255 }), cut: fc.nat({ max: 12 }) }),
        fc.record({ type: fc.integer({ min: 0, max: 6 }), autype: fc.integer({ min: 0, max: 4 }) }),
        ({ bytes, at }, change, header) => {
          const copy = bytes.slice(0, bytes.length - (change.cut % 5 === 0 ? change.cut : 0))
          copy[1] = header.type
          copy[change.at % copy.length] = change.octet
          if (at === ENDS4) copy[15] = header.autype
          const message = Ospf.parse(copy, at)
          if (isDrop(message)) return true
          return (
            message.body.type !== 'hello' || message.body.neighbours.every(id => /^\d+(\.\d+){3}$/.test(id))
          )
        },
      ),
      { numRuns: 2000 },
    ),
)

t.test('RFC 2328 §D.5.1: no single bit of an unauthenticated packet changes unseen', async () =>
  fc.assert(
    fc.property(fc.constantFrom(...valid), fc.nat(), ({ bytes, at }, bit) => {
      const copy = bytes.slice()
      const octet = (bit >> 3) % copy.length
      if (octet >= 14 && octet < 24) return true // AuType says how to check; the 64 bits are not summed
      copy[octet]! ^= 1 << (bit & 7)
      return isDrop(Ospf.parse(copy, at))
    }),
  ),
)
