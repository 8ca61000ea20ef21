import { familyOf } from '@brunel/base'
import { type Peer, type PeerIdentity, pskOctets } from '@brunel/config'
import { type Certificate, certificatesIn, crlsIn, nameOf, parseCertificate } from '@brunel/crypto'
import type { Identity, IkePeer, OwnProof, TheirProof } from '@brunel/ikev2'
import { Address } from '@brunel/wire'
import type { Bearing } from './remote-address.js'

/** The secrets of a peer; whoever made them wipes them. */
export interface PeerSecrets {
  readonly psk: Uint8Array | undefined
  readonly privateKey: Uint8Array | undefined
  readonly ppk: Uint8Array | undefined
}

/** What IKE shall know of a peer: the verified document, its secrets, and where the peer is. undefined: a secret is missing. */
export function ikePeer(
  peer: Peer,
  secrets: PeerSecrets,
  bearing: Bearing,
  hostname: string,
): IkePeer | undefined {
  const auth = authOf(peer, secrets)
  const ppk = peer.auth.ppk && ppkOf(peer.auth.ppk, secrets.ppk)
  if (auth === undefined || (peer.auth.ppk !== undefined && ppk === undefined)) return undefined
  const localAddress = bearing.is === 'known' ? bearing.route.source : peer.local.address
  const own = certificatesIn(peer.auth.certificate)[0]
  const certificate = peer.auth.method === 'certificate' && own ? parseCertificate(own) : undefined
  return {
    name: peer.name,
    localAddress,
    remoteAddress: bearing.is === 'known' ? bearing.remote : undefined,
    localId:
      peer.local.id === undefined
        ? (certifiedIdentity(certificate) ?? identityOf(localAddress, hostname))
        : identity(peer.local.id),
    remoteId: peer.remote.id && identity(peer.remote.id),
    auth,
    ppk,
    redirect: peer.remote.redirect,
    initiate: peer.ike.initiate && bearing.is === 'known',
    ike: {
      proposals: peer.ike.proposals,
      lifetime: peer.ike.lifetime,
      liveness: peer.ike.liveness,
      tcp: peer.ike.tcp,
      childless: peer.ike.childless,
      mobike: peer.ike.mobike ? { returnRoutability: peer.ike.returnRoutability } : undefined,
    },
    esp: {
      proposals: peer.esp.proposals,
      mode: peer.esp.mode,
      lifetime: peer.esp.lifetime,
      encapsulation: peer.esp.encapsulation,
    },
    selectors: undefined,
  }
}

function ppkOf(
  { id, required }: NonNullable<Peer['auth']['ppk']>,
  secret: Uint8Array | undefined,
): IkePeer['ppk'] {
  const octets = pskOctets(id)
  return octets && secret && { id: octets, secret, required }
}

function authOf({ auth }: Peer, { psk, privateKey }: PeerSecrets): IkePeer['auth'] | undefined {
  const shared = psk && ({ method: 'psk', psk } as const)
  const own: OwnProof | undefined =
    auth.method === 'psk'
      ? shared
      : privateKey && {
          method: 'certificate',
          certificates: certificatesIn(auth.certificate),
          privateKey,
          rsa: auth.rsaSignature,
          published: { urls: auth.certificateUrls, bundle: auth.bundleUrl },
        }
  const theirs: TheirProof | undefined =
    auth.remoteMethod === 'psk'
      ? shared
      : {
          method: 'certificate',
          trustAnchors: auth.trustAnchors.flatMap(certificatesIn),
          crls: auth.crls.flatMap(crlsIn),
          revocation: auth.revocation,
          hashAndUrl: auth.hashAndUrl,
        }
  if (own === undefined || theirs === undefined) return undefined
  return own.method === 'psk' && theirs.method === 'psk' ? own : { method: 'certificate', own, theirs }
}

function identity(id: PeerIdentity): Identity {
  return id.type === 'dn'
    ? { type: 'dn', der: nameOf(id.text) ?? new Uint8Array(0) }
    : { type: id.type, text: id.text }
}

/** Left out, our identity is the first host name of our certificate, then its first other name, then its subject. */
function certifiedIdentity(certificate: Certificate | undefined): Identity | undefined {
  if (certificate === undefined) return undefined
  const { names, subject } = certificate
  for (const type of ['fqdn', 'email', 'ip'] as const) {
    const name = names.find(one => one.type === type)
    if (name?.type === 'fqdn' || name?.type === 'email') return { type: name.type, text: name.text }
    if (name?.type === 'ip') return identityOf(Address.format(name.octets), '')
  }
  return { type: 'dn', der: subject }
}

function identityOf(address: string | undefined, hostname: string): Identity {
  if (address === undefined) return { type: 'fqdn', text: hostname }
  return { type: familyOf(address) === 4 ? 'ipv4' : 'ipv6', text: address }
}
