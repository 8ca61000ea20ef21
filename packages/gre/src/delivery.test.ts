import { content, hex, octets, received, words } from '@brunel/base/testing'
import { Address } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { inner4, ipPacket } from '../test/inner.js'
import { checkDelivery } from './delivery.js'

const GRE = words(octets('0000 0800'), inner4)
const ends4 = { local: Address.parse('192.0.2.1')!, remote: Address.parse('198.51.100.7')! }
const ends6 = { local: Address.parse('2001:db8::1')!, remote: Address.parse('2001:db8::7')! }
const v4 = (over: { source?: string; destination?: string; protocol?: number } = {}): Uint8Array =>
  ipPacket(over.source ?? '198.51.100.7', over.destination ?? '192.0.2.1', {
    protocol: over.protocol ?? 47,
    payload: GRE,
  })
const v6 = (protocol = 47, payload = GRE): Uint8Array =>
  ipPacket('2001:db8::7', '2001:db8::1', { protocol, payload })

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = value
  return copy
}
/** As `changed`, with the IPv4 header checksum kept right. */
function fragmentOf(bytes: Uint8Array, high: number, low: number): Uint8Array {
  const copy = changed(changed(bytes, 6, high), 7, low)
  const before = (bytes[10]! << 8) | bytes[11]!
  const sum = (~before & 0xffff) + ((high << 8) | low)
  const after = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff
  return changed(changed(copy, 10, after >> 8), 11, after & 0xff)
}

for (const [name, ends, bytes, want] of [
  ['RFC 2784 §4: IPv4 delivery', ends4, v4(), 'gre'],
  ['link padding behind it is cut off', ends4, words(v4(), octets('000000')), 'gre'],
  ['RFC 2784 §4: another protocol', ends4, v4({ protocol: 4 }), 'ip-protocol'],
  ['another source', ends4, v4({ source: '198.51.100.8' }), 'gre-endpoints'],
  ['another destination', ends4, v4({ destination: '192.0.2.2' }), 'gre-endpoints'],
  [
    'the end points swapped',
    ends4,
    v4({ source: '192.0.2.1', destination: '198.51.100.7' }),
    'gre-endpoints',
  ],
  ['IPv4 on an IPv6 tunnel', ends6, v4(), 'gre-endpoints'],
  ['RFC 1812 §5.2.2: a wrong header checksum', ends4, changed(v4(), 8, 63), 'ip-checksum'],
  ['RFC 4303 §3.4.1: a first fragment', ends4, fragmentOf(v4(), 0x20, 0), 'ip-fragment'],
  ['RFC 4303 §3.4.1: a later fragment', ends4, fragmentOf(v4(), 0, 9), 'ip-fragment'],
  ['RFC 7676 §4.1: IPv6 delivery', ends6, v6(), 'gre'],
  [
    'RFC 7676 §4.1: extension headers before GRE',
    ends6,
    v6(60, words(octets('2f00 0104 00000000'), GRE)),
    'gre',
  ],
  [
    'RFC 7676 §4.1: another last next header',
    ends6,
    v6(60, words(octets('2900 0104 00000000'), GRE)),
    'ip-protocol',
  ],
  ['RFC 7676 §4.1: no next header', ends6, v6(59), 'ip-protocol'],
  ['an IPv6 fragment', ends6, v6(44, words(octets('2f00 0001 00000001'), GRE)), 'ip-fragment'],
  ['an IPv6 chain beyond the packet', ends6, v6(60, octets('2fff 0104 00000000')), 'ip-extension-headers'],
  ['IPv6 on an IPv4 tunnel', ends4, v6(), 'gre-endpoints'],
  ['a wrong IPv6 source', { ...ends6, remote: ends6.local }, v6(), 'gre-endpoints'],
  ['an IPv6 header cut short', ends6, v6().slice(0, 39), 'ip-truncated'],
  ['an IPv4 header of 16 octets', ends4, changed(v4(), 0, 0x44), 'ip-header-length'],
  ['version 5', ends4, changed(v4(), 0, 0x55), 'ip-version'],
  ['nothing', ends4, new Uint8Array(), 'ip-truncated'],
] as const) {
  t.test(`${name}: ${want}`, async t => {
    const p = received(bytes)
    t.equal(checkDelivery(p, ends) ?? 'gre', want)
    if (want === 'gre') t.equal(hex(content(p)), hex(GRE))
    else t.same([p.start, p.end], [0, bytes.length], 'a refused packet is not moved')
  })
}

t.test('one octet changed: refused, or the same GRE comes out', async () =>
  fc.assert(
    fc.property(
      fc.constantFrom({ ends: ends4, bytes: v4() }, { ends: ends6, bytes: v6() }),
      fc.nat(),
      fc.nat(255),
      (good, at, value) => {
        const header = good.ends === ends4 ? 20 : 40
        const p = received(changed(good.bytes, at % header, value))
        return checkDelivery(p, good.ends) !== undefined || p.length <= GRE.length
      },
    ),
  ),
)
