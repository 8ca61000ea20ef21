import type { Drop } from '@brunel/base'
import type { Finding } from './findings.js'
import type { NeighbourReport, Speaker } from './neighbours.js'
import type { FollowedRoute } from './routes/choice.js'
import type { FollowingReport, KeptArea } from './routes/following.js'

/** Where a packet comes in or leaves: the LAN interface of the group, or the tunnel of a peer. */
export type Port = 'lan' | `tunnel:${string}`
export const LAN = 'lan'
export const tunnelPort = (tunnel: string): Port => `tunnel:${tunnel}`

/** Multicast that is carried only where the operator names it. IGMP never is. */
export type MulticastName = 'pim' | 'rip' | 'eigrp' | 'vrrp'
export type Kind = 'ospf' | 'bfd' | MulticastName

export interface RelaySettings {
  readonly group: string
  /** 16 hex digits, drawn at random by the host at each start: no two relays have the same. */
  readonly id: string
}

export interface TunnelSettings {
  /** The name of the peer. */
  readonly tunnel: string
  /** Who is at the far end, the same for all tunnels to it on any router: the identity the peer proves. */
  readonly far: string
  readonly multicast: readonly MulticastName[]
  readonly bfd: boolean
  /** Let the neighbours behind this tunnel die as soon as it carries no data. */
  readonly failFast: boolean
  /** Data goes through this tunnel, and comes by it, on the routes that OSPF brought through the relay. */
  readonly forward: boolean
}

export type RelayInput =
  /** Addresses of this router in canonical text, all of them: nobody else sends from them. */
  | { readonly on: 'own-addresses'; readonly addresses: readonly string[] }
  /** A whole IP packet; octets behind its end are ignored. The relay keeps no reference to it. */
  | { readonly on: 'packet'; readonly port: Port; readonly packet: Uint8Array }
  | { readonly on: 'tunnel-set'; readonly settings: TunnelSettings }
  | { readonly on: 'tunnel-removed'; readonly tunnel: string }
  /** Whether authenticated data crosses. A tunnel that was just set does not carry. */
  | { readonly on: 'tunnel-state'; readonly tunnel: string; readonly carries: boolean }
  /** The LAN has no link any more: with `failFast` whoever is behind the tunnels hears that its neighbours are gone. */
  | { readonly on: 'lan-lost' }
  /** The payload of a beacon datagram that came by this port; an own one that comes back does no harm. */
  | { readonly on: 'beacon'; readonly port: Port; readonly beacon: Uint8Array }
  /** LSAs that a relay of this segment had before: from `keep`, with the age they have by now. */
  | { readonly on: 'kept'; readonly areas: readonly KeptArea[] }

export type RelayEffect =
  /** Exactly this packet, on exactly this port. Several effects may share the octets: they are not to be changed. */
  | { readonly do: 'send'; readonly port: Port; readonly packet: Uint8Array }
  /** To all relays that hear this port and to nobody beyond: a link-local multicast datagram. */
  | { readonly do: 'beacon'; readonly port: Port; readonly beacon: Uint8Array }
  /** `present`: answer ARP or ND for it on the LAN, unless the LAN has it itself, and give the relay what comes for it. */
  | { readonly do: 'neighbour'; readonly address: string; readonly port: Port; readonly present: boolean }
  /** All that packets which come in by this port follow, in place of what they followed before. */
  | { readonly do: 'routes'; readonly port: Port; readonly routes: readonly FollowedRoute[] }
  /** The LSAs are others than before: `Relay.kept` has them, for the next start. */
  | { readonly do: 'keep' }
  /** It speaks OSPF on the LAN, or no longer: where strangers flood, it is to be heard before them. */
  | { readonly do: 'resident'; readonly address: string; readonly is: boolean }
  | { readonly do: 'drop'; readonly port: Port; readonly drop: Drop }
  | { readonly do: 'event'; readonly event: RelayEvent }

/**
 * down:       the tunnel carries no data
 * listening:  it carries; for two seconds the relay listens whether another way leads there
 * standby:    another way to the same LAN is used
 * forwarding: this one is
 */
export type PortState = 'down' | 'listening' | 'standby' | 'forwarding'

export type RelayEvent =
  | { readonly type: 'port-state'; readonly port: Port; readonly state: PortState }
  | { readonly type: 'relay-heard' | 'relay-gone'; readonly port: Port; readonly id: string }
  /** A relay claims to carry what nobody puts on the LAN; the tunnel is used in spite of it. */
  | { readonly type: 'claim-refuted'; readonly port: Port }
  /** The addresses of the neighbours that could be told to die, and of those that prove what they say: they could not. */
  | {
      readonly type: 'fail-fast'
      readonly port: Port
      readonly told: readonly string[]
      readonly untold: readonly string[]
    }
  /** Both directions are Full, or no longer; the order of the two is fixed. */
  | { readonly type: 'adjacency-full' | 'adjacency-lost'; readonly ends: readonly [Speaker, Speaker] }
  | { readonly type: 'finding' | 'finding-gone'; readonly finding: Finding }

export interface PortReport {
  readonly port: Port
  readonly state: PortState
  readonly received: number
  readonly sent: number
  /** The relay at the far end, where it is one of ours. */
  readonly farRelay?: string
}

export interface RelayReport {
  readonly group: string
  readonly id: string
  readonly ports: readonly PortReport[]
  /** Other relays on the LAN. */
  readonly lanRelays: readonly string[]
  /** Where each address lives, of OSPF and of what else is carried. */
  readonly sources: readonly { readonly address: string; readonly port: Port }[]
  readonly neighbours: readonly NeighbourReport[]
  readonly findings: readonly Finding[]
  /** The routes that data follows, and what they are made of. */
  readonly following: FollowingReport
  /** OSPF that was carried and could not be read, by reason. */
  readonly unread: Readonly<Partial<Record<Drop, number>>>
}
