import fc from 'fast-check'
import t from 'tap'
import { derOf, TAG } from '../der.js'
import { bundleOf, certificatesOfBundle } from './bundle.js'

const certificate = fc.uint8Array({ maxLength: 300 }).map(inside => derOf(TAG.SEQUENCE, inside))
const [one, two] = [derOf(TAG.SEQUENCE, Uint8Array.of(1)), derOf(TAG.SEQUENCE, Uint8Array.of(2))]
const list = derOf(0xa1, derOf(TAG.SEQUENCE, Uint8Array.of(3)))

t.test('RFC 7296 §3.6: a bundle is a SEQUENCE of explicitly tagged certificates', async t => {
  t.equal(Buffer.from(bundleOf([one, two])).toString('hex'), '300aa003300101a003300102')
  t.same(bundleOf([]), Uint8Array.of(0x30, 0))
})

t.test('RFC 7296 §3.6: what a bundle was made of comes out of it', async () =>
  fc.assert(
    fc.property(fc.array(certificate, { maxLength: 6 }), all => {
      const found = certificatesOfBundle(bundleOf(all)) ?? []
      return found.length === all.length && found.every((der, i) => Buffer.compare(der, all[i]!) === 0)
    }),
  ),
)

for (const [what, der, want] of [
  ['lists are passed over', derOf(TAG.SEQUENCE, list, derOf(0xa0, one)), [one]],
  ['nothing in it', derOf(TAG.SEQUENCE), []],
  ['a bare certificate in it', derOf(TAG.SEQUENCE, one), undefined],
  ['a third kind', derOf(TAG.SEQUENCE, derOf(0xa2, one)), undefined],
  ['two certificates under one tag', derOf(TAG.SEQUENCE, derOf(0xa0, one, two)), undefined],
  ['octets after it', Uint8Array.of(...bundleOf([one]), 0), undefined],
  ['a page', Buffer.from('<html>'), undefined],
] as const)
  t.test(`RFC 7296 §3.6: ${what}`, async t => t.same(certificatesOfBundle(der), want))
