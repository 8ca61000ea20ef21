import { isIPv4 } from 'node:net'
import type { Endpoint, Instant } from '@brunel/base'
import type { Datagram } from './network.js'

const LINKTYPE_RAW = 101
const MAGIC_MICROSECONDS = 0xa1b2c3d4

/** Collects datagrams, or whole IP packets, and writes them as a capture (classic pcap, LINKTYPE_RAW) with right lengths and checksums. */
export class Pcap {
  readonly #records: { readonly at: Instant; readonly what: Datagram | Uint8Array }[] = []

  add(at: Instant, what: Datagram | Uint8Array): void {
    this.#records.push({ at, what })
  }

  file(): Uint8Array {
    const parts: Uint8Array[] = [fileHeader()]
    for (const { at, what } of this.#records) {
      const packet = what instanceof Uint8Array ? what : ipPacket(what)
      const header = new DataView(new ArrayBuffer(16))
      header.setUint32(0, Math.floor(at / 1000))
      header.setUint32(4, Math.round((at % 1000) * 1000))
      header.setUint32(8, packet.length)
      header.setUint32(12, packet.length)
      parts.push(new Uint8Array(header.buffer), packet)
    }
    return Buffer.concat(parts)
  }
}

function fileHeader(): Uint8Array {
  const view = new DataView(new ArrayBuffer(24))
  view.setUint32(0, MAGIC_MICROSECONDS)
  view.setUint16(4, 2)
  view.setUint16(6, 4)
  view.setUint32(16, 0x40000)
  view.setUint32(20, LINKTYPE_RAW)
  return new Uint8Array(view.buffer)
}

/** The datagram as an IP packet, version by the source address. */
export function ipPacket(datagram: Datagram): Uint8Array {
  const body = datagram.protocol === 17 ? udp(datagram) : datagram.bytes
  const [from, to] = [octets(datagram.from), octets(datagram.to)]
  const header = from.length === 4 ? ipv4Header(datagram, body.length) : ipv6Header(datagram, body.length)
  header.set(from, from.length === 4 ? 12 : 8)
  header.set(to, from.length === 4 ? 16 : 24)
  if (from.length === 4) new DataView(header.buffer).setUint16(10, checksum(header))
  if (datagram.protocol === 17) {
    const pseudo = Buffer.concat([from, to, Uint8Array.of(0, 17, body.length >> 8, body.length & 0xff), body])
    new DataView(body.buffer).setUint16(6, checksum(pseudo) || 0xffff)
  }
  return Buffer.concat([header, body])
}

function udp({ from, to, bytes }: Datagram): Uint8Array {
  const packet = new Uint8Array(8 + bytes.length)
  const view = new DataView(packet.buffer)
  view.setUint16(0, from.port)
  view.setUint16(2, to.port)
  view.setUint16(4, packet.length)
  packet.set(bytes, 8)
  return packet
}

function ipv4Header(datagram: Datagram, length: number): Uint8Array {
  const header = new Uint8Array(20)
  header.set([0x45, 0, (20 + length) >> 8, (20 + length) & 0xff, 0, 0, 0x40, 0, 64, datagram.protocol])
  return header
}

function ipv6Header(datagram: Datagram, length: number): Uint8Array {
  const header = new Uint8Array(40)
  header.set([0x60, 0, 0, 0, length >> 8, length & 0xff, datagram.protocol, 64])
  return header
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

/** The octets of an address in canonical text. */
function octets({ address }: Endpoint): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number)
  const [head = '', tail = ''] = address.split('::')
  const words = (text: string): number[] =>
    text === '' ? [] : text.split(':').map(word => Number.parseInt(word, 16))
  const [front, back] = [words(head), words(tail)]
  const all = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back]
  return Uint8Array.from(all.flatMap(word => [word >> 8, word & 0xff]))
}
