import t from 'tap'
import {
  arrows,
  child,
  drawn,
  end,
  far,
  ikeSas,
  NOTIFY,
  notify,
  refuse,
  type Script,
  SIDES,
  scripted,
} from './script.js'

/**
 * Rekeys of the IKE SA that meet delays, retries, Deletes and additional key exchanges (RFC 9370); `situations.ts` says
 * which situation is which. The child is inherited, and each end sends a datum after every message.
 */
const GROUPS = [{ groups: ['x25519', 'ecp256'] }, { groups: ['ecp256'] }]
const MULTI = [{ kems: ['mlkem768'] }]
/** The rekeys of a have an additional key exchange, those of b none: each takes of the other's offer what it likes best. */
const MIXED = [{ kems: ['mlkem768'], plainFirst: true }, { kems: ['mlkem768'] }]
const both = <T>(one: T): readonly T[] => [one, one]

const LOWEST: readonly (readonly [string, Script, 'a' | 'b'])[] = [
  ['a1', { a: [1] }, 'b'],
  ['b1', { b: [1] }, 'a'],
  ['a2', { a: [0xf0, 1] }, 'a'],
  ['b2', { b: [0xf0, 1] }, 'b'],
]
/** The IKE SA that each made, as it is called when it is left. */
const MADE = { a: 'a1 b2', b: 'b1 a2' } as const

for (const side of SIDES) {
  const [there, back] = arrows(side)
  const mine = side === 'a' ? 'a1 b1' : 'b1 a1'

  t.test(`RFC 9370 §2.2.4: ${side} rekeys the IKE SA with an additional key exchange`, async t => {
    const ladder = scripted({}, MULTI)
    const before = child(ladder)
    ladder.rekey(side, 'ike')
    ladder.flush()
    t.same(ladder.picture, [
      `${there}  rekey ike`,
      `${back}  rekey ike, done`,
      `${there}  IKE_FOLLOWUP_KE`,
      `${back}  IKE_FOLLOWUP_KE, done`,
      `${there}  delete ike`,
      `${back}  empty`,
    ])
    t.equal(ikeSas(ladder, 'a'), mine)
    t.equal(end(ladder), undefined)
    t.equal(child(ladder), before)
  })

  t.test(`RFC 7296 §1.3: INVALID_KE_PAYLOAD: ${side} rekeys the IKE SA again in the right group`, async t => {
    const ladder = scripted({}, side === 'a' ? GROUPS : GROUPS.toReversed())
    // The group in use is asked for first; a foreign answer makes it another.
    ladder.rekey(side, 'ike')
    refuse(ladder, side, notify(NOTIFY.INVALID_KE_PAYLOAD, Uint8Array.of(0, 19)))
    ladder.deliver(far(side))
    t.equal(ladder.text(side), 'rekey ike')
    t.equal(end(ladder), undefined)
    t.equal(ikeSas(ladder, 'a'), side === 'a' ? 'a2 b1' : 'b2 a1')
  })

  t.test(`RFC 9370 §2.2.4: the same with an additional key exchange, ${side} begins`, async t => {
    const wishes = [{ kems: ['mlkem768'], groups: ['x25519', 'ecp256'] }]
    const ladder = scripted({}, wishes)
    ladder.rekey(side, 'ike')
    refuse(ladder, side, notify(NOTIFY.INVALID_KE_PAYLOAD, Uint8Array.of(0, 19)))
    ladder.deliver(far(side))
    ladder.flush()
    t.match(drawn(ladder), /IKE_FOLLOWUP_KE, done/)
    t.equal(end(ladder), undefined)
    t.equal(ikeSas(ladder, 'a'), side === 'a' ? 'a2 b1' : 'b2 a1')
  })

  for (const order of ['the Delete', 'the refusal'] as const)
    t.test(
      `RFC 7296 §2.25.2: ${far(side)} closes the IKE SA that ${side} rekeys: TEMPORARY_FAILURE; ${order} comes first`,
      async t => {
        const ladder = scripted()
        ladder.traffic = false
        ladder.rekey(side, 'ike')
        ladder.routers[far(side)].feed({ on: 'down', peer: side })
        ladder.deliver(side)
        t.equal(ladder.text(far(side), 1), 'TEMPORARY_FAILURE')
        ladder.deliver(far(side), order === 'the Delete' ? 0 : 1)
        if (order === 'the refusal') t.equal(ladder.waiting(side), 0, 'RFC 7296 §2.25: not at once')
        if (order === 'the refusal') ladder.deliver(far(side))
        t.equal(ladder.text(side), 'empty')
        t.equal(ikeSas(ladder, side), '')
        ladder.flush()
        t.equal(ikeSas(ladder, far(side)), '')
        ladder.routers[far(side)].feed({ on: 'up', peer: side })
        t.equal(end(ladder), undefined)
      },
    )

  t.test(
    `RFC 7296 §2.25.2: ${far(side)} closes the IKE SA between two key exchanges of the rekey of ${side}`,
    async t => {
      const ladder = scripted({}, MULTI)
      ladder.traffic = false
      ladder.rekey(side, 'ike')
      ladder.deliver(side)
      ladder.deliver(far(side))
      t.equal(ladder.text(side), 'IKE_FOLLOWUP_KE')
      ladder.routers[far(side)].feed({ on: 'down', peer: side })
      ladder.deliver(side)
      t.equal(ladder.text(far(side), 1), 'TEMPORARY_FAILURE')
      ladder.flush()
      for (const each of SIDES) t.equal(ikeSas(ladder, each), '')
      ladder.routers[far(side)].feed({ on: 'up', peer: side })
      t.equal(end(ladder), undefined)
    },
  )

  t.test(`RFC 7296 §1.4.1: ${side} closes the IKE SA: an empty answer, and nothing stays`, async t => {
    const ladder = scripted()
    ladder.traffic = false
    ladder.routers[side].feed({ on: 'down', peer: far(side) })
    ladder.flush()
    t.same(ladder.picture, [`${there}  delete ike`, `${back}  empty`])
    for (const each of SIDES) {
      t.equal(ikeSas(ladder, each), '')
      t.same(ladder.routers[each].esp.installed, [])
    }
    ladder.routers[side].feed({ on: 'up', peer: far(side) })
    t.equal(end(ladder), undefined)
  })
}

for (const [lowest, script, winner] of LOWEST) {
  t.test(
    `RFC 7296 §2.8.2, RFC 9370 §2.2.4: rekeys with an additional key exchange cross; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(script, MULTI)
      const before = child(ladder)
      ladder.rekey('a', 'ike')
      ladder.rekey('b', 'ike')
      for (const from of ['a', 'b', 'b', 'a', 'a', 'b', 'b', 'a'] as const) ladder.deliver(from)
      t.same(ladder.picture.slice(4), [
        'a ──▶ b  IKE_FOLLOWUP_KE',
        'a ◀── b  IKE_FOLLOWUP_KE',
        'a ◀── b  IKE_FOLLOWUP_KE, done',
        'a ──▶ b  IKE_FOLLOWUP_KE, done',
      ])
      ladder.flush()
      t.equal(ikeSas(ladder, 'a'), MADE[winner])
      t.equal(ikeSas(ladder, 'b'), MADE[winner])
      t.equal(drawn(ladder).match(/delete ike/g)?.length, 2, 'the loser its own, the winner the old one')
      t.equal(end(ladder), undefined)
      t.equal(child(ladder), before)
    },
  )

  t.test(
    `RFC 7296 §2.8.2: a rekey with an additional key exchange crosses one without; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(script, MIXED)
      ladder.rekey('a', 'ike')
      ladder.rekey('b', 'ike')
      for (const from of ['a', 'b', 'b', 'a'] as const) ladder.deliver(from)
      t.equal(ladder.text('a'), 'IKE_FOLLOWUP_KE')
      t.not(ladder.text('b'), 'IKE_FOLLOWUP_KE')
      t.equal(end(ladder), undefined)
    },
  )

  t.test(
    `RFC 7296 §2.8.2: both are told INVALID_KE_PAYLOAD, and their second rekeys cross; lowest nonce ${lowest}`,
    async t => {
      const again = {
        a: [0xf0, ...(script.a ?? [])],
        b: [0xf0, ...(script.b ?? [])],
      }
      const ladder = scripted(again, both({ groups: ['x25519', 'ecp256'] }))
      ladder.rekey('a', 'ike')
      ladder.rekey('b', 'ike')
      for (const side of SIDES) refuse(ladder, side, notify(NOTIFY.INVALID_KE_PAYLOAD, Uint8Array.of(0, 19)))
      ladder.deliver('b')
      ladder.deliver('a')
      t.equal(ladder.text('a'), 'rekey ike')
      t.equal(ladder.text('b'), 'rekey ike')
      for (const from of ['a', 'b', 'b', 'a'] as const) ladder.deliver(from)
      ladder.flush()
      t.equal(ikeSas(ladder, 'a'), winner === 'a' ? 'a2 b3' : 'b2 a3')
      t.equal(end(ladder), undefined)
    },
  )

  t.test(
    `RFC 7296 §2.25.2: both are told INVALID_KE_PAYLOAD, and one second rekey is late; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(script, both({ groups: ['x25519', 'ecp256'] }))
      ladder.rekey('a', 'ike')
      ladder.rekey('b', 'ike')
      for (const side of SIDES) refuse(ladder, side, notify(NOTIFY.INVALID_KE_PAYLOAD, Uint8Array.of(0, 19)))
      ladder.deliver('b')
      ladder.deliver('a')
      ladder.hold('a')
      ladder.deliver('b')
      ladder.deliver('a')
      // b has finished and deletes the old one; only then it hears the rekey of a, and refuses.
      ladder.hold('b')
      ladder.release('a')
      ladder.deliver('a')
      t.equal(ladder.text('b'), 'TEMPORARY_FAILURE')
      ladder.release('b')
      t.equal(end(ladder), undefined)
      t.equal(ikeSas(ladder, 'a'), 'b2 a3', 'the only one that was made')
    },
  )

  for (const until of ['the step of b', 'the Delete of b'] as const)
    t.test(
      `RFC 9370 §2.2.4: the answer to a is late, until after ${until}; lowest nonce ${lowest}`,
      async t => {
        const ladder = scripted(script, MULTI)
        ladder.rekey('a', 'ike')
        ladder.rekey('b', 'ike')
        ladder.deliver('a')
        ladder.deliver('b')
        ladder.hold('b')
        ladder.deliver('a')
        // IKE_FOLLOWUP_KE of b, its answer, and the Delete that ends the old one.
        ladder.deliver('b')
        ladder.deliver('a')
        if (until === 'the step of b') ladder.release('b')
        else {
          ladder.deliver('b')
          ladder.release('b')
        }
        t.equal(end(ladder), undefined)
      },
    )

  t.test(
    `RFC 7296 §2.8.2: the request of a is lost, the rekey of b ends it; lowest nonce ${lowest}`,
    async t => {
      const ladder = scripted(script)
      ladder.rekey('a', 'ike')
      ladder.rekey('b', 'ike')
      ladder.lose('a')
      ladder.flush()
      t.equal(ikeSas(ladder, 'a'), MADE.b)
      t.equal(end(ladder), undefined)
      t.equal(ikeSas(ladder, 'b'), MADE.b)
    },
  )

  for (const multi of [false, true])
    for (const deleted of [false, true])
      t.test(
        `RFC 7296 §2.8.2: the request of a is late, until ${deleted ? 'after' : 'before'} the Delete of b${
          multi ? ', with an additional key exchange' : ''
        }; lowest nonce ${lowest}`,
        async t => {
          const ladder = scripted(script, multi ? MULTI : [{}])
          ladder.rekey('a', 'ike')
          ladder.hold('a')
          ladder.rekey('b', 'ike')
          ladder.deliver('b')
          ladder.deliver('a')
          if (multi) {
            ladder.deliver('b')
            ladder.deliver('a')
          }
          t.equal(ladder.text('b'), 'delete ike')
          if (deleted) ladder.deliver('b')
          ladder.release('a')
          ladder.deliver('a')
          if (!deleted) t.match(ladder.text('b', 1), /TEMPORARY_FAILURE/)
          t.equal(end(ladder), undefined)
          t.equal(ikeSas(ladder, 'a'), MADE.b, 'the only one that was made')
        },
      )
}

t.test(
  'RFC 9370 §2.2.4: the request of a is late and comes between the key exchanges of b: it is answered as a crossing',
  async t => {
    const ladder = scripted({}, MULTI)
    ladder.rekey('a', 'ike')
    ladder.hold('a')
    ladder.rekey('b', 'ike')
    ladder.deliver('b')
    ladder.deliver('a')
    t.equal(ladder.text('b'), 'IKE_FOLLOWUP_KE')
    ladder.release('a')
    ladder.deliver('a')
    t.equal(end(ladder), undefined)
  },
)
