import { hashToken, newToken } from '@brunel/crypto'
import type { Database } from 'better-sqlite3'
import type { AuditTable, Role, TokenRow, TokenTable } from './contract.js'

/** The prefix lets secret scanners find a leaked token. */
const newSecret = (): string => `brunel_${newToken()}`

/** How stale `last_used_at` may be: each update is a disk write. */
const USED_GRAIN_MS = 60_000

const COLUMNS = 'name, role, created_at AS createdAt, last_used_at AS lastUsedAt'

export function tokenTable(
  db: Database,
  audit: AuditTable,
  now: () => Date,
): TokenTable & {
  /** A new secret for a token, which is made if it is missing; `publish` runs before it counts. */
  reissue(name: string, role: Role, publish: (secret: string) => void): void
} {
  const all = db.prepare<[], TokenRow>(`SELECT ${COLUMNS} FROM tokens ORDER BY name`)
  const byHash = db.prepare<[Uint8Array], TokenRow>(`SELECT ${COLUMNS} FROM tokens WHERE hash = ?`)
  const byName = db.prepare<[string], TokenRow>(`SELECT ${COLUMNS} FROM tokens WHERE name = ?`)
  const insert = db.prepare('INSERT INTO tokens (name, role, hash, created_at) VALUES (?, ?, ?, ?)')
  const erase = db.prepare('DELETE FROM tokens WHERE name = ?')
  const used = db.prepare('UPDATE tokens SET last_used_at = ? WHERE name = ?')
  const admins = db.prepare<[], { n: number }>("SELECT count(*) AS n FROM tokens WHERE role = 'admin'")

  return {
    list: () => all.all(),

    create: db.transaction((name: string, role: Role, entry) => {
      if (byName.get(name) !== undefined) return 'exists' as const
      const secret = newSecret()
      insert.run(name, role, hashToken(secret), now().toISOString())
      audit.append(entry)
      return { ...(byName.get(name) as TokenRow), secret }
    }) as TokenTable['create'],

    remove: db.transaction((name: string, entry) => {
      const row = byName.get(name)
      if (row === undefined) return 'missing' as const
      if (row.role === 'admin' && admins.get()?.n === 1) return 'last-admin' as const
      erase.run(name)
      audit.append(entry)
      return 'removed' as const
    }) as TokenTable['remove'],

    authenticate(presented) {
      const row = byHash.get(hashToken(presented))
      if (row === undefined) return undefined
      const seen = row.lastUsedAt === null ? 0 : Date.parse(row.lastUsedAt)
      if (now().getTime() - seen > USED_GRAIN_MS) used.run(now().toISOString(), row.name)
      return { name: row.name, role: row.role }
    },

    reissue: db.transaction((name: string, role: Role, publish: (secret: string) => void) => {
      const secret = newSecret()
      erase.run(name)
      insert.run(name, role, hashToken(secret), now().toISOString())
      audit.append({ who: 'local', from: 'bruneld', action: 'token-add', what: name, detail: `role ${role}` })
      // Before the commit: were it the other way round, a crash between the two would lock everyone out.
      publish(secret)
    }),
  }
}
