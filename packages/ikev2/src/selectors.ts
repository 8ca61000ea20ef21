import { familyOf } from '@brunel/base'
import { Ike } from '@brunel/wire'
import type { TrafficSelector } from './contract.js'

/**
 * Traffic selectors as sets of (protocol, port, address). Narrowing is intersection: never wider than the offer,
 * never wider than our policy (RFC 7296 §2.9).
 */

export const GRE = 47

const ANY_PORT = { startPort: 0, endPort: 65535 } as const

/** GRE from or to one host. */
export const greSelector = (address: string): TrafficSelector => hostSelector(GRE, address)

export const hostSelector = (protocol: number, address: string): TrafficSelector => ({
  protocol,
  ...ANY_PORT,
  startAddress: address,
  endAddress: address,
})

/** One offer or policy: what the initiator of the exchange sends from, and what it sends to. */
export interface SelectorPair {
  readonly tsi: readonly TrafficSelector[]
  readonly tsr: readonly TrafficSelector[]
}

/**
 * The part of an offer that our policy allows, or undefined for TS_UNACCEPTABLE: RFC 7296 §2.9. The offer may begin
 * with the selectors of the packet that made the peer ask; the answer contains them where policy allows it, since it
 * is the whole intersection.
 */
export function narrow(offer: SelectorPair, policy: SelectorPair): SelectorPair | undefined {
  const tsi = intersection(offer.tsi, policy.tsi)
  const tsr = intersection(offer.tsr, policy.tsr)
  return tsi.length === 0 || tsr.length === 0 ? undefined : { tsi, tsr }
}

/** A rekey never narrows below what is in use: RFC 7296 §2.9.2. */
export const narrowForRekey = (offer: SelectorPair, inUse: SelectorPair): SelectorPair | undefined =>
  isPairWithin(inUse, offer) ? inUse : undefined

/** A reply that is empty, or not within what we sent, is refused: RFC 7296 §2.9. */
export const isPairWithin = (inner: SelectorPair, outer: SelectorPair): boolean =>
  isWithin(inner.tsi, outer.tsi) && isWithin(inner.tsr, outer.tsr)

/** Every inner selector lies inside one outer selector; an empty list lies in nothing. */
export const isWithin = (inner: readonly TrafficSelector[], outer: readonly TrafficSelector[]): boolean =>
  inner.length > 0 && inner.every(i => outer.some(o => contains(o, i)))

/** All intersections, without those that another one contains. */
export function intersection(
  a: readonly TrafficSelector[],
  b: readonly TrafficSelector[],
): readonly TrafficSelector[] {
  const found = a.flatMap(x => b.map(y => intersect(x, y))).filter(s => s !== undefined)
  return found.filter(
    (s, i) => !found.some((other, j) => j !== i && contains(other, s) && (!contains(s, other) || j < i)),
  )
}

function intersect(a: TrafficSelector, b: TrafficSelector): TrafficSelector | undefined {
  if (familyOf(a.startAddress) !== familyOf(b.startAddress)) return undefined
  if (a.protocol !== b.protocol && a.protocol !== 0 && b.protocol !== 0) return undefined
  const ports = intersectPorts(a, b)
  const startAddress = compare(a.startAddress, b.startAddress) >= 0 ? a.startAddress : b.startAddress
  const endAddress = compare(a.endAddress, b.endAddress) <= 0 ? a.endAddress : b.endAddress
  if (ports === undefined || compare(startAddress, endAddress) > 0) return undefined
  return { protocol: a.protocol === 0 ? b.protocol : a.protocol, ...ports, startAddress, endAddress }
}

type Ports = Pick<TrafficSelector, 'startPort' | 'endPort'>

/** OPAQUE, 65535 to 0: the ports cannot be seen. ANY covers it, a range does not: RFC 4301 §4.4.1.1. */
const isOpaque = ({ startPort, endPort }: Ports): boolean => startPort === 65535 && endPort === 0
const isAnyPort = ({ startPort, endPort }: Ports): boolean => startPort === 0 && endPort === 65535

function intersectPorts(a: Ports, b: Ports): Ports | undefined {
  if (isAnyPort(a)) return { startPort: b.startPort, endPort: b.endPort }
  if (isAnyPort(b)) return { startPort: a.startPort, endPort: a.endPort }
  if (isOpaque(a) || isOpaque(b))
    return isOpaque(a) && isOpaque(b) ? { startPort: 65535, endPort: 0 } : undefined
  const startPort = Math.max(a.startPort, b.startPort)
  const endPort = Math.min(a.endPort, b.endPort)
  return startPort > endPort ? undefined : { startPort, endPort }
}

function contains(outer: TrafficSelector, inner: TrafficSelector): boolean {
  const common = intersect(outer, inner)
  return common !== undefined && isSame(common, inner)
}

const isSame = (a: TrafficSelector, b: TrafficSelector): boolean =>
  a.protocol === b.protocol &&
  a.startPort === b.startPort &&
  a.endPort === b.endPort &&
  compare(a.startAddress, b.startAddress) === 0 &&
  compare(a.endAddress, b.endAddress) === 0

/** Both lists hold the same selectors, in any order. */
export const sameSelectors = (a: readonly TrafficSelector[], b: readonly TrafficSelector[]): boolean =>
  a.length === b.length && a.every(x => b.some(y => isSame(x, y)))

/** Negative, zero or positive, for two addresses of one family. */
function compare(a: string, b: string): number {
  const [x, y] = [Ike.addressBytes(a), Ike.addressBytes(b)]
  const i = x.findIndex((octet, at) => octet !== y[at])
  return i < 0 ? 0 : (x[i] as number) - (y[i] as number)
}

/**
 * Transport mode behind a NAT: each selector holds one address, which the NAT has changed. The address that the
 * sender knows is replaced by the one that we see: RFC 7296 §2.23.1. Others stay.
 */
export const withAddress = (
  selectors: readonly TrafficSelector[],
  from: string,
  to: string,
): readonly TrafficSelector[] =>
  selectors.map(s =>
    compareIfSameFamily(s.startAddress, from) && compareIfSameFamily(s.endAddress, from)
      ? { ...s, startAddress: to, endAddress: to }
      : s,
  )

const compareIfSameFamily = (a: string, b: string): boolean =>
  familyOf(a) === familyOf(b) && compare(a, b) === 0

/** For people: `192.0.2.1[gre]`, `10.0.0.0..10.0.0.255[6/80-90]`. */
export function selectorText(s: TrafficSelector): string {
  const addresses = s.startAddress === s.endAddress ? s.startAddress : `${s.startAddress}..${s.endAddress}`
  const protocol = s.protocol === 0 ? 'any' : s.protocol === GRE ? 'gre' : String(s.protocol)
  const ports = isAnyPort(s) ? '' : isOpaque(s) ? '/opaque' : `/${s.startPort}-${s.endPort}`
  return `${addresses}[${protocol}${ports}]`
}

/** Where two pairs, both with our side first, have nothing in common, and what would help; undefined: they overlap. */
export function selectorChange(
  ours: SelectorPair,
  theirs: SelectorPair,
): { readonly differs: readonly string[]; readonly there: string } | undefined {
  const side = (
    name: string,
    a: readonly TrafficSelector[],
    b: readonly TrafficSelector[],
  ): readonly string[] =>
    intersection(a, b).length > 0
      ? []
      : [`on ${name} side ${a.map(selectorText).join(', ')} here, ${b.map(selectorText).join(', ')} there`]
  const differs = [...side('our', ours.tsi, theirs.tsi), ...side('its', ours.tsr, theirs.tsr)]
  const text = (of: readonly TrafficSelector[]): string => of.map(selectorText).join(', ')
  return differs.length === 0
    ? undefined
    : { differs, there: `${text(ours.tsr)} on its side and ${text(ours.tsi)} on ours` }
}
