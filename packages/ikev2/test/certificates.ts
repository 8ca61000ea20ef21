import {
  type Certification,
  certificatesIn,
  certificationAt,
  type Issuer,
  issueCertificate,
  type KeyKind,
  newPrivateKey,
  privateKeyIn,
  SIGNATURE_HASHES,
} from '@brunel/crypto'
import type { IkePeer, OwnProof, TheirProof } from '../src/index.js'
import { Lab, type LabOptions, type PeerChange, peerFor } from './lab.js'

/** A certification authority, two routers with certificates, and the wall clock they go by. */
const START = Date.UTC(2030, 5, 1)
export const HOUR = 3_600_000
export const hours = (n: number): Date => new Date(START + n * HOUR)

export const certificationOf = (wall: () => number): Certification =>
  certificationAt(() => wall() as never, SIGNATURE_HASHES)

export async function authority(subject = 'CN=Lab CA', issuer?: Issuer): Promise<Issuer> {
  const privateKey = newPrivateKey('ecdsa256')
  const certificate = await issueCertificate({
    subject,
    key: privateKey,
    issuer,
    authority: {},
    notBefore: hours(-1000),
    notAfter: hours(90_000),
  })
  return { certificate, privateKey }
}

export interface RouterCertificate {
  readonly own: OwnProof
  readonly pem: string
}

export async function routerCertificate(
  name: string,
  issuer: Issuer,
  more: {
    readonly kind?: KeyKind
    readonly from?: Date
    readonly to?: Date
    readonly chain?: string
    readonly crlUrls?: readonly string[]
  } = {},
): Promise<RouterCertificate> {
  const key = newPrivateKey(more.kind ?? 'ecdsa256')
  const pem = await issueCertificate({
    subject: `CN=${name}`,
    names: [{ type: 'dns', value: name }],
    key,
    issuer,
    notBefore: more.from ?? hours(-1),
    notAfter: more.to ?? hours(9000),
    crlUrls: more.crlUrls ?? [],
  })
  const privateKey = privateKeyIn(key)
  if (privateKey === undefined) throw new Error('no key')
  const certificates = certificatesIn(pem + (more.chain ?? ''))
  return { own: { method: 'certificate', certificates, privateKey, rsa: 'pss' }, pem }
}

export const trusting = (...authorities: readonly Issuer[]): TheirProof => ({
  method: 'certificate',
  trustAnchors: authorities.flatMap(({ certificate }) => certificatesIn(certificate)),
  crls: [],
  revocation: 'off',
})

export const psk = (text: string) => ({ method: 'psk', psk: new TextEncoder().encode(text) }) as const

/** Two proposals make the request longer than an answer with CERTREQ, so that no cookie is asked for. */
export const TWO = { ike: ['aes256gcm16-prfsha384-x25519', 'aes128gcm16-prfsha256-x25519'] }

export interface Proofs {
  readonly own: OwnProof
  readonly theirs: TheirProof
}

/** Both routers, each with what it proves and what it wants. */
export function certificateLab(
  a: Proofs,
  b: Proofs,
  more: {
    readonly change?: Partial<PeerChange>
    readonly wall?: (now: number) => number
  } & Partial<LabOptions> = {},
): Lab {
  const { change = {}, wall, ...options } = more
  const lab: Lab = new Lab({
    ...options,
    // Whole messages are readable in a ladder; one test has them in fragments.
    settings: { datagram4: 4000, ...options.settings },
    certification: certificationOf(() => (wall ?? (now => START + now))(lab.now)),
  })
  const peer = (near: 'a' | 'b', far: 'a' | 'b', proofs: Proofs): IkePeer => ({
    ...peerFor(lab[near], lab[far], { ...TWO, ...change, initiate: near === 'a' }),
    auth: { method: 'certificate', ...proofs },
  })
  lab.feed(lab.b, { on: 'peer-set', peer: peer('b', 'a', b) })
  lab.feed(lab.a, { on: 'peer-set', peer: peer('a', 'b', a) })
  return lab
}
