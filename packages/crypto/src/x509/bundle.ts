import { derOf, elementsOf, only, TAG } from '../der.js'

/**
 * What a "Hash and URL of X.509 bundle" leads to, RFC 7296 §3.6, with explicit tags:
 *
 *     CertificateOrCRL ::= CHOICE { cert [0] Certificate, crl [1] CertificateList }
 *     CertificateBundle ::= SEQUENCE OF CertificateOrCRL
 */
const CERT = 0xa0
const CRL = 0xa1

/** Its certificates in their order, DER; lists in it are passed over. undefined: it is no bundle. */
export function certificatesOfBundle(der: Uint8Array): readonly Uint8Array[] | undefined {
  const bundle = only(der, TAG.SEQUENCE)
  const members = bundle && elementsOf(bundle.value)
  if (members?.every(({ tag, value }) => (tag === CERT || tag === CRL) && only(value, TAG.SEQUENCE)) !== true)
    return undefined
  return members.filter(({ tag }) => tag === CERT).map(({ value }) => value)
}

export const bundleOf = (certificates: readonly Uint8Array[]): Uint8Array =>
  derOf(TAG.SEQUENCE, ...certificates.map(der => derOf(CERT, der)))
