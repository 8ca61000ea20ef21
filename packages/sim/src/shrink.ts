import { PERFECT } from './network.js'
import type { Scenario } from './scenario.js'
import { simulate } from './simulate.js'

/** Runs at most; each takes some ten milliseconds. */
const BUDGET = 400

/** A fault without its numbers, so that the same one is known again at another time with other SPIs. */
const kind = (what: string | undefined): string | undefined =>
  what?.replace(/[0-9a-f]*\d[0-9a-f]*/g, '#').slice(0, 60)

/** A plan with less in it that breaks the same rule: fewer happenings, a better path, an earlier end. */
export function shrink(plan: Scenario): Scenario {
  const wanted = kind(simulate(plan).violation?.what)
  if (wanted === undefined) return plan
  let left = BUDGET
  let best = plan
  const attempt = (smaller: Scenario): boolean => {
    if (left-- <= 0 || kind(simulate(smaller).violation?.what) !== wanted) return false
    best = smaller
    return true
  }
  for (let before: Scenario | undefined; before !== best && left > 0; ) {
    before = best
    for (const smaller of simpler(best)) attempt(smaller)
    for (let i = best.happenings.length - 1; i >= 0; i--) {
      attempt({ ...best, happenings: best.happenings.filter((_, n) => n !== i) })
    }
  }
  return best
}

/** One thing less each; what is simple already is left out. */
function* simpler(plan: Scenario): Generator<Scenario> {
  if (plan.hostile.length > 0) yield { ...plan, hostile: [] }
  if (plan.nat) yield { ...plan, nat: false }
  if (plan.limits !== undefined) yield { ...plan, limits: undefined }
  if (plan.family === 6) yield { ...plan, family: 4 }
  for (const names of [['kems'], ['ppk'], ['mobike'], ['childless'], ['own', 'theirs']] as const) {
    const { a, b } = plan.wishes
    if (!names.some(name => a[name] ?? b[name])) continue
    const none = Object.fromEntries(names.map(name => [name, undefined]))
    yield { ...plan, wishes: { a: { ...a, ...none }, b: { ...b, ...none } } }
  }
  for (const side of ['a', 'b'] as const) {
    if (plan.quality[side] !== PERFECT) yield { ...plan, quality: { ...plan.quality, [side]: PERFECT } }
    for (const name of ['loss', 'duplicate', 'jitter', 'late', 'mtu'] as const) {
      if (plan.quality[side][name] === PERFECT[name]) continue
      yield {
        ...plan,
        quality: { ...plan.quality, [side]: { ...plan.quality[side], [name]: PERFECT[name] } },
      }
    }
  }
  const end = Math.max(0, ...plan.happenings.map(h => h.at)) + 5000
  if (end < plan.calmAt) yield { ...plan, calmAt: end }
}
