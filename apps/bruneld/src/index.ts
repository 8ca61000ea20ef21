/** What the lab holds in its hands: for the IKE benchmark the host loop of IKE and the tunnels behind it, for a test the LAN port. */
export { now } from './alarm.js'
export { IkeHost } from './ike-host.js'
export { ikePeer } from './ike-peer.js'
/** What the system test of the OSPF relay runs on a LAN. */
export { clearAll, LanPort, type LanState } from './relay-lan.js'
export { Tunnel } from './tunnel.js'
