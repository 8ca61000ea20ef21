import * as Checksum from './checksum.js'

/**
 * ICMP messages as plain objects: RFC 792 and RFC 1191 §4 for IPv4, RFC 4443 for IPv6.
 *
 *    |     Type      |     Code      |          Checksum             |
 *    |        rest of header: unused, or identifier | sequence, MTU  |
 *    |      data, or as much of the invoking packet as fits          |
 */

export type Message =
  | {
      readonly type: 'echo-request' | 'echo-reply'
      readonly identifier: number
      readonly sequence: number
      readonly data: Uint8Array
    }
  /** IPv4: 3/4; 0 from a router older than RFC 1191. IPv6: type 2. */
  | { readonly type: 'too-big'; readonly mtu: number; readonly quote: Uint8Array }
  | { readonly type: 'unreachable' | 'time-exceeded'; readonly code: number; readonly quote: Uint8Array }
  | {
      readonly type: 'other'
      readonly number: number
      readonly code: number
      readonly rest: number
      readonly data: Uint8Array
    }

export const HEADER = 8

const NUMBERS = {
  4: { 'echo-reply': 0, unreachable: 3, 'echo-request': 8, 'time-exceeded': 11 },
  6: { 'echo-reply': 129, unreachable: 1, 'echo-request': 128, 'time-exceeded': 3 },
} as const

const FRAGMENTATION_NEEDED = 4 // RFC 792: type 3, code 4
const PACKET_TOO_BIG = 2 // RFC 4443 §3.2

const ERRORS_V4 = new Set([3, 4, 5, 11, 12])

/** RFC 1812 §4.3.2.7: no error about an error. RFC 4443 §2.1: in IPv6 those below 128; redirect counts too, §2.4 (e.2). */
export const isError = (family: 4 | 6, type: number): boolean =>
  family === 4 ? ERRORS_V4.has(type) : type < 128 || type === 137

function read(family: 4 | 6, bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [number, code, rest] = [view.getUint8(0), view.getUint8(1), view.getUint32(4)]
  const data = bytes.slice(HEADER)
  const known = NUMBERS[family]
  if (family === 4 && number === known.unreachable && code === FRAGMENTATION_NEEDED) {
    return { type: 'too-big', mtu: rest & 0xffff, quote: data }
  }
  if (family === 6 && number === PACKET_TOO_BIG) return { type: 'too-big', mtu: rest, quote: data }
  if (number === known.unreachable) return { type: 'unreachable', code, quote: data }
  if (number === known['time-exceeded']) return { type: 'time-exceeded', code, quote: data }
  if (number === known['echo-request'] || number === known['echo-reply']) {
    const type = number === known['echo-request'] ? 'echo-request' : 'echo-reply'
    return { type, identifier: rest >>> 16, sequence: rest & 0xffff, data }
  }
  return { type: 'other', number, code, rest, data }
}

/** undefined: cut short, or the checksum is wrong (RFC 4443 §2.3). `pseudo`: sum of the pseudo header, 0 for IPv4. */
function parse(family: 4 | 6, bytes: Uint8Array, pseudo: number): Message | undefined {
  if (bytes.length < HEADER) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Checksum.good(Checksum.sum(view, 0, bytes.length, pseudo)) ? read(family, bytes) : undefined
}

function numbers(family: 4 | 6, message: Message): { number: number; code: number; rest: number } {
  const known = NUMBERS[family]
  switch (message.type) {
    case 'too-big':
      return family === 4
        ? { number: known.unreachable, code: FRAGMENTATION_NEEDED, rest: message.mtu & 0xffff }
        : { number: PACKET_TOO_BIG, code: 0, rest: message.mtu }
    case 'echo-request':
    case 'echo-reply':
      return {
        number: known[message.type],
        code: 0,
        rest: ((message.identifier << 16) | message.sequence) >>> 0,
      }
    case 'other':
      return message
    default:
      return { number: known[message.type], code: message.code, rest: 0 }
  }
}

function emit(family: 4 | 6, message: Message, pseudo: (length: number) => number): Uint8Array {
  const data = 'quote' in message ? message.quote : message.data
  const bytes = new Uint8Array(HEADER + data.length)
  const view = new DataView(bytes.buffer)
  const { number, code, rest } = numbers(family, message)
  view.setUint8(0, number)
  view.setUint8(1, code)
  view.setUint32(4, rest)
  bytes.set(data, HEADER)
  view.setUint16(2, Checksum.finish(Checksum.sum(view, 0, bytes.length, pseudo(bytes.length))))
  return bytes
}

export const parseV4 = (bytes: Uint8Array): Message | undefined => parse(4, bytes, 0)
export const emitV4 = (message: Message): Uint8Array => emit(4, message, () => 0)

/** The two addresses of an ICMPv6 message, which its checksum covers: RFC 4443 §2.3. */
export interface Ends {
  readonly source: Uint8Array
  readonly destination: Uint8Array
}

function pseudoV6(ends: Ends, length: number): number {
  const sumOf = (address: Uint8Array): number =>
    Checksum.sum(new DataView(address.buffer, address.byteOffset, address.byteLength), 0, 16)
  return sumOf(ends.source) + sumOf(ends.destination) + length + 58
}

export const parseV6 = (bytes: Uint8Array, ends: Ends): Message | undefined =>
  parse(6, bytes, pseudoV6(ends, bytes.length))
export const emitV6 = (message: Message, ends: Ends): Uint8Array =>
  emit(6, message, length => pseudoV6(ends, length))
