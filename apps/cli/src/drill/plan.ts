/** What a rekey drill does: plain data, made before anything is sent. */

export type What = 'child' | 'ike'
export type Where = 'here' | 'other'

/** One step of a round. `after`: milliseconds from the beginning of the round, or once the step before is answered. */
export interface Step {
  readonly where: Where
  readonly what: What
  readonly after: number | 'answer'
}
export type Round = readonly Step[]

const at = (where: Where, what: What, after: Step['after'] = 0): Step => ({ where, what, after })
const both = (what: What, after: Step['after']): Round[] => [
  [at('here', what), at('other', what, after)],
  [at('other', what), at('here', what, after)],
]

/** RFC 7296 §2.8.1, §2.8.2 at once, a little apart and late; and §2.25.2, of which each takes a second or two. */
const TWO_SIDES: readonly Round[] = [
  ...both('child', 0),
  ...both('ike', 0),
  [at('here', 'child'), at('other', 'ike')],
  [at('here', 'ike'), at('other', 'child')],
  ...both('child', 1),
  ...both('child', 2),
  ...both('ike', 1),
  ...both('child', 5),
  ...both('child', 'answer'),
  ...both('ike', 2),
  ...both('child', 20),
  ...both('ike', 'answer'),
]

/** The other end is not asked to do anything, so that nothing crosses; two wishes of ours wait for one another. */
const ONE_SIDE: readonly Round[] = [
  [at('here', 'child')],
  [at('here', 'ike')],
  [at('here', 'child'), at('here', 'ike')],
  [at('here', 'ike'), at('here', 'child', 1)],
]

/** Rounds with `count` steps in all. */
export function planRounds(count: number, sides: 1 | 2): readonly Round[] {
  const pattern = sides === 2 ? TWO_SIDES : ONE_SIDE
  const rounds: Round[] = []
  let left = count
  for (let i = 0; left > 0; i++) {
    const round = (pattern[i % pattern.length] as Round).slice(0, left)
    rounds.push(round)
    left -= round.length
  }
  return rounds
}
