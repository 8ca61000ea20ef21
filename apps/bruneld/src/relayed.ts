import { networkInterfaces } from 'node:os'
import type { Peer } from '@brunel/config'
import type { MulticastName } from '@brunel/ospf-relay'
import { Address } from '@brunel/wire'
import type { TunnelCrossing } from './relay-carrying.js'
import type { RelayedTunnel } from './relay-group.js'

/** `ospfRelay` of a peer, verified and with its defaults. */
export interface OspfRelaySettings {
  readonly interface: string
  readonly group: string
  readonly multicast: readonly MulticastName[]
  readonly bfd: boolean
  readonly failFast: boolean
  readonly forward: boolean
}

export type RelayedPeer = Pick<Peer, 'name' | 'remote' | 'tunnel'> & {
  readonly ospfRelay?: OspfRelaySettings | undefined
}

/** What of an open tunnel the relay must know. */
export interface RelayCandidate {
  readonly peer: RelayedPeer
  readonly tun: number
  readonly crossing: TunnelCrossing
  /** The identity that the peer proved, while it is there. */
  readonly remoteId: string | undefined
}

/** A tunnel as its relay sees it; undefined: its peer joins no LAN. Pure. */
export function relayedTunnel({ peer, tun, crossing, remoteId }: RelayCandidate): RelayedTunnel | undefined {
  const relay = peer.ospfRelay
  if (relay === undefined) return undefined
  const { interface: lan, group, multicast, bfd, failFast, forward } = relay
  // Two tunnels to one far router have one name for it, on all routers: what it proves, or is to prove.
  const far = remoteId || (peer.remote.id?.text ?? peer.remote.address)
  const settings = { tunnel: peer.name, far, multicast, bfd, failFast, forward }
  return { lan, group, tun, device: peer.tunnel.interface, crossing, settings }
}

/** All addresses of this machine, in canonical text. */
export const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap(list => list ?? [])
    .map(({ address }) => Address.canonical(address) ?? address)
    .sort()
