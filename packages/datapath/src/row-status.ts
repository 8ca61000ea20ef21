import { type Drop, dropIndex } from '@brunel/base'
import { ROW, ROW_FIELDS } from './batch.js'
import type { Counters, Direction } from './counters.js'

/** Values of `ROW.status` besides 1 + dropIndex. */
export const STATUS = {
  alive: 0,
  /** Set by the sealer. */
  integrity: -1,
  /** Served in full and neither dropped nor sent on: an IKE message that went up, ESP that waits. */
  consumed: -2,
} as const

export const dropped = (drop: Drop): number => 1 + dropIndex(drop)

/** Counts the drops of rows [0, n) by name. */
export function countDrops(rows: Int32Array, n: number, counters: Counters, direction: Direction): void {
  const first = counters.drops(direction) - 1
  const cells = counters.cells
  for (let i = 0; i < n; i++) {
    const status = rows[i * ROW_FIELDS + ROW.status] as number
    if (status > 0) cells[first + status] = (cells[first + status] as number) + 1
  }
}
