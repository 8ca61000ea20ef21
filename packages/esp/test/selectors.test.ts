import { PayloadHeader, Selectors } from '@brunel/esp'
import { Address, Ipv4, Ipv6 } from '@brunel/wire'
import t from 'tap'
import { hex, packet } from './builders.js'

const bytes = (text: string): Uint8Array => Address.parse(text) as Uint8Array

function ip(source: string, destination: string, protocol = 47, payload = hex('00000800')) {
  const p = packet(payload)
  const ends = { source: bytes(source), destination: bytes(destination) }
  if (source.includes(':')) {
    Ipv6.push(p, { ...ends, nextHeader: protocol, hopLimit: 64, trafficClass: 0x2e << 2, flowLabel: 0 })
  } else {
    Ipv4.push(p, { ...ends, protocol, ttl: 64, tos: 0x2e << 2, identification: 0, dontFragment: true })
  }
  return p
}

const range = (local: string, remote: string, protocol = 47) => ({
  localStart: local,
  localEnd: local,
  remoteStart: remote,
  remoteEnd: remote,
  protocol,
})
const v4 = range('192.0.2.1', '198.51.100.7')
const v6 = range('2001:db8::1', '2001:db8::2')
const wide = { ...v4, remoteStart: '198.51.100.0', remoteEnd: '198.51.100.127', protocol: 0 }

for (const [name, selectors, source, destination, protocol, want] of [
  ['GRE between the two ends', [v4], '198.51.100.7', '192.0.2.1', 47, undefined],
  ['another protocol', [v4], '198.51.100.7', '192.0.2.1', 17, 'esp-selectors'],
  ['another source', [v4], '198.51.100.8', '192.0.2.1', 47, 'esp-selectors'],
  ['another destination', [v4], '198.51.100.7', '192.0.2.2', 47, 'esp-selectors'],
  ['the ends swapped', [v4], '192.0.2.1', '198.51.100.7', 47, 'esp-selectors'],
  ['a range and any protocol', [wide], '198.51.100.127', '192.0.2.1', 6, undefined],
  ['above the range', [wide], '198.51.100.128', '192.0.2.1', 6, 'esp-selectors'],
  ['below the range', [wide], '198.51.99.255', '192.0.2.1', 6, 'esp-selectors'],
  ['IPv6', [v6], '2001:db8::2', '2001:db8::1', 47, undefined],
  ['another IPv6 source', [v6], '2001:db8::3', '2001:db8::1', 47, 'esp-selectors'],
  ['IPv6 where only IPv4 is agreed', [v4], '2001:db8::2', '2001:db8::1', 47, 'esp-selectors'],
  ['the second of two', [v4, v6], '2001:db8::2', '2001:db8::1', 47, undefined],
  [
    'a pair of two families',
    [range('192.0.2.1', '::'), range('::', '198.51.100.7')],
    '198.51.100.7',
    '192.0.2.1',
    47,
    'esp-selectors',
  ],
  ['no selector at all', [], '198.51.100.7', '192.0.2.1', 47, 'esp-selectors'],
] as const) {
  t.test(`RFC 4301 §5.2: a decrypted packet against the selectors: ${name}`, async t => {
    const p = ip(source, destination, protocol)
    const header = new PayloadHeader()
    t.equal(header.open(p, source.includes(':') ? 41 : 4), undefined)
    t.equal(header.tos, 0x2e << 2)
    t.equal(header.payloadAt, p.end - 4)
    t.equal(new Selectors(selectors).check(p, header), want)
  })
}

for (const [name, selector, local, remote, want] of [
  ['GRE between the two ends', v4, '192.0.2.1', '198.51.100.7', undefined],
  ['another peer', v4, '192.0.2.1', '198.51.100.9', 'esp-selectors'],
  ['another family', v4, '2001:db8::1', '2001:db8::2', 'esp-selectors'],
  ['another protocol', { ...v4, protocol: 17 }, '192.0.2.1', '198.51.100.7', 'esp-selectors'],
] as const) {
  t.test(`RFC 4301 §5.2: transport mode against the selectors: ${name}`, async t => {
    t.equal(new Selectors([selector]).checkTransport(bytes(local), bytes(remote), 47), want)
  })
}

t.test('RFC 4303 §2.7: padding behind the length of the IP packet is cut', async t => {
  for (const [source, destination, nextHeader] of [
    ['198.51.100.7', '192.0.2.1', 4],
    ['2001:db8::2', '2001:db8::1', 41],
  ] as const) {
    const p = ip(source, destination)
    const end = p.end
    p.append(33)
    t.equal(new PayloadHeader().open(p, nextHeader), undefined)
    t.equal(p.end, end)
  }
})

const v4Header = (change: (p: ReturnType<typeof ip>) => void) => {
  const p = ip('198.51.100.7', '192.0.2.1')
  change(p)
  Ipv4.setChecksum(p, p.start as never)
  return p
}

for (const [name, p, nextHeader, want] of [
  ['an IPv6 packet announced as IPv4', ip('2001:db8::2', '2001:db8::1'), 4, 'ip-version'],
  [
    'an IPv4 packet announced as IPv6',
    ip('198.51.100.7', '192.0.2.1', 47, new Uint8Array(40)),
    41,
    'ip-version',
  ],
  ['a first fragment', v4Header(p => p.view.setUint16(p.start + 6, 0x2000)), 4, 'ip-fragment'],
  ['a last fragment', v4Header(p => p.view.setUint16(p.start + 6, 0x0010)), 4, 'ip-fragment'],
  [
    'an IPv6 fragment',
    ip('2001:db8::2', '2001:db8::1', 44, hex('2f000001 00000001 00000800')),
    41,
    'ip-fragment',
  ],
  [
    'an IPv6 extension header that runs out',
    ip('2001:db8::2', '2001:db8::1', 0, hex('2f050000 00000000')),
    41,
    'ip-extension-headers',
  ],
  ['a length beyond the payload', v4Header(p => p.view.setUint16(p.start + 2, 60)), 4, 'ip-truncated'],
  ['a header that is too short', v4Header(p => p.view.setUint8(p.start, 0x44)), 4, 'ip-header-length'],
] as const) {
  t.test(`RFC 4301 §5.2, RFC 4303 §3.4.1: nothing to select by: ${name}`, async t => {
    t.equal(new PayloadHeader().open(p, nextHeader), want)
  })
}

t.test('RFC 1812 §5.2.2: a wrong header checksum is refused', async t => {
  const p = ip('198.51.100.7', '192.0.2.1')
  p.view.setUint8(p.start + 8, 63)
  t.equal(new PayloadHeader().open(p, 4), 'ip-checksum')
})

t.test('IPv6 extension headers before GRE are walked over', async t => {
  const header = new PayloadHeader()
  const p = ip('2001:db8::2', '2001:db8::1', 60, hex('2f000000 00000000 00000800'))
  t.equal(header.open(p, 41), undefined)
  t.same([header.protocol, header.payloadAt], [47, p.end - 4])
})

t.test('a selector that is no address is a bug', async t => {
  t.throws(() => new Selectors([{ ...v4, localStart: 'here' }]))
})
