/**
 * The Internet checksum: RFC 1071 §1 to make and verify it, RFC 1624 §3 to change it without reading the rest.
 * A sum is an unfolded number: up to 64 KiB of words stay below 2^31, so sums of two parts may simply be added (below 2^32).
 */

/** Adds octets [from, to) as 16-bit words to `start`; the last odd octet counts as the high half, RFC 1071 §4.1. */
export function sum(view: DataView, from: number, to: number, start = 0): number {
  let total = start
  let at = from
  for (; at + 2 <= to; at += 2) total += view.getUint16(at)
  return at < to ? total + (view.getUint8(at) << 8) : total
}

/** Carries added back until 16 bits are left. */
export function fold(total: number): number {
  let rest = total
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16)
  return rest
}

/** What goes into the checksum field. */
export const finish = (total: number): number => ~fold(total) & 0xffff

/** A sum that includes its own checksum field is all ones where it is right, RFC 1071 §1 (3). */
export const good = (total: number): boolean => fold(total) === 0xffff

/** The checksum of octets [from, to), whose checksum field must be zero. */
export const of = (view: DataView, from: number, to: number): number => finish(sum(view, from, to))

/** The new checksum after one aligned word changed: HC' = ~(~HC + ~m + m'), RFC 1624 §3 eq. 3. */
export const replaced = (checksum: number, was: number, is: number): number =>
  finish((~checksum & 0xffff) + (~was & 0xffff) + is)

const swapped = (word: number): number => ((word << 8) | (word >>> 8)) & 0xffff

/** The same for a word at `offset` octets from where the sum begins: at an odd one its halves lie in two words. */
export const replacedAt = (checksum: number, offset: number, change: { was: number; is: number }): number =>
  offset & 1
    ? replaced(checksum, swapped(change.was), swapped(change.is))
    : replaced(checksum, change.was, change.is)
