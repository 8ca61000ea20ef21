import { millis } from '@brunel/base'
import { Ladder } from '@brunel/sim'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import {
  arrows,
  child,
  childSpi,
  deleteOf,
  drawn,
  end,
  far,
  heal,
  ikeSas,
  loseBoth,
  SIDES,
  say,
  scripted,
} from './script.js'

/** Deletes of a child and what meets them, children that are made anew, and a Message ID that nobody agreed on. */
for (const side of SIDES) {
  const peer = far(side)
  const [there, back] = arrows(side)
  t.test(
    `RFC 7296 §1.4.1: ${side} deletes the child: the answer names the other half of the pair`,
    async t => {
      const ladder = scripted()
      ladder.traffic = false
      const theirs = childSpi(ladder, peer)
      say(ladder, side, [deleteOf(childSpi(ladder, side))])
      ladder.deliver(side)
      t.same(ladder.picture, [`${there}  delete child`])
      t.equal(ladder.text(peer), 'delete child, done')
      t.notOk(ladder.routers[peer].esp.installed.some(sa => sa.child.spiIn === theirs))
      ladder.deliver(peer)
      t.equal(ladder.picture.at(-1), `${back}  delete child, done`)
      t.equal(heal(ladder), undefined, 'there is a child again')
    },
  )

  t.test(`RFC 7296 §1.4.1: both delete the child, ${side} is first: the answers name nothing`, async t => {
    const ladder = scripted()
    const old = childSpi(ladder, peer)
    ladder.rekey(side, 'child')
    ladder.deliver(side)
    ladder.deliver(peer)
    t.equal(ladder.text(side), 'delete child')
    say(ladder, peer, [deleteOf(old)])
    ladder.deliver(peer)
    t.equal(ladder.text(side, 1), 'empty', 'it has asked for the same')
    ladder.flush()
    t.equal(end(ladder), undefined)
    t.equal(child(ladder), side === 'a' ? 'a1 b1' : 'a1 b1')
  })

  t.test(
    `RFC 7296 §1.4.1: both delete the child, and the Delete of ${peer} is late: nothing is left of it`,
    async t => {
      const ladder = scripted()
      const old = childSpi(ladder, peer)
      ladder.rekey(side, 'child')
      ladder.deliver(side)
      ladder.deliver(peer)
      say(ladder, peer, [deleteOf(old)])
      ladder.hold(peer)
      ladder.flush()
      const made = child(ladder)
      ladder.release(peer)
      ladder.deliver(peer)
      t.equal(ladder.text(side), 'empty', 'RFC 7296 §2.25.1: no Delete for what does not exist')
      t.equal(end(ladder), undefined)
      t.equal(child(ladder), made)
    },
  )

  t.test(
    `RFC 7296 §2.25.2: ${peer} deletes a child while ${side} rekeys the IKE SA: answered as usual`,
    async t => {
      const ladder = scripted()
      ladder.traffic = false
      ladder.rekey(side, 'ike')
      say(ladder, peer, [deleteOf(childSpi(ladder, peer))])
      ladder.deliver(peer)
      t.equal(ladder.text(side, ladder.waiting(side) - 1), 'delete child, done')
      t.equal(heal(ladder), undefined)
    },
  )

  t.test(`RFC 7296 §1.3: ${side} is asked for a child that it has: nothing is sent`, async t => {
    const ladder = scripted()
    ladder.routers[side].feed({ on: 'acquire', peer })
    ladder.routers[side].feed({ on: 'up', peer })
    t.equal(ladder.waiting(side), 0)
    t.equal(end(ladder), undefined)
  })
}

/** Of two that miss a child, the one that began the IKE SA asks first. */
for (const multi of [false, true])
  t.test(
    `RFC 7296 §2.25.2: a makes a child while b rekeys the IKE SA${
      multi ? ' with an additional key exchange' : ''
    }: both are put off, both are done`,
    async t => {
      const ladder = scripted({}, [multi ? { kems: ['mlkem768'] } : {}])
      ladder.traffic = false
      loseBoth(ladder)
      while (ladder.text('a') !== 'create child') {
        ladder.pass(millis(50))
        if (ladder.waiting('b') > 0) throw new Error('b was first')
      }
      ladder.picture.length = 0
      ladder.rekey('b', 'ike')
      ladder.deliver('a')
      ladder.deliver('b')
      ladder.deliver('b')
      ladder.deliver('a')
      t.same(ladder.picture, [
        `a ──▶ b  create child`,
        `a ◀── b  rekey ike`,
        `a ◀── b  TEMPORARY_FAILURE`,
        `a ──▶ b  TEMPORARY_FAILURE`,
      ])
      t.equal(ladder.waiting('a') + ladder.waiting('b'), 0, 'RFC 7296 §2.25: not at once')
      t.equal(end(ladder), undefined)
      t.equal(ikeSas(ladder, 'a').length, 5, 'one IKE SA')
    },
  )

t.test('RFC 7296 §1.3.1: both make a child at once, and one is left', async t => {
  const ladder = scripted()
  ladder.traffic = false
  loseBoth(ladder)
  t.equal(end(ladder), undefined)
  t.match(drawn(ladder), /create child/)
})

t.test(
  'RFC 7296 §2.2: a Message ID that nobody agreed to synchronise is not taken, RFC 6311 or not',
  async t => {
    const ladder = new Ladder().established()
    const before = ladder.routers.a.counters.drops.get('ike-message-id') ?? 0
    for (const messageId of [0, 7]) {
      say(ladder, 'b', [Wire.notify(16422, new Uint8Array(12))])
      ladder.instead('b', [Wire.notify(16422, new Uint8Array(12))], { messageId })
      const asked = ladder.waiting('b')
      ladder.deliver('b')
      t.equal(ladder.waiting('b'), asked - 1)
    }
    t.ok((ladder.routers.a.counters.drops.get('ike-message-id') ?? 0) > before)
  },
)

t.test(
  'RFC 7296 §2.8.1: both make a child, and that of a is answered after b has rekeyed its own: one is left',
  async t => {
    const ladder = scripted()
    ladder.traffic = false
    loseBoth(ladder)
    while (ladder.text('a') !== 'create child') ladder.pass(millis(50))
    ladder.hold('a')
    while (ladder.text('b') !== 'create child') {
      ladder.pass(millis(50))
      while (ladder.waiting('a') > 0) ladder.lose('a')
    }
    ladder.deliver('b')
    ladder.deliver('a')
    ladder.rekey('b', 'child')
    ladder.flush()
    const kept = child(ladder)
    ladder.release('a')
    ladder.deliver('a')
    t.equal(end(ladder), undefined)
    t.equal(child(ladder), kept)
    t.equal(ladder.picture.at(-2), 'a ──▶ b  delete child', 'a, who saw both, deletes its own')
  },
)
