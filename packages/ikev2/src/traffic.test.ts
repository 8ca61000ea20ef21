import { instant, millis } from '@brunel/base'
import t from 'tap'
import type { Child } from './contract.js'
import { Traffic } from './traffic.js'
import { Turn } from './turn.js'

/** What Traffic reads of a child. */
const child = (spiIn: number): Child => ({ spiIn }) as Child
const none = { successors: [], others: [] }
const grace = millis(5000)

for (const [title, play, outbound] of [
  [
    'RFC 7296 §2.8: a child of our own request carries at once',
    (traffic, turn) => {
      traffic.install(turn, child(1), true)
      traffic.install(turn, child(2), true)
    },
    2,
  ],
  [
    'RFC 7296 §2.8: a child that we answered for waits until it is used',
    (traffic, turn) => {
      traffic.install(turn, child(1), true)
      traffic.install(turn, child(2), false)
    },
    1,
  ],
  [
    'RFC 7296 §2.8: an authentic packet on the younger child moves us to it',
    (traffic, turn) => {
      traffic.install(turn, child(1), true)
      traffic.install(turn, child(2), false)
      traffic.used(turn, 2)
    },
    2,
  ],
  [
    'RFC 7296 §2.8: the Delete of the old one says that the peer is ready for its successor',
    (traffic, turn) => {
      traffic.install(turn, child(1), true)
      traffic.install(turn, child(2), false)
      traffic.remove(turn, 1, { grace, heirs: { successors: [2], others: [2] } })
    },
    2,
  ],
  [
    'RFC 7296 §2.8: another session ends while our answer is under way: the child that the peer has rekeyed carries on',
    (traffic, turn) => {
      traffic.install(turn, child(1), false)
      traffic.install(turn, child(7), true)
      traffic.confirm(1)
      traffic.install(turn, child(2), false)
      traffic.remove(turn, 7, { grace, heirs: { successors: [], others: [2] } })
    },
    1,
  ],
  [
    'RFC 7296 §2.8.3: what is about to go gives way, as its removal would, and never to another that goes',
    (traffic, turn) => {
      traffic.install(turn, child(1), false)
      traffic.install(turn, child(7), true)
      traffic.install(turn, child(8), true)
      traffic.confirm(1)
      traffic.install(turn, child(2), false)
      traffic.leave(turn, [7, 8], { successors: [], others: [2] })
    },
    1,
  ],
  [
    'RFC 7296 §1.4.1: what is about to go still sends where nothing else can, until it is removed',
    (traffic, turn) => {
      traffic.install(turn, child(1), true)
      traffic.leave(turn, [1], none)
    },
    1,
  ],
  [
    'RFC 7296 §2.8: a child that nothing is known of is better than none',
    (traffic, turn) => {
      traffic.install(turn, child(7), true)
      traffic.install(turn, child(2), false)
      traffic.remove(turn, 7, { grace, heirs: { successors: [], others: [2] } })
    },
    2,
  ],
  [
    'the last one leaves nothing',
    (traffic, turn) => {
      traffic.install(turn, child(1), true)
      traffic.remove(turn, 1, { grace, heirs: none })
    },
    undefined,
  ],
] as const satisfies readonly (readonly [
  string,
  (traffic: Traffic, turn: Turn) => void,
  number | undefined,
])[])
  t.test(title, async t => {
    const traffic = new Traffic('b')
    const turn = new Turn(instant(0))
    play(traffic, turn)
    t.equal(traffic.outbound, outbound)
    const told = turn.effects.filter(e => e.do === 'child-use' || (e.do === 'child-install' && e.outbound))
    const last = told.at(-1)
    if (outbound !== undefined)
      t.equal(
        last?.do === 'child-install' ? last.child.spiIn : last?.do === 'child-use' && last.spiIn,
        outbound,
      )
  })
