import { instant } from '@brunel/base'
import t from 'tap'
import { HostClock } from './host-clock.js'
import { VirtualTime } from './virtual-time.js'

for (const [counted, now, rings] of [
  [true, 12_000, 10_000],
  [false, 4000, 13_000],
] as const)
  t.test(
    `a router that is suspended stands still; its clock then ${counted ? 'leaps' : 'lies behind'}, and never goes back`,
    async t => {
      const time = new VirtualTime()
      const clock = new HostClock(time)
      const rung: number[] = []
      clock.alarm()(instant(5000), () => rung.push(time.now()))
      time.runUntil(instant(2000))
      clock.suspend()
      time.runUntil(instant(10_000))
      t.equal(clock.now(), 2000)
      t.same(rung, [], 'nothing rings')
      clock.resume(counted)
      t.equal(clock.now(), counted ? 10_000 : 2000)
      time.runUntil(instant(12_000))
      t.equal(clock.now(), now)
      time.runUntil(instant(20_000))
      t.same(rung, [rings], 'what was due rings at once, what is not yet when its time has come')
    },
  )
