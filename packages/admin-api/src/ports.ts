import type { PeerDocument, SecretKind, Step } from '@brunel/config'
import type { RelayReport } from './relay-reports.js'
import type {
  ActionOptions,
  ActionReport,
  DropReport,
  HealthReport,
  RouterEvent,
  TunnelAction,
  TunnelReport,
} from './reports.js'

/**
 * What the API needs from the rest of the router, as messages: plain data, asynchronous, no key ever comes out of them.
 * So the API can move into an unprivileged process without a rewrite.
 */

/** A synchronous implementation fits as well as one behind a wall. */
export type Eventually<T> = T | Promise<T>

export interface RouterControl {
  tunnels(): Eventually<readonly TunnelReport[]>
  tunnel(name: string): Eventually<TunnelReport | undefined>
  /** undefined: there is no such tunnel. */
  act(name: string, action: TunnelAction, options: ActionOptions): Eventually<ActionReport | undefined>
  /**
   * The store holds a new configuration; the router reads from it what the steps name. Fulfilled once the steps are
   * taken, not once a negotiation ends. Rejected: nothing of it is in force, and the API puts the store back.
   */
  apply(steps: readonly Step[]): Eventually<void>
  /** One of each LAN interface that is joined to tunnels. */
  relays(): Eventually<readonly RelayReport[]>
  drops(): Eventually<readonly DropReport[]>
  /** The text of GET /metrics. */
  metrics(): Eventually<string>
  health(): Eventually<HealthReport>
  /** Calls back for every event until the returned function is called. */
  subscribe(listener: (event: RouterEvent) => void): () => void
}

/** Who did what, for the audit log; written in the transaction of the change. */
export interface AuditEntry {
  /** Name of the token, or `local` for the host itself. */
  readonly who: string
  /** Remote address, or `unix`. */
  readonly from: string
  /** peer-add, peer-change, peer-remove, token-add, token-remove, tunnel-up, … */
  readonly action: string
  /** The name of the peer, tunnel or token. */
  readonly what: string
  /** Plain words; never a secret. */
  readonly detail: string
}

export interface StoredPeer {
  /** As it was written, without its secrets. */
  readonly document: PeerDocument
  /** Grows with every change of any peer and never comes again, also not after a removal: the ETag. */
  readonly revision: number
  readonly changedAt: string
}

/** `expected`: the revision that must still hold; undefined: whatever holds; 0: there must be none. */
export interface PeerWrite {
  /** May hold secrets; what is left out stays as it is stored. The store seals it apart. */
  readonly document: PeerDocument
  readonly expected: number | undefined
  readonly audit: AuditEntry
}

export interface PeerStore {
  list(): Eventually<readonly StoredPeer[]>
  read(name: string): Eventually<StoredPeer | undefined>
  /** Whether a secret is stored for the peer. */
  hasSecret(name: string, kind: SecretKind): Eventually<boolean>
  /** Whether the stored private key is that of a certificate (PEM); undefined: none is stored. */
  holdsKeyOf(name: string, certificate: string): Eventually<boolean | undefined>
  write(write: PeerWrite): Eventually<StoredPeer | 'conflict'>
  remove(
    name: string,
    expected: number | undefined,
    audit: AuditEntry,
  ): Eventually<'removed' | 'missing' | 'conflict'>
  /** Undoes the last write or removal of a peer, secret included, while `revision` still holds (0: it is removed). */
  undo(name: string, revision: number, audit: AuditEntry): Eventually<void>
}

export const ROLES = ['admin', 'read', 'metrics'] as const
export type Role = (typeof ROLES)[number]

export interface TokenReport {
  readonly name: string
  readonly role: Role
  readonly createdAt: string
  readonly lastUsedAt: string | null
}

export interface TokenStore {
  list(): Eventually<readonly TokenReport[]>
  /** `secret` is shown once and kept only as a hash. */
  create(
    name: string,
    role: Role,
    audit: AuditEntry,
  ): Eventually<(TokenReport & { readonly secret: string }) | 'exists'>
  /** `last-admin`: refused, or nobody could come in again. */
  remove(name: string, audit: AuditEntry): Eventually<'removed' | 'missing' | 'last-admin'>
  authenticate(presented: string): Eventually<{ readonly name: string; readonly role: Role } | undefined>
}

export interface AuditRecord extends AuditEntry {
  readonly id: number
  readonly at: string
}

export interface AuditLog {
  append(entry: AuditEntry): Eventually<void>
  /** Newest first, at most `limit`, older than `before` where given. */
  list(limit: number, before: number | undefined): Eventually<readonly AuditRecord[]>
}
