import type { At, Drop, Packet } from '@brunel/base'

/**
 * RFC 4303 §2
 *
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |               Security Parameters Index (SPI)                 |
 *    |                      Sequence Number                          |
 *    |  IV, payload data (variable)                                  |
 *    +               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |               |     Padding (0-255 bytes)                     |
 *    +-+-+-+-+-+-+-+-+               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                               |  Pad Length   | Next Header   |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |         Integrity Check Value-ICV   (variable)                |
 */

export const HEADER = 8
/** Pad length and next header. */
export const TRAILER = 2

export function open(p: Packet, at: number): At<'esp'> | Drop {
  if (p.end - at < HEADER) return 'esp-truncated'
  // RFC 4303 §2.1: 0 is never on the wire, 1 to 255 are reserved.
  return p.view.getUint32(at) < 256 ? 'esp-spi-reserved' : (at as At<'esp'>)
}

export const spi = (p: Packet, esp: At<'esp'>): number => p.view.getUint32(esp)
/** The low 32 bits, the only ones on the wire (RFC 4303 §2.2.1). */
export const sequence = (p: Packet, esp: At<'esp'>): number => p.view.getUint32(esp + 4)
export const payloadAt = (esp: At<'esp'>): number => esp + HEADER

/** Puts SPI and sequence number in front of the whole packet. */
export function push(p: Packet, spi: number, sequenceLow: number): At<'esp'> | Drop {
  const at = p.prepend(HEADER)
  if (at < 0) return 'underlay-room'
  p.view.setUint32(at, spi)
  p.view.setUint32(at + 4, sequenceLow)
  return at as At<'esp'>
}

/** Octets of padding, so that `plaintext`, the padding and the trailer fill whole blocks of at least 4 (RFC 4303 §2.4). */
export const paddingFor = (plaintext: number, blockLength: number): number => {
  const block = Math.max(blockLength, 4)
  const rest = (plaintext + TRAILER) % block
  return rest === 0 ? 0 : block - rest
}

/** Adds `padding` octets 1, 2, 3, … (RFC 4303 §2.4), pad length and next header behind the packet. */
export function pushTrailer(p: Packet, padding: number, nextHeader: number): At<'esp-trailer'> | Drop {
  const at = p.append(padding + TRAILER)
  if (at < 0) return 'underlay-room'
  for (let i = 0; i < padding; i++) p.view.setUint8(at + i, i + 1)
  p.view.setUint8(at + padding, padding)
  p.view.setUint8(at + padding + 1, nextHeader)
  return (at + padding) as At<'esp-trailer'>
}

/**
 * Checks the trailer of a decrypted packet: the packet ends behind the next header (ICV taken off) and its plaintext
 * begins at `payloadAt`. The padding is inspected: RFC 4303 §2.4.
 */
export function openTrailer(p: Packet, payloadAt: number): At<'esp-trailer'> | Drop {
  const at = p.end - TRAILER
  if (at < payloadAt) return 'esp-truncated'
  const padding = p.view.getUint8(at)
  if (padding > at - payloadAt) return 'esp-padding'
  for (let i = 1; i <= padding; i++) {
    if (p.view.getUint8(at - padding - 1 + i) !== i) return 'esp-padding'
  }
  return at as At<'esp-trailer'>
}

export const padLength = (p: Packet, trailer: At<'esp-trailer'>): number => p.view.getUint8(trailer)
export const nextHeader = (p: Packet, trailer: At<'esp-trailer'>): number => p.view.getUint8(trailer + 1)
/** Where the payload data ends and the padding begins. */
export const payloadEnd = (p: Packet, trailer: At<'esp-trailer'>): number =>
  trailer - p.view.getUint8(trailer)
