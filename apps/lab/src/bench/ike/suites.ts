import type { PeerDocument } from '@brunel/config'
import { type Issuer, issueCertificate, type KeyKind, newPrivateKey } from '@brunel/crypto'

/** One column of the table: how two routers negotiate and prove who they are. */
export interface Suite {
  readonly name: string
  readonly ike: string
  readonly esp: string
  /** undefined: a pre-shared key. */
  readonly key?: KeyKind
  /** Set-ups in one measurement; the slower the suite, the fewer. */
  readonly count: number
}

const ESP = 'aes128gcm16-x25519-noesn'

export const SUITES: readonly Suite[] = [
  { name: 'PSK, x25519', ike: 'aes128gcm16-prfsha256-x25519', esp: ESP, count: 1000 },
  {
    name: 'PSK, x25519 + ML-KEM-768',
    ike: 'aes128gcm16-prfsha256-x25519-ke1_mlkem768',
    esp: ESP,
    count: 400,
  },
  { name: 'PSK, ecp256', ike: 'aes128gcm16-prfsha256-ecp256', esp: ESP, count: 400 },
  {
    name: 'PSK, ecp384, AES-CBC',
    ike: 'aes256-sha384-ecp384',
    esp: 'aes256-sha256-ecp384-noesn',
    count: 200,
  },
  { name: 'PSK, modp2048', ike: 'aes128gcm16-prfsha256-modp2048', esp: ESP, count: 200 },
  { name: 'ECDSA P-256, x25519', ike: 'aes128gcm16-prfsha256-x25519', esp: ESP, key: 'ecdsa256', count: 300 },
  { name: 'Ed25519, x25519', ike: 'aes128gcm16-prfsha256-x25519', esp: ESP, key: 'ed25519', count: 300 },
  {
    name: 'RSA-2048 (PSS), x25519',
    ike: 'aes128gcm16-prfsha256-x25519',
    esp: ESP,
    key: 'rsa2048',
    count: 200,
  },
]

/** The end that begins has an address of its own for each tunnel, as a thousand routers would; the other has one. */
export type Role = 'initiator' | 'responder'
export const RESPONDER = '10.200.0.2'
export const INITIATORS = '10.201.0.0/16'
export const initiatorAddress = (i: number): string => `10.201.${i >> 8}.${i & 0xff}`

export const tunnelName = (i: number): string => `t${i}`
const identity = (role: Role, i: number): string => `${role}-${i}.bench`

export interface Authority {
  readonly issuer: Issuer
  /** One private key for each end, since making one takes longer than what is measured. */
  readonly keys: Readonly<Record<Role, string>>
}

const validity = () => ({
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 30 * 86_400_000),
})

export async function newAuthority(kind: KeyKind): Promise<Authority> {
  const key = newPrivateKey(kind)
  const certificate = await issueCertificate({ subject: 'CN=bench', key, authority: {}, ...validity() })
  const keys = { initiator: newPrivateKey(kind), responder: newPrivateKey(kind) }
  return { issuer: { certificate, privateKey: key }, keys }
}

export interface Configured {
  readonly document: PeerDocument
  readonly psk: string
  /** PEM. */
  readonly privateKey: string | undefined
}

/** Tunnel `i` as one of its two ends is configured. Who begins is said later, by `up`. */
export async function configuredPeer(
  role: Role,
  i: number,
  suite: Suite,
  authority: Authority | undefined,
): Promise<Configured> {
  const far: Role = role === 'initiator' ? 'responder' : 'initiator'
  const address = (of: Role): string => (of === 'initiator' ? initiatorAddress(i) : RESPONDER)
  const key = authority?.keys[role]
  const certified = authority && {
    method: 'certificate' as const,
    certificate: await issueCertificate({
      subject: `CN=${identity(role, i)}`,
      names: [{ type: 'dns', value: identity(role, i) }],
      key: authority.keys[role],
      issuer: authority.issuer,
      ...validity(),
    }),
    trustAnchors: [authority.issuer.certificate],
  }
  return {
    psk: `psk of tunnel ${i}, 0123456789abcdef`,
    privateKey: key,
    document: {
      name: tunnelName(i),
      local: { address: address(role), id: identity(role, i) },
      remote: { address: address(far), id: identity(far, i) },
      auth: certified ?? { method: 'psk' },
      ike: { proposals: [suite.ike], initiate: false },
      esp: { proposals: [suite.esp] },
      tunnel: { interface: tunnelName(i), addresses: ['10.255.0.1/30'] },
    },
  }
}
