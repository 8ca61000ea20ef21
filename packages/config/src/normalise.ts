import { bug } from '@brunel/base'
import {
  type EspProposal,
  httpUrl,
  type IkeProposal,
  parseEspProposal,
  parseIkeProposal,
} from '@brunel/crypto'
import { withDefaults } from './defaults.js'
import type { PeerDocument } from './document.js'
import type { Peer } from './peer.js'
import { address, duration, identity, interfaceAddress, network, size } from './values.js'

const sure = <T>(value: T | undefined, what: string): T => value ?? bug(`${what} was not verified`)

function proposals<T extends object>(
  texts: readonly string[],
  parse: (text: string) => T | { problem: string },
): T[] {
  return texts.map(text => {
    const parsed = parse(text)
    return 'problem' in parsed ? bug(`proposal ${text} was not verified`) : (parsed as T)
  })
}

const optionally = <T>(
  text: string | undefined,
  read: (text: string) => T | undefined,
  what: string,
): T | undefined => (text === undefined ? undefined : sure(read(text), what))

/** The document as the router uses it. It must be one in which `verify` found nothing. */
export function normalise(document: PeerDocument): Peer {
  const { name, enabled, local, remote, auth, ike, esp, gre, tunnel, ospfRelay } = withDefaults(document)
  const remoteAddress = address(remote.address)
  return {
    name,
    enabled,
    local: {
      address: optionally(local.address, address, 'local.address'),
      further: (local.addresses ?? []).map(text => sure(address(text), 'local.addresses')),
      id: optionally(local.id, identity, 'local.id'),
    },
    remote: {
      kind: remote.address === 'any' ? 'any' : remoteAddress === undefined ? 'name' : 'address',
      address: remoteAddress ?? remote.address.toLowerCase(),
      id: optionally(remote.id, identity, 'remote.id'),
      redirect: remote.redirect,
      prefer: remote.prefer,
    },
    auth: {
      method: auth.method,
      remoteMethod: auth.remoteMethod ?? auth.method,
      certificate: auth.certificate ?? '',
      trustAnchors: auth.trustAnchors ?? [],
      crls: auth.crls ?? [],
      revocation: auth.revocation ?? 'relaxed',
      hashAndUrl: (auth.hashAndUrl ?? []).map(url => sure(httpUrl(url), 'auth.hashAndUrl')),
      certificateUrls: auth.certificateUrls ?? [],
      bundleUrl: auth.bundleUrl,
      rsaSignature: auth.rsaSignature ?? 'pss',
      ppk: auth.ppk && { id: auth.ppk.id, required: auth.ppk.required ?? false },
    },
    ike: {
      proposals: proposals<IkeProposal>(ike.proposals, parseIkeProposal),
      lifetime: sure(duration(ike.lifetime), 'ike.lifetime'),
      liveness: sure(duration(ike.liveness), 'ike.liveness'),
      tcp: ike.tcp,
      childless: ike.childless,
      mobike: ike.mobike,
      returnRoutability: ike.returnRoutability,
      initiate: ike.initiate,
    },
    esp: {
      proposals: proposals<EspProposal>(esp.proposals, parseEspProposal),
      mode: esp.mode,
      lifetime: sure(duration(esp.lifetime), 'esp.lifetime'),
      lifetimeBytes: sure(size(esp.lifetimeBytes), 'esp.lifetimeBytes'),
      replayWindow: esp.replayWindow,
      encapsulation: esp.encapsulation,
      df: esp.df,
      dscp: esp.dscp,
    },
    gre: { key: gre.key, checksum: gre.checksum, sequence: gre.sequence },
    tunnel: {
      interface: tunnel.interface,
      addresses: tunnel.addresses.map(text => sure(interfaceAddress(text), 'tunnel.addresses')),
      mtu: tunnel.mtu,
      mss: tunnel.mss,
      routes: tunnel.routes.map(text => sure(network(text), 'tunnel.routes')),
      whenDown: tunnel.whenDown,
      multicast: tunnel.multicast,
    },
    ospfRelay: ospfRelay && { ...ospfRelay, multicast: [...new Set(ospfRelay.multicast)].sort() },
  }
}
