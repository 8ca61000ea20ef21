import type { Packet } from '@brunel/base'
import { EspInbound, EspOutbound } from '@brunel/esp'
import fc from 'fast-check'
import t from 'tap'
import {
  cbc,
  cbc512,
  gcm,
  hex,
  hexOf,
  implicitIv,
  inboundSpec,
  octets,
  outboundSpec,
  packet,
} from './builders.js'

/** A sealer that changes nothing: the null cipher of RFC 2410 with an ICV of whatever is there. */
function receive(inbound: EspInbound, p: Packet): number | string {
  return inbound.admit(p) ?? inbound.accept(p, inbound.seqHigh)
}

for (const [name, suite, esn, before, plain, want] of [
  [
    'AES-GCM: header, counter IV, padding to 4',
    gcm,
    false,
    0,
    'aabbcc',
    'c0ffee01 00000001 0000000000000001 aabbcc 010203 03 04',
  ],
  ['AES-GCM: no padding needed', gcm, false, 6, 'aabb', 'c0ffee01 00000007 0000000000000007 aabb 00 04'],
  [
    'AES-GCM with ESN: the IV counts on beyond 2^32',
    gcm,
    true,
    2 ** 32 + 1,
    'aabb',
    'c0ffee01 00000002 0000000100000002 aabb 00 04',
  ],
  ['implicit IV: none on the wire', implicitIv, false, 0, 'aabb', 'c0ffee01 00000001 aabb 00 04'],
  [
    "AES-CBC: padding to 16, the IV is the sealer's",
    cbc,
    false,
    0,
    'aabbccdd',
    'c0ffee01 00000001 a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5 aabbccdd 0102030405060708090a 0a 04',
  ],
] as const) {
  t.test(`RFC 4303 §2, §2.4: what goes out: ${name}`, async t => {
    const p = packet(hex(plain))
    const sa = new EspOutbound({ ...outboundSpec, ...suite, esn }, before)
    t.equal(sa.push(p, 4), undefined)
    t.equal(hexOf(p), want.replaceAll(' ', '') + 'a5'.repeat(suite.icvLength))
    t.equal(sa.seqHigh * 2 ** 32 + sa.seqLow, before + 1)
  })
}

t.test('RFC 4303 §2.2, §3.3.3: the first packet has number 1, the next 2', async t => {
  const sa = new EspOutbound(outboundSpec)
  for (const want of [1, 2, 3]) {
    const p = packet(hex('aabb'))
    sa.push(p, 4)
    t.equal(p.view.getUint32(p.start + 4), want)
  }
})

for (const [esn, last] of [
  [false, 2 ** 32 - 1],
  [true, 2 ** 53 - 1],
] as const) {
  t.test(`RFC 4303 §3.3.3: the counter never cycles: it stops at ${last}`, async t => {
    const sa = new EspOutbound({ ...outboundSpec, esn }, last - 1)
    t.equal(sa.push(packet(hex('aabb')), 4), undefined, 'the last number is used')
    t.same(sa.limitReached && sa.takeLimit(), { limit: 'hard', why: 'sequence' })
    const refused = packet(hex('aabb'))
    t.equal(sa.push(refused, 4), 'esp-sequence-exhausted')
    t.equal(hexOf(refused), 'aabb', 'untouched')
    t.equal(sa.sequence, last)
    t.equal(sa.limitReached, false, 'told once')
  })

  t.test(`RFC 4303 §3.3.3: another SA is asked for in anticipation, before ${last}`, async t => {
    const sa = new EspOutbound({ ...outboundSpec, esn }, last - 2 ** 29 - 2)
    sa.push(packet(hex('aabb')), 4)
    t.equal(sa.limitReached, false)
    sa.push(packet(hex('aabb')), 4)
    t.same(sa.limitReached && sa.takeLimit(), { limit: 'soft', why: 'sequence' })
    sa.push(packet(hex('aabb')), 4)
    t.equal(sa.limitReached, false, 'told once')
  })
}

for (const [name, headroom, tailroom] of [
  ['in front', 15, 64],
  ['behind', 64, 17],
] as const) {
  t.test(`no room ${name}: refused, and neither the packet nor the counter changed`, async t => {
    const sa = new EspOutbound(outboundSpec)
    const p = packet(hex('aabb'), headroom, tailroom)
    t.equal(sa.push(p, 4), 'underlay-room')
    t.equal(hexOf(p), 'aabb')
    t.equal(sa.sequence, 0)
  })
}

t.test('RFC 4301 §4.4.2.1: after the hard limit nothing passes, either way', async t => {
  const limits = { softBytes: 0, hardBytes: 0, softPackets: 1, hardPackets: 2 }
  const [out, into] = [
    new EspOutbound({ ...outboundSpec, limits }),
    new EspInbound({ ...inboundSpec, limits }),
  ]
  for (const want of ['soft', 'hard']) {
    const p = packet(hex('4500'))
    out.push(p, 4)
    t.same(out.limitReached && out.takeLimit(), { limit: want, why: 'packets' })
    t.equal(receive(into, p), 4)
    t.same(into.limitReached && into.takeLimit(), { limit: want, why: 'packets' })
  }
  t.equal(out.push(packet(hex('4500')), 4), 'esp-expired')
  const late = packet(hex('4500'))
  new EspOutbound(outboundSpec, 2).push(late, 4)
  t.equal(receive(into, late), 'esp-expired')
})

t.test('RFC 4301 §4.4.2.1: octets are those the cipher is applied to, padding included', async t => {
  const [out, into] = [
    new EspOutbound({ ...outboundSpec, ...cbc }),
    new EspInbound({ ...inboundSpec, ...cbc }),
  ]
  const p = packet(new Uint8Array(15))
  out.push(p, 4)
  t.equal(receive(into, p), 4)
  t.same([out.octets, into.octets], [32, 32])
  t.same([out.lifetime.bytes, into.lifetime.bytes], [32, 32])
})

t.test(
  'RFC 4303 §2.6: a dummy packet goes out with next header 59 and is discarded, its number taken',
  async t => {
    const [out, into] = [new EspOutbound(outboundSpec), new EspInbound(inboundSpec)]
    const p = packet(new Uint8Array(40).fill(0x45))
    t.equal(out.pushDummy(p), undefined)
    t.equal(p.bytes[p.end - 17], 59)
    t.equal(receive(into, p), 'esp-dummy')
    t.equal(into.window.top, 1)
  },
)

t.test('any payload, any suite: what is pushed is accepted, octet for octet', async () => {
  const suites = fc.constantFrom(gcm, cbc, cbc512, implicitIv)
  fc.assert(
    fc.property(suites, fc.boolean(), fc.uint8Array({ maxLength: 100 }), (suite, esn, plain) => {
      const out = new EspOutbound({ ...outboundSpec, ...suite, esn }, 41)
      const into = new EspInbound({ ...inboundSpec, ...suite, esn })
      const p = packet(plain)
      const aligned = out.push(p, 4) === undefined && (p.length - suite.icvLength) % 4 === 0
      return (
        aligned && receive(into, p) === 4 && Buffer.from(plain).equals(octets(p)) && into.window.top === 42
      )
    }),
  )
})
