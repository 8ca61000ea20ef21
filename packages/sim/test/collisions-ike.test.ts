import { millis } from '@brunel/base'
import { Ladder } from '@brunel/sim'
import t from 'tap'

/**
 * Rekeys and Deletes of the IKE SA that cross: the situations of strongSwan's test_ike_rekey and test_ike_delete,
 * judged by RFC 7296 §1.3.2, §2.8.2, §2.25.2. The child is inherited and carries a datum after every message.
 */
type Side = 'a' | 'b'

const nonce = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const spi = (name: string): Uint8Array => new Uint8Array(8).fill(Number.parseInt(name, 16))

function laid(ladder: Ladder, nonces: Partial<Record<'a1' | 'a2' | 'b1' | 'b2', number>> = {}): Ladder {
  for (const side of ['a', 'b'] as const) {
    ladder.random[side].ikeSpis.push(spi(`${side}1`), spi(`${side}2`))
    ladder.random[side].nonces.push(nonce(nonces[`${side}1`] ?? 0x80), nonce(nonces[`${side}2`] ?? 0x80))
  }
  return ladder
}

/** The IKE SA of a side, by the first octets of its SPIs: 'a1 b2' is the one that a asked for. */
function sa(ladder: Ladder, side: Side): string {
  const sas = ladder.routers[side].report(side === 'a' ? 'b' : 'a')?.sas ?? []
  return sas.map(s => `${s.spiInitiator.slice(0, 2)} ${s.spiResponder.slice(0, 2)}`).join(', ')
}

const childSpi = (ladder: Ladder): number | undefined => ladder.routers.a.esp.current?.child.spiIn

for (const side of ['a', 'b'] as const) {
  t.test(
    `RFC 7296 §2.18, §1.3.2: regular: ${side} rekeys the IKE SA; the child is inherited, not touched`,
    async t => {
      const ladder = laid(new Ladder().established())
      const before = childSpi(ladder)
      ladder.rekey(side, 'ike')
      ladder.flush()
      const [there, back] = side === 'a' ? ['a ──▶ b', 'a ◀── b'] : ['a ◀── b', 'a ──▶ b']
      t.same(ladder.picture, [
        `${there}  rekey ike`,
        `${back}  rekey ike, done`,
        `${there}  delete ike`,
        `${back}  empty`,
      ])
      t.equal(ladder.fault(), undefined)
      t.equal(sa(ladder, 'a'), side === 'a' ? 'a1 b1' : 'b1 a1')
      t.equal(childSpi(ladder), before)
      for (const next of ['a', 'b'] as const) {
        ladder.rekey(next, 'child')
        ladder.flush()
        t.equal(ladder.fault(), undefined, `${next} rekeys the inherited child on the new IKE SA`)
      }
    },
  )
}

t.test('RFC 7296 §1.3: ke invalid: the group is corrected, then the IKE SA is rekeyed', async t => {
  const ladder = new Ladder({ groups: ['x25519', 'ecp256'] }, { groups: ['ecp256'] }).established()
  const before = sa(ladder, 'a')
  ladder.rekey('a', 'ike')
  ladder.flush()
  t.equal(ladder.fault(), undefined)
  t.not(sa(ladder, 'a'), before)
})

for (const { lowest, loser, survives } of [
  { lowest: 'a1', loser: 'a', survives: 'b1 a2' },
  { lowest: 'b2', loser: 'a', survives: 'b1 a2' },
  { lowest: 'b1', loser: 'b', survives: 'a1 b2' },
  { lowest: 'a2', loser: 'b', survives: 'a1 b2' },
] as const) {
  t.test(
    `RFC 7296 §2.8.2: collision: ${lowest} is the lowest nonce, ${loser} closes the IKE SA it made`,
    async t => {
      const ladder = laid(new Ladder().established(), { [lowest]: 1 })
      const before = childSpi(ladder)
      ladder.rekey('a', 'ike')
      ladder.rekey('b', 'ike')
      ladder.deliver('a')
      ladder.deliver('b')
      ladder.deliver('b')
      ladder.deliver('a')
      t.same(ladder.picture, [
        'a ──▶ b  rekey ike',
        'a ◀── b  rekey ike',
        'a ◀── b  rekey ike, done',
        'a ──▶ b  rekey ike, done',
      ])
      ladder.flush()
      t.equal(ladder.fault(), undefined)
      t.equal(sa(ladder, 'a'), survives)
      t.equal(childSpi(ladder), before, 'the child moved to the winner')
      ladder.settle(60)
      t.equal(ladder.fault(), undefined)
      t.equal(sa(ladder, 'b'), survives)
    },
  )

  t.test(
    `RFC 7296 §2.8.2: collision, delayed response: b has finished before a hears; lowest nonce ${lowest}`,
    async t => {
      const ladder = laid(new Ladder().established(), { [lowest]: 1 })
      ladder.rekey('a', 'ike')
      ladder.rekey('b', 'ike')
      ladder.deliver('a')
      ladder.deliver('b')
      ladder.deliver('a')
      while (ladder.waiting('b') > 1) {
        ladder.deliver('b', 1)
        while (ladder.waiting('a') > 0) ladder.deliver('a')
      }
      ladder.flush()
      ladder.settle(60)
      t.equal(ladder.fault(), undefined)
    },
  )
}

t.test('RFC 7296 §2.8.2: collision, dropped request: the rekey of a is lost, that of b ends it', async t => {
  const ladder = laid(new Ladder().established())
  ladder.rekey('a', 'ike')
  ladder.rekey('b', 'ike')
  ladder.lose('a')
  ladder.flush()
  ladder.settle(60)
  t.equal(ladder.fault(), undefined)
})

t.test(
  'RFC 7296 §2.25.2: collision, delayed request: a has finished its rekey when that of b arrives',
  async t => {
    const ladder = laid(new Ladder().established())
    ladder.rekey('b', 'ike')
    ladder.rekey('a', 'ike')
    ladder.deliver('a')
    ladder.deliver('b', 1)
    ladder.deliver('b')
    ladder.flush()
    ladder.settle(60)
    t.equal(ladder.fault(), undefined)
    t.match(ladder.picture.join('\n'), /TEMPORARY_FAILURE/)
  },
)

t.test(
  'RFC 7296 §2.8.2: collision, delayed request and delete: all of a is over when the rekey of b arrives',
  async t => {
    const ladder = laid(new Ladder().established())
    ladder.rekey('b', 'ike')
    ladder.rekey('a', 'ike')
    ladder.deliver('a')
    ladder.deliver('b', 1)
    ladder.deliver('a')
    while (ladder.waiting('b') > 1) ladder.deliver('b', 1)
    ladder.flush()
    ladder.settle(60)
    t.equal(ladder.fault(), undefined)
  },
)

t.test(
  'RFC 7296 §2.25.2: collision with a Delete: b closes the IKE SA that a rekeys, and the Delete wins',
  async t => {
    const ladder = new Ladder().established()
    ladder.traffic = false
    ladder.rekey('a', 'ike')
    ladder.routers.b.feed({ on: 'down', peer: 'a' })
    ladder.deliver('a')
    ladder.flush()
    t.equal(ladder.routers.b.report('a')?.state, 'down')
    t.same(ladder.routers.b.report('a')?.sas, [])
    ladder.routers.b.feed({ on: 'up', peer: 'a' })
    ladder.settle(60)
    t.equal(ladder.fault(), undefined)
  },
)

t.test('RFC 7296 §2.25.2: collision with a Delete that is lost once', async t => {
  const ladder = new Ladder().established()
  ladder.traffic = false
  ladder.rekey('a', 'ike')
  ladder.routers.b.feed({ on: 'down', peer: 'a' })
  if (ladder.waiting('b') > 0) ladder.lose('b')
  ladder.flush()
  ladder.settle(30)
  ladder.routers.b.feed({ on: 'up', peer: 'a' })
  ladder.settle(60)
  t.equal(ladder.fault(), undefined)
})

t.test('RFC 7296 §1.4.1: ike delete: the answer is empty, and nothing stays', async t => {
  const ladder = new Ladder().established()
  ladder.traffic = false
  for (const side of ['a', 'b'] as const)
    ladder.routers[side].feed({ on: 'peer-removed', peer: side === 'a' ? 'b' : 'a' })
  ladder.flush()
  t.same(ladder.picture, ['a ──▶ b  delete ike', 'a ◀── b  delete ike', 'a ◀── b  empty', 'a ──▶ b  empty'])
  ladder.pass(millis(1))
  for (const side of ['a', 'b'] as const) {
    t.same(ladder.routers[side].esp.installed, [])
    t.same(ladder.routers[side].remains(), [])
  }
})

t.test('RFC 7296 §2.8: both sides begin from cold at once and end with one IKE SA and one child', async t => {
  const ladder = new Ladder()
  for (const side of ['a', 'b'] as const) ladder.boot(side)
  ladder.settle(60)
  t.equal(ladder.fault(), undefined)
})

t.test('RFC 7296 §2.8.3: reauthentication makes before it breaks', async t => {
  const ladder = new Ladder().established()
  const before = sa(ladder, 'a')
  ladder.routers.a.feed({ on: 'reauthenticate', peer: 'b' })
  ladder.flush()
  ladder.settle(60)
  t.equal(ladder.fault(), undefined)
  t.not(sa(ladder, 'a'), before)
})

/** Both have begun a rekey with one additional key exchange, and both have sent their IKE_FOLLOWUP_KE. */
function crossing(ladder: Ladder): number {
  ladder.rekey('a', 'ike')
  ladder.rekey('b', 'ike')
  ladder.deliver('a')
  ladder.deliver('b')
  ladder.deliver('b')
  ladder.deliver('a')
  return ladder.waiting('a')
}

t.test(
  'RFC 7296 §2.8.2: a successor that lost and that its maker never got to know is gone in time, rekeyed again or not',
  async t => {
    const ladder = laid(new Ladder({ kems: ['mlkem768'] }).established(), { a1: 1 })
    const fragments = crossing(ladder)
    // b answers the step of a, and a does not hear it; a answers that of b, which deletes the old IKE SA.
    for (let n = 0; n < fragments; n++) ladder.deliver('a')
    for (let n = 0; n < fragments; n++) ladder.lose('b', fragments)
    ladder.flush()
    t.match(sa(ladder, 'b'), /,/, 'b holds two successors: its own and that of a')
    // The next time the step of b is lost, and a deletes the old one: b has not heard a on the new one.
    ladder.pass(millis(3000))
    crossing(ladder)
    for (let n = 0; n < fragments; n++) ladder.lose('b')
    ladder.flush()
    ladder.settle(40)
    t.equal(ladder.fault(), undefined)
  },
)

t.test('RFC 7296 §2.12: an IKE SA that goes while its requests wait for answers leaves nothing', async t => {
  for (const what of ['child', 'ike'] as const) {
    const ladder = new Ladder({ kems: ['mlkem768'] }).established()
    ladder.traffic = false
    ladder.rekey('a', what)
    ladder.lose('a')
    for (const side of ['a', 'b'] as const)
      ladder.routers[side].feed({ on: 'peer-removed', peer: side === 'a' ? 'b' : 'a' })
    ladder.settle(60)
    for (const side of ['a', 'b'] as const) t.same(ladder.routers[side].remains(), [], `${side}, ${what}`)
  }
})

t.test(
  'RFC 7296 §2.8.3, §2.8: the old IKE SA goes while the answer to a rekey on the new one is under way: no datum is lost',
  async t => {
    const ladder = new Ladder().established()
    ladder.traffic = false
    ladder.routers.b.feed({ on: 'reauthenticate', peer: 'a' })
    while (ladder.picture.at(-1) !== 'a ──▶ b  IKE_AUTH, done')
      ladder.deliver(ladder.waiting('b') > 0 ? 'b' : 'a')
    // b has closed the old one and rekeys the child of the new one, on which a has not heard anything yet.
    ladder.rekey('b', 'child')
    ladder.deliver('b', 1)
    ladder.traffic = true
    ladder.deliver('b')
    t.same(ladder.picture.slice(-2), ['a ◀── b  rekey child', 'a ◀── b  delete ike'])
    ladder.flush()
    ladder.settle(30)
    t.equal(ladder.fault(), undefined)
  },
)
