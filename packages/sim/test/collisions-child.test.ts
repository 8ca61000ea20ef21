import { Ladder } from '@brunel/sim'
import t from 'tap'

/**
 * Rekeys of a child that cross, by hand. The names are those of the situations in strongSwan's test_child_rekey and
 * test_child_delete; what is expected is RFC 7296 §2.8, §2.8.1, §2.25 and our promise that no datum is lost: the
 * ladder sends one each way after every message.
 */
type Side = 'a' | 'b'

const nonce = (n: number): Uint8Array => new Uint8Array(32).fill(n)

/** SPIs: a1, b2 for the SA that a asks for, b1, a2 for the one that b asks for. */
const SPI = { a1: 0xa1a1a1a1, a2: 0xa2a2a2a2, b1: 0xb1b1b1b1, b2: 0xb2b2b2b2 } as const

/** Lays SPIs and nonces ready: the value of a1 is the nonce a sends in its request, and so on. */
function laid(ladder: Ladder, nonces: Partial<Record<keyof typeof SPI, number>> = {}): Ladder {
  const value = (name: keyof typeof SPI): Uint8Array => nonce(nonces[name] ?? 0x80)
  ladder.random.a.espSpis.push(SPI.a1, SPI.a2)
  ladder.random.b.espSpis.push(SPI.b1, SPI.b2)
  ladder.random.a.nonces.push(value('a1'), value('a2'))
  ladder.random.b.nonces.push(value('b1'), value('b2'))
  return ladder
}

const child = (ladder: Ladder, side: Side): number | undefined =>
  ladder.routers[side].esp.current?.child.spiIn
const hex = (spi: number | undefined): string => (spi ?? 0).toString(16)
const survivor = (ladder: Ladder): string => `${hex(child(ladder, 'a'))} ${hex(child(ladder, 'b'))}`

/** Which of the four nonces is lowest, whose SA is therefore redundant, and what survives. */
const LOWEST = [
  { lowest: 'a1', loser: 'a', survives: 'a2a2a2a2 b1b1b1b1' },
  { lowest: 'b2', loser: 'a', survives: 'a2a2a2a2 b1b1b1b1' },
  { lowest: 'b1', loser: 'b', survives: 'a1a1a1a1 b2b2b2b2' },
  { lowest: 'a2', loser: 'b', survives: 'a1a1a1a1 b2b2b2b2' },
] as const

for (const side of ['a', 'b'] as const) {
  t.test(
    `RFC 7296 §2.8: regular: ${side} rekeys, then deletes the old child, and no datum is lost`,
    async t => {
      const ladder = new Ladder().established()
      const before = survivor(ladder)
      ladder.rekey(side, 'child')
      ladder.flush()
      const [there, back] = side === 'a' ? ['a ──▶ b', 'a ◀── b'] : ['a ◀── b', 'a ──▶ b']
      t.same(ladder.picture, [
        `${there}  rekey child`,
        `${back}  child, done`,
        `${there}  delete child`,
        `${back}  delete child, done`,
      ])
      t.equal(ladder.fault(), undefined)
      t.not(survivor(ladder), before)
    },
  )
}

t.test('RFC 7296 §1.3: ke invalid: the group of the rekey is corrected, then the rekey succeeds', async t => {
  const ladder = new Ladder({ groups: ['x25519', 'ecp256'] }, { groups: ['ecp256'] }).established()
  const before = survivor(ladder)
  ladder.rekey('a', 'child')
  ladder.flush()
  t.match(
    ladder.picture.join('\n'),
    /rekey child\n.*INVALID_KE_PAYLOAD\n.*rekey child\n.*child, done\n.*delete child\n.*delete child, done$/,
  )
  t.equal(ladder.fault(), undefined)
  t.not(survivor(ladder), before)
})

t.test('RFC 7296 §2.8: responder ignores a soft expire of the child that was just rekeyed', async t => {
  const ladder = new Ladder().established()
  const old = child(ladder, 'b') as number
  ladder.rekey('a', 'child')
  ladder.deliver('a')
  ladder.routers.b.feed({ on: 'child-limit', peer: 'a', spiIn: old, limit: 'soft', why: 'bytes' })
  t.equal(ladder.waiting('b'), 1, 'only the answer')
  ladder.flush()
  t.equal(ladder.fault(), undefined)
  t.equal(ladder.picture.filter(line => line.endsWith('rekey child')).length, 1)
})

t.test('RFC 7296 §2.8: responder meets a hard expire of the child that was just rekeyed', async t => {
  const ladder = new Ladder().established()
  const old = child(ladder, 'b') as number
  ladder.rekey('a', 'child')
  ladder.deliver('a')
  ladder.routers.b.feed({ on: 'child-limit', peer: 'a', spiIn: old, limit: 'hard', why: 'bytes' })
  ladder.flush()
  ladder.settle(30)
  t.equal(ladder.fault(), undefined)
})

for (const { lowest, loser, survives } of LOWEST) {
  /*
   *  a ──▶ b  rekey child          (a1, b2)
   *  a ◀── b  rekey child          (b1, a2)
   *  both answers, then the loser deletes its new child, the winner the old one
   */
  t.test(
    `RFC 7296 §2.8.1: collision: ${lowest} is the lowest nonce, ${loser} closes the child it made`,
    async t => {
      const ladder = laid(new Ladder().established(), { [lowest]: 1 })
      ladder.rekey('a', 'child')
      ladder.rekey('b', 'child')
      ladder.deliver('a')
      ladder.deliver('b')
      ladder.deliver('b')
      ladder.deliver('a')
      t.same(ladder.picture, [
        'a ──▶ b  rekey child',
        'a ◀── b  rekey child',
        'a ◀── b  child, done',
        'a ──▶ b  child, done',
      ])
      ladder.flush()
      t.equal(ladder.fault(), undefined)
      t.equal(survivor(ladder), survives)
      t.equal(
        ladder.picture.filter(line => line === 'a ──▶ b  delete child').length,
        1,
        'a deletes one child',
      )
      t.equal(
        ladder.picture.filter(line => line === 'a ◀── b  delete child').length,
        1,
        'b deletes one child',
      )
      ladder.settle(30)
      t.equal(ladder.fault(), undefined)
      t.equal(survivor(ladder), survives)
    },
  )

  t.test(
    `RFC 7296 §2.8.1: collision, delayed response: b has finished before a hears; lowest nonce ${lowest}`,
    async t => {
      const ladder = laid(new Ladder().established(), { [lowest]: 1 })
      ladder.rekey('a', 'child')
      ladder.rekey('b', 'child')
      ladder.deliver('a')
      ladder.deliver('b')
      ladder.deliver('a')
      // b's answer to a stays under way while all that b says next arrives.
      while (ladder.waiting('b') > 1) {
        ladder.deliver('b', 1)
        while (ladder.waiting('a') > 0) ladder.deliver('a')
      }
      ladder.flush()
      ladder.settle(30)
      t.equal(ladder.fault(), undefined)
      t.equal(survivor(ladder), survives)
    },
  )
}

t.test('RFC 7296 §2.8.1: a prefix is lower than the longer nonce', async t => {
  const ladder = laid(new Ladder().established())
  ladder.random.a.nonces[0] = new Uint8Array(32).fill(7)
  ladder.random.b.nonces[0] = new Uint8Array(48).fill(7)
  ladder.rekey('a', 'child')
  ladder.rekey('b', 'child')
  ladder.flush()
  t.equal(ladder.fault(), undefined)
  t.equal(survivor(ladder), 'a2a2a2a2 b1b1b1b1')
})

t.test(
  'RFC 7296 §2.25.1: collision, delayed request: a is done and deleting when it hears of the rekey of b',
  async t => {
    const ladder = laid(new Ladder().established())
    ladder.rekey('b', 'child')
    ladder.rekey('a', 'child')
    ladder.deliver('a')
    ladder.deliver('b', 1)
    ladder.deliver('b')
    t.equal(ladder.waiting('a'), 2, 'its Delete and a refusal')
    ladder.deliver('a', 1)
    t.match(ladder.picture.at(-1), /TEMPORARY_FAILURE$/)
    ladder.flush()
    t.equal(ladder.fault(), undefined)
    t.equal(hex(child(ladder, 'a')), 'a1a1a1a1')
    ladder.settle(30)
    t.equal(ladder.fault(), undefined)
    t.equal(hex(child(ladder, 'a')), 'a1a1a1a1', 'b, who saw both rekeys, drops its own attempt')
  },
)

t.test(
  'RFC 7296 §2.25.1: collision, request delayed more: the old child is gone when a hears of the rekey of b',
  async t => {
    const ladder = laid(new Ladder().established())
    ladder.rekey('b', 'child')
    ladder.rekey('a', 'child')
    ladder.deliver('a')
    ladder.deliver('b', 1)
    ladder.deliver('a')
    ladder.deliver('b', 1)
    ladder.deliver('b')
    ladder.deliver('a')
    t.match(ladder.picture.at(-1), /CHILD_SA_NOT_FOUND$/)
    ladder.flush()
    ladder.settle(30)
    t.equal(ladder.fault(), undefined)
    t.equal(hex(child(ladder, 'a')), 'a1a1a1a1', 'the new child stays')
  },
)

t.test('RFC 7296 §2.8.1: collision, ke invalid on both sides: the retries cross and are settled', async t => {
  const ladder = new Ladder({ groups: ['x25519', 'ecp256'] }, { groups: ['ecp384', 'ecp256'] }).established()
  ladder.rekey('a', 'child')
  ladder.rekey('b', 'child')
  ladder.flush()
  ladder.settle(30)
  t.match(ladder.picture.join('\n'), /INVALID_KE_PAYLOAD/)
  t.equal(ladder.fault(), undefined)
})

t.test(
  'RFC 7296 §2.8.1: collision, one rekey fails with ke invalid and the other succeeds, which is kept',
  async t => {
    const ladder = laid(
      new Ladder({ groups: ['x25519', 'ecp256'] }, { groups: ['ecp384', 'ecp256'] }).established(),
      { b1: 0 },
    )
    ladder.rekey('a', 'child')
    ladder.rekey('b', 'child')
    ladder.deliver('b')
    ladder.deliver('a', 1)
    // b's second attempt and a's first are under way; a's is refused, b's answered.
    ladder.deliver('b')
    ladder.deliver('a')
    ladder.flush()
    ladder.settle(30)
    t.equal(ladder.fault(), undefined)
  },
)

t.test('RFC 7296 §2.25.1: collision with a delete: b closes the child that a rekeys', async t => {
  const ladder = new Ladder().established()
  ladder.traffic = false
  ladder.rekey('a', 'child')
  ladder.routers.b.feed({
    on: 'child-limit',
    peer: 'a',
    spiIn: child(ladder, 'b') as number,
    limit: 'hard',
    why: 'bytes',
  })
  ladder.flush()
  ladder.settle(30)
  t.equal(ladder.fault(), undefined, 'there is a child again')
})

for (const lost of ['delete', 'rekey'] as const) {
  t.test(`RFC 7296 §2.25.1: collision with a delete, the ${lost} request is lost once`, async t => {
    const ladder = new Ladder().established()
    ladder.traffic = false
    ladder.rekey('a', 'child')
    ladder.routers.b.feed({
      on: 'child-limit',
      peer: 'a',
      spiIn: child(ladder, 'b') as number,
      limit: 'hard',
      why: 'bytes',
    })
    if (ladder.waiting(lost === 'delete' ? 'b' : 'a') > 0) ladder.lose(lost === 'delete' ? 'b' : 'a')
    ladder.flush()
    ladder.settle(60)
    t.equal(ladder.fault(), undefined)
  })
}

t.test(
  'RFC 7296 §2.25.2: a rekey of the child crosses a rekey of the IKE SA: both are put off, both get done',
  async t => {
    const ladder = new Ladder().established()
    const before = survivor(ladder)
    ladder.rekey('a', 'child')
    ladder.rekey('b', 'ike')
    ladder.deliver('a')
    ladder.deliver('b')
    ladder.flush()
    t.match(ladder.picture.slice(2, 4).join(), /TEMPORARY_FAILURE.*TEMPORARY_FAILURE/)
    ladder.settle(60)
    t.equal(ladder.fault(), undefined)
    t.not(survivor(ladder), before)
  },
)

t.test('RFC 7296 §2.25.2: a rekey of the child crosses a Delete of the IKE SA, which wins', async t => {
  const ladder = new Ladder().established()
  ladder.traffic = false
  ladder.rekey('a', 'child')
  ladder.routers.b.feed({ on: 'down', peer: 'a' })
  ladder.deliver('b')
  ladder.flush()
  t.equal(ladder.routers.b.report('a')?.state, 'down')
  t.same(ladder.routers.b.esp.installed, [])
  ladder.routers.b.feed({ on: 'up', peer: 'a' })
  ladder.settle(30)
  t.equal(ladder.fault(), undefined)
})

t.test('RFC 7296 §2.8: two rekeys of one child by one side before its Delete do no harm', async t => {
  const ladder = new Ladder().established()
  ladder.rekey('a', 'child')
  ladder.rekey('a', 'child')
  ladder.flush()
  ladder.settle(30)
  t.equal(ladder.fault(), undefined)
})

t.test(
  'RFC 7296 §1.4.1: child delete: from one side, the answer names the other half of the pair',
  async t => {
    const ladder = new Ladder().established()
    ladder.traffic = false
    ladder.routers.a.feed({
      on: 'child-limit',
      peer: 'b',
      spiIn: child(ladder, 'a') as number,
      limit: 'hard',
      why: 'bytes',
    })
    ladder.flush()
    ladder.settle(30)
    t.equal(ladder.fault(), undefined, 'a new child was made')
  },
)

t.test(
  'RFC 7296 §1.4.1: child delete, collision: both sides delete at once, and a child is made again',
  async t => {
    const ladder = new Ladder().established()
    ladder.traffic = false
    for (const [side, peer] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const)
      ladder.routers[side].feed({
        on: 'child-limit',
        peer,
        spiIn: child(ladder, side) as number,
        limit: 'hard',
        why: 'bytes',
      })
    ladder.flush()
    ladder.settle(30)
    t.equal(ladder.fault(), undefined)
  },
)
