import type { Drop } from '@brunel/base'
import type { Prefix } from '../address.js'
import { dotted } from './header.js'
import type { LsaBody, Reach, RouterLink } from './lsa-body.js'
import { LSA_HEADER, type LsaHeader } from './lsa-header.js'

/** RFC 5340 §A.4.2.1, with the flooding scope in front. */
const ROUTER = 0x2001
const NETWORK = 0x2002
const INTER_AREA_PREFIX = 0x2003
const INTER_AREA_ROUTER = 0x2004
const AS_EXTERNAL = 0x4005
const NSSA = 0x2007
const INTRA_AREA_PREFIX = 0x2009

/** Options, RFC 5340 §A.2. */
const V6_AND_R = 0x11
/** PrefixOptions, RFC 5340 §A.4.1.1: not for unicast. */
const NU = 0x01
/** Of AS-external-LSAs, RFC 5340 §A.4.7. */
const TYPE_2 = 0x04
const FORWARDING = 0x02

/** `view`: one LSA, all of it. */
export function bodyV3(view: DataView, header: LsaHeader): LsaBody | Drop {
  switch (header.type) {
    case ROUTER:
      return router(view)
    case NETWORK:
      return network(view)
    case INTER_AREA_PREFIX:
      return interAreaPrefix(view)
    case INTER_AREA_ROUTER:
      return view.byteLength < LSA_HEADER + 12
        ? 'ospf-lsa'
        : {
            type: 'summary-router',
            metric: metricAt(view, LSA_HEADER + 4),
            router: dotted(view, LSA_HEADER + 8),
          }
    case AS_EXTERNAL:
    case NSSA:
      return external(view)
    case INTRA_AREA_PREFIX:
      return intraAreaPrefix(view)
    default:
      return { type: 'other' }
  }
}

const metricAt = (view: DataView, at: number): number => view.getUint32(at) & 0xffffff

/**
 * RFC 5340 §A.4.3
 *
 *    |  0  |Nt|x|V|E|B|                Options                       |
 *    |     Type      |       0       |          Metric               |
 *    |                        Interface ID                           |
 *    |                   Neighbor Interface ID                       |
 *    |                     Neighbor Router ID                        | …
 */
function router(view: DataView): LsaBody | Drop {
  const rest = view.byteLength - LSA_HEADER - 4
  if (rest < 0 || rest % 16 !== 0) return 'ospf-lsa'
  const links: RouterLink[] = []
  for (let at = LSA_HEADER + 4; at < view.byteLength; at += 16) {
    const [type, metric, id] = [view.getUint8(at), view.getUint16(at + 2), dotted(view, at + 12)]
    if (type === 1) links.push({ to: 'router', router: id, metric })
    if (type === 2) links.push({ to: 'network', linkStateId: dotted(view, at + 8), router: id, metric })
  }
  return { type: 'router', forwards: (view.getUint8(LSA_HEADER + 3) & V6_AND_R) === V6_AND_R, links }
}

/** RFC 5340 §A.4.4: options, then who is attached. */
function network(view: DataView): LsaBody | Drop {
  const rest = view.byteLength - LSA_HEADER - 4
  if (rest < 0 || rest % 4 !== 0) return 'ospf-lsa'
  return {
    type: 'network',
    routers: Array.from({ length: rest / 4 }, (_, i) => dotted(view, LSA_HEADER + 4 + 4 * i)),
  }
}

/** | PrefixLength | PrefixOptions |  metric, type or 0  | Address Prefix, in whole words … |, RFC 5340 §A.4.1 */
interface PrefixAt {
  readonly prefix: Prefix
  readonly unicast: boolean
  /** The 16 bits between. */
  readonly word: number
  readonly end: number
}

function prefixAt(view: DataView, at: number): PrefixAt | undefined {
  if (view.byteLength - at < 4) return undefined
  const length = view.getUint8(at)
  const end = at + 4 + 4 * Math.ceil(length / 32)
  if (length > 128 || end > view.byteLength) return undefined
  const address = new Uint8Array(16)
  for (let i = 0; i < Math.ceil(length / 8); i++)
    address[i] = view.getUint8(at + 4 + i) & (0xff00 >> Math.min(8, length - 8 * i))
  const unicast = (view.getUint8(at + 1) & NU) === 0
  return { prefix: { address, length }, unicast, word: view.getUint16(at + 2), end }
}

/** RFC 5340 §A.4.5 */
function interAreaPrefix(view: DataView): LsaBody | Drop {
  const found = view.byteLength < LSA_HEADER + 4 ? undefined : prefixAt(view, LSA_HEADER + 4)
  if (found === undefined) return 'ospf-lsa'
  if (!found.unicast) return { type: 'other' }
  return { type: 'summary-network', prefix: found.prefix, metric: metricAt(view, LSA_HEADER) }
}

/**
 * RFC 5340 §A.4.7
 *
 *    |         |E|F|T|                Metric                         |
 *    | PrefixLength  | PrefixOptions |     Referenced LS Type        |
 *    |                     Address Prefix …                          |
 *    |                Forwarding Address, if F (16)                  |
 *    |  External Route Tag, if T (4)  |  Referenced Link State ID (4) |
 */
function external(view: DataView): LsaBody | Drop {
  const found = view.byteLength < LSA_HEADER + 4 ? undefined : prefixAt(view, LSA_HEADER + 4)
  if (found === undefined) return 'ospf-lsa'
  const bits = view.getUint8(LSA_HEADER)
  const forwards = (bits & FORWARDING) !== 0
  if (forwards && view.byteLength - found.end < 16) return 'ospf-lsa'
  if (!found.unicast) return { type: 'other' }
  return {
    type: 'external',
    prefix: found.prefix,
    metric: metricAt(view, LSA_HEADER),
    type2: (bits & TYPE_2) !== 0,
    ...(forwards
      ? { forwardingAddress: Uint8Array.from({ length: 16 }, (_, i) => view.getUint8(found.end + i)) }
      : {}),
  }
}

/**
 * RFC 5340 §A.4.10
 *
 *    |         # Prefixes            |     Referenced LS Type        |
 *    |                  Referenced Link State ID                     |
 *    |               Referenced Advertising Router                   |
 *    | PrefixLength  | PrefixOptions |          Metric               | …
 */
function intraAreaPrefix(view: DataView): LsaBody | Drop {
  if (view.byteLength < LSA_HEADER + 12) return 'ospf-lsa'
  const prefixes: Reach[] = []
  let at = LSA_HEADER + 12
  for (let left = view.getUint16(LSA_HEADER); left > 0; left--) {
    const found = prefixAt(view, at)
    if (found === undefined) return 'ospf-lsa'
    if (found.unicast) prefixes.push({ prefix: found.prefix, metric: found.word })
    at = found.end
  }
  const type = view.getUint16(LSA_HEADER + 2)
  if (type !== ROUTER && type !== NETWORK) return { type: 'other' }
  return {
    type: 'intra-area-prefix',
    of: type === ROUTER ? 'router' : 'network',
    linkStateId: dotted(view, LSA_HEADER + 4),
    router: dotted(view, LSA_HEADER + 8),
    prefixes,
  }
}
