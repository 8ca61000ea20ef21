import type { IkePeer } from './contract.js'

/**
 * Whether a changed peer must be negotiated anew. What is told in a standing session, `innerMtu`, what only limits an SA in time, says who begins, or tells of
 * revocation or where certificates are, does not: `initiate`, `redirect`, lifetimes, liveness, `crls`, `hashAndUrl`,
 * `published`; nor another address, see `readdresses`.
 */
export const restarts = (before: IkePeer, after: IkePeer): boolean =>
  !same(negotiated(before), negotiated(after))

/** Whether the addresses differ: sessions with MOBIKE go on (RFC 4555), others begin anew. */
export const readdresses = (before: IkePeer, after: IkePeer): boolean =>
  before.localAddress !== after.localAddress || before.remoteAddress !== after.remoteAddress

/** An identity that is nothing but our address goes with it: the one that was proved stays good (RFC 4555 §3.5). */
const isImplied = ({ localId, localAddress }: IkePeer): boolean =>
  localId.type !== 'dn' && localId.text === localAddress

const negotiated = (peer: IkePeer): unknown => ({
  ...peer,
  auth: lasting(peer.auth),
  localAddress: undefined,
  remoteAddress: undefined,
  localId: isImplied(peer) ? undefined : peer.localId,
  initiate: undefined,
  innerMtu: undefined,
  redirect: undefined,
  ike: { proposals: peer.ike.proposals, mobike: peer.ike.mobike, tcp: peer.ike.tcp },
  esp: { ...peer.esp, lifetime: undefined },
})

/** The peer is looked at again with other lists; it need not prove itself again for that. */
const lasting = (auth: IkePeer['auth']): unknown =>
  auth.method === 'psk'
    ? auth
    : {
        ...auth,
        own: { ...auth.own, published: undefined },
        theirs: { ...auth.theirs, crls: undefined, revocation: undefined, hashAndUrl: undefined },
      }

/** Equal as data. A PSK is compared only with its own successor from the same operator. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [x, y] = [Object.entries(a), Object.entries(b)]
  return x.length === y.length && x.every(([key, value]) => same(value, (b as Record<string, unknown>)[key]))
}
