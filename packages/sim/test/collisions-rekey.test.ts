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
  lose,
  NOTIFY,
  notify,
  refuse,
  type Script,
  SIDES,
  say,
  scripted,
} from './script.js'

/**
 * Rekeys of a child that meet delays, retries and Deletes; `situations.ts` says which situation is which. Unless a
 * child is deleted under them, each end sends a datum after every message, and none may be lost.
 */
const GROUPS = [{ groups: ['x25519', 'ecp256'] }, { groups: ['ecp256'] }]
/** Each asks for the group that the other one does not have. */
const CROSSED = [{ groups: ['x25519', 'ecp256'] }, { groups: ['ecp384', 'ecp256'] }]

for (const side of SIDES)
  t.test(
    `RFC 7296 §1.3: INVALID_KE_PAYLOAD: the rekey of ${side} is asked for again in the right group`,
    async t => {
      const ladder = scripted({}, side === 'a' ? GROUPS : GROUPS.toReversed())
      ladder.rekey(side, 'child')
      ladder.flush()
      const [there, back] = arrows(side)
      t.same(ladder.picture, [
        `${there}  rekey child`,
        `${back}  INVALID_KE_PAYLOAD`,
        `${there}  rekey child`,
        `${back}  child, done`,
        `${there}  delete child`,
        `${back}  delete child, done`,
      ])
      t.equal(child(ladder), side === 'a' ? 'a2 b1' : 'a1 b2')
      t.equal(end(ladder), undefined)
    },
  )

t.test('RFC 7296 §1.4.1: the responder deletes the new child before the Delete of the old one', async t => {
  const ladder = scripted()
  ladder.traffic = false
  ladder.rekey('a', 'child')
  ladder.deliver('a')
  ladder.deliver('b')
  const made = childSpi(ladder, 'a')
  ladder.lose('a')
  say(ladder, 'b', [deleteOf(ladder.routers.a.esp.current?.child.spiOut ?? 0)])
  ladder.deliver('b')
  t.equal(heal(ladder), undefined, 'there is a child again')
  t.not(childSpi(ladder, 'a'), made)
})

t.test(
  'RFC 7296 §2.25: the responder has lost the child: CHILD_SA_NOT_FOUND, and a new one is made',
  async t => {
    const ladder = scripted()
    ladder.traffic = false
    lose(ladder, 'b')
    ladder.rekey('a', 'child')
    ladder.deliver('a')
    ladder.deliver('b')
    t.same(ladder.picture, ['a ──▶ b  rekey child', 'a ◀── b  CHILD_SA_NOT_FOUND'])
    t.equal(ladder.routers.a.esp.current, undefined, 'the old one is deleted silently')
    ladder.deliver('a')
    t.equal(ladder.picture.at(-1), 'a ──▶ b  create child')
    t.equal(end(ladder), undefined)
  },
)

t.test('RFC 7296 §2.8: the responder deletes the old child itself, before its answer comes', async t => {
  const ladder = scripted()
  const old = childSpi(ladder, 'b')
  ladder.traffic = false
  ladder.rekey('a', 'child')
  ladder.deliver('a')
  ladder.hold('b')
  say(ladder, 'b', [deleteOf(old)])
  ladder.deliver('b')
  t.equal(ladder.waiting('a'), 1, 'answered as usual')
  ladder.release('b')
  ladder.flush()
  ladder.routers.a.transmit('b', 1)
  t.equal(end(ladder), undefined)
  t.equal(child(ladder), 'a1 b1', 'the new one is the only one')
})

t.test('RFC 7296 §2.8.1: the same in a collision: no child too many, none too few', async t => {
  const ladder = scripted({ a: [1] })
  const old = childSpi(ladder, 'b')
  ladder.traffic = false
  ladder.rekey('a', 'child')
  ladder.rekey('b', 'child')
  ladder.deliver('b')
  ladder.deliver('a', 1)
  ladder.hold('a')
  ladder.instead('b', [deleteOf(old)])
  ladder.deliver('b')
  ladder.release('a')
  t.equal(end(ladder), undefined)
})

/** a has finished when the rekey of b, which noticed the crossing, comes to it. */
for (const [lowest, script] of [
  ['a1', { a: [1] }],
  ['b1', { b: [1] }],
  ['b2', { b: [0xf0, 1] }],
] as const satisfies readonly (readonly [string, Script])[]) {
  for (const order of ['after', 'before'] as const)
    t.test(
      `RFC 7296 §2.25.1: the request of b is late, TEMPORARY_FAILURE comes ${order} the Delete; lowest nonce ${lowest}`,
      async t => {
        const ladder = scripted(script)
        ladder.rekey('b', 'child')
        ladder.rekey('a', 'child')
        ladder.deliver('a')
        ladder.deliver('b', 1)
        ladder.deliver('b')
        t.equal(ladder.waiting('a'), 2, 'its Delete and its refusal')
        ladder.deliver('a', order === 'after' ? 0 : 1)
        ladder.deliver('a')
        t.match(drawn(ladder), /TEMPORARY_FAILURE/)
        ladder.flush()
        t.equal(child(ladder), 'a1 b2', 'the only one that was made')
        t.equal(end(ladder), undefined)
        t.equal(child(ladder), 'a1 b2', 'and b, who saw both rekeys, drops its own')
      },
    )

  t.test(
    `RFC 7296 §2.8.1: the request of b is so late that the old child is gone; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(script)
      ladder.rekey('b', 'child')
      ladder.rekey('a', 'child')
      ladder.deliver('a')
      ladder.deliver('b', 1)
      ladder.deliver('a')
      ladder.deliver('b', 1)
      ladder.deliver('b')
      ladder.deliver('a')
      t.equal(ladder.picture.at(-1), 'a ──▶ b  CHILD_SA_NOT_FOUND')
      t.equal(end(ladder), undefined)
      t.equal(child(ladder), 'a1 b2', 'b ignores the error: it knows of the collision')
    },
  )

  t.test(
    `RFC 7296 §2.25: the request of b is late, and the new child is deleted too; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(script)
      ladder.traffic = false
      ladder.rekey('b', 'child')
      ladder.hold('b')
      ladder.rekey('a', 'child')
      ladder.flush()
      t.equal(child(ladder), 'a1 b2')
      say(ladder, 'a', [deleteOf(childSpi(ladder, 'a'))])
      ladder.deliver('a')
      ladder.release('b')
      ladder.deliver('b')
      t.equal(ladder.picture.at(-1), 'a ◀── b  rekey child')
      t.equal(heal(ladder), undefined)
    },
  )
}

/** b has answered a, and has heard the answer of a; its own answer comes after all else. */
for (const [lowest, script] of [
  ['a1', { a: [1] }],
  ['b1', { b: [1] }],
  ['a2', { a: [0xf0, 1] }],
  ['b2', { b: [0xf0, 1] }],
] as const satisfies readonly (readonly [string, Script])[]) {
  t.test(
    `RFC 7296 §2.8.1: b deletes old and new child before a hears its answer; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(script)
      ladder.traffic = false
      ladder.rekey('a', 'child')
      ladder.rekey('b', 'child')
      ladder.deliver('a')
      ladder.deliver('b')
      ladder.hold('b')
      ladder.flush()
      const kept = ladder.routers.b.esp.current?.child
      say(ladder, 'b', [deleteOf(kept?.spiIn ?? 0)])
      ladder.deliver('b')
      ladder.release('b')
      t.equal(heal(ladder), undefined)
    },
  )

  /*
   *  both ask (a1, b1), both hear INVALID_KE_PAYLOAD, both ask again (a2, b2), and these cross
   */
  const again: Script = {
    ...((script as Script).a && { a: [0xf0, ...((script as Script).a ?? [])] }),
    ...((script as Script).b && { b: [0xf0, ...((script as Script).b ?? [])] }),
  }
  const ours = lowest.startsWith('b') === lowest.endsWith('1')
  t.test(
    `RFC 7296 §2.8.1: both are told INVALID_KE_PAYLOAD, and their second attempts cross; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(again, CROSSED)
      ladder.rekey('a', 'child')
      ladder.rekey('b', 'child')
      for (const from of ['a', 'b', 'b', 'a', 'a', 'b', 'b', 'a'] as const) ladder.deliver(from)
      t.same(ladder.picture, [
        'a ──▶ b  rekey child',
        'a ◀── b  rekey child',
        'a ◀── b  INVALID_KE_PAYLOAD',
        'a ──▶ b  INVALID_KE_PAYLOAD',
        'a ──▶ b  rekey child',
        'a ◀── b  rekey child',
        'a ◀── b  child, done',
        'a ──▶ b  child, done',
      ])
      ladder.flush()
      t.equal(child(ladder), ours ? 'a2 b3' : 'a3 b2')
      t.equal(end(ladder), undefined)
    },
  )

  t.test(
    `RFC 7296 §2.25.1: both are told INVALID_KE_PAYLOAD, and one second attempt is late; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(again, CROSSED)
      ladder.rekey('a', 'child')
      ladder.rekey('b', 'child')
      for (const from of ['a', 'b', 'b', 'a'] as const) ladder.deliver(from)
      ladder.hold('a')
      // b asks, a answers and notes the crossing; b deletes the old one and then hears what a asked before.
      ladder.deliver('b')
      ladder.deliver('a')
      ladder.hold('b')
      ladder.release('a')
      ladder.deliver('a')
      t.equal(ladder.waiting('b'), 1)
      ladder.deliver('b')
      t.equal(ladder.picture.at(-1), 'a ◀── b  TEMPORARY_FAILURE')
      ladder.release('b')
      t.equal(end(ladder), undefined)
      t.equal(child(ladder), 'a3 b2', 'the only one that was made')
    },
  )
}

for (const side of SIDES) {
  const peer = far(side)
  for (const order of ['the Delete', 'the refusal'] as const)
    t.test(
      `RFC 7296 §2.25.1: ${peer} deletes the child that ${side} rekeys: TEMPORARY_FAILURE; ${order} comes first`,
      async t => {
        const ladder = scripted()
        ladder.traffic = false
        const [mine, theirs] = [childSpi(ladder, side), childSpi(ladder, peer)]
        ladder.rekey(side, 'child')
        refuse(ladder, side, notify(NOTIFY.TEMPORARY_FAILURE))
        ladder.hold(peer)
        if (order === 'the refusal') {
          ladder.release(peer)
          ladder.deliver(peer)
          t.equal(ladder.waiting(side), 0, 'RFC 7296 §2.25: not at once')
        }
        say(ladder, peer, [deleteOf(theirs)])
        ladder.deliver(peer)
        t.notOk(
          ladder.routers[side].esp.installed.some(sa => sa.child.spiIn === mine),
          'it is deleted',
        )
        t.equal(ladder.text(side), 'delete child, done', 'and answered with a Delete')
        ladder.release(peer)
        t.equal(heal(ladder), undefined, 'there is a child again')
      },
    )

  t.test(`RFC 7296 §2.25.1: ${peer} deletes the child, and the rekey of ${side} comes later`, async t => {
    const ladder = scripted()
    ladder.traffic = false
    const theirs = childSpi(ladder, peer)
    ladder.rekey(side, 'child')
    ladder.hold(side)
    say(ladder, peer, [deleteOf(theirs)])
    ladder.deliver(peer)
    t.equal(ladder.text(side), 'delete child, done')
    ladder.deliver(side)
    ladder.release(side)
    refuse(ladder, side, notify(NOTIFY.CHILD_SA_NOT_FOUND))
    ladder.deliver(peer)
    t.equal(heal(ladder), undefined, 'there is a child again')
  })

  t.test(
    `RFC 7296 §2.25.2: ${side} rekeys the child, ${peer} the IKE SA: both are put off, both are done`,
    async t => {
      const ladder = scripted()
      ladder.rekey(side, 'child')
      ladder.rekey(peer, 'ike')
      ladder.deliver(side)
      ladder.deliver(peer)
      ladder.deliver(peer)
      ladder.deliver(side)
      t.same(
        ladder.picture.slice(2).map(line => line.slice(-17)),
        ['TEMPORARY_FAILURE', 'TEMPORARY_FAILURE'],
      )
      t.equal(ladder.waiting('a') + ladder.waiting('b'), 0, 'RFC 7296 §2.25: not at once')
      t.equal(end(ladder), undefined)
      t.not(child(ladder), '00 00')
    },
  )

  t.test(`RFC 7296 §2.25.2: ${side} rekeys the child, ${peer} closes the IKE SA, which wins`, async t => {
    const ladder = scripted()
    ladder.traffic = false
    ladder.rekey(side, 'child')
    ladder.routers[peer].feed({ on: 'down', peer: side })
    ladder.deliver(side)
    t.equal(ladder.text(peer, 1), 'TEMPORARY_FAILURE')
    ladder.deliver(peer)
    t.equal(ladder.text(side), 'empty')
    t.equal(ikeSas(ladder, side), '')
    ladder.flush()
    t.same(ladder.routers[peer].esp.installed, [])
    ladder.routers[peer].feed({ on: 'up', peer: side })
    t.equal(end(ladder), undefined)
  })
}
