import { join } from 'node:path'
import Sqlite, { type Database } from 'better-sqlite3'
import { auditTable } from './audit.js'
import type { Store, StoreOptions } from './contract.js'
import { createPrivate, prepareDirectory, secretKey, writePrivate } from './directory.js'
import { migrate } from './migrations.js'
import { peerTable } from './peers.js'
import { type Sealing, sealingWith } from './sealing.js'
import { StoreError } from './store-error.js'
import { tokenTable } from './tokens.js'

const FILE = 'brunel.db'
const LOCK = 'brunel.lock'
const ADMIN_TOKEN = 'admin.token'
const ADMIN = 'admin'

/**
 * WAL and FULL: an answered change survives a power cut. NORMAL would lose the last ones without a word, and changes
 * come by hand, a few a minute, so that one fsync each costs nothing.
 */
function openDatabase(path: string): Database {
  createPrivate(path)
  const db = new Sqlite(path, { timeout: 1000 })
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    db.pragma('secure_delete = ON')
    return db
  } catch (cause) {
    db.close()
    throw refusal(path, cause)
  }
}

/** Held until the process ends, however it ends: two bruneld on one directory would fight for the same interfaces. */
function claim(path: string): Database {
  createPrivate(path)
  const lock = new Sqlite(path, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock.close()
    throw refusal(path, cause)
  }
}

function refusal(path: string, cause: unknown): StoreError {
  const busy = (cause as { code?: string }).code?.startsWith('SQLITE_BUSY')
  return busy
    ? new StoreError(
        'BRUNEL_STORE_BUSY',
        `Another process uses ${path}.`,
        'Stop the other bruneld first.',
        cause,
      )
    : new StoreError(
        'BRUNEL_STORE_DATABASE',
        `The database ${path} cannot be opened: ${(cause as Error).message}`,
        'Look at the disk and the owner of the file; restore a backup if it is damaged.',
        cause,
      )
}

const CHECK_TEXT = 'brunel'
const CHECK = 'key check'

/** Opens a known text that the first start sealed, so that a wrong key is named at start and not at the first peer. */
function checkKey(db: Database, sealing: Sealing, directory: string): void {
  const row = db.prepare<[], { sealed: Buffer }>('SELECT sealed FROM key_check').get()
  if (row === undefined) {
    db.prepare('INSERT INTO key_check (id, sealed) VALUES (1, ?)').run(
      sealing.seal(Buffer.from(CHECK_TEXT), CHECK),
    )
    return
  }
  if (sealing.open(row.sealed, CHECK) !== undefined) return
  const remedy =
    'Put the right key back from your backup, in the credential `brunel-secret-key` or as secret.key.'
  throw new StoreError(
    'BRUNEL_STORE_KEY',
    `The key at hand did not seal the secrets in ${directory}.`,
    remedy,
  )
}

const hasKeyCheck = (db: Database): boolean => db.prepare('SELECT 1 FROM key_check').get() !== undefined

/** Opens the directory for this process alone, unless it is `shared`. Throws a `StoreError`. */
export function openStore(options: StoreOptions): Store {
  prepareDirectory(options.directory)
  const lock = options.shared ? undefined : claim(join(options.directory, LOCK))
  const open: Database[] = lock === undefined ? [] : [lock]
  const close = (): void => {
    for (const db of open.reverse()) db.close()
  }
  try {
    const db = openDatabase(join(options.directory, FILE))
    open.push(db)
    return storeOver(db, options, close)
  } catch (cause) {
    close()
    throw cause instanceof StoreError ? cause : refusal(join(options.directory, FILE), cause)
  }
}

function storeOver(db: Database, options: StoreOptions, close: () => void): Store {
  const { directory, credentialsDirectory, now = () => new Date() } = options
  migrate(db)
  const sealing = sealingWith(secretKey(directory, credentialsDirectory, !hasKeyCheck(db)))
  checkKey(db, sealing, directory)
  const audit = auditTable(db, now)
  const tokens = tokenTable(db, audit, now)
  return {
    audit,
    tokens,
    peers: peerTable(db, audit, sealing, now),
    ensureAdminToken() {
      if (tokens.list().some(token => token.role === 'admin')) return undefined
      tokens.reissue(ADMIN, 'admin', secret => writePrivate(directory, ADMIN_TOKEN, `${secret}\n`))
      return join(directory, ADMIN_TOKEN)
    },
    close() {
      sealing.wipe()
      close()
    },
  }
}
