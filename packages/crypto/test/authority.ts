import type { WallClock } from '@brunel/base'
import {
  type Certificate,
  type CertificateWish,
  certificatesIn,
  type Issuer,
  issueCertificate,
  newPrivateKey,
  parseCertificate,
} from '../src/index.js'

/** Authorities and certificates for tests, all valid around one moment unless told otherwise. */
export const NOW = Date.UTC(2030, 5, 1) as WallClock
const DAY = 86_400_000
export const day = (n: number): Date => new Date(NOW + n * DAY)

export interface Made extends Issuer {
  readonly der: Uint8Array
  readonly parsed: Certificate
}

export async function made(wish: Partial<CertificateWish> & { readonly subject: string }): Promise<Made> {
  const privateKey = wish.key ?? newPrivateKey('ecdsa256')
  const certificate = await issueCertificate({
    notBefore: day(-10),
    notAfter: day(365),
    ...wish,
    key: privateKey,
  })
  const [der] = certificatesIn(certificate)
  const parsed = der && parseCertificate(der)
  if (der === undefined || parsed === undefined) throw new Error('the certificate just made cannot be read')
  return { certificate, privateKey, der, parsed }
}

export const authority = (subject: string, more: Partial<CertificateWish> = {}): Promise<Made> =>
  made({ subject, authority: {}, ...more })
