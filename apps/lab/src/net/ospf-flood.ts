/** Pure: OSPF packets that are nearly right, for `flood`. Lines of `ip HEX`. */

export interface OspfPool {
  /** Where the packets go: a group, or one address. */
  readonly to: string
  /** Whose packets they claim to be, in turn. */
  readonly from: readonly string[]
  readonly seed: number
  readonly rows?: number
}

const octets = (address: string): readonly number[] => address.split('.').map(Number)

/** RFC 1071 §1. */
function checksum(of: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < of.length; at += 2) sum += ((of[at] ?? 0) << 8) | (of[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** RFC 2328 §A.3.2, with a right checksum. */
function hello(routerId: string): Buffer {
  const packet = Buffer.alloc(44)
  packet.set([2, 1, 0, 44, ...octets(routerId)])
  packet.set([255, 255, 255, 0, 0, 1, 2, 1, 0, 0, 0, 4], 24)
  packet.writeUInt16BE(checksum(packet), 12)
  return packet
}

interface Outer {
  readonly ttl?: number
  readonly fragment?: number
  readonly length?: number
}

function ip(from: string, to: string, payload: Uint8Array, id: number, outer: Outer = {}): Buffer {
  const { ttl = 1, fragment = 0, length = 20 + payload.length } = outer
  const header = Buffer.from([0x45, 0xc0, 0, 0, 0, 0, 0, 0, ttl, 89, 0, 0, ...octets(from), ...octets(to)])
  header.writeUInt16BE(length, 2)
  header.writeUInt16BE(id & 0xffff, 4)
  header.writeUInt16BE(fragment, 6)
  header.writeUInt16BE(checksum(header), 10)
  return Buffer.concat([header, payload])
}

/** What is wrong with each, and how often; a Hello that is right counts too. */
const MAKES: readonly ((from: string, to: string, n: number) => Buffer)[] = [
  (from, to, n) => ip(from, to, hello(from), n),
  (from, to, n) => ip(from, to, hello(`66.0.${(n >> 8) & 255}.${n & 255}`), n),
  (from, to, n) => ip(from, to, hello(from), n, { ttl: 255 }),
  (from, to, n) => ip(from, to, hello(from), n, { ttl: 2 }),
  (from, to, n) => ip(from, to, hello(from), n, { fragment: 0x2000 }),
  (from, to, n) => ip(from, to, hello(from), n, { fragment: 64 }),
  (from, to, n) => ip(from, to, spoilt(hello(from), 0, 9), n), // no such version
  (from, to, n) => ip(from, to, spoilt(hello(from), 1, 77), n), // no such type
  (from, to, n) => ip(from, to, spoilt(hello(from), 2, 0xff), n), // longer than the packet
  (from, to, n) => ip(from, to, spoilt(hello(from), 3, 3), n), // shorter than its header
  (from, to, n) => ip(from, to, spoilt(hello(from), 30, 0xaa), n), // checksum
  (from, to, n) => ip(from, to, hello(from).subarray(0, n % 24), n),
]

function spoilt(packet: Buffer, at: number, value: number): Buffer {
  packet[at] = value
  return packet
}

export function ospfPool({ to, from, seed, rows = 1200 }: OspfPool): string {
  return Array.from({ length: rows }, (_, i) => {
    const make = MAKES[i % MAKES.length]!
    const source = from[Math.floor(i / MAKES.length) % from.length]!
    return `ip ${make(source, to, seed + i).toString('hex')}`
  }).join('\n')
}
