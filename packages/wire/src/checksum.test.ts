import { octets } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Checksum from './checksum.js'

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

t.test('RFC 1071 §3: the worked example sums to ddf2', async t => {
  const view = viewOf(octets('0001 f203 f4f5 f6f7'))
  t.equal(Checksum.fold(Checksum.sum(view, 0, 8)), 0xddf2)
  t.equal(Checksum.of(view, 0, 8), 0x220d)
})

t.test('RFC 1071 §4.1: a last odd octet is the high half of a word', async t =>
  t.equal(Checksum.fold(Checksum.sum(viewOf(octets('0102 03')), 0, 3)), 0x0402),
)

t.test(
  'RFC 1071 §1: a sum over its own checksum is all ones, and 64 KiB of ones do not overflow',
  async t => {
    const bytes = new Uint8Array(65536).fill(0xff)
    t.equal(Checksum.fold(Checksum.sum(viewOf(bytes), 0, bytes.length)), 0xffff)
    t.ok(Checksum.good(Checksum.sum(viewOf(octets('0001 f203 f4f5 f6f7 220d')), 0, 10)))
    t.notOk(Checksum.good(Checksum.sum(viewOf(octets('0001 f203 f4f5 f6f7 220e')), 0, 10)))
  },
)

t.test('RFC 1624 §4: eq. 3 gives +0 where RFC 1141 gave -0', async t =>
  t.equal(Checksum.replaced(0xdd2f, 0x5555, 0x3285), 0x0000),
)

t.test(
  'RFC 1624 §3: any word replaced, at even and odd offsets, gives what a sum from scratch gives',
  async () => {
    const input = fc.record({
      bytes: fc.uint8Array({ minLength: 8, maxLength: 61 }),
      at: fc.nat(),
      is: fc.constantFrom(0, 0xffff, 0x3285, 1, 0xff00).chain(edge => fc.constantFrom(edge, 0x1234)),
    })
    fc.assert(
      fc.property(input, ({ bytes, at, is }) => {
        bytes[0] = 0x45 // RFC 1624 §3: at least one octet is not zero
        const offset = 1 + (at % (bytes.length - 2))
        const view = viewOf(bytes)
        const before = Checksum.of(view, 0, bytes.length)
        const was = view.getUint16(offset)
        view.setUint16(offset, is)
        return Checksum.replacedAt(before, offset, { was, is }) === Checksum.of(view, 0, bytes.length)
      }),
    )
  },
)
