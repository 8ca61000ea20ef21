import { bug } from '@brunel/base'
import type { PeerDocument } from '@brunel/config'
import { pskOctets, redact, secretsOf } from '@brunel/config'
import type { Database } from 'better-sqlite3'
import type { AuditEntry, AuditTable, PeerTable, PeerWrite, StoredPeer } from './contract.js'
import type { Sealing } from './sealing.js'

interface PeerRow {
  readonly document: string
  readonly revision: number
  readonly changedAt: string
}
interface RevisionRow {
  readonly document: string | null
  readonly sealed: Buffer | null
}

/** Revisions kept for each peer. Too few: less history. Too many: old secrets live on, sealed, and the file grows. */
const KEPT = 20

const storedPeer = (row: PeerRow): StoredPeer => ({
  document: JSON.parse(row.document) as PeerDocument,
  revision: row.revision,
  changedAt: row.changedAt,
})

/** The sealed secret is bound to its peer: a row moved to another peer does not open. */
const context = (peer: string): string => `peer/${peer}/psk`

const octetsOf = (psk: string): Uint8Array => pskOctets(psk) ?? bug('the pre-shared key was not verified')

export function peerTable(db: Database, audit: AuditTable, sealing: Sealing, now: () => Date): PeerTable {
  const columns = 'document, revision, changed_at AS changedAt'
  const sql = {
    all: db.prepare<[], PeerRow>(`SELECT ${columns} FROM peers ORDER BY name`),
    one: db.prepare<[string], PeerRow>(`SELECT ${columns} FROM peers WHERE name = ?`),
    put: db.prepare(
      `INSERT INTO peers (name, document, revision, changed_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET document = excluded.document, revision = excluded.revision, changed_at = excluded.changed_at`,
    ),
    erase: db.prepare('DELETE FROM peers WHERE name = ?'),
    secret: db.prepare<[string], { sealed: Buffer }>(
      "SELECT sealed FROM secrets WHERE peer = ? AND kind = 'psk'",
    ),
    putSecret: db.prepare(
      `INSERT INTO secrets (peer, kind, sealed) VALUES (?, 'psk', ?)
       ON CONFLICT (peer, kind) DO UPDATE SET sealed = excluded.sealed`,
    ),
    record: db.prepare('INSERT INTO revisions (peer, document, sealed, at, who) VALUES (?, ?, ?, ?, ?)'),
    trim: db.prepare(
      `DELETE FROM revisions WHERE peer = @name AND revision NOT IN
       (SELECT revision FROM revisions WHERE peer = @name ORDER BY revision DESC LIMIT ${KEPT})`,
    ),
    before: db.prepare<[string], RevisionRow>(
      'SELECT document, sealed FROM revisions WHERE peer = ? ORDER BY revision DESC LIMIT 1 OFFSET 1',
    ),
  }

  const record = (
    name: string,
    document: string | null,
    sealed: Uint8Array | null,
    at: string,
    who: string,
  ): number => {
    const { lastInsertRowid } = sql.record.run(name, document, sealed, at, who)
    sql.trim.run({ name })
    return Number(lastInsertRowid)
  }

  const put = (name: string, document: string, sealed: Uint8Array | null, who: string): StoredPeer => {
    const at = now().toISOString()
    const revision = record(name, document, sealed, at, who)
    sql.put.run(name, document, revision, at)
    if (sealed !== null) sql.putSecret.run(name, sealed)
    return storedPeer({ document, revision, changedAt: at })
  }

  const erase = (name: string, who: string): void => {
    sql.erase.run(name)
    record(name, null, null, now().toISOString(), who)
  }

  const holds = (row: PeerRow | undefined, expected: number | undefined): boolean =>
    expected === undefined || (row?.revision ?? 0) === expected

  return {
    list: () => sql.all.all().map(storedPeer),
    read(name) {
      const row = sql.one.get(name)
      return row && storedPeer(row)
    },
    hasSecret: name => sql.secret.get(name) !== undefined,

    write: db.transaction(({ document, expected, audit: entry }: PeerWrite) => {
      const { name } = document
      if (!holds(sql.one.get(name), expected)) return 'conflict' as const
      const { psk } = secretsOf(document)
      const sealed =
        psk === undefined
          ? (sql.secret.get(name)?.sealed ?? null)
          : sealing.seal(octetsOf(psk), context(name))
      const written = put(name, JSON.stringify(redact(document)), sealed, entry.who)
      audit.append(entry)
      return written
    }) as PeerTable['write'],

    remove: db.transaction((name: string, expected: number | undefined, entry: AuditEntry) => {
      const row = sql.one.get(name)
      if (row === undefined) return 'missing' as const
      if (!holds(row, expected)) return 'conflict' as const
      erase(name, entry.who)
      audit.append(entry)
      return 'removed' as const
    }) as PeerTable['remove'],

    undo: db.transaction((name: string, revision: number, entry: AuditEntry) => {
      if ((sql.one.get(name)?.revision ?? 0) !== revision) return
      const before = sql.before.get(name)
      if (before === undefined || before.document === null) erase(name, entry.who)
      else put(name, before.document, before.sealed, entry.who)
      audit.append(entry)
    }) as PeerTable['undo'],

    psk(name) {
      const row = sql.secret.get(name)
      return row && sealing.open(row.sealed, context(name))
    },
  }
}
