import { HOSTILES, type HostileName, play, type Scenario, STILL } from '@brunel/sim'
import t from 'tap'

const RFC: Record<HostileName, string> = {
  forger: 'RFC 7296 §2.4, §2.21.4: unprotected errors',
  hints: 'RFC 7296 §2.6, §2.21.1: forged COOKIE and INVALID_KE_PAYLOAD',
  replayer: 'RFC 7296 §2.3, §2.23, RFC 4303 §3.4.3: replays, some from elsewhere',
  mutilator: 'RFC 7296 §3.1, §3.14: messages cut, lengthened and bent',
  babbler: 'RFC 7296 §2.6, §3.2: noise with SPIs that exist',
}

const rekeys: Scenario['happenings'] = [
  { at: 10_000, what: 'rekey', side: 'a', sa: 'child' },
  { at: 10_005, what: 'rekey', side: 'b', sa: 'child' },
  { at: 20_000, what: 'rekey', side: 'b', sa: 'ike' },
  { at: 20_005, what: 'rekey', side: 'a', sa: 'ike' },
]

for (const name of Object.keys(HOSTILES) as HostileName[]) {
  for (const nat of [false, true]) {
    t.test(
      `${RFC[name]} change nothing${nat ? ', behind a NAT' : ''}: no datum is lost, rekeys included`,
      async t => {
        for (let seed = 1; seed <= 5; seed++) {
          const world = play({ ...STILL, seed, nat, hostile: [name], happenings: rekeys }, false)
          t.equal(world.violation, undefined, `seed ${seed}`)
        }
      },
    )
  }
}
