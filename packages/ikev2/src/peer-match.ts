import { familyOf } from '@brunel/base'
import { nameText, sameName } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import type { Identity, IkePeer } from './contract.js'
import { identityOf } from './identity.js'
import type { Ends } from './sa-stage.js'

/**
 * Which peer a stranger may be. Before IKE_AUTH only addresses are known, so that this is a hint: the identity
 * decides later, and an identity is not tied to an address (RFC 7296 §3.5, RFC 4301 §4.4.3).
 *
 * Best first: those configured with this very address, then `any`, then those whose configured address differs
 * but who are told apart by an identity, since a peer may have moved.
 */
/** RFC 8229 §2: whether a peer may come by TCP is configured, never negotiated. */
export const takes = ({ ike }: IkePeer, { remote }: Ends): boolean =>
  remote.stream === undefined || (ike.tcp ?? 'never') !== 'never'

export function peersAt(peers: readonly IkePeer[], local: string, remote: string): readonly IkePeer[] {
  const here = peers.filter(
    peer => peer.localAddress === undefined || peer.localAddress === local || unspecified(peer.localAddress),
  )
  const rank = (peer: IkePeer): number =>
    peer.remoteAddress === remote
      ? 0
      : peer.remoteAddress === undefined
        ? 1
        : peer.remoteId === undefined
          ? 3
          : 2
  return here
    .map(peer => ({ peer, rank: rank(peer) }))
    .filter(({ rank }) => rank < 3)
    .sort((a, b) => a.rank - b.rank)
    .map(({ peer }) => peer)
}

/**
 * Who may claim an identity, best first: those that name it, then those that take any identity that the key
 * proves, from their address. `asked` is the IDr of the request: a wish, never a condition (RFC 7296 §1.2).
 */
export function peersClaiming(
  peers: readonly IkePeer[],
  claim: { readonly id: Identity; readonly asked: Identity | undefined; readonly remote: string },
): readonly IkePeer[] {
  const wished = (peer: IkePeer): number =>
    claim.asked !== undefined && sameIdentity(peer.localId, claim.asked) ? 0 : 1
  const near = (peer: IkePeer): number =>
    peer.remoteAddress === claim.remote ? 0 : peer.remoteAddress === undefined ? 1 : 2
  return peers
    .filter(peer => (peer.remoteId === undefined ? near(peer) < 2 : sameIdentity(peer.remoteId, claim.id)))
    .map(peer => ({ peer, rank: (peer.remoteId === undefined ? 100 : 0) + wished(peer) * 10 + near(peer) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ peer }) => peer)
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
