/**
 * What is read at scrape time: plain snapshots of counters that someone else owns. Counters only grow; an SA that is
 * gone is simply no longer listed, and its traffic stays in the totals of its tunnel.
 */

export type Direction = 'inbound' | 'outbound'
export interface Traffic {
  readonly packets: number
  readonly bytes: number
}

export interface SaSnapshot {
  /** 8 hex digits. */
  readonly spi: string
  readonly direction: Direction
  readonly packets: number
  readonly bytes: number
}

export interface TunnelSnapshot {
  readonly tunnel: string
  readonly enabled: boolean
  /** Authenticated data crossed both ways. */
  readonly up: boolean
  /** underlay, ike, esp, gre, mtu, routing. */
  readonly layers: Readonly<Record<string, boolean>>
  readonly mtu: number
  /** Unix time in seconds of the last completed IKE_AUTH or rekey; undefined: never. */
  readonly lastHandshakeAt: number | undefined
  readonly inbound: Traffic
  readonly outbound: Traffic
  readonly replayMisses: number
  /** TCP connections that carry its IKE SAs (RFC 9329). */
  readonly tcpConnections: number
  /** Inbound sequence numbers that never came, of SAs that are gone. */
  readonly missing: number
  readonly sas: readonly SaSnapshot[]
}

export interface DropSnapshot {
  readonly reason: string
  readonly direction: Direction | 'ike'
  readonly count: number
}

export interface CertificateSnapshot {
  readonly tunnel: string
  readonly use: 'own' | 'trust-anchor'
  readonly subject: string
  /** Unix time in seconds. */
  readonly expiresAt: number
}

/** A revocation list or an OCSP answer that is held. Unix time in seconds. */
export interface StatementSnapshot {
  readonly kind: 'crl' | 'ocsp'
  readonly url: string
  readonly fetchedAt: number
  /** undefined: it does not say. */
  readonly expiresAt: number | undefined
}

/** The OSPF relay of one LAN interface. */
export interface RelaySnapshot {
  readonly interface: string
  readonly group: string
  readonly ports: readonly RelayPortSnapshot[]
  /** States that routers have for one another, by the port of the router that has it: each direction is one. */
  readonly neighbours: readonly { readonly port: string; readonly state: string; readonly count: number }[]
  /** Pairs that are Full in both directions. */
  readonly adjacencies: number
  /** By code; those that are not present with 0. */
  readonly findings: readonly { readonly code: string; readonly count: number }[]
}

export interface RelayPortSnapshot {
  /** `lan`, or the name of the tunnel. */
  readonly port: string
  readonly state: string
  readonly received: number
  readonly sent: number
  /** Other relays that are heard there. */
  readonly relays: number
  /** Of OSPF, for data that comes in there. */
  readonly routes: number
}

export interface MetricsSource {
  tunnels(): readonly TunnelSnapshot[]
  drops(): readonly DropSnapshot[]
  /** GRE packets with a protocol type that we do not carry (RFC 2784 §2.4); `type` undefined: the rest. */
  greProtocolTypes?(): readonly { readonly type: number | undefined; readonly packets: number }[]
  /** Certificates of the configuration: ours, and those that we trust. */
  certificates?(): readonly CertificateSnapshot[]
  /** What is known of revocation. */
  statements?(): readonly StatementSnapshot[]
  relays?(): readonly RelaySnapshot[]
  /** How often our own code was wrong; more than 0 is an alert. */
  bugs(): number
}

export type IkeRole = 'initiator' | 'responder'

/** What is told as it happens. */
export interface Metrics {
  exchange(exchange: string, role: IkeRole, outcome: 'done' | 'failed' | 'timeout'): void
  /** `reason`: the BRUNEL_IKE_… code. */
  failure(reason: string): void
  rekey(what: 'ike' | 'child', role: IkeRole): void
  /** The SAs of a peer went on at other addresses. */
  move(cause: 'here' | 'peer' | 'nat'): void
  /** `redundant`: whose new SA; `none`: ours was refused. */
  rekeyCollision(what: 'ike' | 'child', redundant: 'ours' | 'theirs' | 'none'): void
  /** From our first message to the IKE SA established. */
  handshake(seconds: number, role: IkeRole): void
  /** The page, in the text format of Prometheus. */
  text(): Promise<string>
  readonly contentType: string
}

export interface BuildInfo {
  readonly version: string
  readonly node: string
}
