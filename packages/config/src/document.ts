import { DEFAULT_ESP_PROPOSALS, DEFAULT_IKE_PROPOSALS } from '@brunel/crypto'
import { type Static, Type } from 'typebox'

/**
 * The documents an operator writes: one peer, and the whole configuration. One schema gives the TypeScript types, the
 * validation of the API, the words of the command line and docs/config.md. Shape only: what values mean is `verify`'s.
 */

const text = (description: string, more: Record<string, unknown> = {}) =>
  Type.String({ description, ...more })
const duration = (description: string, value: string) =>
  Type.String({
    description: `${description} A number and ms, s, m, h or d.`,
    default: value,
    examples: [value],
  })

const strict = { additionalProperties: false } as const

export const LocalDocument = Type.Object(
  {
    address: Type.Optional(
      text('Our address on the underlay. Left out: the one the routing table chooses.', {
        examples: ['192.0.2.1'],
      }),
    ),
    addresses: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Further addresses of ours, of other uplinks: used where the first has no way to the peer, and told to a peer that speaks MOBIKE.',
        examples: [['203.0.113.1']],
      }),
    ),
    id: Type.Optional(
      text(
        'Our IKE identity: an address, a host name, an e-mail address or keyid:TEXT. Left out: our address.',
        {
          examples: ['hq.example.net'],
        },
      ),
    ),
  },
  strict,
)

export const RemoteDocument = Type.Object(
  {
    address: text('Where the peer is: an IPv4 or IPv6 address, a DNS name, or `any` to answer only.', {
      examples: ['198.51.100.7'],
    }),
    id: Type.Optional(
      text('The IKE identity that the peer must prove. Left out: any that the secret proves.', {
        examples: ['branch-7.example.net'],
      }),
    ),
    redirect: Type.Optional(
      Type.Boolean({
        description:
          'Whether the peer may send us to another gateway (RFC 5685), which must prove the same `remote.id`.',
        default: false,
      }),
    ),
    prefer: Type.Optional(
      Type.Union([Type.Literal('ipv4'), Type.Literal('ipv6')], {
        description:
          'Which addresses of a DNS name are tried first; the others follow where those do not answer. Left out: as the resolver orders them.',
      }),
    ),
  },
  strict,
)

export const PpkDocument = Type.Object(
  {
    id: text('The name by which both routers know it; 0x… for octets in hexadecimal.', {
      examples: ['hq-branch-7'],
    }),
    secret: Type.Optional(
      text('The key itself, as `auth.psk` is written. Write-only: it never comes back.', { writeOnly: true }),
    ),
    required: Type.Optional(
      Type.Boolean({
        description: 'Whether nothing is agreed without it. Not so: it is used where the peer has it too.',
        default: false,
      }),
    ),
  },
  {
    ...strict,
    description:
      'A post-quantum pre-shared key (RFC 8784), mixed into the keys besides any way of authentication.',
  },
)

export const AuthDocument = Type.Object(
  {
    method: Type.Union([Type.Literal('psk'), Type.Literal('certificate')], {
      description: 'How we prove who we are.',
    }),
    remoteMethod: Type.Optional(
      Type.Union([Type.Literal('psk'), Type.Literal('certificate')], {
        description: 'How the peer must prove who it is. Left out: as we do.',
      }),
    ),
    psk: Type.Optional(
      text('The pre-shared key; 0x… for octets in hexadecimal. Write-only: it never comes back.', {
        writeOnly: true,
      }),
    ),
    certificate: Type.Optional(text('Our certificate, PEM; intermediate certificates may follow it.')),
    privateKey: Type.Optional(
      text('The private key of our certificate, PEM. Write-only: it never comes back.', { writeOnly: true }),
    ),
    trustAnchors: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Whom we trust to name the peer: certificates of authorities, PEM; or the certificate of the peer itself.',
      }),
    ),
    crls: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Revocation lists of these authorities, PEM: a certificate that one names is refused.',
      }),
    ),
    revocation: Type.Optional(
      Type.Union(
        [Type.Literal('relaxed'), Type.Literal('ifuri'), Type.Literal('strict'), Type.Literal('off')],
        {
          description:
            'Whether the certificate of the peer is revoked is asked by OCSP and by lists over HTTP where it says so. Nobody knows: `relaxed` lets it in, `ifuri` refuses it where it names an address to ask, `strict` refuses it always. `off`: only `crls` count.',
          default: 'relaxed',
        },
      ),
    ),
    hashAndUrl: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Hash and URL (RFC 7296 §3.6): the peer may send the SHA-1 hash and the http:// address of a certificate, or of a bundle, instead of it, if the address begins with one of these. They are looked up before the peer has proved itself. Left out: it may not.',
        examples: [['http://pki.example.net/certs/']],
      }),
    ),
    certificateUrls: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Where the certificates of `certificate` are published in DER, in their order, by http://: a peer that looks them up gets hash and URL (RFC 7296 §3.6). Certificates beyond the list are sent whole.',
      }),
    ),
    bundleUrl: Type.Optional(
      text(
        'Instead of `certificateUrls`: where all of them are published as one bundle. `brunel pki publish` makes it.',
      ),
    ),
    ppk: Type.Optional(PpkDocument),
    rsaSignature: Type.Optional(
      Type.Union([Type.Literal('pss'), Type.Literal('pkcs1')], {
        description: 'How an RSA key signs (RFC 8247 §3.2 prefers PSS). Left out: `pss`.',
      }),
    ),
  },
  strict,
)

export const IkeDocument = Type.Object(
  {
    proposals: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'What we offer and accept for IKE, best first, written as in swanctl.conf; ke1_mlkem768 is an additional post-quantum key exchange (RFC 9370).',
        default: DEFAULT_IKE_PROPOSALS,
      }),
    ),
    lifetime: Type.Optional(duration('When the IKE SA is rekeyed.', '4h')),
    liveness: Type.Optional(duration('The longest silence before a peer is asked whether it lives.', '10s')),
    tcp: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('always'), Type.Literal('never')], {
        description:
          'IKE and ESP over TCP port 4500 (RFC 9329): `auto` where UDP gets no answer at all, and back to UDP when it does; `always` begins there; `never` takes nobody from there either.',
        default: 'auto',
      }),
    ),
    childless: Type.Optional(
      Type.Boolean({
        description:
          'Whether the first child SA is made after IKE_AUTH, in an exchange of its own, where the peer can (RFC 6023). With a group in `esp.proposals` it has its own key exchange then.',
        default: false,
      }),
    ),
    mobike: Type.Optional(
      Type.Boolean({
        description:
          'MOBIKE (RFC 4555): an address of either end may change and the SAs go on. In tunnel mode, with a peer that speaks it.',
        default: true,
      }),
    ),
    returnRoutability: Type.Optional(
      Type.Boolean({
        description:
          'MOBIKE: whether a new address of the peer must answer before ESP goes there (RFC 4555 §3.7), which takes one more round trip.',
        default: true,
      }),
    ),
    initiate: Type.Optional(
      Type.Boolean({
        description: 'Whether we begin. Left out: yes, unless `remote.address` is `any`.',
        default: true,
      }),
    ),
  },
  strict,
)

export const EspDocument = Type.Object(
  {
    proposals: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'What we offer and accept for ESP, best first. A group in it asks for PFS at each rekey; ke1_mlkem768 behind it for a post-quantum one (RFC 9370). `aes256gcm16iiv` and its kin save 8 octets a packet (RFC 8750); the same with explicit IV is offered beside them.',
        default: DEFAULT_ESP_PROPOSALS,
      }),
    ),
    mode: Type.Optional(
      Type.Union([Type.Literal('tunnel'), Type.Literal('transport')], {
        description: 'What we ask for; the state of the tunnel shows what was agreed and why.',
        default: 'tunnel',
      }),
    ),
    lifetime: Type.Optional(duration('When the child SA is rekeyed.', '1h')),
    lifetimeBytes: Type.Optional(
      Type.String({
        description:
          'How much a child SA carries before it is rekeyed. A number and KiB, MiB, GiB, TiB, kB, MB, GB or TB.',
        default: '1TiB',
        examples: ['1TiB'],
      }),
    ),
    replayWindow: Type.Optional(
      Type.Integer({
        description: 'Packets that may arrive late: 32 to 4096, or 0 for no check.',
        default: 4096,
      }),
    ),
    encapsulation: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('udp'), Type.Literal('none')], {
        description: 'ESP in UDP: when a NAT is found, always, or never.',
        default: 'auto',
      }),
    ),
    df: Type.Optional(
      Type.Union([Type.Literal('set'), Type.Literal('clear'), Type.Literal('copy')], {
        description:
          'The “don’t fragment” bit of what we send over an IPv4 underlay (RFC 4301 §8.1). `set`: the path MTU is found. `clear`: routers on the way may fragment, for paths that lose what is too big without a word. `copy`: as in the packet that is carried; `set` where that is IPv6.',
        default: 'set',
      }),
    ),
    dscp: Type.Optional(
      Type.Union([Type.Literal('copy'), Type.Integer()], {
        description:
          'DSCP of what we send over the underlay: that of the packet that is carried, or one for all, 0 to 63 (RFC 4301 §5.1.2.1, RFC 2983). The packet inside keeps its own, and ECN is always copied.',
        default: 'copy',
      }),
    ),
  },
  strict,
)

export const GreDocument = Type.Object(
  {
    key: Type.Optional(
      Type.Integer({ description: 'GRE key, 0 to 4294967295. Left out: none (RFC 2890 §2.1).' }),
    ),
    checksum: Type.Optional(Type.Boolean({ description: 'GRE checksum, RFC 2784 §2.5.', default: false })),
    sequence: Type.Optional(
      Type.Boolean({ description: 'GRE sequence numbers, RFC 2890 §2.2.', default: false }),
    ),
    keepalive: Type.Optional(
      Type.Object(
        {
          interval: Type.Optional(duration('Time between two keepalives.', '5s')),
          retries: Type.Optional(
            Type.Integer({ description: 'Unanswered ones before the tunnel is down.', default: 3 }),
          ),
        },
        { ...strict, description: 'GRE keepalives inside the SA. Not available yet.' },
      ),
    ),
  },
  strict,
)

export const TunnelDocument = Type.Object(
  {
    interface: Type.Optional(
      text('Name of the TUN interface, at most 15 characters. Left out: made from the name of the peer.', {
        examples: ['gre7'],
      }),
    ),
    addresses: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Addresses of our end, with prefix length.',
        default: [],
        examples: [['10.255.0.1/30', 'fd00:7::1/64']],
      }),
    ),
    mtu: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Integer()], {
        description:
          'Largest inner packet of this side: computed, or a number from 576 to 65535. Another Brunel is told, and both use the lower one.',
        default: 'auto',
      }),
    ),
    mss: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('off'), Type.Integer()], {
        description:
          'Largest TCP segment let through: computed from the MTU, left alone, or a number from 88 to 65495.',
        default: 'auto',
      }),
    ),
    routes: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Networks behind the peer, routed into the tunnel.',
        default: [],
        examples: [['10.7.0.0/16']],
      }),
    ),
    whenDown: Type.Optional(
      Type.Union([Type.Literal('block'), Type.Literal('withdraw'), Type.Literal('keep')], {
        description:
          'What becomes of `routes` while the tunnel carries no data. `block`: they leave the tunnel, so that another route to the same network is used; without one their packets are refused and never follow a wider route, such as the default route, in the clear. `withdraw`: they are taken away, and a wider route serves. `keep`: they stay.',
        default: 'block',
      }),
    ),
    multicast: Type.Optional(
      Type.Boolean({ description: 'Whether multicast crosses the tunnel.', default: true }),
    ),
  },
  strict,
)

export const OspfRelayDocument = Type.Object(
  {
    interface: text('The LAN interface whose OSPF neighbours meet those behind the peer.', {
      examples: ['eth1'],
    }),
    group: Type.Optional(
      text(
        'Peers of one group are one segment: what one of them sends, all of them hear. One group an interface. Left out: the name of the interface.',
        { examples: ['backbone'] },
      ),
    ),
    multicast: Type.Optional(
      Type.Array(
        Type.Union([Type.Literal('pim'), Type.Literal('rip'), Type.Literal('eigrp'), Type.Literal('vrrp')]),
        {
          description: 'Other protocols of the link that are relayed: `pim`, `rip`, `eigrp`, `vrrp`.',
          default: [],
        },
      ),
    ),
    bfd: Type.Optional(
      Type.Boolean({
        description: 'Whether BFD (RFC 5881) between the routers behind both ends is relayed too.',
        default: false,
      }),
    ),
    failFast: Type.Optional(
      Type.Boolean({
        description:
          'Whether the neighbours behind the peer are let die as soon as the tunnel carries no data, and those of the LAN, for the peer, as soon as the LAN has no link; and not after the dead interval of OSPF.',
        default: false,
      }),
    ),
    forward: Type.Optional(
      Type.Boolean({
        description:
          'Whether data follows the routes that OSPF brought through the relay, with no routes of your own.',
        default: true,
      }),
    ),
  },
  {
    ...strict,
    description: 'Relays OSPF between a LAN interface and the LAN of the peer, as if one cable joined them.',
  },
)

export const PeerDocument = Type.Object(
  {
    name: text('The name of the peer: letters, digits, `.`, `_` and `-`, at most 63.', {
      examples: ['branch-7'],
    }),
    enabled: Type.Optional(Type.Boolean({ description: 'Whether the tunnel is wanted.', default: true })),
    local: Type.Optional(LocalDocument),
    remote: RemoteDocument,
    auth: AuthDocument,
    ike: Type.Optional(IkeDocument),
    esp: Type.Optional(EspDocument),
    gre: Type.Optional(GreDocument),
    tunnel: Type.Optional(TunnelDocument),
    ospfRelay: Type.Optional(OspfRelayDocument),
  },
  { ...strict, title: 'Peer', description: 'The other router and all we know of it.' },
)
export type PeerDocument = Static<typeof PeerDocument>

/** The version of the whole document; a change of shape raises it and adds a migration. */
export const CONFIG_VERSION = 1

export const ConfigDocument = Type.Object(
  {
    version: Type.Literal(CONFIG_VERSION, { description: 'The version of this document.' }),
    peers: Type.Array(PeerDocument, { description: 'All peers.' }),
  },
  { ...strict, title: 'Configuration', description: 'The whole configuration of a router as one document.' },
)
export type ConfigDocument = Static<typeof ConfigDocument>
