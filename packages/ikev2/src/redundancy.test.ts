import { instant, seconds } from '@brunel/base'
import t from 'tap'
import { type Standing, settle } from './redundancy.js'

const settings = { redundantSettles: seconds(3) }
const session = (name: string, nonce: number, about: Partial<Standing> = {}) => ({
  name,
  weBegan: true,
  lowestNonce: Uint8Array.of(nonce, 9),
  establishedAt: instant(1000),
  confirmed: true,
  carriesFrom: instant(1000),
  ...about,
})
const names = (all: readonly { name: string }[]): readonly string[] => all.map(s => s.name)

for (const [title, sessions, now, close, probe, again] of [
  ['one session stays', [session('a', 1)], 9000, [], [], undefined],
  ['the lowest nonce goes, after a while', [session('a', 1), session('b', 2)], 4000, ['a'], [], undefined],
  ['not before', [session('a', 1), session('b', 2)], 3999, [], [], 4000],
  ['whichever came first', [session('b', 2), session('a', 1)], 4000, ['a'], [], undefined],
  [
    'who did not begin it waits for the other',
    [session('a', 1, { weBegan: false }), session('b', 2)],
    4000,
    [],
    [],
    13000,
  ],
  [
    'and closes it himself at last',
    [session('a', 1, { weBegan: false }), session('b', 2)],
    13000,
    ['a'],
    [],
    undefined,
  ],
  [
    'a session without a child loses whatever its nonce',
    [session('a', 1), session('b', 2, { carriesFrom: undefined })],
    4000,
    ['b'],
    [],
    undefined,
  ],
  [
    'without a child nobody goes',
    [session('a', 1, { carriesFrom: undefined }), session('b', 2, { carriesFrom: undefined })],
    4000,
    [],
    [],
    undefined,
  ],
  [
    'a child that the peer may not hold yet gives it time',
    [session('a', 1), session('b', 2, { carriesFrom: instant(6000) })],
    4000,
    [],
    [],
    6000,
  ],
  [
    'and no longer than that',
    [session('a', 1), session('b', 2, { carriesFrom: instant(6000) })],
    6000,
    ['a'],
    [],
    undefined,
  ],
  [
    'the peer has to show that it holds the survivor',
    [session('a', 1), session('b', 2, { confirmed: false })],
    4000,
    [],
    ['b'],
    undefined,
  ],
] as const) {
  t.test(`RFC 7296 §2.8.1, applied to two sessions: ${title}`, async t => {
    const decision = settle(sessions, instant(now), settings)
    t.same([names(decision.close), names(decision.probe), decision.again], [close, probe, again])
  })
}
