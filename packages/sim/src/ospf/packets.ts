import { isDrop, Packet } from '@brunel/base'
import { Address, Checksum, Ipv4 } from '@brunel/wire'
import { joined } from '../octets.js'
import { LSA_HEADER, type Lsa, lsaAt, octets, u16, u32 } from './lsa.js'

/** OSPFv2 packets of the test's own routers: RFC 2328 §A.3. Written apart from the reader that the relay has. */
export const TYPE = { hello: 1, description: 2, request: 3, update: 4, acknowledgment: 5 } as const
export const ALL_ROUTERS = '224.0.0.5'
export const DESIGNATED_ROUTERS = '224.0.0.6'
export const NOBODY = '0.0.0.0'
export const FLAG = { init: 4, more: 2, master: 1 } as const

export const MASK = '255.255.255.0'
export const MTU = 1500
export const HELLO_SECONDS = 10
export const DEAD_SECONDS = 40
const OPTIONS = 2
const HEADER = 24
const KEY = 9

export interface Hello {
  readonly priority: number
  readonly designatedRouter: string
  readonly backup: string
  readonly neighbours: readonly string[]
}

export interface Description {
  readonly mtu: number
  readonly flags: number
  readonly sequence: number
  readonly headers: readonly Lsa[]
}

/** One packet as a router understands it: whose, to whom, and what. */
export interface Received {
  readonly from: string
  readonly to: string
  readonly routerId: string
  readonly type: number
  readonly view: DataView
  readonly body: Uint8Array
}

export const helloBody = ({ priority, designatedRouter, backup, neighbours }: Hello): Uint8Array =>
  joined(
    octets(MASK),
    u16(HELLO_SECONDS),
    Uint8Array.of(OPTIONS, priority),
    u32(DEAD_SECONDS),
    ...[designatedRouter, backup, ...neighbours].map(octets),
  )

export const descriptionBody = ({ mtu, flags, sequence, headers }: Description): Uint8Array =>
  joined(u16(mtu), Uint8Array.of(OPTIONS, flags), u32(sequence), ...headers.map(headerOf))

export const headerOf = ({ bytes }: Lsa): Uint8Array => bytes.slice(0, LSA_HEADER)

/** RFC 2328 §A.3.4: the type has four octets there. */
export const requestBody = (lsas: readonly Lsa[]): Uint8Array =>
  joined(...lsas.map(({ bytes }) => joined(new Uint8Array(3), bytes.slice(3, 3 + KEY))))

export const updateBody = (lsas: readonly Lsa[]): Uint8Array =>
  joined(u32(lsas.length), ...lsas.map(({ bytes }) => bytes))

export const readHello = ({ body, view }: Received): (Hello & { readonly agrees: boolean }) | undefined =>
  body.length < 20
    ? undefined
    : {
        agrees:
          Address.format(body.slice(0, 4)) === MASK &&
          view.getUint16(4) === HELLO_SECONDS &&
          view.getUint8(6) === OPTIONS &&
          view.getUint32(8) === DEAD_SECONDS,
        priority: view.getUint8(7),
        designatedRouter: Address.format(body.slice(12, 16)),
        backup: Address.format(body.slice(16, 20)),
        neighbours: pieces(body, 20, 4).map(Address.format),
      }

export const readDescription = ({ body, view }: Received): Description => ({
  mtu: view.getUint16(0),
  flags: view.getUint8(3),
  sequence: view.getUint32(4),
  headers: readHeaders(body, 8),
})

export const readHeaders = (body: Uint8Array, from: number): readonly Lsa[] =>
  pieces(body, from, LSA_HEADER).map(piece => lsaAt(piece, 0, LSA_HEADER))

/** The keys of what is asked for. */
export const readRequest = ({ body }: Received): readonly string[] =>
  pieces(body, 0, 12).map(piece => String.fromCharCode(...piece.subarray(3)))

export function readUpdate({ body, view }: Received): readonly Lsa[] {
  const lsas: Lsa[] = []
  for (let at = 4; at + LSA_HEADER <= body.length; at += Math.max(LSA_HEADER, view.getUint16(at + 18)))
    lsas.push(lsaAt(body, at, view.getUint16(at + 18)))
  return lsas
}

const pieces = (body: Uint8Array, from: number, size: number): Uint8Array[] =>
  Array.from({ length: Math.floor((body.length - from) / size) }, (_, i) =>
    body.slice(from + i * size, from + (i + 1) * size),
  )

export interface Sender {
  readonly address: string
  readonly routerId: string
  /** Of IPv4; another for each packet. */
  readonly identification: number
}

/** A whole IP packet: TTL 1, CS6 (RFC 2328 §A.1), no authentication. */
export function packet(sender: Sender, to: string, type: number, body: Uint8Array): Uint8Array {
  const start = Ipv4.HEADER
  const bytes = joined(
    new Uint8Array(start),
    Uint8Array.of(2, type),
    u16(HEADER + body.length),
    octets(sender.routerId),
    new Uint8Array(HEADER - 8),
    body,
  )
  const view = new DataView(bytes.buffer, start)
  view.setUint16(12, Checksum.finish(Checksum.sum(view, 0, view.byteLength)))
  Ipv4.push(new Packet(bytes, start), {
    source: octets(sender.address),
    destination: octets(to),
    protocol: Ipv4.PROTOCOL.ospf,
    ttl: 1,
    tos: 0xc0,
    identification: sender.identification & 0xffff,
    dontFragment: false,
  })
  return bytes
}

/** RFC 2328 §8.2; undefined where a router would drop it. */
export function read(bytes: Uint8Array): Received | undefined {
  const p = new Packet(bytes)
  const ip = Ipv4.open(p, 0)
  if (isDrop(ip) || !Ipv4.checksumGood(p, ip)) return undefined
  if (Ipv4.protocol(p, ip) !== Ipv4.PROTOCOL.ospf || Ipv4.ttl(p, ip) !== 1) return undefined
  const ospf = bytes.slice(Ipv4.payloadAt(p, ip), Ipv4.endAt(p, ip))
  const view = new DataView(ospf.buffer)
  if (ospf.length < HEADER || ospf[0] !== 2 || view.getUint16(2) !== ospf.length) return undefined
  if (!Checksum.good(Checksum.sum(view, 0, ospf.length))) return undefined
  return {
    ...endsOf(bytes),
    routerId: Address.format(ospf.slice(4, 8)),
    type: view.getUint8(1),
    view: new DataView(ospf.buffer, HEADER),
    body: ospf.slice(HEADER),
  }
}

export const endsOf = (bytes: Uint8Array): { readonly from: string; readonly to: string } => ({
  from: Address.format(bytes.slice(12, 16)),
  to: Address.format(bytes.slice(16, 20)),
})
