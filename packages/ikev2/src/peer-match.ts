import { familyOf } from '@brunel/base'
import { nameText, sameName } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import type { Identity, IkePeer } from './contract.js'
import { identityOf } from './identity.js'
import type { Ends } from './sa-stage.js'

/** RFC 8229 §2: whether a peer may come by TCP is configured, never negotiated. */
export const takes = ({ ike }: IkePeer, { remote }: Ends): boolean =>
  remote.stream === undefined || (ike.tcp ?? 'never') !== 'never'

/** Whether a message that came to this address of ours may be for this peer. */
export const isHere = ({ localAddress }: IkePeer, local: string): boolean =>
  localAddress === undefined || localAddress === local || unspecified(localAddress)

/** Configured elsewhere, and told apart by an identity. */
export const mayHaveMoved = ({ remoteAddress, remoteId }: IkePeer, remote: string): boolean =>
  remoteAddress !== undefined && remoteAddress !== remote && remoteId !== undefined

/**
 * Who may claim an identity, best first: those that name it, then those that take any identity that the key
 * proves, from their address. `asked` is the IDr of the request: a wish, never a condition (RFC 7296 §1.2).
 */
export function claimants<T extends { readonly peer: IkePeer }>(
  those: readonly T[],
  claim: { readonly id: Identity; readonly asked: Identity | undefined; readonly remote: string },
): readonly T[] {
  const wished = (peer: IkePeer): number =>
    claim.asked !== undefined && sameIdentity(peer.localId, claim.asked) ? 0 : 1
  const near = (peer: IkePeer): number =>
    peer.remoteAddress === claim.remote ? 0 : peer.remoteAddress === undefined ? 1 : 2
  const rank = ({ peer }: T): number =>
    (peer.remoteId === undefined ? 100 : 0) + wished(peer) * 10 + near(peer)
  return those
    .filter(({ peer }) =>
      peer.remoteId === undefined ? near(peer) < 2 : sameIdentity(peer.remoteId, claim.id),
    )
    .map(one => ({ one, rank: rank(one) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ one }) => one)
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  if (a.type === 'dn' || b.type === 'dn') {
    return a.type === 'dn' && b.type === 'dn' && sameName(a.der, b.der) // RFC 5280 §7.1
  }
  if (a.type !== b.type) return false
  // Domain names know no case: RFC 4343 §3.
  return a.type === 'fqdn' || a.type === 'email'
    ? a.text.toLowerCase() === b.text.toLowerCase()
    : a.text === b.text
}

/** For people: `hq.example.net`, `C=CH, O=Lab, CN=a.lab`, `key-id …`. */
export const identityText = (id: Identity): string =>
  id.type === 'dn'
    ? nameText(id.der)
    : id.type === 'ipv4' || id.type === 'ipv6' || id.type === 'fqdn' || id.type === 'email'
      ? id.text
      : `key-id ${id.text}`

/** An identity as it was claimed, also of a type that we cannot compare. */
export function claimedText(id: Wire.IdPayload): string {
  const known = identityOf(id)
  return known === undefined ? `ID type ${id.idType}: ${Wire.hex(id.data)}` : identityText(known)
}

/** The underlay chooses: the wildcard of the family of the peer. */
export const unspecifiedLike = (remote: string): string => (familyOf(remote) === 6 ? '::' : '0.0.0.0')
export const unspecified = (address: string): boolean => address === '::' || address === '0.0.0.0'
