import { bug } from '@brunel/base'

const DIGITS = '0123456789abcdef'

export function hex(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += (DIGITS[octet >> 4] as string) + (DIGITS[octet & 15] as string)
  return text
}

/** The octets of hex digits that our own code made; anything else is a fault of ours. */
export function unhex(text: string): Uint8Array {
  if (text.length % 2 !== 0) bug('odd number of hex digits')
  const octets = new Uint8Array(text.length / 2)
  for (let i = 0; i < octets.length; i++) {
    const octet = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
    octets[i] = Number.isNaN(octet) ? bug('not a hex digit') : octet
  }
  return octets
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export const uint16 = (n: number): Uint8Array => Uint8Array.of(n >> 8, n)
export const uint32 = (n: number): Uint8Array => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n)

/** Big-endian; the caller has checked that the octets are there. */
export const readUint16 = (octets: Uint8Array, at: number): number =>
  ((octets[at] as number) << 8) | (octets[at + 1] as number)
export const readUint32 = (octets: Uint8Array, at: number): number =>
  readUint16(octets, at) * 0x10000 + readUint16(octets, at + 2)
