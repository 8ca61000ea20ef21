import { createPrivateKey, type KeyObject } from 'node:crypto'
import { secretCopy, wipe } from '../secret.js'

/** RFC 7468. Text around the blocks is ignored, as `openssl x509 -text` writes it. */
export function pemBlocks(text: string, label: string): readonly Uint8Array[] {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g')
  return [...text.matchAll(block)].map(([, body]) => new Uint8Array(Buffer.from(body ?? '', 'base64')))
}

export function pemOf(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

export const certificatesIn = (text: string): readonly Uint8Array[] => pemBlocks(text, 'CERTIFICATE')
export const crlsIn = (text: string): readonly Uint8Array[] => pemBlocks(text, 'X509 CRL')

/** The private key in PKCS #8 DER, in secret memory; undefined where the text holds none or an encrypted one. */
export function privateKeyIn(text: string): Uint8Array | undefined {
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch {
    return undefined // not PEM, encrypted, or of an unknown kind
  }
  const der = key.export({ format: 'der', type: 'pkcs8' })
  const secret = secretCopy(der)
  wipe(der)
  return secret
}
