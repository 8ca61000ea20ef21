/** Pure: strongSwan's two configuration files, as text. */

export interface SwanConnection {
  readonly name: string
  readonly local: { readonly address: string; readonly id: string }
  readonly remote: { readonly address: string; readonly id: string }
  readonly psk: string
  /** How each end proves itself, in swanctl's words; left out: both by PSK. `certificate`: a file in swanctl/x509. */
  readonly auth?: {
    readonly local: string
    readonly remote: string
    readonly certificate?: string
    readonly revocation?: 'strict' | 'ifuri' | 'relaxed'
  }
  /** A post-quantum pre-shared key, RFC 8784. */
  readonly ppk?: { readonly id: string; readonly secret: string; readonly required?: boolean }
  readonly ike: string
  readonly esp: string
  readonly mode: 'tunnel' | 'transport'
  /** Default: GRE host to host. */
  readonly selectors?: readonly [local: string, remote: string]
  readonly liveness?: string
  /** Default: 2. */
  readonly version?: 1 | 2
  /** Default: never. Make before break. */
  readonly reauthenticate?: string
  readonly mobike?: boolean
  readonly startAction?: 'none' | 'start' | 'trap'
  /** More lines of the connection and of its child. */
  readonly connection?: readonly string[]
  readonly child?: readonly string[]
}

export function swanctlConf(connections: readonly SwanConnection[]): string {
  const secrets = connections.flatMap(({ name, remote, psk, ppk }) => [
    `  ike-${name} { id = ${remote.id}\n    secret = "${psk}" }`,
    ...(ppk === undefined ? [] : [`  ppk-${name} { id = ${ppk.id}\n    secret = "${ppk.secret}" }`]),
  ])
  return `connections {\n${connections.map(connection).join('\n')}\n}\nsecrets {\n${secrets.join('\n')}\n}\n`
}

function connection(c: SwanConnection): string {
  // 47 is GRE: its name would need /etc/protocols, which a small Debian has not.
  const [localTs, remoteTs] = c.selectors ?? ['dynamic[47]', 'dynamic[47]']
  return `  ${c.name} {
    version = ${c.version ?? 2}
    local_addrs = ${c.local.address}
    remote_addrs = ${c.remote.address}
    proposals = ${c.ike}
    mobike = ${c.mobike === true ? 'yes' : 'no'}
    keyingtries = 1
    reauth_time = ${c.reauthenticate ?? '0'}
    dpd_delay = ${c.liveness ?? '0s'}
    ${c.ppk === undefined ? '' : `ppk_id = ${c.ppk.id}\n    ppk_required = ${c.ppk.required ? 'yes' : 'no'}`}
    ${(c.connection ?? []).join('\n    ')}
    local { auth = ${c.auth?.local ?? 'psk'}
      ${c.auth?.certificate === undefined ? '' : `certs = ${c.auth.certificate}`}
      id = ${c.local.id} }
    remote { auth = ${c.auth?.remote ?? 'psk'}
      ${c.auth?.revocation === undefined ? '' : `revocation = ${c.auth.revocation}`}
      id = ${c.remote.id} }
    children { ${c.name} {
        mode = ${c.mode}
        local_ts = ${localTs}
        remote_ts = ${remoteTs}
        esp_proposals = ${c.esp}
        start_action = ${c.startAction ?? 'none'}
        ${(c.child ?? []).join('\n        ')}
    } }
  }`
}

/** kernel-libipsec must stand before kernel-netlink; kdf is needed for the PRFs. */
const PLUGINS =
  'random nonce openssl kdf x509 revocation curl constraints pubkey pkcs1 pkcs8 pem kernel-libipsec kernel-netlink socket-default vici'

/**
 * `allow_peer_ts` lets the selectors cover the peer's own address, as GRE between the routers needs; the mark keeps
 * charon's own packets out of the route into `ipsec0`.
 */
/** `more`: further lines of charon's section. */
export const strongswanConf = (folder: string, more: readonly string[] = []): string => `charon {
  load = ${PLUGINS}
  ${more.join('\n  ')}
  make_before_break = yes
  interfaces_ignore = lo, lan0, gre0, gre1
  retransmit_tries = 3
  retransmit_timeout = 2
  filelog { f { path = ${folder}/charon.log
    time_format = %T
    default = 1
    ike = 2
    cfg = 2
    flush_line = yes } }
  plugins {
    vici { socket = unix://${folder}/charon.vici }
    kernel-libipsec { allow_peer_ts = yes }
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }
  }
}
swanctl { socket = unix://${folder}/charon.vici }
`
