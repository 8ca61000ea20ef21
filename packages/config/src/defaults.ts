import { DEFAULT_ESP_PROPOSALS, DEFAULT_IKE_PROPOSALS } from '@brunel/crypto'
import type { PeerDocument } from './document.js'
import { interfaceFor } from './values.js'

/** A peer document in which every default is written out. */
export type WholePeerDocument = ReturnType<typeof withDefaults>

/** Writes the defaults out. The document must have its shape. A default that needs the network stays left out. */
export function withDefaults(peer: PeerDocument) {
  return {
    name: peer.name,
    enabled: peer.enabled ?? true,
    local: { ...peer.local },
    remote: { ...peer.remote, redirect: peer.remote.redirect ?? false },
    auth: {
      ...peer.auth,
      ...(peer.auth.ppk === undefined
        ? {}
        : { ppk: { ...peer.auth.ppk, required: peer.auth.ppk.required ?? false } }),
    },
    ike: {
      proposals: peer.ike?.proposals ?? [...DEFAULT_IKE_PROPOSALS],
      lifetime: peer.ike?.lifetime ?? '4h',
      liveness: peer.ike?.liveness ?? '10s',
      tcp: peer.ike?.tcp ?? 'auto',
      childless: peer.ike?.childless ?? false,
      mobike: peer.ike?.mobike ?? true,
      returnRoutability: peer.ike?.returnRoutability ?? true,
      initiate: peer.ike?.initiate ?? peer.remote.address !== 'any',
    },
    esp: {
      proposals: peer.esp?.proposals ?? [...DEFAULT_ESP_PROPOSALS],
      mode: peer.esp?.mode ?? 'tunnel',
      lifetime: peer.esp?.lifetime ?? '1h',
      lifetimeBytes: peer.esp?.lifetimeBytes ?? '1TiB',
      replayWindow: peer.esp?.replayWindow ?? 4096,
      encapsulation: peer.esp?.encapsulation ?? 'auto',
      df: peer.esp?.df ?? 'set',
      dscp: peer.esp?.dscp ?? 'copy',
    },
    gre: {
      ...(peer.gre?.key === undefined ? {} : { key: peer.gre.key }),
      checksum: peer.gre?.checksum ?? false,
      sequence: peer.gre?.sequence ?? false,
      ...(peer.gre?.keepalive === undefined ? {} : { keepalive: peer.gre.keepalive }),
    },
    tunnel: {
      interface: peer.tunnel?.interface ?? interfaceFor(peer.name),
      addresses: peer.tunnel?.addresses ?? [],
      mtu: peer.tunnel?.mtu ?? 'auto',
      mss: peer.tunnel?.mss ?? 'auto',
      routes: peer.tunnel?.routes ?? [],
      whenDown: peer.tunnel?.whenDown ?? 'block',
      multicast: peer.tunnel?.multicast ?? true,
    },
    ...(peer.ospfRelay === undefined ? {} : { ospfRelay: relayDefaults(peer.ospfRelay) }),
  } satisfies PeerDocument
}

const relayDefaults = (relay: NonNullable<PeerDocument['ospfRelay']>) => ({
  interface: relay.interface,
  group: relay.group ?? relay.interface,
  multicast: relay.multicast ?? [],
  bfd: relay.bfd ?? false,
  failFast: relay.failFast ?? false,
  forward: relay.forward ?? true,
})
