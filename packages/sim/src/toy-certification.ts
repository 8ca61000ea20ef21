import type { Certification, RevocationReport } from '@brunel/crypto'
import type { CertificateDemand, CertificateProof } from '@brunel/ikev2'
import { Mixing } from './mixing.js'

/**
 * Certificates for simulations: who may sign for whom and when, and nothing of X.509. As large as real ones, so that
 * IKE_AUTH is fragmented. A key pair is a name; its signature is a hash of the name and of what is signed.
 */
interface Certificate {
  readonly name: string
  readonly issuer: string
  readonly from: number
  readonly to: number
}

/** Octets of a certificate for a key of elliptic curves. */
const SIZE = 560
const DAY = 86_400_000
/** What the wall clock shows when a run begins. */
export const WALL_START = Date.UTC(2030, 0, 1)

const text = new TextEncoder()

function written(certificate: Certificate): Uint8Array {
  return text.encode(JSON.stringify(certificate).padEnd(SIZE))
}

function read(octets: Uint8Array | undefined): Certificate | undefined {
  if (octets?.length !== SIZE) return undefined
  try {
    return JSON.parse(new TextDecoder().decode(octets)) as Certificate
  } catch {
    return undefined
  }
}

const AUTHORITY = written({
  name: 'CA',
  issuer: 'CA',
  from: WALL_START - 1000 * DAY,
  to: WALL_START + 9000 * DAY,
})

const VALID = { from: WALL_START - 10 * DAY, to: WALL_START + 100 * DAY }
export const isToyValidAt = (wall: number): boolean => VALID.from <= wall && wall < VALID.to

/** What a router proves itself with, `authority` being who vouches for it. */
export function toyProof(name: string, authority = 'CA'): CertificateProof {
  const certificate = { name, issuer: authority, ...VALID }
  return {
    method: 'certificate',
    certificates: [written(certificate)],
    privateKey: text.encode(name),
    rsa: 'pss',
  }
}

/** Where certificates are, by the names of routers. */
export const TOY_WEB = 'http://pki.example.net/'

export const TOY_TRUST: CertificateDemand = {
  method: 'certificate',
  trustAnchors: [AUTHORITY],
  crls: [],
  revocation: 'off',
}

const signature = (name: Uint8Array, signed: Uint8Array): Uint8Array =>
  new Mixing().bytes(name).bytes(signed).squeeze(64)

/** Nobody is ever revoked here. */
const TOY_REVOCATION: RevocationReport = {
  state: 'unchecked',
  detail: '',
  until: undefined,
  open: [],
  concerns: [],
}

export function toyCertification(wall: () => number): Certification {
  const isGood = ({ from, to }: Certificate): boolean => from <= wall() && wall() < to
  return {
    hashes: [2, 3, 4, 5],
    sign: (privateKey, signed) => signature(privateKey, signed),
    verify: (publicKey, signed, data) =>
      Buffer.compare(signature(publicKey, signed), data) === 0
        ? undefined
        : { fault: 'wrong', detail: 'another key signed it' },
    certify({ chain, anchors, identity }) {
      const end = read(chain[0])
      if (end === undefined) return { fault: 'malformed', detail: 'no certificate', evidence: {} }
      if (!anchors.some(anchor => read(anchor)?.name === end.issuer))
        return { fault: 'untrusted', detail: `by ${end.issuer}`, evidence: {} }
      if (!isGood(end))
        return { fault: wall() < end.from ? 'not-yet-valid' : 'expired', detail: 'its time', evidence: {} }
      if (identity?.type !== 'fqdn' || identity.text !== end.name)
        return { fault: 'identity', detail: `it is of ${end.name}`, evidence: {} }
      return {
        publicKey: text.encode(end.name),
        subject: end.name,
        issuer: end.issuer,
        serial: '1',
        remaining: end.to - wall(),
        path: [],
        revocation: TOY_REVOCATION,
      }
    },
    status: () => TOY_REVOCATION,
    questions: () => [],
    remaining: chain => (read(chain[0])?.to ?? 0) - wall(),
    authorities: anchors => new Mixing().bytes(anchors[0] ?? new Uint8Array(0)).squeeze(20),
    sameName: (a, b) => Buffer.compare(a, b) === 0,
  }
}
