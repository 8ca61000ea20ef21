import { Address } from '@brunel/wire'
import { joined } from '../octets.js'

/** RFC 2328 §A.4.1: an LSA as it is flooded; it is known by type, link state id and advertising router. */
export interface Lsa {
  readonly key: string
  readonly sequence: number
  readonly bytes: Uint8Array
}

export const LSA_HEADER = 20
/** RFC 2328 §12.1.6 */
const INITIAL_SEQUENCE = -0x7fffffff
const ROUTER = 1
const EXTERNAL = 5
const E_BIT = 2

const known = new Map<string, Uint8Array>()

/** The few addresses of a plan are read once. */
export function octets(address: string): Uint8Array {
  const bytes = known.get(address) ?? (Address.parse(address) as Uint8Array)
  known.set(address, bytes)
  return bytes
}

export const u16 = (n: number): Uint8Array => Uint8Array.of(n >>> 8, n)
export const u32 = (n: number): Uint8Array => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n)

/** The header of an LSA is enough to know which it is and how new. */
export function lsaAt(bytes: Uint8Array, at: number, length: number): Lsa {
  const own = bytes.slice(at, at + length)
  const view = new DataView(own.buffer)
  return { key: String.fromCharCode(...own.subarray(3, 12)), sequence: view.getInt32(12), bytes: own }
}

/** Where a router stands for; each time with the next sequence number. */
export interface Origin {
  readonly router: string
  readonly id: string
  /** How many times it was originated before. */
  readonly times: number
}

/** RFC 2328 §A.4.2: a network of the router's own, and how many neighbours are Full, as its metric. */
export const routerLsa = (origin: Origin, network: string, full: number): Lsa =>
  lsa(
    ROUTER,
    origin,
    joined(u16(E_BIT << 8), u16(1), octets(network), octets('255.255.255.0'), u32(0x03000000 + full)),
  )

/** RFC 2328 §A.4.5 */
export const externalLsa = (origin: Origin, metric: number): Lsa =>
  lsa(EXTERNAL, origin, joined(octets('255.255.255.0'), u32(metric), u32(0), u32(0)))

function lsa(type: number, { router, id, times }: Origin, body: Uint8Array): Lsa {
  const bytes = joined(
    u16(1),
    Uint8Array.of(E_BIT, type),
    octets(id),
    octets(router),
    u32(INITIAL_SEQUENCE + times),
    u16(0),
    u16(LSA_HEADER + body.length),
    body,
  )
  seal(bytes)
  return lsaAt(bytes, 0, bytes.length)
}

/** RFC 2328 §12.1.7: Fletcher's, of all but the age. */
function sums(bytes: Uint8Array): readonly [number, number] {
  let [c0, c1] = [0, 0]
  for (const octet of bytes.subarray(2)) {
    c0 = (c0 + octet) % 255
    c1 = (c1 + c0) % 255
  }
  return [c0, c1]
}

function seal(bytes: Uint8Array): void {
  const [c0, c1] = sums(bytes)
  const x = (((bytes.length - 17) * c0 - c1) % 255) + 255
  bytes[16] = x % 255 || 255
  bytes[17] = (510 - c0 - (bytes[16] as number)) % 255 || 255
}

export const checksumGood = ({ bytes }: Lsa): boolean => sums(bytes).every(sum => sum === 0)
