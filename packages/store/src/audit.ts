import type { Database } from 'better-sqlite3'
import type { AuditRecord, AuditTable } from './contract.js'

/** Too low: history is lost early. Too high: the file grows to some 20 MB. */
const KEPT = 100_000

export function auditTable(db: Database, now: () => Date): AuditTable {
  const insert = db.prepare(
    'INSERT INTO audit (at, who, origin, action, what, detail) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const trim = db.prepare('DELETE FROM audit WHERE id <= ?')
  const newest = db.prepare<[number, number], AuditRecord>(
    'SELECT id, at, who, origin AS "from", action, what, detail FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?',
  )
  return {
    append: db.transaction(({ who, from, action, what, detail }) => {
      const { lastInsertRowid } = insert.run(now().toISOString(), who, from, action, what, detail)
      if (Number(lastInsertRowid) % 1000 === 0) trim.run(Number(lastInsertRowid) - KEPT)
    }) as AuditTable['append'],
    list: (limit, before) => newest.all(before ?? Number.MAX_SAFE_INTEGER, limit),
  }
}
