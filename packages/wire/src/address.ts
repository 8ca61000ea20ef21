import type { Family } from '@brunel/base'

/**
 * IP addresses. Text is for people and configuration, in one canonical form (RFC 5952 §4); the data path holds
 * 4 or 16 octets and compares them in place.
 */

export interface Prefix {
  /** With all bits behind `length` zero. */
  readonly address: Uint8Array
  readonly length: number
}

const octetOf = (text: string): number => (/^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : 256)

function parseV4(text: string): Uint8Array | undefined {
  const octets = text.split('.').map(octetOf)
  return octets.length === 4 && octets.every(octet => octet < 256) ? Uint8Array.from(octets) : undefined
}

/** The 16-bit groups of one side of `::`, a dotted IPv4 tail as two; undefined where one is malformed. */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const tail = index === parts.length - 1 && part.includes('.') ? parseV4(part) : undefined
    if (tail) groups.push((tail[0]! << 8) | tail[1]!, (tail[2]! << 8) | tail[3]!)
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

function parseV6(text: string): Uint8Array | undefined {
  const sides = text.split('::')
  if (sides.length > 2) return undefined
  if (sides.length === 2 && sides[0]!.includes('.')) return undefined
  const [head, tail] = [groupsOf(sides[0]!), sides.length === 2 ? groupsOf(sides[1]!) : []]
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  // RFC 4291 §2.2: `::` stands for one or more groups.
  if (sides.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail]
  return Uint8Array.from(groups.flatMap(group => [group >>> 8, group & 0xff]))
}

/** 4 or 16 octets, or undefined where it is no IP address. No zone, no prefix length, no octal. */
export const parse = (text: string): Uint8Array | undefined =>
  text.includes(':') ? parseV6(text) : parseV4(text)

const groupAt = (bytes: Uint8Array, index: number): number => (bytes[index * 2]! << 8) | bytes[index * 2 + 1]!

/** RFC 5952 §4.2.3: the first of the longest runs of at least two zero groups. */
function longestZeros(groups: readonly number[]): { from: number; count: number } {
  let best = { from: -1, count: 1 }
  for (let from = 0; from < groups.length; from++) {
    let count = 0
    while (groups[from + count] === 0) count++
    if (count > best.count) best = { from, count }
  }
  return best
}

const isV4Mapped = (bytes: Uint8Array): boolean =>
  bytes.length === 16 && bytes[10] === 0xff && bytes[11] === 0xff && bytes.every((b, i) => i >= 10 || b === 0)

/** The canonical text of 4 or 16 octets, RFC 5952 §4; an IPv4-mapped address with its dots, §5. */
export function format(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (isV4Mapped(bytes)) return `::ffff:${bytes.slice(12).join('.')}`
  const groups = Array.from({ length: 8 }, (_, index) => groupAt(bytes, index))
  const words = groups.map(group => group.toString(16))
  const zeros = longestZeros(groups)
  if (zeros.from < 0) return words.join(':')
  return `${words.slice(0, zeros.from).join(':')}::${words.slice(zeros.from + zeros.count).join(':')}`
}

/** The one text of an address however it was written, or undefined. */
export function canonical(text: string): string | undefined {
  const bytes = parse(text)
  return bytes && format(bytes)
}

export const family = (address: Uint8Array): Family => (address.length === 4 ? 4 : 6)

/** Sorts by family, then octet by octet. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!
  }
  return 0
}

export const equal = (a: Uint8Array, b: Uint8Array): boolean => compare(a, b) === 0

/** Whether the octets at `at` are this address. */
export function equalAt(bytes: Uint8Array, at: number, address: Uint8Array): boolean {
  for (let i = 0; i < address.length; i++) {
    if (bytes[at + i] !== address[i]) return false
  }
  return true
}

/** Below 0, 0 or above 0 as the octets at `at` come before, are, or come behind this address. */
export function compareAt(bytes: Uint8Array, at: number, address: Uint8Array): number {
  for (let i = 0; i < address.length; i++) {
    const difference = bytes[at + i]! - address[i]!
    if (difference !== 0) return difference
  }
  return 0
}

export function copyTo(address: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < address.length; i++) bytes[at + i] = address[i]!
}

function masked(address: Uint8Array, length: number): Uint8Array {
  return address.map((octet, i) => {
    const kept = Math.min(8, Math.max(0, length - i * 8))
    return octet & (0xff00 >> kept) & 0xff
  })
}

/** `10.7.0.0/16`; host bits are cleared. A bare address is a prefix of full length. */
export function parsePrefix(text: string): Prefix | undefined {
  const [host = '', bits, ...more] = text.split('/')
  const address = parse(host)
  if (!address || more.length > 0) return undefined
  if (bits !== undefined && !/^(0|[1-9]\d{0,2})$/.test(bits)) return undefined
  const length = bits === undefined ? address.length * 8 : Number(bits)
  return length > address.length * 8 ? undefined : { address: masked(address, length), length }
}

export const formatPrefix = (prefix: Prefix): string => `${format(prefix.address)}/${prefix.length}`

/** Whether an address lies in a prefix of its family. */
export const contains = (prefix: Prefix, address: Uint8Array): boolean =>
  prefix.address.length === address.length && equal(masked(address, prefix.length), prefix.address)

/** Whether two prefixes have an address in common. */
export const overlap = (a: Prefix, b: Prefix): boolean =>
  a.length <= b.length ? contains(a, b.address) : contains(b, a.address)

/** 224.0.0.0/4 (RFC 1112 §4), ff00::/8 (RFC 4291 §2.7). */
export const isMulticast = (address: Uint8Array): boolean =>
  address.length === 4 ? (address[0]! & 0xf0) === 0xe0 : address[0] === 0xff
