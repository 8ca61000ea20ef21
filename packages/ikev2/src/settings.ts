import { type Millis, millis, seconds } from '@brunel/base'

/**
 * Constants of the RFCs; nobody changes them.
 */
export const SPEC = {
  /** RFC 7296 §2.10: a nonce is at least half the key size of every PRF offered, and 16 to 256 octets. */
  NONCE_MIN: 16,
  NONCE_MAX: 256,
  /** RFC 7296 §2.6: octets of a cookie. */
  COOKIE_MIN: 1,
  COOKIE_MAX: 64,
  /** RFC 7296 §2.2: a Message ID is 32 bits and never wraps. */
  LAST_MESSAGE_ID: 0xffffffff,
  PORT: 500,
  /** RFC 7296 §2.23. */
  NAT_PORT: 4500,
} as const

/** How one request is sent again: RFC 7296 §2.4 wants the intervals to grow exponentially. */
export interface Retransmission {
  readonly first: Millis
  readonly factor: number
  readonly cap: Millis
  /** Transmissions in all, the first included. */
  readonly tries: number
}

/** Our own choices. Each says what happens if it is wrong. */
export interface IkeSettings {
  /** Too short: needless load on a slow path. Too long: a lost packet delays the tunnel. */
  readonly retransmission: Retransmission
  /** For requests from and to a new address. Its sum bounds how long a path may take to come up: shorter, and a slow
   * uplink costs the SA. Its first wait too long: one lost packet stops the traffic for as much. */
  readonly moveRetransmission: Retransmission
  /** How long a request is repeated to a peer that is heard and does not answer it. Too short: a bad line ends the IKE SA.
   * Too long: one whose windows are out of step stays. */
  readonly patience: Millis
  /** For IKE_SA_INIT. Its sum bounds how stale an attempt can be when a cut line comes back: keep it below 15 s. */
  readonly initRetransmission: Retransmission
  /** How long IKE_SA_INIT over UDP may be silent before TCP is tried beside it. Shorter: TCP where UDP only lost a packet;
   * above the first wait, since one repetition is due to UDP (RFC 8229 §5.1). Longer: a user waits where UDP is blocked. */
  readonly tcpAfter: Millis
  /** How long UDP may still answer when the TCP connection stands. Shorter: a line that comes back comes back over TCP.
   * Longer: a user waits where UDP is blocked. */
  readonly udpLastChance: Millis
  /** How long a TCP connection may take to open. Shorter: a slow path has none. Longer: the next attempt comes late. */
  readonly connectWait: Millis
  /** Wait before UDP is tried again under a session over TCP, doubled up to the cap. Shorter: needless IKE_SA_INIT. Longer: a
   * tunnel stays on TCP for longer than it must. */
  readonly udpAgain: Millis
  readonly udpAgainCap: Millis
  /** Part of a wait, in per cent, that chance takes away. 0: all tunnels of a rebooted router speak at once. */
  readonly jitterPercent: number
  /** Wait before a new attempt after the first failure, doubled up to the cap. Cap + one handshake must stay below 15 s. */
  readonly retryFirst: Millis
  readonly retryCap: Millis
  /** Half-open IKE SAs from which on a cookie is asked for. Too low: one more round trip. Too high: a flood costs DH. */
  readonly cookieThreshold: number
  /** The same for one address (IPv6: one /64), of those that gave back no cookie. Too low: routers behind one NAT need
   * a round trip more. Too high: one address takes the whole share of all. */
  readonly cookieThresholdPerAddress: number
  /** Half-open IKE SAs at all. Too low: a flood of proven addresses locks peers out. Too high: memory. */
  readonly halfOpenLimit: number
  /** The same for one address that gave back cookies. Too low: many routers behind one NAT come up slowly after an
   * outage. Too high: a few addresses take all. */
  readonly halfOpenPerAddress: number
  /** How long a half-open IKE SA waits for IKE_AUTH. Too short: slow peers fail. Too long: memory under a flood. */
  readonly halfOpenTimeout: Millis
  /** Failed authentications of one address in a row from which on it is slowed down. Too low: a typing mistake costs
   * time after it is mended. Too high: whoever guesses makes us compute. */
  readonly failedAuthLimit: number
  /** One attempt of such an address in this time. Too short: as above. Too long: a mended peer waits. */
  readonly failedAuthWait: Millis
  /** The same where an authenticated peer stands at this address too. Too long: its next authentication waits. */
  readonly failedAuthWaitBesidePeer: Millis
  /** How long a failure counts. Too short: slow guessing goes unnoticed. Too long: old mistakes count. */
  readonly failedAuthMemory: Millis
  /** Addresses that are remembered. Too low: many addresses push one another out. Too high: memory. */
  readonly failedAuthAddresses: number
  /** Age at which the cookie secret is replaced; the one before it still counts. Too long: hoarded cookies stay good. */
  readonly cookieSecretLife: Millis
  /** Cookie and INVALID_KE_PAYLOAD rounds in one attempt. Too low: both together do not converge (RFC 7296 §2.6.1). */
  readonly initRounds: number
  /** How long an inbound SA still receives after its Delete. Too short: packets under way are lost. */
  readonly childGrace: Millis
  /** Soft lifetime is the hard one less this share in per cent, less jitter of as much again. 0: no time to rekey. */
  readonly rekeyMarginPercent: number
  /** Wait before a refused rekey is tried again. Too short: needless load. Too long: the hard limit comes first. */
  readonly rekeyRetry: Millis
  /** Wait after TEMPORARY_FAILURE, jittered by as much again. Too short: the peer cannot finish (RFC 7296 §2.25). */
  readonly temporaryFailureWait: Millis
  /** After this long of TEMPORARY_FAILURE the IKE SA is closed. Too short: a slow peer loses its SA. */
  readonly temporaryFailureLimit: Millis
  /** How long a replaced SA waits for the peer's Delete before we delete it. Too short: crossed deletes. */
  readonly replacedLingers: Millis
  /** How long redundant IKE SAs may coexist before we close the one with the lowest nonce. Too short: a reauthentication
   * loses a packet. */
  readonly redundantSettles: Millis
  /** Idle time after which a NAT keepalive is sent, RFC 3948 §4. Longer than the NAT remembers: inbound packets are lost. */
  readonly keepalive: Millis
  /** Errors sent to strangers per second, and as a burst (RFC 7296 §2.21.4). Higher: we help a reflection attack. */
  readonly strangerRate: number
  readonly strangerBurst: number
  /** Octets of one IP datagram above which a message is fragmented, RFC 7383 §2.5.1. */
  readonly datagram4: number
  readonly datagram6: number
  /** The same for a request that two transmissions did not get an answer to, RFC 7383 §2.5.2. Too large: no help. */
  readonly small4: number
  readonly small6: number
  /** How long fragments wait for their fellows. */
  readonly fragmentTimeout: Millis
}

export const DEFAULT_SETTINGS: IkeSettings = {
  retransmission: { first: millis(1000), factor: 2, cap: seconds(8), tries: 6 },
  moveRetransmission: { first: millis(300), factor: 1.7, cap: seconds(3), tries: 9 },
  patience: seconds(90),
  initRetransmission: { first: millis(1000), factor: 2, cap: seconds(4), tries: 4 },
  tcpAfter: seconds(2),
  udpLastChance: seconds(1),
  connectWait: seconds(6),
  udpAgain: seconds(30),
  udpAgainCap: seconds(600),
  jitterPercent: 20,
  retryFirst: millis(1000),
  retryCap: seconds(8),
  cookieThreshold: 32,
  cookieThresholdPerAddress: 8,
  halfOpenLimit: 512,
  halfOpenPerAddress: 64,
  halfOpenTimeout: seconds(30),
  failedAuthLimit: 5,
  failedAuthWait: seconds(10),
  failedAuthWaitBesidePeer: seconds(1),
  failedAuthMemory: seconds(600),
  failedAuthAddresses: 1024,
  cookieSecretLife: seconds(60),
  initRounds: 6,
  childGrace: seconds(5),
  rekeyMarginPercent: 10,
  rekeyRetry: seconds(10),
  temporaryFailureWait: millis(1000),
  temporaryFailureLimit: seconds(180),
  replacedLingers: seconds(20),
  redundantSettles: seconds(3),
  keepalive: seconds(20),
  strangerRate: 10,
  strangerBurst: 20,
  datagram4: 576,
  datagram6: 1280,
  small4: 296,
  small6: 576,
  fragmentTimeout: seconds(30),
}
