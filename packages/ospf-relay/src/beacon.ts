import type { Drop } from '@brunel/base'
import { Ike } from '@brunel/wire'

/**
 * What relays tell one another, once a second, on the LAN and through each tunnel:
 *
 *    |                            "BRLY"                             |
 *    |   version 1   |       0       |    number of the tunnel       |
 *    |                       relay that sends (8)                    |
 *    |                       name of its LAN (8)                     |
 *    |        count of links         |  far LAN (8), link (18) …     |
 *
 * The links are in beacons on the LAN only. All names are 16 hex digits, that of a link 36.
 */
export interface Beacon {
  readonly relay: string
  /** The lowest relay on its LAN, so that all of them say the same. */
  readonly lan: string
  /** Of the tunnel by which it goes, as the sender numbers them; 0 on the LAN. */
  readonly number: number
  readonly links: readonly Link[]
}

/** A way from the sender's LAN to another. Both ends of a tunnel give it the same name. */
export interface Link {
  readonly far: string
  readonly id: string
}

const MAGIC = 0x42524c59
const VERSION = 1
const FIXED = 26
const LINK = 26
/** Fits a datagram. A relay with more ways to choose from announces the first. */
const MOST_LINKS = 2000

export function emitBeacon({ relay, lan, number, links }: Beacon): Uint8Array {
  const told = links.slice(0, MOST_LINKS)
  const bytes = new Uint8Array(FIXED + told.length * LINK)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC)
  view.setUint8(4, VERSION)
  view.setUint16(6, number)
  bytes.set(Ike.unhex(relay), 8)
  bytes.set(Ike.unhex(lan), 16)
  view.setUint16(24, told.length)
  for (const [i, { far, id }] of told.entries()) bytes.set(Ike.unhex(far + id), FIXED + i * LINK)
  return bytes
}

export function parseBeacon(bytes: Uint8Array): Beacon | Drop {
  if (bytes.length < FIXED) return 'relay-beacon'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(24)
  if (view.getUint32(0) !== MAGIC || view.getUint8(4) !== VERSION) return 'relay-beacon'
  if (bytes.length !== FIXED + count * LINK || count > MOST_LINKS) return 'relay-beacon'
  const hex = (at: number, length: number): string => Ike.hex(bytes.subarray(at, at + length))
  return {
    relay: hex(8, 8),
    lan: hex(16, 8),
    number: view.getUint16(6),
    links: Array.from({ length: count }, (_, i) => ({
      far: hex(FIXED + i * LINK, 8),
      id: hex(FIXED + i * LINK + 8, 18),
    })),
  }
}
