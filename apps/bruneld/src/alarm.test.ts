import { type Instant, instant, type Machine, type Tick } from '@brunel/base'
import t from 'tap'
import { guarded, now } from './alarm.js'

/** Throws what it is fed, and wants to be woken at once. */
const throwing: Machine<{ readonly on: 'word' }, never> = {
  deadline: instant(0),
  handle: (_, { on }) => {
    throw new Error(on)
  },
}

t.test(
  'what a machine throws is told and ends nothing, in a tick too; then it rests for a second',
  async t => {
    const bugs: string[] = []
    let ring = (): void => undefined
    let at: Instant | undefined
    const alarm = {
      set: (when: Instant | undefined, then: () => void) => {
        at = when
        ring = then
      },
    }
    const feed: (input: { readonly on: 'word' } | Tick) => void = guarded(throwing, {
      alarm,
      perform: () => undefined,
      onBug: error => bugs.push((error as Error).message),
    })
    feed({ on: 'word' })
    for (let i = 0; i < 2; i++) {
      const rest = (at ?? 0) - now()
      t.ok(rest > 900 && rest <= 1000, `${rest} ms`)
      ring()
    }
    t.same(bugs, ['word', 'tick', 'tick'])
  },
)

t.test('a machine that does not throw is woken when it wants to be', async t => {
  const heard: string[] = []
  const machine: Machine<{ readonly on: 'word' }, string> = {
    deadline: instant(77),
    handle: (_, { on }) => [on],
  }
  let ring = (): void => undefined
  let at: Instant | undefined
  const feed = guarded(machine, {
    alarm: {
      set: (when, then) => {
        at = when
        ring = then
      },
    },
    perform: effect => heard.push(effect),
    onBug: error => t.fail(String(error)),
  })
  feed({ on: 'word' })
  t.equal(at, 77)
  ring()
  t.same(heard, ['word', 'tick'])
})

t.test(
  'a machine that begins anew is fed no more once it has thrown; the next one begins a second later',
  async t => {
    const bugs: string[] = []
    let [begun, at, ring] = [0, instant(0), (): void => undefined]
    const feed: (input: { readonly on: 'word' } | Tick) => void = guarded(throwing, {
      now: () => instant(5000),
      alarm: {
        set: (when, then) => {
          at = when ?? instant(0)
          ring = then
        },
      },
      perform: () => undefined,
      onBug: error => bugs.push((error as Error).message),
      anew: () => {
        begun++
      },
    })
    feed({ on: 'word' })
    feed({ on: 'word' })
    t.same([bugs, begun, at], [['word'], 0, 6000])
    ring()
    t.same([bugs, begun], [['word'], 1])
  },
)
