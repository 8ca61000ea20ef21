import { isDrop, Packet } from '@brunel/base'
import { content, growthPerCall, hex, inSlot, octets, received, words } from '@brunel/base/testing'
import { Address, Gre, Ipv4 } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { inner4, inner6, ipPacket } from '../test/inner.js'
import { type GreOptions, GreTunnel } from './tunnel.js'

const plain: GreOptions = { key: undefined, checksum: false, sequence: false }
const keyed: GreOptions = { ...plain, key: 42 }

/** What a tunnel makes of GRE octets: a drop, or the payload. */
function decapsulated(options: GreOptions, bytes: Uint8Array): string {
  const p = received(bytes)
  return new GreTunnel(options).decapsulate(p) ?? hex(content(p))
}
const gre = (header: string, payload = inner4): Uint8Array => words(octets(header), payload)

for (const [name, options, bytes, want] of [
  ['RFC 2784 §2.4: IPv4', plain, gre('0000 0800'), hex(inner4)],
  ['RFC 7676 §3.1: IPv6', plain, gre('0000 86dd', inner6), hex(inner6)],
  ['RFC 2784 §2.3: bits 6 to 12 are ignored', plain, gre('03f8 0800'), hex(inner4)],
  ['RFC 2784 §2.3.1, §7.1: version 1 is PPTP', plain, gre('2001 880b 00000000'), 'gre-version'],
  ['RFC 2784 §2.3: the routing bit of RFC 1701', plain, gre('4000 0800'), 'gre-reserved-bits'],
  ['RFC 2784 §2.3: bit 4', plain, gre('0800 0800'), 'gre-reserved-bits'],
  ['RFC 2784 §2.3: bit 5', plain, gre('0400 0800'), 'gre-reserved-bits'],
  ['RFC 2784 §2.4, §3: an unknown protocol type', plain, gre('0000 6558'), 'gre-protocol-type'],
  ['RFC 2784 §2.4: protocol type 0', plain, gre('0000 0000'), 'gre-protocol-type'],
  ['RFC 2784 §2.4: IPv6 under the type of IPv4', plain, gre('0000 0800', inner6), 'gre-payload-mismatch'],
  ['RFC 7676 §3.1: IPv4 under the type of IPv6', plain, gre('0000 86dd', inner4), 'gre-payload-mismatch'],
  ['RFC 2784 §2.1: no payload', plain, octets('0000 0800'), 'ip-truncated'],
  ['RFC 2784 §2.1: a payload cut short', plain, gre('0000 0800', inner4.slice(0, -1)), 'ip-truncated'],
  ['RFC 2784 §2.1: an IPv6 payload cut short', plain, gre('0000 86dd', inner6.slice(0, -1)), 'ip-truncated'],
  ['RFC 2784 §2.1: a header of 3 octets', plain, octets('0000 08'), 'gre-truncated'],
  ['RFC 2890 §2: a key that is promised and missing', keyed, octets('2000 0800 0000'), 'gre-truncated'],
  ['RFC 2890 §2.1: the right key', keyed, gre('2000 0800 0000002a'), hex(inner4)],
  ['RFC 2890 §2.1: a wrong key', keyed, gre('2000 0800 0000002b'), 'gre-key-mismatch'],
  ['RFC 2890 §2.1: no key on a keyed tunnel', keyed, gre('0000 0800'), 'gre-key-missing'],
  ['RFC 2890 §2.1: a key on an unkeyed tunnel', plain, gre('2000 0800 0000002a'), 'gre-key-unexpected'],
  ['RFC 2890 §2.1: the key 0 is a key', plain, gre('2000 0800 00000000'), 'gre-key-unexpected'],
  ['RFC 2890 §2.1: the key 0 is not no key', { ...plain, key: 0 }, gre('0000 0800'), 'gre-key-missing'],
  ['RFC 2890 §2.1: keys have 32 bits', { ...plain, key: 0xfffffffe }, gre('2000 0800 fffffffe'), hex(inner4)],
  [
    'RFC 7676 §2.1: no checksum where we send one',
    { ...plain, checksum: true },
    gre('0000 0800'),
    hex(inner4),
  ],
  ['RFC 2784 §2.5: a wrong checksum', plain, gre('8000 0800 12340000'), 'gre-checksum'],
  [
    'octets behind the IP length are cut off',
    plain,
    gre('0000 0800', words(inner4, octets('a5a5'))),
    hex(inner4),
  ],
  [
    'octets behind the IPv6 length are cut off',
    plain,
    gre('0000 86dd', words(inner6, octets('a5'))),
    hex(inner6),
  ],
] as const) {
  t.test(`${name}: ${want.length > 30 ? 'delivered' : want}`, async t =>
    t.equal(decapsulated(options, bytes), want),
  )
}

t.test('RFC 2784 §2.2, §2.5: a checksum is verified over header and payload, Reserved1 included', async t => {
  const p = inSlot(inner4)
  Gre.push(p, { protocolType: 0x0800, checksum: true, key: undefined, sequence: undefined })
  const good = content(p)
  t.equal(decapsulated(plain, good), hex(inner4), 'verified even where we send none')
  for (const at of [0, 6, 7, 8, good.length - 1]) {
    const bad = good.slice()
    bad[at]! ^= 0x01
    t.equal(decapsulated(plain, bad), 'gre-checksum', `octet ${at} changed`)
  }
})

t.test('RFC 2784 §3.1: a packet for the far end itself would loop', async t => {
  const farAddresses = [Address.parse('10.255.0.2')!, Address.parse('fd00:7::2')!]
  const options = { ...plain, farAddresses }
  t.equal(decapsulated(options, gre('0000 0800', ipPacket('10.7.0.1', '10.255.0.2'))), 'gre-to-far-end')
  t.equal(decapsulated(options, gre('0000 86dd', ipPacket('fd00:7::9', 'fd00:7::2'))), 'gre-to-far-end')
  t.equal(decapsulated(options, gre('0000 0800')), hex(inner4))
  // The TTL is left alone: the host's kernel decrements it as it forwards from the TUN interface.
  t.equal(
    decapsulated(options, gre('0000 0800', ipPacket('10.7.0.1', '10.1.0.1', { ttl: 1 }))).slice(16, 18),
    '01',
  )
})

t.test('RFC 4301 §6.2: a "too big" from beyond the tunnel passes as any packet', async t => {
  const error = ipPacket('10.7.0.254', '10.1.0.1', { protocol: 1, payload: octets('0304 f8f3 0000 0508') })
  t.equal(decapsulated(plain, gre('0000 0800', error)), hex(error))
})

function sender(options: GreOptions): (protocolType?: number) => Uint8Array {
  const tunnel = new GreTunnel(options)
  return (protocolType = 0x0800) => {
    const p = inSlot(inner4)
    const drop = tunnel.encapsulate(p, protocolType)
    if (drop !== undefined) throw new Error(drop)
    return content(p)
  }
}

t.test('RFC 2784 §2, RFC 2890 §2: what goes in front', async t => {
  const front = (options: GreOptions): string =>
    hex(sender(options)().slice(0, new GreTunnel(options).overhead))
  t.equal(front(plain), '00000800')
  t.equal(front(keyed), hex(octets('2000 0800 0000002a')))
  t.equal(front({ ...plain, sequence: true }), hex(octets('1000 0800 00000000')))
  t.equal(front({ key: 42, checksum: true, sequence: true }).length, 32)
  t.equal(hex(sender(plain)(0x86dd).slice(0, 4)), '000086dd')
})

t.test('a packet that finds no room is a drop and uses up no sequence number', async t => {
  const tunnel = new GreTunnel({ ...plain, sequence: true })
  t.equal(tunnel.encapsulate(inSlot(inner4, 7), 0x0800), 'underlay-room')
  const p = inSlot(inner4)
  t.equal(tunnel.encapsulate(p, 0x0800), undefined)
  t.equal(p.view.getUint32(p.start + 4), 0)
})

t.test('RFC 2890 §2.2: numbers start at 0, count by one, and each tunnel has its own', async t => {
  const [one, two] = [sender({ ...keyed, sequence: true }), sender({ ...keyed, sequence: true })]
  const sequence = (bytes: Uint8Array): number => received(bytes).view.getUint32(8)
  t.same([one(), one(), two(), one()].map(sequence), [0, 1, 0, 2])
})

/** Feeds sequence numbers to one tunnel; -1 is a packet without. */
function fed(sequences: readonly number[], tunnel = new GreTunnel(plain)): string[] {
  return sequences.map(sequence => {
    const p = inSlot(inner4)
    Gre.push(p, {
      protocolType: 0x0800,
      checksum: false,
      key: undefined,
      sequence: sequence < 0 ? undefined : sequence,
    })
    return tunnel.decapsulate(p) ?? 'ok'
  })
}
const late = 'gre-out-of-order'
for (const [name, sequences, want] of [
  ['the first is 0', [0, 1, 2], ['ok', 'ok', 'ok']],
  ['a number seen is late', [0, 0, 1, 0], ['ok', late, 'ok', late]],
  ['a gap is delivered, what filled it is late', [0, 3, 1, 4], ['ok', 'ok', late, 'ok']],
  [
    'without the S bit a packet is in sequence and moves nothing',
    [5, -1, 4, -1, 6],
    ['ok', 'ok', late, 'ok', 'ok'],
  ],
  ['a late packet moves nothing', [9, 3, 10], ['ok', late, 'ok']],
  [
    'numbers wrap',
    [0x7fffffff - 1, 0xfffffffe - 1, 0xffffffff, 0, 0xffffffff, 1],
    ['ok', 'ok', 'ok', 'ok', late, 'ok'],
  ],
  ['half the circle before the start is late at once', [0x80000000], [late]],
] as const) {
  t.test(`RFC 2890 §2.2: ${name}`, async t => t.same(fed(sequences), want))
}

t.test('RFC 2890 §2.2: only a packet that is decapsulated moves the counter', async t => {
  const tunnel = new GreTunnel(plain)
  t.equal(tunnel.decapsulate(received(gre('1000 6558 00000009'))), 'gre-protocol-type')
  t.equal(tunnel.decapsulate(received(gre('2000 0800 00000009'))), 'gre-key-unexpected')
  t.equal(tunnel.decapsulate(received(gre('1000 0800 00000009', inner6))), 'gre-payload-mismatch')
  t.same(fed([0], tunnel), ['ok'])
})

t.test('RFC 2890 §2.2: upon establishment both directions begin anew', async t => {
  const tunnel = new GreTunnel({ ...plain, sequence: true })
  tunnel.encapsulate(inSlot(inner4), 0x0800)
  t.same(fed([7], tunnel), ['ok'])
  tunnel.reset()
  const p = inSlot(inner4)
  tunnel.encapsulate(p, 0x0800)
  t.equal(p.view.getUint32(p.start + 4), 0)
  t.same(fed([0], tunnel), ['ok'])
})

const optionsOf = fc.record({
  key: fc.option(fc.constantFrom(0, 42, 0xffffffff), { nil: undefined }),
  checksum: fc.boolean(),
  sequence: fc.boolean(),
})
t.test('RFC 2784, RFC 2890: what one end encapsulates the other decapsulates, and no third', async () =>
  fc.assert(
    fc.property(optionsOf, optionsOf, fc.constantFrom(inner4, inner6), (options, others, inner) => {
      const p = inSlot(inner)
      if (new GreTunnel(options).encapsulate(p, inner === inner4 ? 0x0800 : 0x86dd) !== undefined)
        return false
      const bytes = content(p)
      const other = decapsulated(others, bytes)
      return (
        decapsulated(options, bytes) === hex(inner) && (other === hex(inner)) === (others.key === options.key)
      )
    }),
  ),
)

const nearlyValid = fc
  .tuple(
    fc.constantFrom(0x00, 0x10, 0x20, 0x30, 0x80, 0xb0, 0x40, 0x08),
    fc.constantFrom(0x0800, 0x86dd, 0x6558, 0),
    fc.constantFrom('', '0000002a', '00000000 0000002a', '00000000 0000002a 00000001'),
    fc.constantFrom(inner4, inner6, inner4.slice(0, 19), inner6.slice(0, 41), new Uint8Array()),
  )
  .map(([flags, type, fields, inner]) =>
    words(Uint8Array.of(flags, 0, type >> 8, type & 0xff), octets(fields), inner),
  )
t.test('RFC 2784 §2.1: nearly valid headers are dropped by name, or an IP packet is left', async () =>
  fc.assert(
    fc.property(fc.constantFrom(plain, keyed), nearlyValid, (options, bytes) => {
      // Among 0xa5, so that reading beyond the packet shows as something else than its end.
      const p = inSlot(bytes)
      const before = [p.start, p.end]
      const drop = new GreTunnel(options).decapsulate(p)
      if (drop !== undefined) return isDrop(drop) && p.start === before[0]
      const version = p.view.getUint8(p.start) >>> 4
      return (version === 4 || version === 6) && p.start > before[0]! && p.end <= before[1]!
    }),
  ),
)

t.test('a packet through the tunnel and back allocates nothing', async t => {
  const slot = new Uint8Array(512)
  slot.set(inner4, 128)
  const p = new Packet(slot)
  const [out, back] = [0, 1].map(
    () =>
      new GreTunnel({ key: 42, checksum: true, sequence: true, farAddresses: [Uint8Array.of(1, 2, 3, 4)] }),
  )
  const growth = growthPerCall(() => {
    p.point(128, 128 + inner4.length, 0, 512)
    const drop = out!.encapsulate(p, 0x0800) ?? back!.decapsulate(p)
    if (drop !== undefined || p.start !== 128 || isDrop(Ipv4.open(p, p.start))) throw new Error(drop)
  })
  t.ok(growth < 4, `${growth} octets a packet`)
})
