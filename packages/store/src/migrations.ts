import type { Database } from 'better-sqlite3'
import { StoreError } from './store-error.js'

/**
 * The shape of the database, step by step. A step that was released is never edited: a new one is added below it.
 * `user_version` counts the steps taken.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE peers (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL CHECK (json_valid(document)),
    revision INTEGER NOT NULL UNIQUE,
    changed_at TEXT NOT NULL
  ) STRICT;

  -- Sealed apart from the documents, so that reading a document can never show one.
  CREATE TABLE secrets (
    peer TEXT NOT NULL REFERENCES peers (name) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (peer, kind)
  ) STRICT;

  -- AUTOINCREMENT: a revision never comes again, also not after a removal. document NULL: the peer was removed.
  CREATE TABLE revisions (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    peer TEXT NOT NULL,
    document TEXT,
    sealed BLOB,
    at TEXT NOT NULL,
    who TEXT NOT NULL
  ) STRICT;
  CREATE INDEX revisions_of_peer ON revisions (peer, revision);

  CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('admin', 'read', 'metrics')),
    hash BLOB NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    last_used_at TEXT
  ) STRICT;

  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;

  -- One row: proves that the key at hand is the one that sealed the secrets.
  CREATE TABLE key_check (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL) STRICT;
  `,
  // A private key beside the pre-shared one.
  `ALTER TABLE revisions ADD COLUMN sealed_key BLOB`,
  // And a post-quantum one.
  `ALTER TABLE revisions ADD COLUMN sealed_ppk BLOB`,
]

const versionOf = (db: Database): number => db.pragma('user_version', { simple: true }) as number

/** Takes the steps that are missing, each whole or not at all. */
export function migrate(db: Database, steps: readonly string[] = MIGRATIONS): void {
  const found = versionOf(db)
  if (found > steps.length) {
    throw new StoreError(
      'BRUNEL_STORE_VERSION',
      `The database was written by a newer release (its version is ${found}, this release knows ${steps.length}).`,
      'Start the newer release, or restore a backup from before the upgrade.',
    )
  }
  for (const [index, step] of steps.entries()) {
    if (index < found) continue
    db.transaction(() => {
      db.exec(step)
      db.pragma(`user_version = ${index + 1}`)
    })()
  }
}
