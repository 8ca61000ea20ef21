export { CONFIG_VERSION, ConfigDocument, PeerDocument } from './document.js'
export type { InterfaceAddress, Peer, PeerIdentity, Prefix } from './peer.js'
export type { Layer, Step } from './plan.js'
