import type { IkePeer } from './contract.js'

/**
 * Whether a changed peer must be negotiated anew. What only limits an SA in time, says who begins, or tells of
 * revocation, does not: `initiate`, lifetimes, liveness, `crls`.
 */
export const restarts = (before: IkePeer, after: IkePeer): boolean =>
  !same(negotiated(before), negotiated(after))

const negotiated = (peer: IkePeer): unknown => ({
  ...peer,
  auth: lasting(peer.auth),
  initiate: undefined,
  ike: peer.ike.proposals,
  esp: { ...peer.esp, lifetime: undefined },
})

/** The peer is looked at again with other lists; it need not prove itself again for that. */
const lasting = (auth: IkePeer['auth']): unknown =>
  auth.method === 'certificate' && auth.theirs.method === 'certificate'
    ? { ...auth, theirs: { ...auth.theirs, crls: undefined, revocation: undefined } }
    : auth

/** Equal as data. A PSK is compared only with its own successor from the same operator. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [x, y] = [Object.entries(a), Object.entries(b)]
  return x.length === y.length && x.every(([key, value]) => same(value, (b as Record<string, unknown>)[key]))
}
