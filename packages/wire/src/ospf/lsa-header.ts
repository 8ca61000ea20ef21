import { dotted } from './header.js'

/**
 * RFC 2328 §A.4.1                                  RFC 5340 §A.4.2: octets 2 and 3 are the type
 *
 *    |            LS age             |    Options    |    LS type    |
 *    |                        Link State ID                          |
 *    |                     Advertising Router                        |
 *    |                     LS sequence number                        |
 *    |         LS checksum           |             length            |
 */
export interface LsaHeader {
  /** Seconds. */
  readonly age: number
  /** RFC 1793 §2.2: it does not age. */
  readonly doNotAge: boolean
  /** Version 2: 1 to 11; version 3: with its flooding scope, 0x2001… */
  readonly type: number
  readonly linkStateId: string
  readonly advertisingRouter: string
  /** Signed: RFC 2328 §12.1.6. */
  readonly sequence: number
  readonly checksum: number
}

export const LSA_HEADER = 20
/** Seconds: RFC 2328 §B. */
export const MAX_AGE = 3600

const DO_NOT_AGE = 0x8000

/** The caller knows that there are 20 octets. */
export function lsaHeader(view: DataView, at: number, version: 2 | 3): LsaHeader {
  const age = view.getUint16(at)
  return {
    age: age & 0x7fff,
    doNotAge: (age & DO_NOT_AGE) !== 0,
    type: version === 2 ? view.getUint8(at + 3) : view.getUint16(at + 2),
    linkStateId: dotted(view, at + 4),
    advertisingRouter: dotted(view, at + 8),
    sequence: view.getInt32(at + 12),
    checksum: view.getUint16(at + 16),
  }
}

/** RFC 2328 §12.1.7: Fletcher's, over all but the age. */
export function lsaChecksumGood(bytes: Uint8Array): boolean {
  let [c0, c1] = [0, 0]
  for (let at = 2; at < bytes.length; at++) {
    c0 = (c0 + bytes[at]!) % 255
    c1 = (c1 + c0) % 255
  }
  return c0 === 0 && c1 === 0
}

/** The same LSA, so old: RFC 2328 §13.3 (5), what is sent on has aged. No more than MaxAge. */
export function aged(lsa: Uint8Array, age: number): Uint8Array {
  const copy = new Uint8Array(lsa)
  const view = new DataView(copy.buffer)
  const flag = view.getUint16(0) & DO_NOT_AGE
  view.setUint16(0, flag | Math.min(MAX_AGE, Math.max(0, Math.floor(age))))
  return copy
}
