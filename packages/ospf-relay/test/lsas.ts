import { putFletcher, words } from '@brunel/base/testing'
import { Address } from '@brunel/wire'
import { bytesOf, ospf, type Router } from './packets.js'

/** LSAs as routers originate them. */
const u16 = (n: number): Uint8Array => Uint8Array.of(n >> 8, n)
const u32 = (n: number): Uint8Array => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n)

export interface Origin {
  readonly by: string
  /** Counted from InitialSequenceNumber. */
  readonly sequence?: number
  readonly age?: number
}

const FIRST_SEQUENCE = 0x80000001

function lsa(version: 2 | 3, type: number, id: string, body: Uint8Array, origin: Origin): Uint8Array {
  const { by, sequence = 0, age = 1 } = origin
  const kind = version === 2 ? Uint8Array.of(2, type) : u16(type)
  const header = words(u16(age), kind, bytesOf(id), bytesOf(by), u32(FIRST_SEQUENCE + sequence), u16(0))
  return putFletcher(words(header, u16(20 + body.length), body), 2, 16)
}

const maskOf = (length: number): Uint8Array => u32(length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0)
const split = (prefix: string): { address: Uint8Array; length: number } => Address.parsePrefix(prefix)!

export type Link =
  | { readonly router: string; readonly cost: number }
  /** Version 2: the address of the Designated Router; version 3: its interface and router id. */
  | { readonly network: string; readonly dr?: string; readonly cost: number }
  | { readonly stub: string; readonly cost: number }

/** Version 3 has no stubs in it: those are `prefixes3`. */
export function router(version: 2 | 3, links: readonly Link[], origin: Origin, id = origin.by): Uint8Array {
  if (version === 3) return router3(links, origin)
  const rows = links.map(link => {
    if ('router' in link) return words(bytesOf(link.router), u32(0), Uint8Array.of(1, 0), u16(link.cost))
    if ('network' in link) return words(bytesOf(link.network), u32(0), Uint8Array.of(2, 0), u16(link.cost))
    const { address, length } = split(link.stub)
    return words(address, maskOf(length), Uint8Array.of(3, 0), u16(link.cost))
  })
  return lsa(2, 1, id, words(u16(0), u16(rows.length), ...rows), origin)
}

export function router3(
  links: readonly Link[],
  origin: Origin,
  { id = '0.0.0.0', options = 0x13 }: { readonly id?: string; readonly options?: number } = {},
): Uint8Array {
  const rows = links.flatMap(link => {
    if ('router' in link)
      return [words(Uint8Array.of(1, 0), u16(link.cost), u32(1), u32(1), bytesOf(link.router))]
    if ('network' in link)
      return [words(Uint8Array.of(2, 0), u16(link.cost), u32(1), bytesOf(link.network), bytesOf(link.dr!))]
    return []
  })
  return lsa(3, 0x2001, id, words(u32(options), ...rows), origin)
}

export const network2 = (
  prefix: string,
  dr: string,
  routers: readonly string[],
  origin: Origin,
): Uint8Array => lsa(2, 2, dr, words(maskOf(split(prefix).length), ...routers.map(bytesOf)), origin)

export const network3 = (id: string, routers: readonly string[], origin: Origin): Uint8Array =>
  lsa(3, 0x2002, id, words(u32(0x13), ...routers.map(bytesOf)), origin)

const prefix3 = (prefix: string, word: number): Uint8Array => {
  const { address, length } = split(prefix)
  return words(Uint8Array.of(length, 0), u16(word), address.slice(0, 4 * Math.ceil(length / 32)))
}

export interface Of {
  readonly type: 'router' | 'network'
  readonly id: string
  readonly router: string
}

export const prefixes3 = (
  of: Of,
  prefixes: readonly (readonly [prefix: string, metric: number])[],
  origin: Origin,
): Uint8Array =>
  lsa(
    3,
    0x2009,
    '0.0.0.1',
    words(
      u16(prefixes.length),
      u16(of.type === 'router' ? 0x2001 : 0x2002),
      bytesOf(of.id),
      bytesOf(of.router),
      ...prefixes.map(([prefix, metric]) => prefix3(prefix, metric)),
    ),
    origin,
  )

export const summary = (prefix: string, metric: number, origin: Origin): Uint8Array =>
  prefix.includes(':')
    ? lsa(3, 0x2003, '0.0.0.9', words(u32(metric), prefix3(prefix, 0)), origin)
    : lsa(2, 3, prefix.split('/')[0]!, words(maskOf(split(prefix).length), u32(metric)), origin)

export const boundary = (version: 2 | 3, router: string, metric: number, origin: Origin): Uint8Array =>
  version === 2
    ? lsa(2, 4, router, words(u32(0), u32(metric)), origin)
    : lsa(3, 0x2004, '0.0.0.9', words(u32(0x13), u32(metric), bytesOf(router)), origin)

export interface External {
  readonly metric: number
  readonly type?: 1 | 2
  readonly forwarding?: string
  readonly nssa?: boolean
}

export function external(prefix: string, to: External, origin: Origin): Uint8Array {
  const { metric, type = 2, forwarding, nssa = false } = to
  if (prefix.includes(':')) {
    const bits = (type === 2 ? 4 : 0) | (forwarding === undefined ? 0 : 2)
    const address = forwarding === undefined ? new Uint8Array(0) : bytesOf(forwarding)
    const body = words(u32((bits << 24) | metric), prefix3(prefix, 0), address)
    return lsa(3, nssa ? 0x2007 : 0x4005, '0.0.0.9', body, origin)
  }
  const kind = u32(((type === 2 ? 0x80000000 : 0) | metric) >>> 0)
  const body = words(maskOf(split(prefix).length), kind, bytesOf(forwarding ?? '0.0.0.0'), u32(0))
  return lsa(2, nssa ? 7 : 5, prefix.split('/')[0]!, body, origin)
}

/** A Link State Update. */
export const updates = (r: Router, to: string, lsas: readonly Uint8Array[]): Uint8Array =>
  ospf(r, to, 4, words(u32(lsas.length), ...lsas))

/** A Database Description that is the last of its kind, with the headers of these. */
export const descriptions = (
  r: Router,
  to: string,
  sequence: number,
  lsas: readonly Uint8Array[],
): Uint8Array =>
  ospf(r, to, 2, words(u16(1500), Uint8Array.of(2, 0), u32(sequence), ...lsas.map(lsa => lsa.slice(0, 20))))
