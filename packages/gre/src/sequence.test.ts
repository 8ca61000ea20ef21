import fc from 'fast-check'
import t from 'tap'
import { BEFORE_FIRST, precedes } from './sequence.js'

for (const [sequence, last, want] of [
  [0, BEFORE_FIRST, false],
  [7, 7, true],
  [6, 7, true],
  [8, 7, false],
  [0, 0x7fffffff, true],
  [0, 0x80000000, false],
  [0xffffffff, 0, true],
  [0x80000001, 0, true],
  [0x80000000, 0, false],
  [0, 0xffffffff, false],
  [0x7ffffffe, 0xffffffff, false],
  [0x80000000, 0xffffffff, true],
  [0x7fffffff, 0xffffffff, false],
] as const) {
  t.test(
    `RFC 2890 §2.2: after ${last} the number ${sequence} is ${want ? 'out of' : 'in'} sequence`,
    async t => t.equal(precedes(sequence, last), want),
  )
}

const number = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
)
t.test('RFC 2890 §2.2: late is the last number or one of the 2^31-1 before it, modulo 2^32', async () =>
  fc.assert(
    fc.property(number, number, (sequence, last) => {
      const back = (last - sequence + 0x100000000) % 0x100000000
      return precedes(sequence, last) === back <= 0x7fffffff
    }),
  ),
)
