/** What the IKE benchmark of the lab holds in its hands: the host loop of IKE and the tunnels behind it. */
export { now } from './alarm.js'
export { IkeHost } from './ike-host.js'
export { ikePeer } from './ike-peer.js'
export { Tunnel } from './tunnel.js'
