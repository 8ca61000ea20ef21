import type { Drop } from '@brunel/base'
import type { Kind } from '@brunel/ospf-relay'

/**
 * What a relay needs of the outside. Whoever implements these calls back only after the call that led to it has
 * returned: an effect never feeds the machine that produced it.
 */

/** What comes from the LAN. */
export interface LanHeard {
  /** A whole IP packet: OSPF and what else is relayed, multicast and what is sent to a far neighbour's address. */
  packet(packet: Uint8Array): void
  /** The payload of a beacon datagram. */
  beacon(beacon: Uint8Array): void
  /** What the sockets refused by themselves. */
  drop(drop: Drop, count: number): void
  /** The interface is gone, or its sockets are: nothing comes any more. It is opened again by and by. */
  lost(error: unknown): void
}

/** One LAN interface: raw sockets, ARP and ND. */
export interface RelayLan {
  /** Exactly this IP packet, with its own source, TTL and DSCP. */
  send(packet: Uint8Array): void
  /** Link-local multicast, to all relays on this LAN. */
  beacon(beacon: Uint8Array): void
  /** What is carried now, all tunnels of the group together. */
  carry(kinds: readonly Kind[]): void
  /** Answer ARP or ND for this address, unless the LAN has it itself; it lives behind this TUN interface. */
  speakFor(address: string, tunnel: string): void
  /** No longer. */
  forget(address: string): void
  close(): void
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

export interface RelayEdge {
  /** Throws with a code and a remedy where the system refuses, or the interface is not there. */
  openLan(device: string, heard: LanHeard): RelayLan
  command(command: RelayCommand): void
}
