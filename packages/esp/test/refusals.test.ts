import { EspInbound } from '@brunel/esp'
import fc from 'fast-check'
import t from 'tap'
import { cbc, gcm, hex, hexOf, inboundSpec, packet } from './builders.js'

const FRONT = 'c0ffee01 00000005 0000000000000005'
const ICV = '5a'.repeat(16)

for (const [name, mode, body, want] of [
  ['IPv4 in tunnel mode', 'tunnel', '4500 00 04', 4],
  ['IPv6 in tunnel mode', 'tunnel', '6000 00 29', 41],
  ['GRE in transport mode', 'transport', '0000 00 2f', 47],
  ['padding 1,2,3', 'tunnel', '45 010203 0000 00 04', 4],
  ['nothing but padding', 'tunnel', '0102 02 04', 4],
  ['more padding than needed', 'tunnel', '4500 01020304 04 04', 4],
] as const) {
  t.test(`RFC 4303 §3.4.4: accepted: ${name}`, async t => {
    const sa = new EspInbound({ ...inboundSpec, mode })
    const p = packet(hex(FRONT + body + ICV))
    t.equal(sa.admit(p), undefined)
    t.equal(sa.accept(p, 0), want)
  })
}

for (const [section, name, mode, body, want] of [
  ['§2.4', 'padding that does not count 1,2,3', 'tunnel', '4500 0103 0000 02 04', 'esp-padding'],
  ['§2.4', 'padding of zeros', 'tunnel', '4500 0000 02 04 4500 0000 02 04', 'esp-padding'],
  ['§2.5', 'a pad length beyond the payload', 'tunnel', '0102 03 04', 'esp-padding'],
  ['§2.5', 'a pad length of 255 in a short packet', 'tunnel', '0102 ff 04', 'esp-padding'],
  ['§2.6', 'a dummy, whatever its payload', 'tunnel', 'ffff 00 3b', 'esp-dummy'],
  ['§2.6', 'a dummy in transport mode', 'transport', 'ffff 00 3b', 'esp-dummy'],
  ['§3.4.4', 'GRE without an IP header in tunnel mode', 'tunnel', '0000 00 2f', 'esp-next-header'],
  ['§3.4.4', 'an IP header in transport mode', 'transport', '4500 00 04', 'esp-next-header'],
  ['§3.4.4', 'an IPv6 header in transport mode', 'transport', '6000 00 29', 'esp-next-header'],
] as const) {
  t.test(`RFC 4303 ${section}: an authentic packet is refused: ${name}`, async t => {
    const sa = new EspInbound({ ...inboundSpec, mode })
    const p = packet(hex(FRONT + body + ICV))
    t.equal(sa.admit(p), undefined)
    t.equal(sa.accept(p, 0), want)
    t.equal(sa.window.top, 5, 'its number is taken: it was authentic')
  })
}

for (const [name, suite, bytes] of [
  ['nothing', gcm, ''],
  ['a header', gcm, FRONT],
  ['an ICV and no trailer', gcm, FRONT + ICV],
  ['a trailer that is not aligned to 4', gcm, `${FRONT}4500000004${ICV}`],
  ['a piece of a block of AES-CBC', cbc, `${FRONT}0000000000000000${'00'.repeat(20)}${ICV}`],
] as const) {
  t.test(`RFC 4303 §2: shorter than the suite allows: ${name}`, async t => {
    t.equal(new EspInbound({ ...inboundSpec, ...suite }).admit(packet(hex(bytes), 0, 0)), 'esp-truncated')
  })
}

t.test('RFC 4303 §3.4.3: the window is as large as asked, 32 at least', async t => {
  for (const [asked, size] of [
    [0, 32],
    [31, 32],
    [64, 64],
    [4096, 4096],
  ] as const)
    t.equal(new EspInbound({ ...inboundSpec, replayWindow: asked }).window.size, size)
})

t.test('RFC 4303 §3.4.3: the window moves at accept, not at admit', async t => {
  const sa = new EspInbound(inboundSpec)
  const forged = packet(hex(`c0ffee01 f0000000 0000000000000005 4500 00 04 ${ICV}`))
  t.equal(sa.admit(forged), undefined)
  t.equal(sa.window.top, 0)
  const p = packet(hex(`${FRONT}45000004${ICV}`))
  t.equal(sa.admit(p), undefined)
  t.equal(sa.accept(p, 0), 4)
  t.equal(sa.admit(packet(hex(`${FRONT}45000004${ICV}`))), 'esp-replay')
})

t.test('RFC 4303 §3.4.3: a copy in the same batch is caught at accept', async t => {
  const sa = new EspInbound(inboundSpec)
  const [one, two] = [packet(hex(`${FRONT}45000004${ICV}`)), packet(hex(`${FRONT}45000004${ICV}`))]
  t.equal(sa.admit(one), undefined)
  t.equal(sa.admit(two), undefined)
  t.equal(sa.accept(one, 0), 4)
  t.equal(sa.accept(two, 0), 'esp-replay')
  t.equal(hexOf(two).length, 2 * (16 + 4 + 16), 'untouched')
})

t.test('RFC 4303 §A2.2: admit tells the sealer the high half it inferred', async t => {
  const sa = new EspInbound(inboundSpec)
  sa.window.commit(0, 0xffff_fff0)
  const p = packet(hex(`${FRONT}45000004${ICV}`))
  t.equal(sa.admit(p), undefined)
  t.equal(sa.seqHigh, 1)
})

t.test('whatever decrypts is a payload inside the packet or a drop, never an exception', async () => {
  const body = fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(12), fc.constantFrom(4, 41, 47, 59, 6))
  fc.assert(
    fc.property(body, ([plain, pad, next]) => {
      const bytes = Uint8Array.of(...hex(FRONT), ...plain, pad, next, ...hex(ICV))
      const p = packet(bytes, 0, 0)
      const sa = new EspInbound(inboundSpec)
      const got = sa.admit(p) ?? sa.accept(p, 0)
      return typeof got === 'string' || (p.start <= p.end && p.start >= 16 && p.end <= bytes.length - 18)
    }),
  )
})
