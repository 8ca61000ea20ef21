import type { Ospf } from '@brunel/wire'

/**
 * The graph of an area, RFC 2328 §2.1, §16.1 (2), RFC 5340 §4.8.1: routers and transit networks. An edge is there only
 * where both its ends say so.
 */
export interface Edge {
  readonly to: string
  readonly cost: number
}

export interface Graph {
  /** Vertices that are spoken of and whose own LSA is not there. */
  readonly unknown: ReadonlySet<string>
  readonly edges: ReadonlyMap<string, readonly Edge[]>
  /** Those that may be on the way. */
  readonly routers: ReadonlySet<string>
}

type Version = Ospf.Version

export const routerVertex = (id: string): string => `router ${id}`
/** RFC 5340 §4.8.1: in version 3 the Designated Router is part of the name. */
export const networkVertex = (version: Version, linkStateId: string, router: string): string =>
  version === 2 ? `network ${linkStateId}` : `network ${linkStateId} ${router}`

const isRouterLsa = (lsa: Ospf.Lsa): lsa is Ospf.Lsa & { body: Ospf.RouterLsa } => lsa.body.type === 'router'

/** RFC 5340 §4.8.1: all router-LSAs of a router are one; the options are those of the lowest Link State ID. */
function routersOf(lsas: readonly Ospf.Lsa[]): Map<string, Router> {
  const fragments = lsas.filter(isRouterLsa).sort((a, b) => idOf(a) - idOf(b))
  const routers = new Map<string, Router>()
  for (const { advertisingRouter: id, body } of fragments) {
    const router = routers.get(id) ?? { forwards: body.forwards, links: [] }
    routers.set(id, router)
    for (const link of body.links) router.links.push(link)
  }
  return routers
}

interface Router {
  readonly forwards: boolean
  readonly links: Ospf.RouterLink[]
}

const idOf = ({ linkStateId }: Ospf.Lsa): number =>
  linkStateId.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)

const linkTo = (version: Version, link: Ospf.RouterLink): string | undefined =>
  link.to === 'router'
    ? routerVertex(link.router)
    : link.to === 'network'
      ? networkVertex(version, link.linkStateId, link.router ?? '')
      : undefined

export function graphOf(version: Version, lsas: readonly Ospf.Lsa[]): Graph {
  const routers = routersOf(lsas)
  const says = new Map<string, Edge[]>()
  for (const [id, { links }] of routers)
    says.set(
      routerVertex(id),
      links.flatMap(link => {
        const to = linkTo(version, link)
        return to === undefined ? [] : [{ to, cost: link.metric }]
      }),
    )
  for (const { linkStateId, advertisingRouter, body } of lsas) {
    if (body.type !== 'network') continue
    const vertex = networkVertex(version, linkStateId, advertisingRouter)
    // Of version 2 a Designated Router that is no more may have left one of the same name behind.
    const attached = says.get(vertex) ?? []
    says.set(vertex, attached)
    for (const id of body.routers) attached.push({ to: routerVertex(id), cost: 0 })
  }
  const forwarding = new Set(
    [...routers].filter(([, { forwards }]) => forwards).map(([id]) => routerVertex(id)),
  )
  const targets = new Map([...says].map(([vertex, edges]) => [vertex, new Set(edges.map(({ to }) => to))]))
  const edges = new Map(
    [...says].map(([vertex, out]) => [
      vertex,
      out.filter(
        ({ to }) => targets.get(to)?.has(vertex) === true && (to.startsWith('network') || forwarding.has(to)),
      ),
    ]),
  )
  const unknown = new Set([...says.values()].flat().flatMap(({ to }) => (says.has(to) ? [] : [to])))
  return { edges, routers: forwarding, unknown }
}
