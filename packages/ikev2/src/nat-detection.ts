import type { Endpoint } from '@brunel/base'
import type { Cryptography } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import type { Spis } from './key-schedule.js'

export interface Nat {
  /** We are behind a NAT: the peer sees us elsewhere than we think. */
  readonly local: boolean
  /** The peer is behind a NAT, or forces encapsulation. */
  readonly remote: boolean
}

/** SHA-1(SPIi | SPIr | IP | port), RFC 7296 §2.23. SPIr is 0 in the first message. */
export const natHash = (crypto: Cryptography, spis: Spis, end: Endpoint): Uint8Array =>
  crypto.sha1(
    Ike.ikeSpiBytes(spis.spiInitiator),
    Ike.ikeSpiBytes(spis.spiResponder),
    Ike.addressBytes(end.address),
    Ike.uint16(end.port),
  )

/**
 * Both notifies of an IKE_SA_INIT message, with the SPIs of that message's header. `force`: a source that is nobody's,
 * so that both sides encapsulate in UDP as if we were behind a NAT.
 */
export function natNotifies(
  crypto: Cryptography,
  at: Spis & { readonly local: Endpoint; readonly remote: Endpoint; readonly force: boolean },
): readonly Ike.NotifyPayload[] {
  const source = natHash(crypto, at, at.local)
  if (at.force) source[0] = (source[0] as number) ^ 0xff
  return [
    Ike.notify(Ike.NOTIFY.NAT_DETECTION_SOURCE_IP, source),
    Ike.notify(Ike.NOTIFY.NAT_DETECTION_DESTINATION_IP, natHash(crypto, at, at.remote)),
  ]
}

/**
 * What the notifies of a received message say, with the SPIs of its header and the addresses it travelled between.
 * undefined: the peer does not do NAT traversal. The peer may give several sources, of which one must match: §2.23.
 */
export function detectNat(
  crypto: Cryptography,
  payloads: readonly Ike.Payload[],
  at: Spis & { readonly local: Endpoint; readonly remote: Endpoint },
): Nat | undefined {
  const sources = Ike.allNotifies(payloads, Ike.NOTIFY.NAT_DETECTION_SOURCE_IP)
  const destinations = Ike.allNotifies(payloads, Ike.NOTIFY.NAT_DETECTION_DESTINATION_IP)
  if (sources.length === 0 || destinations.length === 0) return undefined
  const matches = (notifies: readonly Ike.NotifyPayload[], hash: Uint8Array): boolean =>
    notifies.some(n => crypto.equal(n.data, hash))
  return {
    local: !matches(destinations, natHash(crypto, at, at.local)),
    remote: !matches(sources, natHash(crypto, at, at.remote)),
  }
}
