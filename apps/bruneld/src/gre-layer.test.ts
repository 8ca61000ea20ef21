import t from 'tap'
import { type GreView, judgeGre, Unanswered } from './gre-layer.js'

const usual: GreView = {
  went: 5,
  came: 5,
  refused: 0,
  refusedFor: undefined,
  stands: 60_000,
  sinceOut: 100,
  unanswered: 0,
  encapsulation: 'none',
  key: 7,
}

for (const [name, view, state, code] of [
  ['data crosses both ways', {}, 'up', undefined],
  ['an idle tunnel stays up', { sinceOut: 600_000 }, 'up', undefined],
  ['an idle tunnel stays up when one packet leaves', { sinceOut: 3000, unanswered: 3000 }, 'up', undefined],
  [
    'nothing answers one packet, and no other leaves',
    { sinceOut: 12_000, unanswered: 12_000 },
    'up',
    undefined,
  ],
  ['nothing yet, the SAs are new', { came: 0, stands: 2000 }, 'degraded', undefined],
  ['nobody has sent anything', { came: 0, went: 0 }, 'degraded', undefined],
  ['we send and nothing comes', { came: 0 }, 'degraded', 'BRUNEL_NOTHING_COMES'],
  ['nothing comes any more', { unanswered: 12_000 }, 'degraded', 'BRUNEL_NOTHING_COMES'],
  [
    'all that comes is refused',
    { came: 0, refused: 3, refusedFor: 'gre-key-mismatch' },
    'degraded',
    'BRUNEL_GRE_REFUSED',
  ],
  ['some of what comes is refused', { refused: 3, refusedFor: 'gre-key-mismatch' }, 'up', undefined],
] as const) {
  t.test(name, async t => {
    const { layer, failure } = judgeGre({ ...usual, ...view })
    t.equal(layer.state, state)
    t.equal(failure?.code, code)
  })
}

t.test('RFC 2890 §2.1: another key is said with our own', async t =>
  t.match(judgeGre({ ...usual, came: 0, refused: 1, refusedFor: 'gre-key-mismatch' }).failure, {
    sentence: /gre-key-mismatch/,
    remedy: /this one has gre\.key 7/,
  }),
)

t.test('protocol 50 that does not pass is suspected by name', async t => {
  t.match(judgeGre({ ...usual, came: 0 }).failure?.remedy, /protocol 50/)
  t.match(judgeGre({ ...usual, came: 0, encapsulation: 'udp' }).failure?.remedy, /UDP 4500/)
})

t.test('what leaves is unanswered from its first packet on, and until something comes', async t => {
  const unanswered = new Unanswered()
  for (const [out, came, since] of [
    [0, 0, undefined],
    [5000, 5001, undefined],
    [60_000, 5001, 60_000],
    [69_000, 5001, 60_000],
    [70_000, 69_500, 70_000],
    [71_000, 71_000, undefined],
  ] as const) {
    unanswered.look(out, came)
    t.equal(unanswered.since, since)
  }
})
