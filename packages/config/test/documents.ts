import type { PeerDocument } from '../src/index.js'

/** A peer in which nothing is wrong. */
export const branch = (n: number, more: Partial<PeerDocument> = {}): PeerDocument => ({
  name: `branch-${n}`,
  remote: { address: `198.51.100.${n}` },
  auth: { method: 'psk', psk: 'correct horse battery staple' },
  ...more,
})

/** The example of the product's contract, less what is not available yet. */
export const example = {
  name: 'branch-7',
  enabled: true,
  local: { address: '192.0.2.1', id: 'hq.example.net' },
  remote: { address: '198.51.100.7', id: 'branch-7.example.net' },
  auth: { method: 'psk', psk: 'correct horse battery staple' },
  ike: {
    proposals: ['aes256gcm16-prfsha384-x25519', 'aes256-sha256-modp2048'],
    lifetime: '4h',
    liveness: '10s',
    initiate: true,
  },
  esp: {
    proposals: ['aes256gcm16-esn', 'aes256-sha256'],
    mode: 'tunnel',
    lifetime: '1h',
    lifetimeBytes: '1TiB',
    replayWindow: 4096,
    encapsulation: 'auto',
    df: 'set',
    dscp: 'copy',
  },
  gre: { key: 7, checksum: false, sequence: false },
  tunnel: {
    interface: 'gre7',
    addresses: ['10.255.0.1/30', 'fd00:7::1/64'],
    mtu: 'auto',
    mss: 'auto',
    routes: ['10.7.0.0/16'],
    multicast: true,
  },
} satisfies PeerDocument
