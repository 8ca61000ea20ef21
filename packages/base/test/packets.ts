import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Packet } from '../src/packet.js'

export const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A packet as it came from the wire: nothing in front of it, nothing behind. */
export const received = (content: string | Uint8Array): Packet =>
  new Packet(typeof content === 'string' ? octets(content) : content)

/** A packet amid 0xa5, with room on both sides: an octet that nobody wrote shows up. */
export function inSlot(content: string | Uint8Array, room = 128): Packet {
  const bytes = typeof content === 'string' ? octets(content) : content
  const slot = new Uint8Array(bytes.length + 2 * room).fill(0xa5)
  slot.set(bytes, room)
  return new Packet(slot, room, room + bytes.length)
}

export const content = (p: Packet): Uint8Array => p.bytes.slice(p.start, p.end)

export const words = (...octetGroups: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(octetGroups))

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * Heap growth for each call in octets, the median of several rounds. The compiler and the measurement allocate too,
 * less than 2 octets a call; the smallest object takes 16. So below 4 nothing is allocated per call. A compiler that is
 * late, since others want the processor, has time until the last of some such medians.
 */
export function growthPerCall(call: (i: number) => void, calls = 200_000): number {
  const round = (): number => {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < calls; i++) call(i)
    return (process.memoryUsage().heapUsed - before) / calls
  }
  const median = (): number => Array.from({ length: 5 }, round).sort((a, b) => a - b)[2]!
  let growth = median()
  for (let more = 0; growth >= 4 && more < 5; more++) growth = median()
  return growth
}

/** The checksum of RFC 2328 §12.1.7 over all from `from` on is put at `at`. */
export function putFletcher(bytes: Uint8Array, from: number, at: number): Uint8Array {
  const copy = bytes.slice()
  copy.set([0, 0], at)
  let [c0, c1] = [0, 0]
  for (const octet of copy.subarray(from)) {
    c0 = (c0 + octet) % 255
    c1 = (c1 + c0) % 255
  }
  const mod = (n: number): number => ((n % 255) + 255) % 255 || 255
  const x = mod((copy.length - at - 1) * c0 - c1)
  copy.set([x, mod(-c0 - x)], at)
  return copy
}
