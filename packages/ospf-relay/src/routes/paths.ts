import { Address, Ospf } from '@brunel/wire'
import { BestMatch } from './best-match.js'
import { graphOf, networkVertex, routerVertex } from './graph.js'
import { type Reached, shortestPaths } from './spf.js'

/** RFC 2328 §11: in this order of preference. */
export const KINDS = ['intra-area', 'inter-area', 'external-1', 'external-2'] as const
export type PathKind = (typeof KINDS)[number]

/** The best way from the segment to a prefix. */
export interface Path {
  readonly prefix: Address.Prefix
  readonly kind: PathKind
  readonly cost: number
  /** Of an external path of type 2: compared before the cost, RFC 2328 §16.4.1. */
  readonly metric: number
  /** Router ids of those on the segment by which it is as good. */
  readonly origins: ReadonlySet<string>
}

/** A router on the segment that packets can be given to. */
export interface Root {
  readonly routerId: string
  /** In the order of preference. */
  readonly addresses: readonly string[]
}

type Way = Pick<Reached, 'distance' | 'origins'>
type Found = Omit<Path, 'metric'> & { readonly metric?: number }

/** Below 0 where `a` is preferred. */
export const preference = (a: Path, b: Path): number =>
  KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.metric - b.metric || a.cost - b.cost

class Table {
  readonly paths = new Map<string, Path>()

  offer(found: Found): void {
    const path: Path = { metric: 0, ...found }
    const key = Address.formatPrefix(path.prefix)
    const known = this.paths.get(key)
    const worse = known === undefined ? -1 : preference(path, known)
    if (worse < 0) this.paths.set(key, path)
    else if (worse === 0 && known !== undefined)
      this.paths.set(key, { ...known, origins: new Set([...known.origins, ...path.origins]) })
  }
}

export interface Paths {
  readonly paths: ReadonlyMap<string, Path>
  /** Routers and networks that LSAs or the segment name, and whose own LSA we do not have. */
  readonly unknown: readonly string[]
}

/** All prefixes that the LSAs of one area lead to, from these routers of a segment: RFC 2328 §16, RFC 5340 §4.8. */
export function pathsOf(version: Ospf.Version, lsas: readonly Ospf.Lsa[], roots: readonly Root[]): Paths {
  const graph = graphOf(version, lsas)
  const here = roots.map(({ routerId }) => routerVertex(routerId))
  const vertices = here.filter(vertex => graph.routers.has(vertex))
  const reached = shortestPaths(graph, vertices)
  const ways = new Map(
    [...reached].map(([vertex, { distance, origins }]) => [vertex, wayOf(distance, origins)]),
  )
  const table = new Table()
  intraArea(version, lsas, ways, table)
  interArea(lsas, ways, table)
  external(lsas, ways, roots, table)
  const strangers = here.filter(vertex => !graph.edges.has(vertex))
  return { paths: table.paths, unknown: [...new Set([...strangers, ...graph.unknown])].sort() }
}

const ROUTER = routerVertex('')
const wayOf = (distance: number, origins: ReadonlySet<string>): Way => ({
  distance,
  origins: new Set([...origins].map(vertex => vertex.slice(ROUTER.length))),
})

function intraArea(
  version: Ospf.Version,
  lsas: readonly Ospf.Lsa[],
  ways: ReadonlyMap<string, Way>,
  table: Table,
): void {
  const offer = (vertex: string, { prefix, metric }: Ospf.Reach): void => {
    const way = ways.get(vertex)
    if (way === undefined) return
    table.offer({ prefix, kind: 'intra-area', cost: way.distance + metric, origins: way.origins })
  }
  for (const { linkStateId, advertisingRouter, body } of lsas) {
    if (body.type === 'router')
      for (const link of body.links) if (link.to === 'stub') offer(routerVertex(advertisingRouter), link)
    if (body.type === 'network' && body.prefix !== undefined)
      offer(networkVertex(version, linkStateId, advertisingRouter), { prefix: body.prefix, metric: 0 })
    if (body.type === 'intra-area-prefix')
      for (const reach of body.prefixes)
        offer(
          body.of === 'router'
            ? routerVertex(body.router)
            : networkVertex(version, body.linkStateId, body.router),
          reach,
        )
  }
}

/** RFC 2328 §16.2: as far as the border router says, from there. */
function interArea(lsas: readonly Ospf.Lsa[], ways: ReadonlyMap<string, Way>, table: Table): void {
  for (const { advertisingRouter, body } of lsas) {
    if (body.type !== 'summary-network' || body.metric >= Ospf.UNREACHABLE) continue
    const way = ways.get(routerVertex(advertisingRouter))
    if (way === undefined) continue
    const { prefix, metric } = body
    table.offer({ prefix, kind: 'inter-area', cost: way.distance + metric, origins: way.origins })
  }
}

/** RFC 2328 §16.4, RFC 3101 §2.5. */
function external(
  lsas: readonly Ospf.Lsa[],
  ways: ReadonlyMap<string, Way>,
  roots: readonly Root[],
  table: Table,
): void {
  const boundaries = boundaryRouters(lsas, ways)
  const known = new Map<string, Way | undefined>()
  // RFC 2328 §16.4 (3): before external paths are offered, for it must be one inside.
  let inside: BestMatch<Path> | undefined
  const wayTo = (address: Uint8Array): Way | undefined => {
    const text = Address.format(address)
    if (!known.has(text)) known.set(text, wayToward(address, text))
    return known.get(text)
  }
  const wayToward = (address: Uint8Array, text: string): Way | undefined => {
    const root = roots.find(({ addresses }) => addresses.includes(text))
    // On the segment itself: whoever is there sends to him and to no other.
    if (root !== undefined) return { distance: 0, origins: new Set([root.routerId]) }
    inside ??= new BestMatch(table.paths.values())
    const path = inside.of(address)
    return path && { distance: path.cost, origins: path.origins }
  }
  const found: Found[] = []
  for (const { advertisingRouter, body } of lsas) {
    if (body.type !== 'external' || body.metric >= Ospf.UNREACHABLE) continue
    const boundary = boundaries(advertisingRouter)
    const way = boundary && (body.forwardingAddress === undefined ? boundary : wayTo(body.forwardingAddress))
    if (way === undefined) continue
    const { prefix, metric } = body
    const { distance: cost, origins } = way
    found.push(
      body.type2
        ? { prefix, kind: 'external-2', cost, metric, origins }
        : { prefix, kind: 'external-1', cost: cost + metric, origins },
    )
  }
  for (const path of found) table.offer(path)
}

/** The way to an AS boundary router: inside the area, or else as a border router says (RFC 2328 §16.2). */
function boundaryRouters(
  lsas: readonly Ospf.Lsa[],
  ways: ReadonlyMap<string, Way>,
): (id: string) => Way | undefined {
  const outside = new Map<string, Way>()
  for (const { advertisingRouter, body } of lsas) {
    if (body.type !== 'summary-router' || body.metric >= Ospf.UNREACHABLE) continue
    const border = ways.get(routerVertex(advertisingRouter))
    if (border === undefined) continue
    const [distance, known] = [border.distance + body.metric, outside.get(body.router)]
    if (known === undefined || distance < known.distance) outside.set(body.router, { ...border, distance })
    else if (distance === known.distance)
      outside.set(body.router, { distance, origins: new Set([...known.origins, ...border.origins]) })
  }
  return id => ways.get(routerVertex(id)) ?? outside.get(id)
}
