import t from 'tap'
import { decapsulatedTos, ECN, ECN_DROP, encapsulatedTos } from './ecn.js'

const { notEct, ect0, ect1, ce } = ECN
const names = new Map<number, string>([
  [notEct, 'Not-ECT'],
  [ect0, 'ECT(0)'],
  [ect1, 'ECT(1)'],
  [ce, 'CE'],
  [ECN_DROP, 'dropped'],
])

// RFC 6040 §4.2, figure 4, as printed: rows inner, columns outer Not-ECT, ECT(0), ECT(1), CE.
for (const [inner, row] of [
  [notEct, [notEct, notEct, notEct, ECN_DROP]],
  [ect0, [ect0, ect0, ect1, ce]],
  [ect1, [ect1, ect1, ect1, ce]],
  [ce, [ce, ce, ce, ce]],
] as const) {
  for (const [column, outer] of [notEct, ect0, ect1, ce].entries()) {
    const want = row[column] as number
    t.test(
      `RFC 6040 §4.2: inner ${names.get(inner)}, outer ${names.get(outer)}: ${names.get(want)}`,
      async t => {
        t.equal(decapsulatedTos(inner, outer), want)
        const dscp = 0xb8
        t.equal(decapsulatedTos(dscp | inner, outer), want === ECN_DROP ? ECN_DROP : dscp | want)
        t.equal(
          decapsulatedTos(inner, dscp | outer),
          want,
          'RFC 2983 §3.1: the outer DSCP is never copied in',
        )
      },
    )
  }
}

t.test('RFC 6040 §4.1, RFC 4301 §5.1.2.1: normal mode copies ECN out, and DSCP', async t => {
  for (let tos = 0; tos < 256; tos++) t.equal(encapsulatedTos(tos), tos)
})
