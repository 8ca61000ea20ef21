import type { Peer } from '@brunel/config'
import type { IkePeerReport } from '@brunel/ikev2'
import { type Bearing, type Compass, takeBearing } from './remote-address.js'

/** The addresses that we may speak to a peer from, best first; undefined: whatever the routing table chooses. */
const locals = ({ local }: Peer, has: Compass['has']): readonly (string | undefined)[] => {
  if (local.address === undefined) return [undefined]
  const present = [local.address, ...local.further].filter(has)
  return present.length === 0 ? [local.address] : present
}

/** Where the peer is, by the first of our addresses that has a way to it. */
export async function bearingOf(peer: Peer, compass: Compass): Promise<Bearing> {
  let first: Bearing | undefined
  for (const local of locals(peer, compass.has)) {
    const bearing = await takeBearing(peer.remote.address, local, compass)
    if (bearing.is !== 'unknown') return bearing
    first ??= bearing
  }
  return first as Bearing
}

/**
 * What IKE is to know of our addresses, RFC 4555: the one that leads to where the peer is at this moment, then the
 * further ones of the document that this machine has. undefined: nothing leads there, and what was said stays.
 */
export async function ownAddresses(
  peer: Peer,
  at: { readonly bearing: Bearing | undefined; readonly ike: IkePeerReport | undefined },
  compass: Compass,
): Promise<readonly string[] | undefined> {
  if (!peer.ike.mobike) return undefined
  const further = peer.local.further.filter(compass.has)
  const remote = at.ike?.sas.find(sa => sa.mobike !== undefined)?.remote.address
  const { bearing } = at
  if (bearing?.is === 'known' && (remote === undefined || remote === bearing.remote))
    return [bearing.route.source, ...further]
  if (remote === undefined) return further
  for (const local of locals(peer, compass.has)) {
    const route = await compass.interfaces.routeTo(remote, local)
    if (route !== undefined && route.device !== compass.own) return [route.source, ...further]
  }
  return undefined
}
