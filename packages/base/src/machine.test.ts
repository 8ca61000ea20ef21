import t from 'tap'
import { Bug, drive, type Host, type Machine, type Tick } from './machine.js'
import { after, type Instant, instant, millis, sooner } from './time.js'

type Ring = { on: 'ring'; in: number }

/** Says its name when its alarm comes; each ring sets the alarm anew. */
class Bell implements Machine<Ring, string> {
  deadline: Instant | undefined

  handle(now: Instant, input: Ring | Tick): readonly string[] {
    if (input.on === 'ring') this.deadline = after(now, millis(input.in))
    else if (this.deadline !== undefined && now >= this.deadline) {
      this.deadline = undefined
      return [`${now} rang`]
    }
    return []
  }
}

function virtual(): { host: Host<string>; log: string[]; run: () => void } {
  let time = instant(0)
  let alarm: { at: Instant; ring: () => void } | undefined
  const log: string[] = []
  return {
    log,
    host: {
      now: () => time,
      perform: effect => log.push(effect),
      wakeAt: (at, ring) => {
        alarm = at === undefined ? undefined : { at, ring }
      },
    },
    run: () => {
      while (alarm !== undefined) {
        const { at, ring } = alarm
        alarm = undefined
        time = at
        ring()
      }
    },
  }
}

t.test('the host has one alarm, the machine one deadline', async t => {
  const { host, log, run } = virtual()
  const feed = drive(new Bell(), host)
  feed({ on: 'ring', in: 500 })
  feed({ on: 'ring', in: 200 })
  feed({ on: 'tick' })
  t.same(log, [], 'an early tick does nothing')
  run()
  t.same(log, ['200 rang'], 'the later setting replaced the earlier')
})

t.test('an effect that feeds its own machine is a bug', async t => {
  const { host } = virtual()
  const feed: (input: Ring | Tick) => void = drive(
    { deadline: undefined, handle: () => ['again'] },
    { ...host, perform: () => feed({ on: 'tick' }) },
  )
  t.throws(() => feed({ on: 'tick' }), Bug)
})

t.test('the sooner of two deadlines, where undefined is never', async t => {
  const [a, b] = [instant(1), instant(2)]
  t.same(
    [sooner(a, b), sooner(b, a), sooner(undefined, b), sooner(a, undefined), sooner(undefined, undefined)],
    [a, a, b, a, undefined],
  )
})
