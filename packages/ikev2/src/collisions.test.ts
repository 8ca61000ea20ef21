import fc from 'fast-check'
import t from 'tap'
import { answerToChildRekey, answerToIkeRekey, isLower, lowerNonce, redundantOf } from './collisions.js'

const nonce = (...octets: number[]): Uint8Array => Uint8Array.from(octets)

for (const [a, b, want] of [
  [nonce(1, 2), nonce(1, 3), true],
  [nonce(1, 3), nonce(1, 2), false],
  [nonce(1), nonce(1, 0), true],
  [nonce(1, 0), nonce(1), false],
  [nonce(1, 2), nonce(1, 2), false],
  [nonce(0x7f), nonce(0x80), true],
] as const)
  t.test(`RFC 7296 §2.8.1: ${a.join('.')} is ${want ? '' : 'not '}lower than ${b.join('.')}`, async t => {
    t.equal(isLower(a, b), want)
  })

/** One row per lowest nonce: we made (Ni1, Nr1), the peer made (Ni2, Nr2). */
for (const [lowest, ours, theirs, want] of [
  ['Ni1', { ni: nonce(1), nr: nonce(5) }, { ni: nonce(2), nr: nonce(9) }, 'ours'],
  ['Nr1', { ni: nonce(5), nr: nonce(1) }, { ni: nonce(2), nr: nonce(9) }, 'ours'],
  ['Ni2', { ni: nonce(5), nr: nonce(6) }, { ni: nonce(2), nr: nonce(9) }, 'theirs'],
  ['Nr2', { ni: nonce(5), nr: nonce(6) }, { ni: nonce(9), nr: nonce(2) }, 'theirs'],
] as const)
  t.test(
    `RFC 7296 §2.8.1, §2.8.2: rekeys cross and ${lowest} is the lowest: ${want} is redundant`,
    async t => {
      t.equal(redundantOf(ours, theirs), want)
      t.equal(redundantOf(theirs, ours), want === 'ours' ? 'theirs' : 'ours', 'and the peer agrees')
    },
  )

t.test(
  'RFC 7296 §2.8.1: the two ends always agree on the redundant SA, and it holds the lowest nonce',
  async () => {
    const some = fc.uint8Array({ minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.tuple(some, some, some, some), ([a, b, c, d]) => {
        const [ours, theirs] = [
          { ni: a, nr: b },
          { ni: c, nr: d },
        ]
        const [x, y] = [lowerNonce(ours), lowerNonce(theirs)]
        if (!isLower(x, y) && !isLower(y, x)) return true // equal nonces do not happen
        const redundant = redundantOf(ours, theirs)
        return (
          redundant !== redundantOf(theirs, ours) &&
          (redundant === 'ours') === [y, c, d].every(n => isLower(x, n))
        )
      }),
    )
  },
)

for (const [child, ikeSa, want, rule] of [
  ['installed', 'steady', 'accept', '§2.8'],
  ['rekeying', 'steady', 'accept', '§2.25.1'],
  ['replaced', 'steady', 'TEMPORARY_FAILURE', '§2.25.1'],
  ['closing', 'steady', 'TEMPORARY_FAILURE', '§2.25.1'],
  ['unknown', 'steady', 'CHILD_SA_NOT_FOUND', '§2.25.1'],
  ['installed', 'rekeying', 'TEMPORARY_FAILURE', '§2.25.2'],
  ['unknown', 'closing', 'TEMPORARY_FAILURE', '§2.25.2'],
] as const)
  t.test(`RFC 7296 ${rule}: a rekey of a child that is ${child}, the IKE SA ${ikeSa}: ${want}`, async t => {
    t.equal(answerToChildRekey(child, ikeSa), want)
  })

for (const [ikeSa, childBusy, want] of [
  ['steady', false, 'accept'],
  ['rekeying', false, 'accept'],
  ['steady', true, 'TEMPORARY_FAILURE'],
  ['rekeying', true, 'TEMPORARY_FAILURE'],
  ['replaced', false, 'TEMPORARY_FAILURE'],
  ['closing', false, 'TEMPORARY_FAILURE'],
] as const)
  t.test(
    `RFC 7296 §2.25.2, §2.8.2: a rekey of an IKE SA that is ${ikeSa}, ${childBusy ? 'a child busy' : 'children at rest'}: ${want}`,
    async t => {
      t.equal(answerToIkeRekey(ikeSa, childBusy), want)
    },
  )
