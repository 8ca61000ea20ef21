import { fileURLToPath } from 'node:url'
import type { Namespace } from './namespace.js'

const SCRIPT = fileURLToPath(new URL('../../../src/net/flood.pl', import.meta.url))

/** Deterministic: the same flood each time. */
function dice(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 8
  }
}

/**
 * Pure: packets that are nearly right, since what is only noise dies at the first check. Lines of `KIND HEX`.
 */
export function malformedPool(seed: number, rows = 4000): string {
  const roll = dice(seed)
  const one = <T>(of: readonly T[]): T => of[roll() % of.length] as T
  const bytes = (n: number): Buffer => Buffer.from(Array.from({ length: n }, () => roll() & 255))
  const lengths = [28, 40, 64, 120, 200, 400]

  function ike(length: number): Buffer {
    const packet = bytes(length)
    if (roll() % 3 > 0) packet.fill(0, 8, 16) // the responder's SPI: a first message
    packet[16] = one([33, 0, 34, 46, 53, 255, 41])
    packet[17] = one([0x20, 0x20, 0x20, 0x10, 0x30])
    packet[18] = one([34, 35, 36, 37, 0, 255])
    packet[19] = one([0x08, 0x20, 0x28, 0, 0xff])
    packet.writeUInt32BE(one([0, 1, 0xffffffff]), 20)
    packet.writeUInt32BE(one([length, length, length, 0, 28, 0xffffffff]), 24)
    if (length >= 32) packet.writeUInt16BE(one([4, 0, 3, length - 28, 0xffff]), 30)
    return packet
  }
  const kinds = {
    udp500: () => ike(one(lengths)),
    udp4500: () =>
      roll() % 2 === 0 ? Buffer.concat([Buffer.alloc(4), ike(one(lengths))]) : bytes(one(lengths)),
    esp: () => bytes(one([1, 8, 12, 40, 200])),
    gre: () =>
      Buffer.concat([
        Buffer.from(one(['00000800', 'b0000800', '20000800', '40000800', '00010800', '2001880b']), 'hex'),
        bytes(one([0, 4, 40])),
      ]),
  }
  const mix = [
    'udp500',
    'udp500',
    'udp500',
    'udp4500',
    'udp4500',
    'udp4500',
    'udp4500',
    'udp4500',
    'esp',
    'gre',
  ] as const
  return Array.from({ length: rows }, () => {
    const kind = one(mix)
    return `${kind} ${kinds[kind]().toString('hex')}`
  }).join('\n')
}

/** Answers how many packets of each kind were sent. */
export async function flood(
  from: Namespace,
  to: string,
  options: { readonly perSecond: number; readonly seconds: number; readonly pool: string },
): Promise<Readonly<Record<string, number>>> {
  const { perSecond, seconds, pool } = options
  const out = await from.must(['perl', SCRIPT, to, `${perSecond}`, `${seconds}`], {
    input: pool,
    limit: (seconds + 20) * 1000,
  })
  return Object.fromEntries(
    [...out.matchAll(/(\w+)=(\d+)/g)].map(([, kind = '', count]) => [kind, Number(count)]),
  )
}
