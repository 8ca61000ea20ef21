import { bug, type Drop, type IkeSpi } from '@brunel/base'
import { hex, unhex } from './octets.js'

/**
 * The IKE header, RFC 7296 §3.1:
 *
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                       IKE SA Initiator's SPI                  |
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                       IKE SA Responder's SPI                  |
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                          Message ID                           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                            Length                             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export interface Header {
  readonly spiInitiator: IkeSpi
  /** NO_SPI in the first message of IKE_SA_INIT. */
  readonly spiResponder: IkeSpi
  readonly nextPayload: number
  readonly majorVersion: number
  readonly minorVersion: number
  readonly exchangeType: number
  /** The sender is the original initiator of this IKE SA. The other flag bits are ignored: RFC 7296 §3.1. */
  readonly initiator: boolean
  readonly response: boolean
  readonly messageId: number
  readonly length: number
}

/** What a sender decides; version 2.0, length and next payload follow from the rest. */
export type OutgoingHeader = Pick<
  Header,
  'spiInitiator' | 'spiResponder' | 'exchangeType' | 'initiator' | 'response' | 'messageId'
>

export const HEADER_LENGTH = 28
export const NO_SPI = '0000000000000000' as IkeSpi

const FLAG_INITIATOR = 0x08
const FLAG_RESPONSE = 0x20

/**
 * The header of a datagram without its non-ESP marker. A major version above 2 is returned, not dropped, since
 * the answer copies fields from it (RFC 7296 §2.5): whoever parses looks at `majorVersion` before anything else.
 */
export function parseHeader(bytes: Uint8Array): Header | Drop {
  if (bytes.length < HEADER_LENGTH) return 'ike-truncated'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(24)
  if (length !== bytes.length) return 'ike-length' // RFC 7296 §3.1
  const majorVersion = view.getUint8(17) >> 4
  if (majorVersion < 2) return 'ike-version' // IKEv1 is another protocol: RFC 7296 §2.5
  const spiInitiator = ikeSpi(bytes.subarray(0, 8))
  if (spiInitiator === NO_SPI) return 'ike-spi' // RFC 7296 §3.1
  const flags = view.getUint8(19)
  return {
    spiInitiator,
    spiResponder: ikeSpi(bytes.subarray(8, 16)),
    nextPayload: view.getUint8(16),
    majorVersion,
    minorVersion: view.getUint8(17) & 0x0f,
    exchangeType: view.getUint8(18),
    initiator: (flags & FLAG_INITIATOR) !== 0,
    response: (flags & FLAG_RESPONSE) !== 0,
    messageId: view.getUint32(20),
    length,
  }
}

/** What begins an IKEv1 SA (RFC 2408 §3.1, §4.4, §4.7), whose header is that of IKEv2; undefined for all else. */
export function version1Mode(bytes: Uint8Array): 'Main Mode' | 'Aggressive Mode' | undefined {
  if (bytes.length < HEADER_LENGTH || (bytes[17] as number) >> 4 !== 1) return undefined
  if (bytes.subarray(8, 16).some(octet => octet !== 0)) return undefined // a later message
  return bytes[18] === 2 ? 'Main Mode' : bytes[18] === 4 ? 'Aggressive Mode' : undefined
}

/** Writes 28 octets at the start of `into`. Version 2.0; X and V bits are 0: RFC 7296 §3.1. */
export function emitHeader(
  header: OutgoingHeader,
  nextPayload: number,
  length: number,
  into: Uint8Array,
): void {
  if (into.length < HEADER_LENGTH) bug('no room for an IKE header')
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  into.set(ikeSpiBytes(header.spiInitiator), 0)
  into.set(ikeSpiBytes(header.spiResponder), 8)
  view.setUint8(16, nextPayload)
  view.setUint8(17, 0x20)
  view.setUint8(18, header.exchangeType)
  view.setUint8(19, (header.initiator ? FLAG_INITIATOR : 0) | (header.response ? FLAG_RESPONSE : 0))
  view.setUint32(20, header.messageId)
  view.setUint32(24, length)
}

export const ikeSpi = (octets: Uint8Array): IkeSpi =>
  octets.length === 8 ? (hex(octets) as IkeSpi) : bug('an IKE SPI has 8 octets')

export const ikeSpiBytes = (spi: IkeSpi): Uint8Array => unhex(spi)
