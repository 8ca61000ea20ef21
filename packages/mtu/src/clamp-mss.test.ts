import type { Packet } from '@brunel/base'
import { content, growthPerCall, hex, octets, words } from '@brunel/base/testing'
import { Tcp } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { ipv4, ipv6, sealTcp, tcp, tcpChecksum, withFlags } from '../test/ip.js'
import { clampMss } from './clamp-mss.js'

const SYN_ACK = Tcp.FLAG.syn | Tcp.FLAG.ack
const MSS = '020405b4' // 1460

/** The packet sealed, TCP behind `headers` octets of IP. */
const sealed = (p: Packet, headers: number): Packet => sealTcp(p, p.start + headers)
const v4 = (options: string, flags?: number): Packet => sealed(ipv4(tcp(options, flags), { protocol: 6 }), 20)
const v6 = (options: string, flags?: number): Packet => sealed(ipv6(tcp(options, flags), { protocol: 6 }), 40)
const hopByHop = (next: number): Uint8Array => words(Uint8Array.of(next, 0), octets('0104 00000000'))

function mssOf(p: Packet, at: number): number {
  const segment = Tcp.open(p, at)
  return typeof segment === 'string' ? -2 : p.view.getUint16(Tcp.mssAt(p, segment))
}

for (const [name, make, headers, want] of [
  ['an IPv4 SYN', () => v4(MSS), 20, 1382],
  ['an IPv4 SYN/ACK', () => v4(MSS, SYN_ACK), 20, 1382],
  ['an option at an odd offset', () => v4(`01${MSS}000000`), 20, 1382],
  ['an option behind others', () => v4(`0402 0303 07 01 080a 0000000000000000 ${MSS} 0101`), 20, 1382],
  ['an IPv6 SYN', () => v6(MSS), 40, 1362],
  ['an IPv6 SYN/ACK', () => v6(MSS, SYN_ACK), 40, 1362],
  [
    'an IPv6 SYN behind hop-by-hop options',
    () => sealed(ipv6(words(hopByHop(6), tcp(MSS)), { protocol: 0 }), 48),
    48,
    1362,
  ],
  ['an odd offset in IPv6', () => v6(`01${MSS}000000`), 40, 1362],
] as const) {
  t.test(`RFC 1624 §3: the MSS of ${name} is lowered to ${want}, its checksum stays right`, async t => {
    const p = make()
    t.equal(clampMss(p, p.start, 1382, 1362), true)
    t.equal(mssOf(p, p.start + headers), want)
    const segment = Tcp.open(p, p.start + headers)
    t.equal(
      typeof segment === 'string' ? segment : Tcp.checksum(p, segment),
      tcpChecksum(p, p.start + headers),
    )
    t.equal(clampMss(p, p.start, 1382, 1362), false, 'once is enough')
  })
}

const fragment = (word: number): Packet => withFlags(v4(MSS), word)
for (const [name, make] of [
  ['an ACK', () => v4(MSS, Tcp.FLAG.ack)],
  ['an ACK in IPv6', () => v6(MSS, Tcp.FLAG.ack)],
  ['a SYN without options', () => v4('')],
  ['a SYN without MSS', () => v4('01010101')],
  ['a lower MSS, which is never raised', () => v4('02040200')],
  ['an equal MSS', () => v4('02040566')],
  ['an MSS option of length 3', () => v4('020305b4')],
  ['an option list with a length of 0', () => v4(`0300${MSS}0000`)],
  ['an MSS behind the end of the list', () => v4(`00${MSS}000000`)],
  ['UDP', () => ipv4(tcp(MSS), { protocol: 17 })],
  ['UDP in IPv6', () => ipv6(tcp(MSS), { protocol: 17 })],
  ['a later fragment', () => fragment(0x2001)],
  ['a last fragment', () => fragment(0x0001)],
  ['a later IPv6 fragment', () => ipv6(words(octets('0600 0009 00000001'), tcp(MSS)), { protocol: 44 })],
  ['a TCP header cut short', () => ipv4(tcp(MSS).slice(0, 19), { protocol: 6 })],
  ['a TCP header cut short in IPv6', () => ipv6(tcp(MSS).slice(0, 19), { protocol: 6 })],
  ['options beyond the packet', () => ipv4(tcp(MSS).slice(0, 22), { protocol: 6 })],
  ['a broken IPv6 chain', () => ipv6(words(octets('06ff 0104 00000000'), tcp(MSS)), { protocol: 0 })],
  [
    'an empty packet',
    () => {
      const p = v4(MSS)
      p.end = p.start
      return p
    },
  ],
  [
    'version 5',
    () => {
      const p = v4(MSS)
      p.bytes[p.start] = 0x55
      return p
    },
  ],
] as const) {
  t.test(`RFC 1624 §3: ${name} is left untouched`, async t => {
    const p = make()
    const before = hex(p.bytes)
    t.equal(clampMss(p, p.start, 1382, 1362), false)
    t.equal(hex(p.bytes), before)
  })
}

t.test('a first fragment that holds the whole TCP header is clamped', async t =>
  t.equal(clampMss(fragment(0x2000), 128 - 20, 1382, 1362), true),
)

t.test('options that lie behind the IP length are not read', async t => {
  const p = v4(MSS)
  p.view.setUint16(p.start + 2, 42)
  t.equal(clampMss(p, p.start, 1382, 1362), false)
})

t.test('a limit of 0 leaves that family alone', async t => {
  t.equal(clampMss(v4(MSS), 108, 0, 1362), false)
  t.equal(clampMss(v6(MSS), 88, 1382, 0), false)
})

const option = fc.constantFrom(
  '01',
  '0402',
  '030307',
  '080a0000000000000000',
  MSS,
  '020405b3',
  '0204ffff',
  '02040001',
  '00',
  '0203',
  '05',
)
const optionLists = fc.array(option, { maxLength: 6 }).map(list => {
  const joined = list.join('').slice(0, 80)
  return joined.padEnd(Math.ceil(joined.length / 8) * 8, '0')
})
t.test(
  'RFC 1624 §3 eq. 3: whatever the options, the MSS is only lowered and the checksum stays right',
  async () =>
    fc.assert(
      fc.property(
        optionLists,
        fc.boolean(),
        fc.integer({ min: 1, max: 65535 }),
        fc.uint8Array({ maxLength: 9 }),
        (options, six, limit, data) => {
          const segment = words(tcp(options), data)
          const headers = six ? 40 : 20
          const p = sealed(six ? ipv6(segment, { protocol: 6 }) : ipv4(segment, { protocol: 6 }), headers)
          const before = content(p)
          const changed = clampMss(p, p.start, limit, limit)
          const at = p.start + headers
          if (!changed) return hex(content(p)) === hex(before)
          const opened = Tcp.open(p, at)
          return (
            typeof opened !== 'string' &&
            Tcp.checksum(p, opened) === tcpChecksum(p, at) &&
            mssOf(p, at) === limit
          )
        },
      ),
    ),
)

t.test('a clamped SYN and a packet passed by allocate nothing', async t => {
  for (const p of [v4(MSS), v6(MSS), v4(MSS, Tcp.FLAG.ack)]) {
    const growth = growthPerCall(i => {
      clampMss(p, p.start, 1382 - (i & 1023), 1362 - (i & 1023))
      p.view.setUint16(p.end - 2, 1460)
    })
    t.ok(growth < 4, `${growth} octets a packet`)
  }
})
