/** What of a peer a change reaches. `ike` closes its SAs and negotiates anew; the others leave IKE alone. */
export type Layer = 'ike' | 'esp' | 'gre' | 'interface' | 'routes'

/** One step of a plan: plain data, names only. Steps of one plan are in the order to apply them. */
export type Step =
  | { readonly do: 'remove'; readonly peer: string }
  | { readonly do: 'change'; readonly peer: string; readonly layers: readonly Layer[] }
  | { readonly do: 'add'; readonly peer: string }
