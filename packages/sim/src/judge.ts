import { disagreement, underWay } from './invariants.js'
import type { Recovery, World } from './world.js'

/** The link is back this long after the cause is gone, both ways (milliseconds). */
export const BACK_WITHIN = 15_000
/** And this long after, redundant SAs are gone as well. */
const AGREED_WITHIN = 60_000
const QUIET = 45_000
const SAMPLE = 500
/** A rekey whose requests were lost in the trouble may retransmit too late for a lifetime of some seconds. */
const AFTERMATH = 15_000
/** Half-open SAs and deletes nobody answers have ended by then. */
const BURIED = 90_000

/**
 * Plays a world to its end, or to its first violation:
 *
 *     trouble ── calm ──> recovery ── agreement ──> rest ── both forget each other ──> burial
 */
export function judge(world: World): void {
  const { calmAt, lossless } = world.scenario
  world.begin()
  if (lossless) nothingMissing(world, upSince(world))
  world.calm()
  world.recovery = recover(world, calmAt)
  rest(world)
  bury(world)
}

function recover(world: World, calmAt: number): Recovery {
  const { a, b } = world.routers
  let back = -1
  for (let now = calmAt + SAMPLE; world.violation === undefined; now += SAMPLE) {
    world.advance(now)
    const late = now - calmAt
    if (back < 0 && world.flows.a.newest >= calmAt && world.flows.b.newest >= calmAt) back = late
    if (back < 0 && late > BACK_WITHIN)
      world.violate(`no data both ways ${BACK_WITHIN} ms after the trouble ended`)
    const broken = disagreement(a, b)
    if (back >= 0 && broken === undefined) return { back, agreed: late }
    if (late > AGREED_WITHIN)
      world.violate(`no agreement ${AGREED_WITHIN} ms after the trouble ended: ${broken}`)
  }
  return { back: 0, agreed: 0 }
}

/** With nothing but lifetimes at work: no datum is lost, and whenever nothing is under way the ends agree. */
function rest(world: World): void {
  const { a, b } = world.routers
  const start = world.time.now()
  let before: string | undefined
  let agreedAt: number = start
  for (let now = start + SAMPLE; now <= start + QUIET && world.violation === undefined; now += SAMPLE) {
    world.advance(now)
    const apart = disagreement(a, b)
    if (apart === undefined) agreedAt = now
    const broken = underWay(a, b.name) || underWay(b, a.name) ? undefined : apart
    // Twice in a row, because a message may be under way between two ends that are both done.
    if (broken !== undefined && broken === before) world.violate(`at rest, yet ${broken}`)
    before = broken
  }
  if (agreedAt < start + QUIET - 30_000) world.violate(`no agreement for 30 s: ${disagreement(a, b)}`)
  nothingMissing(world, world.scenario.lossless ? upSince(world) : start + AFTERMATH)
  for (const { duplicates, from } of Object.values(world.flows)) {
    if (duplicates > 0) world.violate(`${duplicates} data from ${from.name} were delivered twice`)
  }
  if (world.scenario.hostile.length === 0 && a.esp.counters.forged + b.esp.counters.forged > 0)
    world.violate('a packet was opened under a key it was not sealed with')
}

/** RFC 7296 §2.12: when both ends have forgotten each other nothing is left of either: no SA, timer, SPI or secret. */
function bury(world: World): void {
  if (world.violation !== undefined) return
  for (const flow of Object.values(world.flows)) flow.stop()
  for (const side of ['a', 'b'] as const) world.happen({ at: 0, what: 'remove', side })
  world.advance(world.time.now() + BURIED)
  for (const router of Object.values(world.routers)) {
    const left = router.remains()
    if (left.length > 0) world.violate(`${router.name}: after the last SA closed: ${left.join(', ')}`)
  }
}

function nothingMissing(world: World, since: number): void {
  if (world.violation !== undefined) return
  for (const flow of Object.values(world.flows)) {
    const missing = flow.missing(since, world.time.now())
    if (missing !== undefined) world.violate(`lossless path: ${missing}`)
  }
}

/** When the link was first up: the later of the two flows' first deliveries. */
const upSince = ({ flows }: World): number => Math.max(flows.a.firstSent, flows.b.firstSent) + 1
