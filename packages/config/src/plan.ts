import type { Peer } from './peer.js'

/**
 * What of a peer a change reaches. `ike`: IKE is told of the peer anew, and closes what no longer fits. `esp`: its child
 * SAs. The others leave the SAs alone.
 */
export type Layer = 'ike' | 'esp' | 'gre' | 'interface' | 'routes' | 'relay'

/** One step of a plan: plain data, names only. Steps of one plan are in the order to apply them. */
export type Step =
  | { readonly do: 'remove'; readonly peer: string }
  | { readonly do: 'change'; readonly peer: string; readonly layers: readonly Layer[] }
  | { readonly do: 'add'; readonly peer: string }

/** What of a peer each layer depends on. Every member of `Peer` but its name is in at least one. */
const PARTS: Readonly<Record<Layer, (peer: Peer) => unknown>> = {
  ike: ({ enabled, local, remote, auth, ike, esp }) => ({ enabled, local, remote, auth, ike, esp }),
  esp: ({ esp }) => esp,
  gre: ({ gre }) => gre,
  interface: ({ tunnel: { routes: _, whenDown: __, ...rest } }) => rest,
  routes: ({ tunnel: { routes, whenDown } }) => ({ routes, whenDown }),
  relay: ({ ospfRelay }) => ospfRelay,
}
const LAYERS = Object.keys(PARTS) as readonly Layer[]

/** Equality of plain data. The members of one type always come in one order. */
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

export const changedLayers = (before: Peer, after: Peer): Layer[] =>
  LAYERS.filter(layer => !same(PARTS[layer](before), PARTS[layer](after)))

/**
 * The steps from one configuration to another. A peer that did not change is in none of them. Removals come first, so
 * that names and networks are free again. `newSecrets`: peers whose secret changed, which no document shows.
 */
export function plan(
  before: readonly Peer[],
  after: readonly Peer[],
  newSecrets: readonly string[] = [],
): Step[] {
  const [old, wanted] = [before, after].map(peers => new Map(peers.map(peer => [peer.name, peer]))) as [
    Map<string, Peer>,
    Map<string, Peer>,
  ]
  const removals = before
    .filter(({ name }) => !wanted.has(name))
    .map(({ name }): Step => ({ do: 'remove', peer: name }))
  const changes = after.flatMap((peer): Step[] => {
    const was = old.get(peer.name)
    if (was === undefined) return []
    const found = changedLayers(was, peer)
    const layers =
      newSecrets.includes(peer.name) && !found.includes('ike') ? ['ike' as const, ...found] : found
    return layers.length === 0 ? [] : [{ do: 'change', peer: peer.name, layers }]
  })
  const additions = after
    .filter(({ name }) => !old.has(name))
    .map(({ name }): Step => ({ do: 'add', peer: name }))
  return [...removals, ...changes, ...additions]
}
