import { bug } from '@brunel/base'
import type { PeerDocument } from '@brunel/config'
import { disused, pskOctets, redact, SECRET_KINDS, type SecretKind, secretsOf } from '@brunel/config'
import { certificatesIn, isKeyOf, parseCertificate, privateKeyIn, wipe } from '@brunel/crypto'
import type { Database } from 'better-sqlite3'
import type { AuditEntry, AuditTable, PeerTable, PeerWrite, StoredPeer } from './contract.js'
import type { Sealing } from './sealing.js'

interface PeerRow {
  readonly document: string
  readonly revision: number
  readonly changedAt: string
}
interface RevisionRow extends Sealed {
  readonly document: string | null
}
/** Sealed; null: there is none. */
type Sealed = Readonly<Record<SecretKind, Uint8Array | null>>
const NOTHING: Sealed = { psk: null, privateKey: null, ppk: null }

/** Revisions kept for each peer. Too few: less history. Too many: old secrets live on, sealed, and the file grows. */
const KEPT = 20

const storedPeer = (row: PeerRow): StoredPeer => ({
  document: JSON.parse(row.document) as PeerDocument,
  revision: row.revision,
  changedAt: row.changedAt,
})

/** The sealed secret is bound to its peer: a row moved to another peer does not open. */
const context = (peer: string, kind: SecretKind): string => `peer/${peer}/${kind}`

const octetsOf = (kind: SecretKind, text: string): Uint8Array =>
  (kind === 'privateKey' ? privateKeyIn(text) : pskOctets(text)) ?? bug(`${kind} was not verified`)

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
    secret: db.prepare<[string, SecretKind], { sealed: Buffer }>(
      'SELECT sealed FROM secrets WHERE peer = ? AND kind = ?',
    ),
    putSecret: db.prepare(
      `INSERT INTO secrets (peer, kind, sealed) VALUES (?, ?, ?)
       ON CONFLICT (peer, kind) DO UPDATE SET sealed = excluded.sealed`,
    ),
    record: db.prepare(
      'INSERT INTO revisions (peer, document, sealed, sealed_key, sealed_ppk, at, who) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ),
    eraseSecret: db.prepare('DELETE FROM secrets WHERE peer = ? AND kind = ?'),
    trim: db.prepare(
      `DELETE FROM revisions WHERE peer = @name AND revision NOT IN
       (SELECT revision FROM revisions WHERE peer = @name ORDER BY revision DESC LIMIT ${KEPT})`,
    ),
    before: db.prepare<[string], RevisionRow>(
      'SELECT document, sealed AS psk, sealed_key AS privateKey, sealed_ppk AS ppk FROM revisions WHERE peer = ? ORDER BY revision DESC LIMIT 1 OFFSET 1',
    ),
  }

  const record = (
    name: string,
    document: string | null,
    { psk, privateKey, ppk }: Sealed,
    at: string,
    who: string,
  ): number => {
    const { lastInsertRowid } = sql.record.run(name, document, psk, privateKey, ppk, at, who)
    sql.trim.run({ name })
    return Number(lastInsertRowid)
  }

  const put = (name: string, document: string, sealed: Sealed, who: string): StoredPeer => {
    const at = now().toISOString()
    const revision = record(name, document, sealed, at, who)
    sql.put.run(name, document, revision, at)
    for (const kind of SECRET_KINDS)
      if (sealed[kind] === null) sql.eraseSecret.run(name, kind)
      else sql.putSecret.run(name, kind, sealed[kind])
    return storedPeer({ document, revision, changedAt: at })
  }

  const erase = (name: string, who: string): void => {
    sql.erase.run(name)
    record(name, null, NOTHING, now().toISOString(), who)
  }

  const secretOf = (name: string, kind: SecretKind): Uint8Array | undefined => {
    const row = sql.secret.get(name, kind)
    return row && sealing.open(row.sealed, context(name, kind))
  }

  const holds = (row: PeerRow | undefined, expected: number | undefined): boolean =>
    expected === undefined || (row?.revision ?? 0) === expected

  return {
    list: () => sql.all.all().map(storedPeer),
    read(name) {
      const row = sql.one.get(name)
      return row && storedPeer(row)
    },
    hasSecret: (name, kind) => sql.secret.get(name, kind) !== undefined,

    holdsKeyOf(name, pem) {
      const [der] = certificatesIn(pem)
      const certificate = der && parseCertificate(der)
      const key = secretOf(name, 'privateKey')
      if (key === undefined) return undefined
      const holds = certificate !== undefined && isKeyOf(key, certificate)
      wipe(key)
      return holds
    },

    write: db.transaction(({ document, expected, audit: entry }: PeerWrite) => {
      const { name } = document
      if (!holds(sql.one.get(name), expected)) return 'conflict' as const
      const given = secretsOf(document)
      const seal = (kind: SecretKind): Uint8Array | null => {
        const text = given[kind]
        if (disused(document).includes(kind)) return null
        return text === undefined
          ? (sql.secret.get(name, kind)?.sealed ?? null)
          : sealing.seal(octetsOf(kind, text), context(name, kind))
      }
      const sealed = { psk: seal('psk'), privateKey: seal('privateKey'), ppk: seal('ppk') }
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
      else put(name, before.document, before, entry.who)
      audit.append(entry)
    }) as PeerTable['undo'],

    psk: name => secretOf(name, 'psk'),
    privateKey: name => secretOf(name, 'privateKey'),
    ppk: name => secretOf(name, 'ppk'),
  }
}
