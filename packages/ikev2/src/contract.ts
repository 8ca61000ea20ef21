import type { Drop, Endpoint, Instant, Millis } from '@brunel/base'
import type {
  Encryption,
  EspProposal,
  IkeProposal,
  Integrity,
  Question,
  RevocationPolicy,
} from '@brunel/crypto'

/**
 * What goes into the IKE machine and what comes out: plain data, nothing else.
 * One `Ike` machine serves all peers of a router; it finds IKE SAs by SPI (RFC 7296 §2.6).
 */

export type Identity =
  | { readonly type: 'ipv4' | 'ipv6' | 'fqdn' | 'email' | 'key-id'; readonly text: string }
  | { readonly type: 'dn'; readonly der: Uint8Array }

export type Mode = 'tunnel' | 'transport'

/** What ESP goes in: UDP (RFC 3948), a TCP connection (RFC 9329), or nothing, as protocol 50. */
export type Encapsulation = 'udp' | 'tcp' | 'none'

/** One traffic selector, RFC 7296 §3.13.1: addresses as canonical text, both ends included. */
export interface TrafficSelector {
  readonly protocol: number
  readonly startPort: number
  readonly endPort: number
  readonly startAddress: string
  readonly endAddress: string
}

export type SharedKey = { readonly method: 'psk'; readonly psk: Uint8Array }

/** Certificates in DER, ours first and then its intermediates; the key in PKCS #8 DER. */
export interface CertificateProof {
  readonly method: 'certificate'
  readonly certificates: readonly Uint8Array[]
  readonly privateKey: Uint8Array
  /** How a plain RSA key signs. */
  readonly rsa: 'pss' | 'pkcs1'
  /** Where they can be fetched, each in its place, or all as a bundle: RFC 7296 §3.6. */
  readonly published?: { readonly urls: readonly string[]; readonly bundle: string | undefined } | undefined
}

/** How we prove who we are. */
export type OwnProof = SharedKey | CertificateProof

export interface CertificateDemand {
  readonly method: 'certificate'
  readonly trustAnchors: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  /** What else is asked whether its certificates are revoked, and what it means when nobody says. */
  readonly revocation: RevocationPolicy
  /** Beginnings of the addresses from which its certificates may be fetched, as `httpUrl` writes them. Left out: none. */
  readonly hashAndUrl?: readonly string[]
}

/** How the peer must prove who it is. */
export type TheirProof = SharedKey | CertificateDemand

/** A certificate, or a bundle of them, that a peer names by its SHA-1 hash and an address: RFC 7296 §3.6. */
export interface Lookup {
  readonly kind: 'certificate' | 'bundle'
  /** Hexadecimal. */
  readonly hash: string
  /** Plain HTTP. */
  readonly url: string
  readonly key: string
}

/** A post-quantum pre-shared key and the name that both ends know it by, RFC 8784 §2. */
export interface Ppk {
  readonly id: Uint8Array
  readonly secret: Uint8Array
  /** Nothing is agreed without it. */
  readonly required: boolean
}

/** All that IKE knows of a peer. A change is a new `peer-set`. */
export interface IkePeer {
  readonly name: string
  /** undefined: whatever address the underlay gives us. */
  readonly localAddress: string | undefined
  /** undefined: `any`, we only answer. A DNS name is resolved by the host, which sets the peer anew. */
  readonly remoteAddress: string | undefined
  readonly localId: Identity
  /** undefined: any identity that is proved. */
  readonly remoteId: Identity | undefined
  /** `certificate`: at least one end proves itself by a signature. */
  readonly auth:
    | SharedKey
    | { readonly method: 'certificate'; readonly own: OwnProof; readonly theirs: TheirProof }
  readonly ppk?: Ppk | undefined
  readonly initiate: boolean
  /** As `inner-mtu` tells it; left out: it is neither told nor taken. */
  readonly innerMtu?: number
  /** Whether the peer may send us to another gateway: RFC 5685. */
  readonly redirect?: boolean
  readonly ike: {
    readonly proposals: readonly IkeProposal[]
    readonly lifetime: Millis
    readonly liveness: Millis
    /** IKE and ESP over TCP: when UDP is silent, always, or not even when the peer begins. Left out: `never`. */
    readonly tcp?: 'auto' | 'always' | 'never'
    /** The first child by CREATE_CHILD_SA, where the peer can: RFC 6023. */
    readonly childless?: boolean
    /** Left out: no MOBIKE (RFC 4555). `returnRoutability`: ESP goes to a new address of the peer only when it answered there. */
    readonly mobike?: { readonly returnRoutability: boolean } | undefined
  }
  readonly esp: {
    readonly proposals: readonly EspProposal[]
    readonly mode: Mode
    readonly lifetime: Millis
    readonly encapsulation: 'auto' | 'udp' | 'none'
  }
  /** undefined: GRE (47) between the two tunnel end points. */
  readonly selectors:
    | { readonly local: readonly TrafficSelector[]; readonly remote: readonly TrafficSelector[] }
    | undefined
}

export type IkeInput =
  /** `bytes` without the non-ESP marker. `local.port` tells which of our sockets received it. */
  | {
      readonly on: 'datagram'
      readonly bytes: Uint8Array
      readonly local: Endpoint
      readonly remote: Endpoint
    }
  /** Adds a peer or changes it. Unchanged peers are not touched. */
  | { readonly on: 'peer-set'; readonly peer: IkePeer }
  /** Closes the peer's SAs with DELETE and forgets it. */
  | { readonly on: 'peer-removed'; readonly peer: string }
  | { readonly on: 'up' | 'down'; readonly peer: string }
  | { readonly on: 'rekey'; readonly peer: string; readonly what: 'ike' | 'child' }
  | { readonly on: 'reauthenticate'; readonly peer: string }
  /** The answer to the effect `resolve`; undefined: the name has no address that we can reach. */
  | {
      readonly on: 'resolved'
      readonly peer: string
      readonly name: string
      readonly address: string | undefined
    }
  /** The first authentic packet on a new inbound SA: the responder's outbound side switches now (RFC 7296 §2.8). */
  | { readonly on: 'child-used'; readonly peer: string; readonly spiIn: number }
  /** From the data path: a soft limit asks for a rekey, a hard one ends the SA. */
  | {
      readonly on: 'child-limit'
      readonly peer: string
      readonly spiIn: number
      readonly limit: 'soft' | 'hard'
      readonly why: 'bytes' | 'packets' | 'sequence'
    }
  /** When authentic ESP last came in, and when anything last went out. Fed about once a second while it changes. */
  | {
      readonly on: 'child-activity'
      readonly peer: string
      readonly lastIn: Instant | undefined
      readonly lastOut: Instant | undefined
    }
  /** Authentic, fresh ESP came from another address: NAT rebinding, RFC 7296 §2.23. */
  | { readonly on: 'esp-source'; readonly peer: string; readonly spiIn: number; readonly remote: Endpoint }
  /** Our addresses for this peer: RFC 4555 §3.4 to §3.6. The first is the one that the routing table leaves by. */
  | { readonly on: 'own-addresses'; readonly peer: string; readonly addresses: readonly string[] }
  /** The inner MTU that follows from our own path and settings: told to a peer of our kind, never the lower of both. */
  | { readonly on: 'inner-mtu'; readonly peer: string; readonly mtu: number }
  /** ESP with a SPI that no SA has, from the address of a peer: RFC 7296 §1.5, RFC 4303 §3.4.2. */
  | { readonly on: 'unknown-esp-spi'; readonly spi: number; readonly remote: Endpoint }
  /** What came of a `revocation-wanted`, or news of the same question: an authentic answer in its time, or why there is none. */
  | {
      readonly on: 'revocation'
      readonly key: string
      readonly answer: { readonly der: Uint8Array } | { readonly failed: string }
    }
  /** The host no longer keeps this up to date, since nobody needed it. Who needs it again asks anew. */
  | { readonly on: 'revocation-dropped'; readonly key: string }
  /** What came of a `certificate-wanted`: what is at the address, whatever it is, or why there is nothing. */
  | {
      readonly on: 'certificate'
      readonly key: string
      readonly answer: { readonly der: Uint8Array } | { readonly failed: string }
    }
  /** A packet waits and there is no SA. */
  | { readonly on: 'acquire'; readonly peer: string }
  /** A connection of `stream-open` stands between these ends. */
  | {
      readonly on: 'stream-opened'
      readonly stream: number
      readonly local: Endpoint
      readonly remote: Endpoint
    }
  /** A connection, ours or accepted, is no more, or did not come about. Not after `stream-close`. */
  | { readonly on: 'stream-closed'; readonly stream: number; readonly why: string }
  /** The router stops: DELETE to every peer, no retransmission of anything else. */
  | { readonly on: 'stop' }

/** Keys of one direction. Wiped by whoever installs them. */
export interface ChildKeys {
  /** Encryption key with the salt at its end (RFC 4106 §8.1). */
  readonly encryption: Uint8Array
  /** Empty for an AEAD. */
  readonly integrity: Uint8Array
}

/** A child SA, ready to install. */
export interface Child {
  readonly peer: string
  /** Ours: what we receive. Unique per router. */
  readonly spiIn: number
  /** The peer's: what we send. */
  readonly spiOut: number
  readonly encryption: Encryption
  readonly integrity: Integrity | undefined
  readonly esn: boolean
  readonly mode: Mode
  /** Why the mode differs from what the peer's configuration asks, if it does. */
  readonly modeReason: string | undefined
  readonly localSelectors: readonly TrafficSelector[]
  readonly remoteSelectors: readonly TrafficSelector[]
  readonly keysIn: ChildKeys
  readonly keysOut: ChildKeys
  /** What ESP goes in, and the two ends; their ports are 0 for plain protocol 50. */
  readonly encapsulation: Encapsulation
  readonly local: Endpoint
  readonly remote: Endpoint
  /** We or the peer behind a NAT, as NAT detection found. */
  readonly nat: { readonly local: boolean; readonly remote: boolean }
  /** The inbound SPI of the child that this one replaces. */
  readonly replaces: number | undefined
  /** Whether the peer forbade TFC padding (RFC 7296 §1.3.1). */
  readonly tfcPadding: boolean
}

/** Why a negotiation failed or an SA ended, in words an operator can act on. */
export interface Failure {
  /** A stable code: BRUNEL_IKE_…. */
  readonly code: string
  readonly sentence: string
  /** What was seen: both sides' offers, identities, notifies. Never a secret. */
  readonly evidence: Readonly<Record<string, string | readonly string[]>>
  readonly remedy: string
}

export type IkeEvent =
  | { readonly event: 'initiating'; readonly peer: string; readonly remote: Endpoint }
  | {
      readonly event: 'ike-up'
      readonly peer: string
      readonly spi: string
      readonly initiator: boolean
      readonly suite: string
      readonly local: Endpoint
      readonly remote: Endpoint
      readonly remoteId: string
      readonly nat: { readonly local: boolean; readonly remote: boolean }
      /** As `ppk` of the report. */
      readonly ppk: string | undefined
      readonly took: Millis
    }
  /** A PPK is configured and the IKE SA stands without it. */
  | { readonly event: 'ppk-unused'; readonly peer: string; readonly why: Failure }
  | {
      readonly event: 'ike-rekeyed'
      readonly peer: string
      readonly spi: string
      readonly initiator: boolean
    }
  | { readonly event: 'ike-down'; readonly peer: string; readonly spi: string; readonly why: Failure }
  | {
      readonly event: 'child-up'
      readonly peer: string
      readonly spiIn: number
      readonly spiOut: number
      readonly suite: string
    }
  | {
      readonly event: 'child-rekeyed'
      readonly peer: string
      readonly spiIn: number
      readonly replaced: number
      readonly initiator: boolean
    }
  | { readonly event: 'child-down'; readonly peer: string; readonly spiIn: number; readonly why: Failure }
  /** Our request to replace an SA goes out. */
  | { readonly event: 'rekey-begun'; readonly peer: string; readonly what: 'ike' | 'child' }
  /**
   * Both ends rekeyed one SA at once, RFC 7296 §2.8.1, §2.8.2. `redundant`: whose new SA goes; `none`: ours was refused,
   * because theirs had succeeded.
   */
  | {
      readonly event: 'rekey-crossed'
      readonly peer: string
      readonly what: 'ike' | 'child'
      readonly redundant: 'ours' | 'theirs' | 'none'
    }
  /** The peer answered TEMPORARY_FAILURE; our request is repeated a little later: RFC 7296 §2.25. */
  | { readonly event: 'rekey-deferred'; readonly peer: string; readonly what: 'ike' | 'child' }
  | {
      readonly event: 'failed'
      readonly peer: string | undefined
      readonly exchange: string
      readonly why: Failure
      readonly remote: Endpoint
    }
  /** The peer sends us to another gateway: RFC 5685. */
  | { readonly event: 'redirected'; readonly peer: string; readonly from: string; readonly to: string }
  /** The SAs go on at other addresses: ours changed, the peer's did, or a NAT gave it another port. */
  | {
      readonly event: 'moved'
      readonly peer: string
      readonly spi: string
      readonly cause: 'here' | 'peer' | 'nat'
      readonly from: { readonly local: Endpoint; readonly remote: Endpoint }
      readonly local: Endpoint
      readonly remote: Endpoint
      readonly encapsulation: Encapsulation
    }
  | { readonly event: 'retrying'; readonly peer: string; readonly at: Instant }
  /** The session goes over another transport than the one before it. */
  | {
      readonly event: 'transport'
      readonly peer: string
      readonly over: 'udp' | 'tcp'
      readonly weBegan: boolean
      readonly remote: Endpoint
    }
  /** The TCP connection of a session broke, or stands again. */
  | {
      readonly event: 'connection'
      readonly peer: string
      readonly state: 'broken' | 'restored'
      readonly remote: Endpoint
      readonly reason: string
    }
  /** For counters: an exchange we began or answered ended. */
  | {
      readonly event: 'exchange'
      readonly exchange: string
      readonly initiator: boolean
      readonly outcome: 'done' | 'failed' | 'timeout'
    }

export type IkeEffect =
  /**
   * `marker`: put the four zero octets of RFC 3948 §2.2 in front (always on port 4500, and in a stream). Where
   * `remote.stream` is given, it goes into that connection; where there is no such connection, nowhere.
   * `behindEsp`: by it the peer forgets SAs that traffic has just left. It leaves some milliseconds later, so that what
   * was sent on them is served before.
   */
  | {
      readonly do: 'send'
      readonly bytes: Uint8Array
      readonly local: Endpoint
      readonly remote: Endpoint
      readonly marker: boolean
      readonly behindEsp?: true
    }
  /** NAT keepalive, one octet 0xFF, RFC 3948 §2.3. */
  | { readonly do: 'keepalive'; readonly local: Endpoint; readonly remote: Endpoint }
  /** Installs the inbound side; where `outbound`, sends on it from this moment too. Comes before the `send` of the answer. */
  | { readonly do: 'child-install'; readonly child: Child; readonly outbound: boolean }
  /** Sends on this child from this moment. */
  | { readonly do: 'child-use'; readonly peer: string; readonly spiIn: number }
  /** `grace`: how long the inbound side still receives. Its outbound side is never used again. */
  | { readonly do: 'child-remove'; readonly peer: string; readonly spiIn: number; readonly grace: Millis }
  /** The gateway that a peer sends us to is known by name; the host answers by the input `resolved`. */
  | { readonly do: 'resolve'; readonly peer: string; readonly name: string }
  /** One of the two ends moved: all children of the peer send so. */
  | {
      readonly do: 'peer-moved'
      readonly peer: string
      readonly local: Endpoint
      readonly remote: Endpoint
      readonly encapsulation: Encapsulation
    }
  /** What the peer tells of its own inner MTU is another; undefined: it tells nothing. */
  | { readonly do: 'peer-mtu'; readonly peer: string; readonly mtu: number | undefined }
  /** Connects and says so by `stream-opened` or `stream-closed`, in a few seconds at most. We are the TCP originator. */
  | {
      readonly do: 'stream-open'
      readonly stream: number
      readonly local: Endpoint
      readonly remote: Endpoint
    }
  /** No stranger's any more: limits for those do not concern it. */
  | { readonly do: 'stream-bound'; readonly stream: number }
  /** Closes it when what was sent has left. */
  | { readonly do: 'stream-close'; readonly stream: number }
  /** An SPI that peers may address to us, or no longer: for the filter in front of the machine. 16 hex digits. */
  | { readonly do: 'ike-spi'; readonly spi: string; readonly ours: boolean }
  /**
   * An ESP SPI that a request of ours tells the peer, or one that came to nothing. The peer may send with it before its
   * answer has been read; `child-install` ends it too.
   */
  | { readonly do: 'esp-spi'; readonly spi: number; readonly ours: boolean }
  /** Get the answer and feed `revocation`, always; then go on getting it before it is out of date, while `revocationKeys` names it. */
  | { readonly do: 'revocation-wanted'; readonly question: Question }
  /** Get what is at the address and feed `certificate`, always, and soon: an IKE_AUTH waits for it. */
  | { readonly do: 'certificate-wanted'; readonly lookup: Lookup }
  | { readonly do: 'drop'; readonly drop: Drop; readonly remote: Endpoint; readonly detail: string }
  | { readonly do: 'report'; readonly event: IkeEvent }

export type SaState = 'connecting' | 'established' | 'rekeying' | 'closing'

/** Certificates of a peer, and whether they are revoked. */
export interface CertificateReport {
  readonly subject: string
  readonly issuer: string
  readonly serial: string
  /** Where it was fetched, since the peer sent hash and URL. */
  readonly url: string | undefined
  readonly revocation: {
    readonly state: 'good' | 'unknown' | 'unchecked'
    readonly detail: string
    /** Unix time in milliseconds, while what proves it is in its time. */
    readonly until: number | undefined
  }
}

/** A snapshot for the API; holds no secret. */
export interface IkePeerReport {
  readonly peer: string
  readonly state: 'idle' | 'waiting' | 'connecting' | 'established' | 'down'
  readonly retryAt: Instant | undefined
  readonly lastFailure: (Failure & { readonly at: Instant }) | undefined
  readonly sas: readonly {
    readonly spiInitiator: string
    readonly spiResponder: string
    readonly initiator: boolean
    readonly state: SaState
    readonly suite: string
    readonly localId: string
    readonly remoteId: string
    readonly local: Endpoint
    readonly remote: Endpoint
    readonly nat: { readonly local: boolean; readonly remote: boolean }
    /** What the peer proved itself with. */
    readonly certificate: CertificateReport | undefined
    /** undefined: one of the two does not do MOBIKE. Addresses beside those in use. */
    readonly mobike: { readonly local: readonly string[]; readonly remote: readonly string[] } | undefined
    /** The name of the PPK that its keys, or those of its predecessors, were made with. */
    readonly ppk: string | undefined
    readonly establishedAt: Instant | undefined
    readonly rekeyAt: Instant | undefined
    readonly children: readonly {
      readonly spiIn: number
      readonly spiOut: number
      readonly state: 'installed' | 'rekeying' | 'rekeyed' | 'closing'
      readonly suite: string
      readonly mode: Mode
      readonly modeReason: string | undefined
      readonly esn: boolean
      readonly encapsulation: Encapsulation
      readonly localSelectors: readonly TrafficSelector[]
      readonly remoteSelectors: readonly TrafficSelector[]
      readonly establishedAt: Instant
      readonly rekeyAt: Instant | undefined
    }[]
  }[]
}
