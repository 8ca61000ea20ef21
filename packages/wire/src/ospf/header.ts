import type { Drop } from '@brunel/base'
import * as Checksum from '../checksum.js'
import { type Authentication, authenticationV2, authenticationV3 } from './authentication.js'

export type { Authentication } from './authentication.js'

/**
 * RFC 2328 §A.3.1
 *
 *    |   Version #   |     Type      |         Packet length         |
 *    |                          Router ID                            |
 *    |                           Area ID                             |
 *    |           Checksum            |  Instance ID  |    AuType     |
 *    |                       Authentication (8)                      |
 *
 * RFC 5340 §A.3.1: the same without the last row, and 0 where AuType is.
 * The instance of version 2 is RFC 6549's; RFC 7474 §3 draws it.
 */

export type Version = 2 | 3

/** The addresses of the IP packet: their family demands the version, and the checksum of version 3 covers them. */
export interface Ends {
  readonly source: Uint8Array
  readonly destination: Uint8Array
}

export interface Header {
  readonly version: Version
  /** In dots, as people write it. */
  readonly routerId: string
  readonly areaId: string
  readonly instance: number
  readonly authentication: Authentication
}

export const HEADER: Readonly<Record<Version, number>> = { 2: 24, 3: 16 }

const PROTOCOL = 89

export const dotted = (view: DataView, at: number): string =>
  `${view.getUint8(at)}.${view.getUint8(at + 1)}.${view.getUint8(at + 2)}.${view.getUint8(at + 3)}`

/** What every reader of OSPF needs before anything else: a version, a whole header, a length inside the packet. */
export function check(view: DataView, at: number, end: number): Drop | undefined {
  if (end - at < 4) return 'ospf-truncated'
  const version = view.getUint8(at)
  if (version !== 2 && version !== 3) return 'ospf-version'
  if (end - at < HEADER[version]) return 'ospf-truncated'
  const length = view.getUint16(at + 2)
  return length < HEADER[version] || length > end - at ? 'ospf-length' : undefined
}

/** The header of the OSPF packet that begins the view; `check` found it whole. */
export function headerOf(view: DataView, ends: Ends): Header | Drop {
  const version: Version = ends.source.length === 4 ? 2 : 3
  // RFC 2328 §8.2, RFC 5340 §4.2.2: the version must be that of the protocol which runs here.
  if (view.getUint8(0) !== version) return 'ospf-version'
  const authentication = version === 2 ? authenticationV2(view) : authenticationV3(view)
  if (typeof authentication === 'string') return authentication
  if (!checksumGood(view, ends, authentication)) return 'ospf-checksum'
  return {
    version,
    routerId: dotted(view, 4),
    areaId: dotted(view, 8),
    instance: view.getUint8(14),
    authentication,
  }
}

function checksumGood(view: DataView, ends: Ends, { type }: Authentication): boolean {
  if (ends.source.length === 16) return type === 'trailer' || Checksum.good(sumV3(view, ends))
  // RFC 2328 §D.4.3: not calculated with cryptographic authentication; RFC 7474 §3 is of the same kind.
  return (type !== 'null' && type !== 'password') || Checksum.good(sumV2(view))
}

/** RFC 2328 §A.3.1: of the entire packet but the 64-bit authentication field. */
export const sumV2 = (view: DataView): number =>
  Checksum.sum(view, 24, view.getUint16(2), Checksum.sum(view, 0, 16))

/** RFC 5340 §A.3.1: with a pseudo header whose length is that of the OSPF header. */
export function sumV3(view: DataView, { source, destination }: Ends): number {
  const length = view.getUint16(2)
  const pseudo = sumOf(source) + sumOf(destination) + length + PROTOCOL
  return Checksum.sum(view, 0, length, pseudo)
}

const sumOf = (bytes: Uint8Array): number =>
  Checksum.sum(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length)
