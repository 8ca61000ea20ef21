/**
 * The payloads of IKE messages as plain readonly objects. Octet strings are views into the parsed message or
 * the sender's own; nobody writes to them.
 */

/** RFC 7296 §3.3.5: AF=1 carries a number, AF=0 octets. */
export interface Attribute {
  readonly type: number
  readonly value: number | Uint8Array
}

/** RFC 7296 §3.3.2. Unknown types, IDs and attributes are kept, so that a chooser can skip them (§3.3.6). */
export interface Transform {
  readonly type: number
  readonly id: number
  readonly attributes: readonly Attribute[]
}

/** RFC 7296 §3.3.1. */
export interface Proposal {
  readonly number: number
  readonly protocol: number
  readonly spi: Uint8Array
  readonly transforms: readonly Transform[]
}

/** RFC 7296 §3.13.1; addresses as canonical text, both ends included; ICMP type and code sit in the ports. */
export interface TrafficSelector {
  readonly protocol: number
  readonly startPort: number
  readonly endPort: number
  readonly startAddress: string
  readonly endAddress: string
}

export type SaPayload = { readonly type: 'SA'; readonly proposals: readonly Proposal[] }
export type KePayload = { readonly type: 'KE'; readonly group: number; readonly data: Uint8Array }
export type IdPayload = {
  readonly type: 'IDi' | 'IDr'
  readonly idType: number
  readonly data: Uint8Array
  /** The 24 RESERVED bits as received: AUTH covers them (RFC 7296 §2.15). Sent as 0. */
  readonly reserved?: number
}
export type CertPayload = {
  readonly type: 'CERT' | 'CERTREQ'
  readonly encoding: number
  readonly data: Uint8Array
}
export type AuthPayload = { readonly type: 'AUTH'; readonly method: number; readonly data: Uint8Array }
export type NoncePayload = { readonly type: 'NONCE'; readonly data: Uint8Array }
export type NotifyPayload = {
  readonly type: 'N'
  readonly notifyType: number
  /** 0 where there is no SPI: RFC 7296 §3.10. */
  readonly protocol: number
  readonly spi: Uint8Array
  readonly data: Uint8Array
}
export type DeletePayload = {
  readonly type: 'D'
  readonly protocol: number
  /** Empty for the IKE SA, 4 octets each for ESP: RFC 7296 §3.11. */
  readonly spis: readonly Uint8Array[]
}
export type VendorPayload = { readonly type: 'V'; readonly data: Uint8Array }
export type TsPayload = {
  readonly type: 'TSi' | 'TSr'
  /** Selectors of types we know; the others are skipped (RFC 7296 §2.9). */
  readonly selectors: readonly TrafficSelector[]
}
/** `first`: type of the first payload inside. `at`: where `body` (IV on) begins in the octets that were parsed. */
export type SkPayload = {
  readonly type: 'SK'
  readonly first: number
  readonly body: Uint8Array
  readonly at: number
}
/** RFC 7383 §2.5. */
export type SkfPayload = {
  readonly type: 'SKF'
  readonly first: number
  readonly number: number
  readonly total: number
  readonly body: Uint8Array
  readonly at: number
}
export type CpPayload = {
  readonly type: 'CP'
  readonly cfgType: number
  readonly attributes: readonly { readonly type: number; readonly value: Uint8Array }[]
}
export type EapPayload = { readonly type: 'EAP'; readonly message: Uint8Array }
export type UnknownPayload = {
  readonly type: 'unknown'
  readonly number: number
  readonly critical: boolean
  readonly body: Uint8Array
}

/** The critical bit of known payloads is ignored (RFC 7296 §2.5), so only unknown ones show it. */
export type Payload =
  | SaPayload
  | KePayload
  | IdPayload
  | CertPayload
  | AuthPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VendorPayload
  | TsPayload
  | SkPayload
  | SkfPayload
  | CpPayload
  | EapPayload
  | UnknownPayload

export type PayloadOf<T extends Payload['type']> = Extract<Payload, { readonly type: T }>

/** What may be put into a message by a caller; SK and SKF are made by `emitProtected` and `emitFragment`. */
export type PlainPayload = Exclude<Payload, SkPayload | SkfPayload>

/** The first payload of a type, or undefined. */
export const find = <T extends Payload['type']>(
  payloads: readonly Payload[],
  type: T,
): PayloadOf<T> | undefined => payloads.find((p): p is PayloadOf<T> => p.type === type)

/** Every payload of a type, in order. */
export const all = <T extends Payload['type']>(
  payloads: readonly Payload[],
  type: T,
): readonly PayloadOf<T>[] => payloads.filter((p): p is PayloadOf<T> => p.type === type)

/** The first notify of a type, or undefined. */
export const findNotify = (payloads: readonly Payload[], notifyType: number): NotifyPayload | undefined =>
  payloads.find((p): p is NotifyPayload => p.type === 'N' && p.notifyType === notifyType)

/** Every notify of a type: a message may carry several NAT_DETECTION_SOURCE_IP (RFC 7296 §2.23). */
export const allNotifies = (payloads: readonly Payload[], notifyType: number): readonly NotifyPayload[] =>
  payloads.filter((p): p is NotifyPayload => p.type === 'N' && p.notifyType === notifyType)

/** The first notify that reports an error, or undefined. */
export const errorNotify = (payloads: readonly Payload[]): NotifyPayload | undefined =>
  payloads.find((p): p is NotifyPayload => p.type === 'N' && p.notifyType < 16384)

/** The type number of the first unknown payload marked critical, for UNSUPPORTED_CRITICAL_PAYLOAD: RFC 7296 §2.5. */
export const unknownCritical = (payloads: readonly Payload[]): number | undefined =>
  payloads.find((p): p is UnknownPayload => p.type === 'unknown' && p.critical)?.number

const NONE = new Uint8Array(0)

/** A notify without SPI, whose protocol ID is 0: RFC 7296 §3.10. */
export const notify = (notifyType: number, data: Uint8Array = NONE): NotifyPayload => ({
  type: 'N',
  notifyType,
  protocol: 0,
  spi: NONE,
  data,
})

/** REKEY_SA, CHILD_SA_NOT_FOUND and INVALID_SELECTORS name an ESP SA: RFC 7296 §3.10. */
export const notifyChild = (notifyType: number, spi: number): NotifyPayload => ({
  type: 'N',
  notifyType,
  protocol: 3,
  spi: Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi),
  data: NONE,
})
