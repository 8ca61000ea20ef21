import t from 'tap'
import { moment, octets, span, table } from './words.js'

for (const [seconds, want] of [
  [0, '0s'],
  [59.6, '1m'],
  [61, '1m 1s'],
  [3600, '1h'],
  [3661, '1h 1m'],
  [90_000, '1d 1h'],
  [86_401, '1d'],
] as const) {
  t.test(`${seconds} seconds are ${want}`, async t => t.equal(span(seconds), want))
}

for (const [count, want] of [
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.00 KiB'],
  [1536 * 1024, '1.50 MiB'],
  [2 ** 50, '1024.0 TiB'],
] as const) {
  t.test(`${count} octets are ${want}`, async t => t.equal(octets(count), want))
}

t.test('a moment is in the past, in the future, or never', async t => {
  const now = new Date('2026-01-02T03:04:05Z')
  t.equal(moment('2026-01-02T03:04:00Z', now), '5s ago')
  t.equal(moment('2026-01-02T04:04:05Z', now), 'in 1h')
  t.equal(moment(null, now), '-')
})

t.test('columns line up and no line ends in blanks', async t => {
  t.equal(
    table(
      ['A', 'BB'],
      [
        ['long', 'x'],
        ['', ''],
      ],
    ),
    'A     BB\nlong  x\n',
  )
})
