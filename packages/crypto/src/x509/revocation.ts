import type { WallClock } from '@brunel/base'
import { verifySignature } from '../signature.js'
import { type Certificate, signedFrame } from './certificate.js'
import { x509 } from './library.js'
import { sameName } from './name.js'
import type { PathFault } from './path.js'

/** Revocation by lists that we hold: RFC 5280 §6.3. What is revoked is refused, whatever else the path is. */

const CRL_SIGN = 64
/** issuingDistributionPoint and deltaCRLIndicator make a list partial: such a list still revokes, but proves nothing. */
const REMOVE_FROM_CRL = 8

export interface RevocationReport {
  readonly notes: readonly string[]
}

/** A list by the issuer of a certificate that lies in `path`; undefined: it is none, or not signed by that issuer. */
function listBy(der: Uint8Array, issuer: Certificate) {
  try {
    const frame = signedFrame(der)
    if (frame === undefined) return undefined
    const crl = new (x509().X509Crl)(Buffer.from(der))
    if (!sameName(new Uint8Array(crl.issuerName.toArrayBuffer()), issuer.subject)) return undefined
    if (issuer.keyUsage !== undefined && (issuer.keyUsage & CRL_SIGN) === 0) return undefined
    const fault = verifySignature(issuer.publicKey, frame.algorithm, frame.signed, frame.signature)
    return fault === undefined ? crl : undefined
  } catch {
    return undefined // the library throws for what is malformed
  }
}

/** The first certificate of the path that a list of its issuer names, or what else is to be said of the lists. */
export function revocation(
  path: readonly Certificate[],
  crls: readonly Uint8Array[],
  now: WallClock,
): PathFault | RevocationReport {
  const notes: string[] = []
  if (crls.length === 0) return { notes }
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1]
    if (issuer === undefined) continue
    const lists = crls.map(der => listBy(der, issuer)).filter(crl => crl !== undefined)
    for (const crl of lists) {
      const entry = crl.entries.find(
        ({ serialNumber }) => serialOf(serialNumber) === serialOf(certificate.serial),
      )
      if (entry !== undefined && entry.reason !== REMOVE_FROM_CRL)
        return {
          fault: 'revoked',
          detail: `revoked at ${entry.revocationDate.toISOString()} by "${issuer.subjectText}"`,
          subject: certificate.subjectText,
        }
    }
    const fresh = lists.some(crl => (crl.nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY) >= now)
    if (lists.length === 0) notes.push(`no revocation list of "${issuer.subjectText}"`)
    else if (!fresh) notes.push(`the revocation list of "${issuer.subjectText}" is out of date`)
  }
  return { notes }
}

const serialOf = (hex: string): string => hex.toLowerCase().replace(/^0+/, '')
