import type { Family, Millis } from '@brunel/base'
import type { EspProposal, IkeProposal } from '@brunel/crypto'

/** An IKE identity in words: RFC 7296 §3.5. */
export interface PeerIdentity {
  readonly type: 'ipv4' | 'ipv6' | 'fqdn' | 'email' | 'key-id' | 'dn'
  readonly text: string
}

/** A network: canonical address with all host bits zero, and prefix length. */
export interface Prefix {
  readonly family: Family
  readonly address: string
  readonly length: number
}

/** An address of an interface with the prefix length of its link. */
export interface InterfaceAddress extends Prefix {
  /** The network that the address and the length span. */
  readonly network: Prefix
}

/** How a peer takes part in a relay; the group has one LAN interface, the same for all its peers. */
export interface PeerRelay {
  readonly interface: string
  readonly group: string
  /** Sorted, each once. */
  readonly multicast: readonly ('pim' | 'rip' | 'eigrp' | 'vrrp')[]
  readonly bfd: boolean
  readonly failFast: boolean
  readonly forward: boolean
}

export type AuthMethod = 'psk' | 'certificate'

/** A verified peer: every default applied, every value parsed, addresses in canonical form (RFC 5952). Holds no secret. */
export interface Peer {
  readonly name: string
  readonly enabled: boolean
  readonly local: {
    /** undefined: whatever the routing table of the host chooses. */
    readonly address: string | undefined
    /** Used where `address` has no way to the peer, and told to the peer by MOBIKE. */
    readonly further: readonly string[]
    /** undefined: the local address is the identity. */
    readonly id: PeerIdentity | undefined
  }
  readonly remote: {
    readonly kind: 'address' | 'name' | 'any'
    /** The address in canonical form, the DNS name, or `any`. */
    readonly address: string
    /** undefined: any identity that the secret proves. */
    readonly id: PeerIdentity | undefined
    /** Whether it may send us to another gateway: RFC 5685. */
    readonly redirect: boolean
    /** Which addresses of a DNS name come first; undefined: as the resolver orders them. */
    readonly prefer: 'ipv4' | 'ipv6' | undefined
  }
  readonly auth: {
    /** How we prove who we are, and how the peer must. */
    readonly method: AuthMethod
    readonly remoteMethod: AuthMethod
    /** PEM; empty where no certificate is ours. */
    readonly certificate: string
    readonly trustAnchors: readonly string[]
    readonly crls: readonly string[]
    readonly revocation: 'relaxed' | 'ifuri' | 'strict' | 'off'
    /** Hash and URL, RFC 7296 §3.6: beginnings of addresses where the peer's certificates may be; where ours are. */
    readonly hashAndUrl: readonly string[]
    readonly certificateUrls: readonly string[]
    readonly bundleUrl: string | undefined
    readonly rsaSignature: 'pss' | 'pkcs1'
    /** Its secret lies apart. `id`: as it was written. */
    readonly ppk: { readonly id: string; readonly required: boolean } | undefined
  }
  readonly ike: {
    readonly proposals: readonly IkeProposal[]
    readonly lifetime: Millis
    readonly liveness: Millis
    readonly tcp: 'auto' | 'always' | 'never'
    readonly childless: boolean
    readonly mobike: boolean
    readonly returnRoutability: boolean
    readonly initiate: boolean
  }
  readonly esp: {
    readonly proposals: readonly EspProposal[]
    readonly mode: 'tunnel' | 'transport'
    readonly lifetime: Millis
    readonly lifetimeBytes: number
    readonly replayWindow: number
    readonly encapsulation: 'auto' | 'udp' | 'none'
    readonly df: 'set' | 'clear' | 'copy'
    readonly dscp: number | 'copy'
  }
  readonly gre: {
    readonly key: number | undefined
    readonly checksum: boolean
    readonly sequence: boolean
  }
  readonly tunnel: {
    readonly interface: string
    readonly addresses: readonly InterfaceAddress[]
    readonly mtu: number | 'auto'
    readonly mss: number | 'auto' | 'off'
    readonly routes: readonly Prefix[]
    readonly whenDown: 'block' | 'withdraw' | 'keep'
    readonly multicast: boolean
  }
  /** undefined: OSPF of no LAN goes through its tunnel. */
  readonly ospfRelay: PeerRelay | undefined
}
