import { familyOf } from '@brunel/base'
import type { Peer } from '@brunel/config'
import type { Identity, IkePeer } from '@brunel/ikev2'
import type { Bearing } from './remote-address.js'

/** What IKE shall know of a peer: the verified document, its secret, and where the peer is at this moment. Pure. */
export function ikePeer(peer: Peer, psk: Uint8Array, bearing: Bearing, hostname: string): IkePeer {
  const localAddress = bearing.is === 'known' ? bearing.route.source : peer.local.address
  return {
    name: peer.name,
    localAddress,
    remoteAddress: bearing.is === 'known' ? bearing.remote : undefined,
    localId: peer.local.id ?? identityOf(localAddress, hostname),
    remoteId: peer.remote.id,
    auth: { method: 'psk', psk },
    initiate: peer.ike.initiate && bearing.is === 'known',
    ike: { proposals: peer.ike.proposals, lifetime: peer.ike.lifetime, liveness: peer.ike.liveness },
    esp: {
      proposals: peer.esp.proposals,
      mode: peer.esp.mode,
      lifetime: peer.esp.lifetime,
      encapsulation: peer.esp.encapsulation,
    },
    selectors: undefined,
  }
}

function identityOf(address: string | undefined, hostname: string): Identity {
  if (address === undefined) return { type: 'fqdn', text: hostname }
  return { type: familyOf(address) === 4 ? 'ipv4' : 'ipv6', text: address }
}
