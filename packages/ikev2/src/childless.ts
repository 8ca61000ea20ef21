import { Ike as Wire } from '@brunel/wire'

/**
 * An IKE SA whose first child comes by CREATE_CHILD_SA, RFC 6023: only where the responder announced that it can.
 *
 *     HDR, SAi1, KEi, Ni  -->
 *                         <--  HDR, SAr1, KEr, Nr, N(CHILDLESS_IKEV2_SUPPORTED)
 *     HDR, SK {IDi, AUTH}  -->
 *                         <--  HDR, SK {IDr, AUTH}
 *     HDR, SK {SA, Ni, KEi, TSi, TSr}  -->
 */

/**
 * About the IKE SA, without SPI: RFC 6023 §4. In the request it tells nothing and is ignored (RFC 7296 §3.10.1); there it
 * keeps the answer from being longer than what it answers, for which a stranger would have to show a cookie.
 */
export const CHILDLESS: Wire.NotifyPayload = {
  ...Wire.notify(Wire.NOTIFY.CHILDLESS_IKEV2_SUPPORTED),
  protocol: Wire.PROTOCOL.IKE,
}

export const announcesChildless = (payloads: readonly Wire.Payload[]): boolean =>
  Wire.findNotify(payloads, Wire.NOTIFY.CHILDLESS_IKEV2_SUPPORTED) !== undefined
