import type { Drop, Endpoint } from '@brunel/base'
import type { Kind } from '@brunel/ospf-relay'

/**
 * The wall between control plane and data path: serialisable commands one way, events the other, counters in shared
 * memory. Keys never cross it: they go into the sealer's table and commands carry the index.
 */

export interface TunnelSpec {
  /** Index of the TUN, of the tunnel's row in the counters, and of the tunnel itself. */
  readonly tun: number
  readonly name: string
  readonly gre: { readonly key: number | undefined; readonly checksum: boolean; readonly sequence: boolean }
  /** Largest inner packet. */
  readonly mtu: number
  /** Largest TCP MSS to let through for IPv4 and IPv6; 0 leaves it alone. */
  readonly mss: { readonly ipv4: number; readonly ipv6: number }
  /** The far end's own inner addresses: packets to them that came from it loop (RFC 2784 §3.1). Canonical text. */
  readonly farAddresses: readonly string[]
  /** Our own on the tunnel: what a routing process of this router speaks from. Canonical text. */
  readonly nearAddresses: readonly string[]
  /** UDP port pair or protocol 50 and address of our own delivery packets, to refuse a routing loop (RFC 2003 §3.2). */
  readonly remoteAddress: string | undefined
  /** What the outermost header takes from the inner packet, RFC 4301 §5.1.2.1. Left out: DF set, DSCP copied. */
  readonly outer?: OuterHeader
}

export interface OuterHeader {
  /** Where both are IPv4; else it is set. */
  readonly df: 'set' | 'clear' | 'copy'
  readonly dscp: number | 'copy'
}

/** Which inner packets an SA may carry after GRE delivery: RFC 4301 §5.2. */
export interface SaSelectors {
  readonly localStart: string
  readonly localEnd: string
  readonly remoteStart: string
  readonly remoteEnd: string
  /** 47, or 0 for any. */
  readonly protocol: number
}

export interface SaSpec {
  /** Index in the sealer's table, and of the row in the SA counters. */
  readonly sa: number
  readonly spi: number
  readonly tun: number
  readonly mode: 'tunnel' | 'transport'
  readonly ivLength: number
  readonly blockLength: number
  readonly icvLength: number
  /** The IV is a counter that we write (AEAD), else the sealer writes it. */
  readonly counterIv: boolean
  readonly esn: boolean
  /** Outbound: number of the packet before the first. 0 unless a test or simulation wants to see 2^32 go by. */
  readonly sequence?: number
  readonly replayWindow: number
  readonly selectors: readonly SaSelectors[]
  /** Delivery header in tunnel mode, and what inbound transport mode takes the addresses for. Canonical text. */
  readonly localDelivery: string
  readonly remoteDelivery: string
  /** Outbound: index of the path. */
  readonly path: number
  /** The peer's end point: what an inbound source is compared with. */
  readonly remote: Endpoint
  readonly limits: {
    readonly softBytes: number
    readonly hardBytes: number
    readonly softPackets: number
    readonly hardPackets: number
  }
}

export type DatapathCommand =
  | { readonly do: 'tunnel-set'; readonly tunnel: TunnelSpec }
  | { readonly do: 'tunnel-remove'; readonly tun: number }
  /** The peer began anew: both ends count GRE sequence numbers from 0 again (RFC 2890 §2.2). Not for a rekeying. */
  | { readonly do: 'tunnel-restart'; readonly tun: number }
  /**
   * Which packets that come out of the tunnel are the relay's, and its beacons with them; none of them: there is no
   * relay. Inbound they go up; outbound those that the host routed into the tunnel are refused, since the far relay would
   * take them for what ours sent. Comes behind `tunnel-set` and holds until `tunnel-remove`.
   */
  | { readonly do: 'relay-set'; readonly tun: number; readonly kinds: readonly Kind[] }
  /** A whole IP packet into the tunnel, in front of what the TUN has. */
  | { readonly do: 'relay-send'; readonly tun: number; readonly packet: Uint8Array }
  | { readonly do: 'inbound-add'; readonly sa: SaSpec }
  /** Adds the SA to the outbound side and sends on it from this moment. */
  | { readonly do: 'outbound-use'; readonly sa: SaSpec }
  /** After it the pump uses the SA no more and says `released`. */
  | { readonly do: 'sa-remove'; readonly direction: 'inbound' | 'outbound'; readonly sa: number }
  | { readonly do: 'sa-moved'; readonly sa: number; readonly remote: Endpoint }
  /** An IKE SPI (16 hex digits) that is ours, or no longer: such messages are passed up first, before those of strangers. */
  | { readonly do: 'ike-spi'; readonly spi: string; readonly ours: boolean }
  /** An ESP SPI that the peer may use before `inbound-add`, which ends it, or one that comes to nothing. */
  | { readonly do: 'esp-spi'; readonly spi: number; readonly ours: boolean }
  | { readonly do: 'stop' }

export type DatapathEvent =
  /** Without the non-ESP marker. */
  | { readonly on: 'ike'; readonly bytes: Uint8Array; readonly local: Endpoint; readonly remote: Endpoint }
  /** A whole IP packet that came out of the tunnel and is the relay's: see `relay-set`. */
  | { readonly on: 'relay'; readonly tun: number; readonly packet: Uint8Array }
  | { readonly on: 'sa-used'; readonly sa: number; readonly spi: number }
  | { readonly on: 'sa-source'; readonly sa: number; readonly spi: number; readonly remote: Endpoint }
  | { readonly on: 'unknown-spi'; readonly spi: number; readonly remote: Endpoint }
  | {
      readonly on: 'sa-limit'
      readonly sa: number
      readonly spi: number
      readonly limit: 'soft' | 'hard'
      readonly why: 'bytes' | 'packets' | 'sequence'
    }
  /** A packet found no SA; at most once a second for each tunnel. */
  | { readonly on: 'acquire'; readonly tun: number }
  | { readonly on: 'too-big'; readonly remote: Endpoint; readonly spi: number; readonly mtu: number }
  | { readonly on: 'released'; readonly direction: 'inbound' | 'outbound'; readonly sa: number }
  /** An audited drop, RFC 4303 §4; at most 10 a second for each reason. */
  | {
      readonly on: 'audit'
      readonly drop: Drop
      readonly spi: number
      readonly seq: number
      /** Source and destination of the packet; outbound only where it was bound for. */
      readonly remote: Endpoint | undefined
      readonly local: Endpoint | undefined
    }
  /** A TCP connection that we wished for stands between these ends (RFC 9329). */
  | {
      readonly on: 'stream-opened'
      readonly stream: number
      readonly local: Endpoint
      readonly remote: Endpoint
    }
  /** A connection, ours or bound, ended without our asking, or did not come about. */
  | { readonly on: 'stream-closed'; readonly stream: number; readonly why: string }
  /** Connections that were refused or closed for this reason since it was last told; `remote` is one of them. */
  | { readonly on: 'stream-refused'; readonly drop: Drop; readonly remote: string; readonly times: number }
  /** Whether we listen for connections; `refused`: what the system said. */
  | { readonly on: 'stream-listening'; readonly port: number; readonly refused: string | undefined }
  | { readonly on: 'stopped' }
  | { readonly on: 'bug'; readonly what: string }
  /** A pump is gone and its SAs with it: only a new process helps. */
  | { readonly on: 'pump-ended'; readonly what: string }
