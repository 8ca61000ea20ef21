import { addFigures, failure, NO_FIGURES, scenario, simulateSeed } from '@brunel/sim'
import t from 'tap'

/** 100,000 by `npm run sim -- --seeds 100000`; 800 by `npm test`, in four files that run side by side; a file by itself plays fewer. */
const SEEDS = process.env['TAP'] === undefined ? 125 : 200

/** Milliseconds. On a machine that is busy with other things a seed takes ten times as long. */
const PATIENCE = 390_000

export function seeds(quarter: 1 | 2 | 3 | 4): void {
  t.setTimeout(PATIENCE)
  const [first, last] = [(quarter - 1) * SEEDS + 1, quarter * SEEDS]
  t.test(
    `RFC 7296 §2.8, §2.25: whatever happens, one IKE SA and one child in the end, and no nonce used twice: seeds ${first} to ${last}`,
    { timeout: PATIENCE },
    async t => {
      let figures = NO_FIGURES
      for (let seed = first; seed <= last; seed++) {
        const played = simulateSeed(seed)
        figures = addFigures(figures, played.figures)
        if (played.violation !== undefined) t.fail(failure(scenario(seed)))
      }
      t.comment(JSON.stringify(figures))
      // Proof that the plans do what they are for.
      t.ok(figures.childRekeys > 10 * SEEDS, 'children were rekeyed')
      t.ok(figures.ikeRekeys > 5 * SEEDS, 'IKE SAs were rekeyed')
      t.ok(figures.childCrossings > SEEDS / 2, 'rekeys crossed')
      t.ok(figures.delivered > 300 * SEEDS, 'data flowed')
    },
  )
}
