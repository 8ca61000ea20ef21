import { after, type Drop, type Instant, isDrop, Packet, seconds } from '@brunel/base'
import { Ipv4, Ipv6 } from '@brunel/wire'

/**
 * What was cut to pass the tunnel of one port, joined again: RFC 791 §3.2, RFC 8200 §4.5. Its router sent it whole, to a
 * link that carries it whole, and so it must come out on the far one.
 */

/** RFC 791 would wait for 15 s; pieces of one packet leave together. Longer: retransmissions (RFC 2328 §10, 5 s) meet them. */
const HOLD = seconds(2)
/** Incomplete packets of a port. Fewer: a burst on a path that reorders is lost. More: memory for what will not come. */
const MOST_PACKETS = 64
/** Octets of all of them together. */
const MOST_OCTETS = 512 * 1024
/** Of a packet: one of 64 KiB in a tunnel of 576 octets. */
const MOST_PIECES = 128
/** RFC 791 §3.1, RFC 8200 §3: the length field of the packet that is joined. */
const LARGEST = 65_535

interface Piece {
  /** Of its data in the whole. */
  readonly offset: number
  readonly data: Uint8Array
  readonly last: boolean
  /** As the whole has it, but for its length: kept of the first piece. */
  readonly header: Uint8Array
  /** What is equal in all pieces of one packet. */
  readonly key: string
}

interface Incomplete {
  readonly until: Instant
  readonly pieces: Piece[]
  octets: number
  /** Of all data; known when the last piece is here. */
  total: number | undefined
}

const LOST = 'relay-fragments-lost'
const UNFIT = 'relay-fragments-unfit'

export class Joining {
  readonly #partials = new Map<string, Incomplete>()
  #octets = 0

  /**
   * The packet itself if it is whole; the whole one with its last piece; undefined while pieces are missing. `lost` is
   * told of each other packet that is given up for this one.
   */
  take(now: Instant, bytes: Uint8Array, lost: (drop: Drop) => void): Uint8Array | Drop | undefined {
    const piece = pieceOf(bytes)
    if (piece === undefined || isDrop(piece)) return piece ?? bytes
    const partial = this.#partials.get(piece.key) ?? {
      until: after(now, HOLD),
      pieces: [],
      octets: 0,
      total: undefined,
    }
    const fit = fits(partial, piece)
    if (fit === 'known') return undefined
    if (fit === UNFIT) {
      this.#forget(piece.key)
      return UNFIT
    }
    this.#partials.set(piece.key, partial)
    partial.pieces.push(piece)
    partial.octets += piece.data.length
    this.#octets += piece.data.length
    if (piece.last) partial.total = piece.offset + piece.data.length
    if (partial.octets === partial.total) {
      this.#forget(piece.key)
      return joined(partial.pieces)
    }
    for (const oldest of this.#partials.keys()) {
      if (this.#partials.size <= MOST_PACKETS && this.#octets <= MOST_OCTETS) break
      this.#forget(oldest)
      lost(LOST)
    }
    return undefined
  }

  /** Those whose time is over. */
  expire(now: Instant, lost: (drop: Drop) => void): void {
    for (const [key, { until }] of this.#partials) {
      if (now < until) return // the oldest are first
      this.#forget(key)
      lost(LOST)
    }
  }

  #forget(key: string): void {
    this.#octets -= this.#partials.get(key)?.octets ?? 0
    this.#partials.delete(key)
  }
}

/** RFC 8200 §4.5: overlapping pieces make the whole packet void; the same one twice is one. */
function fits({ pieces, total }: Incomplete, piece: Piece): 'new' | 'known' | typeof UNFIT {
  const end = piece.offset + piece.data.length
  if (piece.data.length === 0 || (!piece.last && piece.data.length % 8 !== 0)) return UNFIT
  if (piece.header.length + end > LARGEST || pieces.length >= MOST_PIECES) return UNFIT
  for (const { offset, data, last } of pieces) {
    if (offset === piece.offset && data.length === piece.data.length && last === piece.last) return 'known'
    if (piece.offset < offset + data.length && offset < end) return UNFIT
    if (piece.last && offset >= end) return UNFIT
  }
  return total !== undefined && (piece.last || end > total) ? UNFIT : 'new'
}

function joined(pieces: readonly Piece[]): Uint8Array {
  const inOrder = [...pieces].sort((a, b) => a.offset - b.offset)
  const header = inOrder[0]?.header ?? new Uint8Array()
  const length = inOrder.reduce((sum, { data }) => sum + data.length, header.length)
  const p = new Packet(new Uint8Array(length))
  p.bytes.set(header)
  for (const { offset, data } of inOrder) p.bytes.set(data, header.length + offset)
  if ((header[0] ?? 0) >>> 4 === 6) p.view.setUint16(4, length - Ipv6.HEADER)
  else finishV4(p)
  return p.bytes
}

function finishV4(p: Packet): void {
  p.view.setUint16(2, p.length)
  const ip = Ipv4.open(p, 0)
  if (!isDrop(ip)) Ipv4.setChecksum(p, ip)
}

/** undefined: it is whole, or nothing that `carried` takes. */
function pieceOf(bytes: Uint8Array): Piece | Drop | undefined {
  const p = new Packet(bytes)
  return (bytes[0] ?? 0) >>> 4 === 6 ? pieceOfV6(p) : pieceOfV4(p)
}

/** RFC 791 §3.2: identification, addresses and protocol are those of one packet. */
function pieceOfV4(p: Packet): Piece | Drop | undefined {
  const ip = Ipv4.open(p, 0)
  if (isDrop(ip) || !Ipv4.isFragment(p, ip)) return undefined
  if (!Ipv4.checksumGood(p, ip)) return 'ip-checksum'
  const header = p.bytes.slice(0, Ipv4.payloadAt(p, ip))
  const key = `4 ${p.view.getUint16(4)} ${Ipv4.protocol(p, ip)} ${header.subarray(12, 20).join('.')}`
  // DF alone: the joined packet is no fragment.
  header[6] = header[6]! & 0x40
  header[7] = 0
  return {
    offset: Ipv4.fragmentOffset(p, ip),
    last: !Ipv4.moreFragments(p, ip),
    data: p.bytes.slice(header.length, Ipv4.endAt(p, ip)),
    header,
    key,
  }
}

/** Only where the fragment header comes first, as our far end cuts. */
function pieceOfV6(p: Packet): Piece | undefined {
  const ip = Ipv6.open(p, 0)
  const at = Ipv6.HEADER
  if (isDrop(ip) || Ipv6.nextHeader(p, ip) !== Ipv6.NEXT_HEADER.fragment) return undefined
  const end = Ipv6.endAt(p, ip)
  if (end - at < 8) return undefined
  const word = p.view.getUint16(at + 2)
  if ((word & 0xfff9) === 0) return undefined // RFC 6946 §4: whole, and its header its sender's
  const header = p.bytes.slice(0, at)
  header[6] = p.view.getUint8(at)
  return {
    offset: word & 0xfff8,
    last: (word & 1) === 0,
    data: p.bytes.slice(at + 8, end),
    header,
    key: `6 ${p.view.getUint32(at + 4)} ${header.subarray(8, 40).join('.')}`,
  }
}
