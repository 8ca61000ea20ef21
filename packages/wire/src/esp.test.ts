import { isDrop } from '@brunel/base'
import { content, hex, inSlot, octets, received } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Esp from './esp.js'

for (const [name, packet, want] of [
  ['the least SPI', '00000100 00000001', 0x100],
  ['the greatest SPI', 'ffffffff 00000001', 0xffffffff],
  ['SPI 0', '00000000 00000001', 'esp-spi-reserved'],
  ['SPI 255', '000000ff 00000001', 'esp-spi-reserved'],
  ['7 octets', '00000100 000000', 'esp-truncated'],
] as const) {
  t.test(`RFC 4303 §2.1: ${name}: ${want}`, async t => {
    const p = received(packet)
    const esp = Esp.open(p, 0)
    t.equal(isDrop(esp) ? esp : Esp.spi(p, esp), want)
  })
}

t.test('RFC 4303 §2: SPI and sequence number are pushed in front', async t => {
  const p = inSlot('beef')
  const esp = Esp.push(p, 0xc0ffee00, 0xfffffffe)
  if (isDrop(esp)) return t.fail(esp)
  t.equal(hex(content(p)), hex(octets('c0ffee00 fffffffe beef')))
  t.equal(Esp.sequence(p, esp), 0xfffffffe)
  t.equal(Esp.payloadAt(esp), p.start + 8)
  t.equal(Esp.push(inSlot('', 7), 256, 1), 'underlay-room')
})

for (const [plaintext, block, want] of [
  [0, 1, 2],
  [1, 1, 1],
  [2, 1, 0],
  [3, 4, 3],
  [14, 16, 0],
  [15, 16, 15],
  [16, 16, 14],
] as const) {
  t.test(`RFC 4303 §2.4: ${plaintext} octets in blocks of ${block} take ${want} of padding`, async t =>
    t.equal(Esp.paddingFor(plaintext, block), want),
  )
}

t.test('RFC 4303 §2.4: padding counts 1, 2, 3, then pad length and next header', async t => {
  const p = inSlot('beef')
  const trailer = Esp.pushTrailer(p, 3, 47)
  t.equal(hex(content(p)), hex(octets('beef 010203 03 2f')))
  t.equal(Esp.openTrailer(p, p.start), trailer)
  t.equal(Esp.pushTrailer(inSlot('', 4), 3, 47), 'underlay-room')
})

for (const [name, plaintext, want] of [
  ['no padding', 'beef 00 04', 2],
  ['all padding', '010203 03 3b', 0],
  ['padding that counts wrong', 'beef 010204 03 2f', 'esp-padding'],
  ['padding of zeros', 'beef 000000 03 2f', 'esp-padding'],
  ['more padding than payload', 'be 01 03 2f', 'esp-padding'],
  ['one octet', '00', 'esp-truncated'],
  ['nothing', '', 'esp-truncated'],
] as const) {
  t.test(`RFC 4303 §2.4: ${name}: ${want}`, async t => {
    const p = received(plaintext)
    const trailer = Esp.openTrailer(p, 0)
    t.equal(isDrop(trailer) ? trailer : Esp.payloadEnd(p, trailer), want)
  })
}

t.test(
  'RFC 4303 §2.4, RFC 3602 §2.4: a pushed trailer fills whole blocks and opens to the same payload',
  async () =>
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom(1, 4, 8, 16),
        fc.integer({ min: 0, max: 255 }),
        (payload, block, next) => {
          const p = inSlot(payload)
          Esp.pushTrailer(p, Esp.paddingFor(payload.length, block), next)
          const trailer = Esp.openTrailer(p, p.start)
          if (isDrop(trailer)) return false
          return (
            p.length % Math.max(4, block) === 0 &&
            Esp.payloadEnd(p, trailer) === p.start + payload.length &&
            Esp.padLength(p, trailer) === p.length - payload.length - 2 &&
            Esp.nextHeader(p, trailer) === next
          )
        },
      ),
    ),
)
