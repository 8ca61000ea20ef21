import type { Endpoint, IkeSpi, Instant } from '@brunel/base'
import type { KeyPair } from '@brunel/crypto'
import type { Ike as Wire } from '@brunel/wire'
import type { ChildSpis } from './child-spis.js'
import type { Failure } from './contract.js'
import type { AuthAttempt, HalfOpen } from './exchanges/auth.js'
import type { ChildOffer } from './exchanges/child-offer.js'
import type { IkeOffer } from './exchanges/rekey-ike.js'
import type { InitAttempt } from './exchanges/sa-init.js'
import type { Transmission } from './initiating.js'
import type { Lookups } from './lookups.js'
import type { PeerControl } from './peer.js'
import type { Peers } from './peers.js'
import type { Unsettled } from './proof.js'
import type { Revocations } from './revocations.js'
import type { IkeSa } from './sa.js'
import type { Streams } from './streams.js'
import type { Ports, Turn } from './turn.js'

/**
 * Who may move where:
 *
 *     initiating ──IKE_SA_INIT──> authenticating ──[IKE_INTERMEDIATE,] IKE_AUTH──> established
 *     half-open ──────────────────[IKE_INTERMEDIATE,] IKE_AUTH────────────────────> established
 *     established ──a rekey of the peer──> replaced ──its Delete──> ended
 *     established, replaced ──our Delete──> closing ──answer──> ended
 *     any ──error, silence──> ended
 */
export type Stage =
  | { readonly is: 'initiating'; readonly init: InitAttempt }
  | { readonly is: 'authenticating'; readonly auth: AuthAttempt; readonly held?: Held }
  | { readonly is: 'half-open'; readonly half: HalfOpen; readonly until: Instant; readonly held?: Held }
  | { readonly is: 'established' }
  /** The peer made the successor, or another one than this, and deletes this one; if it does not, we do. */
  | { readonly is: 'replaced'; readonly by: IkeSa; readonly deleteAt: Instant }
  | { readonly is: 'closing'; readonly why: Failure }
  | { readonly is: 'ended'; readonly why: Failure }

/** An IKE_AUTH that waits until its certificates are here, or it is known whether they are revoked. */
export interface Held extends Unsettled {
  readonly again: (turn: Turn) => void
  readonly until: Instant
}

/** Where messages leave from and go to. */
export interface Ends {
  readonly local: Endpoint
  readonly remote: Endpoint
}

/** A message that found its IKE SA. */
export interface Incoming extends Ends {
  readonly header: Wire.Header
  readonly bytes: Uint8Array
  /** Of IKE_INTERMEDIATE: the message as IntAuth covers it, RFC 9242 §3.3.2. */
  readonly octets?: Uint8Array | undefined
}

/** What our request in flight is about. */
export type Doing =
  | { readonly what: 'sa-init' }
  /** `request`: as IntAuth covers it. */
  | { readonly what: 'intermediate'; readonly keyPair: KeyPair; readonly request: Uint8Array }
  | { readonly what: 'auth' }
  | { readonly what: 'create-child'; readonly offer: ChildOffer }
  | { readonly what: 'rekey-child'; readonly offer: ChildOffer; readonly old: number }
  | { readonly what: 'rekey-ike'; readonly offer: IkeOffer }
  | { readonly what: 'delete-children'; readonly spisIn: readonly number[]; readonly why: Failure }
  | { readonly what: 'close' }
  /** We refused the responder's proof: RFC 7296 §2.21.2. */
  | { readonly what: 'rejection'; readonly why: Failure }
  | { readonly what: 'liveness' }
  | { readonly what: 'notify' }
  /** `serial`: of what it tells. */
  | { readonly what: 'mtu'; readonly serial: number }
  /** `epoch`: of which of our address changes it speaks. `list`: our further addresses as it tells them. */
  | {
      readonly what: 'mobike'
      readonly epoch: number
      readonly update: boolean
      readonly list: readonly string[] | undefined
      readonly check: boolean
      readonly cookie: Uint8Array | undefined
    }

export interface InFlight {
  readonly transmission: Transmission
  readonly exchangeType: number
  readonly doing: Doing
  /** It goes by the shorter schedule of a liveness check already. */
  readonly doubted: boolean
  /** It went by other paths too, since there was no answer: RFC 4555 §3.10. */
  readonly probed: boolean
}

/** What a request is answered with; `afterwards` happens after the answer is sent. `behindEsp`: see the effect `send`. */
export interface Answer {
  readonly payloads: readonly Wire.PlainPayload[]
  readonly behindEsp?: boolean
  readonly afterwards?: (turn: Turn) => void
}

/** What an IKE SA needs of the machine that holds it. */
export interface SaHost {
  readonly ports: Ports
  readonly revocations: Revocations
  readonly lookups: Lookups
  readonly streams: Streams
  readonly childSpis: ChildSpis
  register(sa: IkeSa): void
  forget(sa: IkeSa): void
  /** Whether the other end of an IKE SA that a stranger began has proved who it is. */
  judged(turn: Turn, sa: IkeSa, good: boolean): void
  newIkeSpi(): IkeSpi
  initiate(turn: Turn, control: PeerControl, ends: Ends): IkeSa | undefined
  readonly peers: Peers
}
