import { play, type Scenario, STILL } from '@brunel/sim'
import t from 'tap'

const GONE = 60_000

/** Milliseconds from the moment b falls silent until a says that its IKE SA is down; undefined if it never does. */
function noticed(plan: Partial<Scenario>): number | undefined {
  const back: Scenario['happenings'][number] =
    plan.happenings?.[0]?.what === 'cut'
      ? { at: 110_000, what: 'mend', side: 'b' }
      : { at: 110_000, what: 'boot', side: 'b' }
  const world = play(
    { ...STILL, lossless: false, ...plan, happenings: [...(plan.happenings ?? []), back] },
    false,
  )
  const down = world.routers.a.events.find(({ at, event }) => at >= GONE && event.event === 'ike-down')
  return down && down.at - GONE
}

for (const what of ['crash', 'cut'] as const) {
  for (const seed of [1, 2, 3, 4, 5]) {
    t.test(
      `RFC 7296 §2.4: a peer silent after a ${what} is noticed within 10 s under traffic, seed ${seed}`,
      async t => {
        const after = noticed({ seed, happenings: [{ at: GONE, what, side: 'b' }] })
        t.ok(after !== undefined && after <= 10_000, `${after} ms`)
      },
    )
  }
}
