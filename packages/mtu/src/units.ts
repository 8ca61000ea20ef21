import type { Branded } from '@brunel/base'

/** Largest IP packet of a link that is none of ours: of the underlay, outer header included, or of a LAN. */
export type WireMtu = Branded<number, 'wire-mtu'>

/** Room for what ESP encrypts: payload, padding, pad length and next header; a multiple of the block. */
export type EspMtu = Branded<number, 'esp-mtu'>

/** Largest inner packet, the payload of GRE: the MTU of the TUN interface (GMTU in RFC 7676). */
export type TunnelMtu = Branded<number, 'tunnel-mtu'>

/** RFC 8200 §5, RFC 7676 §3.2: where fewer octets fit there is no IPv6. */
export const IPV6_MINIMUM = 1280

export const wireMtu = (octets: number): WireMtu => octets as WireMtu
export const espMtu = (octets: number): EspMtu => octets as EspMtu
export const tunnelMtu = (octets: number): TunnelMtu => octets as TunnelMtu
