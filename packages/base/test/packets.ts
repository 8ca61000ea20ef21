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
