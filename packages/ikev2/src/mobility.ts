import { type Endpoint, familyOf } from '@brunel/base'
import type { Ends } from './sa-stage.js'
import type { Session } from './session.js'
import { SPEC } from './settings.js'

/** Addresses of a peer that are remembered. More: a peer that announces without end costs memory. */
const MOST_ADDRESSES = 16

/** Pairs of addresses that are tried at once when the present one is dead. More: a burst of copies for one lost peer. */
const MOST_PATHS = 8

/**
 * What MOBIKE (RFC 4555) knows of a session in which both ends said MOBIKE_SUPPORTED. The initiator of the session
 * decides which addresses are used (§3.5); both may tell which they have (§3.6).
 *
 *     our address changes ──> IKE SA moves, epoch + 1 ──> UPDATE_SA_ADDRESSES ──answer──> settled
 *             └── while a request is out: the same request from the new address, then the update
 */
export class Mobility {
  /** Where else the peer may be reached, and where it was when it said so: §3.4, §3.6. */
  peerAddresses: readonly string[]
  /** Our further addresses that the peer knows of. */
  announced: readonly string[]
  /** Counts address changes: what answers a request from before one says nothing about the addresses after it, §3.5. */
  epoch = 0
  /** The flag "pending_update" of §3.5. */
  updatePending = false
  listPending = false
  /** Return routability of the peer's new address is to be checked before ESP goes there: §3.7. */
  checkPending = false
  /** The peer has not confirmed our last move, so that ESP from it proves nothing: §3.12. */
  unconfirmed = false
  /** Whose address our last move was about. */
  cause: 'here' | 'peer' = 'here'
  /** Answers UNEXPECTED_NAT_DETECTED in a row: §3.9. */
  natRefusals = 0
  /** How the peer sees us: its last NAT_DETECTION_DESTINATION_IP, §3.8. */
  seenAs: Uint8Array | undefined
  /** Pairs that the peer refused since we last moved of our own accord. */
  readonly refused = new Set<string>()

  constructor(peerAddresses: readonly string[], announced: readonly string[]) {
    this.peerAddresses = unique(peerAddresses).slice(0, MOST_ADDRESSES)
    this.announced = announced
  }

  learn(addresses: readonly string[]): void {
    this.peerAddresses = unique(addresses).slice(0, MOST_ADDRESSES)
  }

  /** What a request was to say is still to be said: it was refused, or got no answer that counts. */
  again(said: { readonly update: boolean; readonly list: unknown; readonly check: boolean }): void {
    this.updatePending ||= said.update
    this.listPending ||= said.list !== undefined
    this.checkPending ||= said.check
  }

  get hasWork(): boolean {
    return this.updatePending || this.listPending || this.checkPending
  }
}

export const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)]

export const pathText = ({ local, remote }: Ends): string => `${local.address} ${remote.address}`

/** Our addresses beside the one that the IKE SA uses. */
export const furtherAddresses = (own: readonly string[], used: Endpoint): readonly string[] =>
  unique(own).filter(address => address !== used.address)

/** Where an address of the peer is spoken to: where it is now, or at the port that this IKE SA is at (§3.3). */
export const remoteAt = ({ current }: Session, address: string): Endpoint =>
  address === current.remote.address
    ? current.remote
    : { address, port: current.local.port === SPEC.NAT_PORT ? SPEC.NAT_PORT : SPEC.PORT }

/** Pairs of addresses other than the present one that might work: §3.5, §3.10. The likeliest first. */
export function otherPaths(session: Session): readonly Ends[] {
  const { control, current, mobility } = session
  if (mobility === undefined) return []
  const locals = control.own.length === 0 ? [current.local.address] : control.own
  const configured = control.peer.remoteAddress === undefined ? [] : [control.peer.remoteAddress]
  const remotes = unique([current.remote.address, ...configured, ...mobility.peerAddresses])
  return remotes
    .flatMap(remote => locals.map(local => ({ local, remote })))
    .filter(({ local, remote }) => familyOf(local) === familyOf(remote))
    .map(({ local, remote }) => ({
      local: { address: local, port: current.local.port },
      remote: remoteAt(session, remote),
    }))
    .filter(path => pathText(path) !== pathText(current) && !mobility.refused.has(pathText(path)))
    .slice(0, MOST_PATHS)
}
