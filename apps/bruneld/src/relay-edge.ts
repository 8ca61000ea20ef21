import type { Drop } from '@brunel/base'
import type { KeptArea, Kind } from '@brunel/ospf-relay'

/**
 * What a relay needs of the outside. Whoever implements these calls back only after the call that led to it has
 * returned: an effect never feeds the machine that produced it.
 */

/** Why a LAN is not open, or what stands in its way. */
export interface RelayProblem {
  readonly code: string
  readonly detail: string
  readonly remedy: string
}

/** Waiting: it comes back by itself. */
export type RelayLanState =
  | { readonly is: 'starting' | 'stopped' }
  | { readonly is: 'waiting'; readonly because: RelayProblem }
  | { readonly is: 'open'; readonly warnings: readonly RelayProblem[] }

/** What a LAN tells. */
export interface LanHeard {
  /** A whole IP packet, a copy: what is relayed, multicast and unicast for far neighbours. */
  packet(packet: Uint8Array): void
  /** The payload of a beacon datagram. */
  beacon(beacon: Uint8Array): void
  /** May come at any time: it is only counted. */
  drop(drop: Drop, count: number): void
  changed(state: RelayLanState): void
}

export interface FarNeighbour {
  readonly address: string
  /** The interface of the tunnel behind which it lives. */
  readonly tunnel: string
}

/** One LAN interface: raw sockets, ARP and ND. It opens by itself, also anew, and what cannot be sent is dropped. */
export interface RelayLan {
  /** What is carried, all tunnels of the group together. */
  carry(kinds: readonly Kind[]): Promise<void>
  /** Exactly this IP packet, with its own source, TTL and DSCP. */
  send(packet: Uint8Array): void
  /** Link-local multicast, to all relays on this LAN. */
  beacon(beacon: Uint8Array): void
  /** Answer ARP or ND for it, unless the LAN has it itself; or no longer. Remembered until the stop. */
  neighbour(far: FarNeighbour, present: boolean): void
  /** A router of this LAN, or no longer: what it sends is to be heard whatever others send. */
  resident(address: string, is: boolean): void
  /** Nothing of it is left on the host afterwards. */
  stop(): Promise<void>
}

/** What the data path is told. */
export type RelayCommand =
  /** Inner packets of these kinds, and beacons, are handed over as an event and not written to the TUN. Behind `tunnel-set`. */
  | { readonly do: 'relay-set'; readonly tun: number; readonly kinds: readonly Kind[] }
  | { readonly do: 'relay-send'; readonly tun: number; readonly packet: Uint8Array }

/** What the data path says: a whole inner packet. */
export interface RelayedPacket {
  readonly tun: number
  readonly packet: Uint8Array
}

export interface TableRoute {
  readonly to: string
  readonly device: string
  /** The next router; undefined: the interface is a tunnel. */
  readonly via: string | undefined
}

/** Which way the machine forwards packets that came in by an interface. What is asked for is done later, in order. */
export interface RelayTables {
  /** Why some of the routes are not there. */
  readonly problem: RelayProblem | undefined
  /** All routes of an interface, in place of those before; none: as if there were no relay. */
  set(device: string, routes: readonly TableRoute[]): void
  /** Never led by such routes: the addresses at which peers are reached. */
  spare(addresses: readonly string[]): void
  /**
   * Networks that `main` refuses since the tunnel they are behind is down: a route to the same network, or to a part of
   * it, is the other way there.
   */
  refused(networks: readonly string[]): void
  /** What the system lost is put back, and what our own networks are is read anew. */
  verify(): void
  stop(): Promise<void>
}

/** What a relay knew, for the one that comes after a restart. */
export interface RelayMemory {
  read(device: string): readonly KeptArea[]
  /** Soon. */
  write(device: string, areas: () => readonly KeptArea[]): void
  /** What is to be written is, at once. */
  flush(device: string): void
}

export interface RelayEdge {
  readonly tables: RelayTables
  readonly memory: RelayMemory
  openLan(device: string, kinds: readonly Kind[], heard: LanHeard): RelayLan
  command(command: RelayCommand): void
}
