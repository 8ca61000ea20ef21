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

const IKE_PORT = 500

/** A whole IKE_SA_INIT request, RFC 7296 §1.2, that any router here would answer. */
function saInit(bytes: (n: number) => Buffer): Buffer {
  const payload = (next: number, body: Buffer): Buffer => {
    const head = Buffer.from([next, 0, 0, 0])
    head.writeUInt16BE(4 + body.length, 2)
    return Buffer.concat([head, body])
  }
  // AES-GCM-256, HMAC-SHA-384, X25519.
  const transforms = Buffer.from('0300000c01000014800e01000300000802000006000000080400001f', 'hex')
  const proposal = Buffer.concat([Buffer.from([0, 0, 0, 8 + transforms.length, 1, 1, 0, 3]), transforms])
  const notify = (type: number): Buffer =>
    Buffer.concat([Buffer.from([0, 0, type >> 8, type & 255]), bytes(20)])
  const chain = Buffer.concat([
    payload(34, proposal),
    payload(40, Buffer.concat([Buffer.from([0, 31, 0, 0]), bytes(32)])),
    payload(41, bytes(32)),
    payload(41, notify(16388)),
    payload(0, notify(16389)),
  ])
  const header = Buffer.concat([
    bytes(8),
    Buffer.alloc(8),
    Buffer.from([33, 0x20, 34, 0x08]),
    Buffer.alloc(8),
  ])
  header.writeUInt32BE(header.length + chain.length, 24)
  return Buffer.concat([header, chain])
}

/** Pure: IKE_SA_INIT from addresses that are not the sender's, some of them `victim`'s. */
export function spoofedPool(
  seed: number,
  to: { readonly target: string; readonly victim: string },
  rows = 4000,
): string {
  const roll = dice(seed)
  const bytes = (n: number): Buffer => Buffer.from(Array.from({ length: n }, () => roll() & 255))
  const octets = (address: string): number[] => address.split('.').map(Number)
  return Array.from({ length: rows }, (_, n) => {
    const source = n % 8 === 0 ? octets(to.victim) : [203, 0, 113, 3 + (roll() % 250)]
    const message = saInit(bytes)
    const udp = Buffer.alloc(8) // no checksum: RFC 768
    udp.writeUInt16BE(IKE_PORT, 0)
    udp.writeUInt16BE(IKE_PORT, 2)
    udp.writeUInt16BE(udp.length + message.length, 4)
    const length = 20 + udp.length + message.length
    const ip = Buffer.from([
      0x45,
      0,
      length >> 8,
      length & 255,
      0,
      0,
      0,
      0,
      64,
      17,
      0,
      0,
      ...source,
      ...octets(to.target),
    ])
    return `ip ${Buffer.concat([ip, udp, message]).toString('hex')}`
  }).join('\n')
}

export interface FloodOptions {
  readonly perSecond: number
  readonly seconds: number
  readonly pool: string
  /** Seconds that a slow machine may take for as many packets; left out: it sends fewer. */
  readonly atMost?: number
  readonly until?: AbortSignal
}

/** Answers how many packets of each kind were sent. */
export async function flood(
  from: Namespace,
  to: string,
  options: FloodOptions,
): Promise<Readonly<Record<string, number>>> {
  const { perSecond, seconds, pool, atMost = seconds, until } = options
  const out = await from.must(['perl', SCRIPT, to, `${perSecond}`, `${seconds}`, `${atMost}`], {
    input: pool,
    limit: (atMost + 60) * 1000,
    ...(until && { until }),
  })
  return Object.fromEntries(
    [...out.matchAll(/(\w+)=(\d+)/g)].map(([, kind = '', count]) => [kind, Number(count)]),
  )
}
