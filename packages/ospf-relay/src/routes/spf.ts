import type { Graph } from './graph.js'

/**
 * Dijkstra, RFC 2328 §16.1, from all routers of a segment at once: for each vertex how far it is from the nearest of
 * them, and which of them are as near. Whoever sends by the segment has the same cost to all of them, so that the nearest
 * is his choice too, and none of the ways from it leads back over the segment.
 */
export interface Reached {
  readonly distance: number
  /** Vertices, of `roots`. */
  readonly origins: ReadonlySet<string>
}

interface Tentative {
  distance: number
  origins: Set<string>
  final: boolean
}

/** RFC 2328 §16.1 (3): of two that are as far, networks come first, so that all equal ways are found. */
const before = (a: Waiting, b: Waiting): boolean =>
  a.distance < b.distance || (a.distance === b.distance && a.network && !b.network)

interface Waiting {
  readonly vertex: string
  readonly distance: number
  readonly network: boolean
}

export function shortestPaths({ edges }: Graph, roots: readonly string[]): ReadonlyMap<string, Reached> {
  const reached = new Map<string, Tentative>()
  const heap = new Heap()
  const offer = (vertex: string, distance: number, origins: ReadonlySet<string>): void => {
    const known = reached.get(vertex)
    if (known !== undefined && (known.final || known.distance < distance)) return
    if (known?.distance === distance) {
      for (const origin of origins) known.origins.add(origin)
      return
    }
    reached.set(vertex, { distance, origins: new Set(origins), final: false })
    heap.push({ vertex, distance, network: vertex.startsWith('network') })
  }
  for (const root of roots) if (edges.has(root)) offer(root, 0, new Set([root]))
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) {
    const here = reached.get(next.vertex)!
    if (here.final) continue
    here.final = true
    for (const { to, cost } of edges.get(next.vertex) ?? []) offer(to, here.distance + cost, here.origins)
  }
  return reached
}

/** A binary heap; what was offered anew at a shorter distance stays in it and is found to be final. */
class Heap {
  readonly #items: Waiting[] = []

  push(item: Waiting): void {
    const items = this.#items
    let at = items.push(item) - 1
    for (let up = (at - 1) >> 1; at > 0 && before(item, items[up]!); at = up, up = (at - 1) >> 1)
      items[at] = items[up]!
    items[at] = item
  }

  pop(): Waiting | undefined {
    const items = this.#items
    const [top, last] = [items[0], items.pop()]
    if (items.length === 0 || last === undefined) return top
    let at = 0
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      const right = items[child + 1]
      if (right !== undefined && before(right, items[child]!)) child++
      if (!before(items[child]!, last)) break
      items[at] = items[child]!
      at = child
    }
    items[at] = last
    return top
  }
}
