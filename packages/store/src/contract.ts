import type { PeerDocument, SecretKind } from '@brunel/config'

/** The shapes of the store. They satisfy the ports of admin-api, which it does not know: bruneld connects them. */

export interface AuditEntry {
  readonly who: string
  readonly from: string
  readonly action: string
  readonly what: string
  readonly detail: string
}

export interface AuditRecord extends AuditEntry {
  readonly id: number
  readonly at: string
}

export interface StoredPeer {
  readonly document: PeerDocument
  readonly revision: number
  readonly changedAt: string
}

export interface PeerWrite {
  readonly document: PeerDocument
  readonly expected: number | undefined
  readonly audit: AuditEntry
}

export type Role = 'admin' | 'read' | 'metrics'

export interface TokenRow {
  readonly name: string
  readonly role: Role
  readonly createdAt: string
  readonly lastUsedAt: string | null
}

export interface PeerTable {
  list(): readonly StoredPeer[]
  read(name: string): StoredPeer | undefined
  hasSecret(name: string, kind: SecretKind): boolean
  /** Whether the stored private key is that of a certificate (PEM); undefined: none is stored. */
  holdsKeyOf(name: string, certificate: string): boolean | undefined
  write(write: PeerWrite): StoredPeer | 'conflict'
  remove(name: string, expected: number | undefined, audit: AuditEntry): 'removed' | 'missing' | 'conflict'
  undo(name: string, revision: number, audit: AuditEntry): void
  /** The PSK as IKE uses it; the caller wipes it. Only the router's side holds this. */
  psk(name: string): Uint8Array | undefined
  /** The private key in PKCS #8 DER; the caller wipes it. */
  privateKey(name: string): Uint8Array | undefined
  /** The post-quantum pre-shared key; the caller wipes it. */
  ppk(name: string): Uint8Array | undefined
}

export interface TokenTable {
  list(): readonly TokenRow[]
  create(name: string, role: Role, audit: AuditEntry): (TokenRow & { readonly secret: string }) | 'exists'
  remove(name: string, audit: AuditEntry): 'removed' | 'missing' | 'last-admin'
  authenticate(presented: string): { readonly name: string; readonly role: Role } | undefined
}

export interface AuditTable {
  append(entry: AuditEntry): void
  list(limit: number, before: number | undefined): readonly AuditRecord[]
}

export interface StoreOptions {
  /** DIR: made with mode 0700 where it is missing. */
  readonly directory: string
  /** systemd's $CREDENTIALS_DIRECTORY, where there is one: `brunel-secret-key` in it is used before DIR/secret.key. */
  readonly credentialsDirectory?: string | undefined
  /** Beside a running bruneld, as for `--check`: the directory is not claimed. */
  readonly shared?: boolean | undefined
  /** Wall clock, for the audit log. */
  readonly now?: (() => Date) | undefined
}

export interface Store {
  readonly peers: PeerTable
  readonly tokens: TokenTable
  readonly audit: AuditTable
  /** Writes DIR/admin.token (0600) where no token exists yet; returns its path, or undefined where there was nothing to do. */
  ensureAdminToken(): string | undefined
  close(): void
}
