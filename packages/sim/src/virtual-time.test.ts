import { after, drive, type Host, type Instant, instant, type Machine, millis, type Tick } from '@brunel/base'
import t from 'tap'
import { VirtualTime } from './virtual-time.js'

t.test('appointments come in order of time, then of making', async t => {
  const time = new VirtualTime()
  const log: string[] = []
  for (const at of [30, 10, 20, 10, 0]) time.at(at, () => log.push(`${time.now()}`))
  time.at(10, () => time.at(5, () => log.push(`made late at ${time.now()}`)))
  time.runUntil(instant(100))
  t.same(log, ['0', '10', '10', 'made late at 10', '20', '30'])
  t.equal(time.now(), 100)
})

t.test('a later alarm replaces an earlier one, and undefined silences it', async t => {
  const time = new VirtualTime()
  const wakeAt = time.alarm()
  const log: number[] = []
  const ring = (): void => {
    log.push(time.now())
  }
  wakeAt(instant(10), ring)
  wakeAt(instant(50), ring)
  time.runUntil(instant(40))
  t.same(log, [])
  wakeAt(instant(45), ring)
  time.runUntil(instant(60))
  t.same(log, [45])
  wakeAt(instant(70), ring)
  wakeAt(undefined, ring)
  time.runUntil(instant(100))
  t.same(log, [45])
})

t.test('a machine under drive is woken at its deadlines and at no other time', async t => {
  const time = new VirtualTime()
  const log: string[] = []
  class Repeat implements Machine<Tick, string> {
    deadline: Instant | undefined = instant(0)
    #tries = 0
    handle(now: Instant): string[] {
      if (this.deadline === undefined || now < this.deadline) return []
      const wait = [2000, 4000, 8000][this.#tries++]
      this.deadline = wait === undefined ? undefined : after(now, millis(wait))
      return [wait === undefined ? 'give-up' : 'send']
    }
  }
  const host: Host<string> = {
    now: () => time.now(),
    perform: effect => log.push(`${time.now()} ${effect}`),
    wakeAt: time.alarm(),
  }
  drive(new Repeat(), host)({ on: 'tick' })
  time.runUntil(instant(60_000))
  t.same(log, ['0 send', '2000 send', '6000 send', '14000 give-up'])
})
