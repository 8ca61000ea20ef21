import type { Drop } from '@brunel/base'
import type { Prefix } from '../address.js'
import { dotted } from './header.js'
import type { LsaBody, RouterLink } from './lsa-body.js'
import { LSA_HEADER, type LsaHeader } from './lsa-header.js'

const ROUTER = 1
const NETWORK = 2
const SUMMARY_NETWORK = 3
const SUMMARY_ROUTER = 4
const EXTERNAL = 5
const NSSA = 7

/** `view`: one LSA, all of it. */
export function bodyV2(view: DataView, header: LsaHeader): LsaBody | Drop {
  switch (header.type) {
    case ROUTER:
      return router(view)
    case NETWORK:
      return network(view, header)
    case SUMMARY_NETWORK:
    case SUMMARY_ROUTER:
      return summary(view, header)
    case EXTERNAL:
    case NSSA:
      return external(view, header)
    default:
      return { type: 'other' }
  }
}

/** A mask whose ones are not in front is none: RFC 2328 §A.4 knows no other. */
function prefixOf(view: DataView, address: string, maskAt: number): Prefix | Drop {
  const mask = view.getUint32(maskAt)
  const length = Math.clz32(~mask)
  const ones = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0
  if (mask !== ones) return 'ospf-lsa'
  const octets = address.split('.').map(Number)
  return { address: Uint8Array.from(octets, (octet, i) => octet & (ones >>> (24 - 8 * i))), length }
}

/**
 * RFC 2328 §A.4.2
 *
 *    |    0    |V|E|B|        0      |            # links            |
 *    |                          Link ID                              |
 *    |                         Link Data                             |
 *    |     Type      |     # TOS     |            metric             |
 *    |      TOS      |        0      |          TOS  metric          | …
 */
function router(view: DataView): LsaBody | Drop {
  if (view.byteLength < LSA_HEADER + 4) return 'ospf-lsa'
  const count = view.getUint16(LSA_HEADER + 2)
  const links: RouterLink[] = []
  let at = LSA_HEADER + 4
  for (let i = 0; i < count; i++) {
    if (view.byteLength - at < 12) return 'ospf-lsa'
    const link = linkAt(view, at)
    if (typeof link === 'string') return link
    if (link !== undefined) links.push(link)
    at += 12 + 4 * view.getUint8(at + 9)
  }
  return at > view.byteLength ? 'ospf-lsa' : { type: 'router', forwards: true, links }
}

/** Virtual links (4) lead through another area; what is not known is no link. */
function linkAt(view: DataView, at: number): RouterLink | Drop | undefined {
  const [id, metric] = [dotted(view, at), view.getUint16(at + 10)]
  switch (view.getUint8(at + 8)) {
    case 1:
      return { to: 'router', router: id, metric }
    case 2:
      return { to: 'network', linkStateId: id, metric }
    case 3: {
      const prefix = prefixOf(view, id, at + 4)
      return typeof prefix === 'string' ? prefix : { to: 'stub', prefix, metric }
    }
    default:
      return undefined
  }
}

/** RFC 2328 §A.4.3: a mask, then who is attached. */
function network(view: DataView, { linkStateId }: LsaHeader): LsaBody | Drop {
  const rest = view.byteLength - LSA_HEADER - 4
  if (rest < 0 || rest % 4 !== 0) return 'ospf-lsa'
  const prefix = prefixOf(view, linkStateId, LSA_HEADER)
  if (typeof prefix === 'string') return prefix
  const routers = Array.from({ length: rest / 4 }, (_, i) => dotted(view, LSA_HEADER + 4 + 4 * i))
  return { type: 'network', routers, prefix }
}

const metricAt = (view: DataView, at: number): number => view.getUint32(at) & 0xffffff

/** RFC 2328 §A.4.4: a mask, which those of routers (4) do not use, and a metric of 24 bits. */
function summary(view: DataView, { type, linkStateId }: LsaHeader): LsaBody | Drop {
  if (view.byteLength < LSA_HEADER + 8) return 'ospf-lsa'
  const metric = metricAt(view, LSA_HEADER + 4)
  if (type === SUMMARY_ROUTER) return { type: 'summary-router', router: linkStateId, metric }
  const prefix = prefixOf(view, linkStateId, LSA_HEADER)
  return typeof prefix === 'string' ? prefix : { type: 'summary-network', prefix, metric }
}

/**
 * RFC 2328 §A.4.5, RFC 3101 §2.4
 *
 *    |                         Network Mask                          |
 *    |E|     0       |                  metric                       |
 *    |                      Forwarding address                       |
 *    |                      External Route Tag                       | …
 */
function external(view: DataView, { linkStateId }: LsaHeader): LsaBody | Drop {
  if (view.byteLength < LSA_HEADER + 16) return 'ospf-lsa'
  const prefix = prefixOf(view, linkStateId, LSA_HEADER)
  if (typeof prefix === 'string') return prefix
  const forwarding = Uint8Array.from({ length: 4 }, (_, i) => view.getUint8(LSA_HEADER + 8 + i))
  return {
    type: 'external',
    prefix,
    metric: metricAt(view, LSA_HEADER + 4),
    type2: view.getUint8(LSA_HEADER + 4) >>> 7 === 1,
    ...(forwarding.some(octet => octet !== 0) ? { forwardingAddress: forwarding } : {}),
  }
}
