import type { IkePeer } from './contract.js'

/**
 * Whether a changed peer must be negotiated anew. What only limits an SA in time, or says who begins, does not:
 * `initiate`, `redirect`, lifetimes, liveness.
 */
export const restarts = (before: IkePeer, after: IkePeer): boolean =>
  !same(negotiated(before), negotiated(after))

const negotiated = (peer: IkePeer): unknown => ({
  ...peer,
  initiate: undefined,
  redirect: undefined,
  ike: peer.ike.proposals,
  esp: { ...peer.esp, lifetime: undefined },
})

/** Equal as data. A PSK is compared only with its own successor from the same operator. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [x, y] = [Object.entries(a), Object.entries(b)]
  return x.length === y.length && x.every(([key, value]) => same(value, (b as Record<string, unknown>)[key]))
}
