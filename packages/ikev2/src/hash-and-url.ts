import { bundleOf, httpUrl } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import type { CertificateProof, Lookup } from './contract.js'
import type { Ports } from './turn.js'

/**
 * Certificates named by their SHA-1 hash and an address where they are, RFC 7296 §3.6, so that messages stay short:
 *
 *     peer                                            us
 *      <--  N(HTTP_CERT_LOOKUP_SUPPORTED), CERTREQ        where the CERTREQ goes, if `hashAndUrl` lists addresses
 *      CERT (12 or 13: hash, URL), AUTH  -->              held (held.ts) until the host has fetched (lookups.ts)
 */

/** X.509 certificate, signature. */
export const X509_SIGNATURE = 4
/** Hash and URL of a certificate, and of a bundle of them. */
const HASH_AND_URL_CERTIFICATE = 12
const HASH_AND_URL_BUNDLE = 13
/** SHA-1, which says here which octets are meant and protects nothing: they are signed. */
const HASH = 20

export const isHashAndUrl = ({ encoding }: Wire.CertPayload): boolean =>
  encoding === HASH_AND_URL_CERTIFICATE || encoding === HASH_AND_URL_BUNDLE

/** What a CERT payload asks us to fetch; `refused`: an address that may not be fetched, or none, in words. */
export function lookupIn(
  { encoding, data }: Wire.CertPayload,
  allowed: readonly string[],
): Lookup | { readonly refused: string } {
  const text = String.fromCharCode(...data.subarray(HASH))
  const url = httpUrl(text)
  // RFC 7296 §3.6: other schemes than http are not specified.
  if (url === undefined) return { refused: /^[!-~]{1,200}$/.test(text) ? text : 'octets that are no address' }
  if (!allowed.some(beginning => url.startsWith(beginning))) return { refused: url }
  const hash = Wire.hex(data.subarray(0, HASH))
  const kind = encoding === HASH_AND_URL_BUNDLE ? 'bundle' : 'certificate'
  return { kind, hash, url, key: `${hash} ${url}` }
}

/** Our certificates, by their addresses where the peer announced that it looks them up: RFC 7296 §3.6. */
export function certPayloads(
  { crypto }: Ports,
  { certificates, published }: CertificateProof,
  asked: readonly Wire.Payload[],
): readonly Wire.PlainPayload[] {
  const named = (encoding: number, der: Uint8Array, url: string) =>
    ({ type: 'CERT', encoding, data: Wire.concat(crypto.sha1(der), octetsOf(url)) }) as const
  const looksUp = Wire.findNotify(asked, Wire.NOTIFY.HTTP_CERT_LOOKUP_SUPPORTED) !== undefined
  const where = looksUp ? published : undefined
  if (where?.bundle !== undefined) return [named(HASH_AND_URL_BUNDLE, bundleOf(certificates), where.bundle)]
  return certificates.map((der, i) => {
    const url = where?.urls[i]
    return url === undefined
      ? ({ type: 'CERT', encoding: X509_SIGNATURE, data: der } as const)
      : named(HASH_AND_URL_CERTIFICATE, der, url)
  })
}

const octetsOf = (ascii: string): Uint8Array => Uint8Array.from(ascii, c => c.charCodeAt(0))
