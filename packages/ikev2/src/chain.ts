import { certificatesOfBundle } from '@brunel/crypto'
import type { Ike as Wire } from '@brunel/wire'
import * as certificateFailures from './certificate-failures.js'
import type { CertificateDemand, Failure, Lookup } from './contract.js'
import { isHashAndUrl, lookupIn, X509_SIGNATURE } from './hash-and-url.js'
import type { SaHost } from './sa-stage.js'
import type { Turn } from './turn.js'

/** The certificates that a peer sends or names, in their order: the first holds the key of AUTH (RFC 7296 §3.6). */

/** RFC 7296 §4 demands four; a peer that sends more makes us work. */
export const MOST_CERTIFICATES = 8
/** Addresses of one message that are looked up. More: whoever knows an identity makes us fetch more. */
const MOST_LOOKUPS = 4

export interface Chain {
  readonly certificates: readonly Uint8Array[]
  /** Where the first was fetched. */
  readonly url: string | undefined
  /** Why one of the others could not be had; they may not be needed. */
  readonly missing: Failure | undefined
}

export function chainOf(
  turn: Turn,
  host: SaHost,
  { hashAndUrl = [] }: CertificateDemand,
  from: { readonly who: string; readonly certs: readonly Wire.CertPayload[] },
): Chain | { readonly lookups: readonly Lookup[] } | Failure {
  const { who } = from
  const certificates: Uint8Array[] = []
  const wanted: Lookup[] = []
  let [url, missing]: [string | undefined, Failure | undefined] = [undefined, undefined]
  let lookups = 0
  const on = hashAndUrl.length > 0
  const certs = from.certs.filter(cert => cert.encoding === X509_SIGNATURE || (on && isHashAndUrl(cert)))
  if (certs.length === 0 && from.certs.some(isHashAndUrl)) return certificateFailures.hashAndUrl(who)
  for (const [i, cert] of certs.slice(0, MOST_CERTIFICATES).entries()) {
    if (cert.encoding === X509_SIGNATURE) {
      certificates.push(cert.data)
      continue
    }
    if (lookups++ >= MOST_LOOKUPS) continue
    const lookup = lookupIn(cert, hashAndUrl)
    const found =
      'url' in lookup
        ? lookedUp(turn, host, who, lookup)
        : certificateFailures.certificateUrl(who, lookup.refused, hashAndUrl)
    if (i === 0 && 'url' in lookup) url = lookup.url
    if (found === 'wanted') wanted.push(lookup as Lookup)
    else if (!('code' in found)) certificates.push(...found)
    else if (i === 0) return found
    else missing ??= found
  }
  return wanted.length > 0 ? { lookups: wanted } : { certificates, url, missing }
}

function lookedUp(
  turn: Turn,
  { lookups }: SaHost,
  who: string,
  lookup: Lookup,
): readonly Uint8Array[] | Failure | 'wanted' {
  const state = lookups.state(turn.now, lookup)
  if (state === undefined) return 'wanted'
  if ('failed' in state) return certificateFailures.certificateLookup(who, lookup, state.failed)
  if (lookup.kind === 'certificate') return [state]
  const bundle = certificatesOfBundle(state) ?? []
  return bundle.length > 0
    ? bundle
    : certificateFailures.certificateLookup(who, lookup, 'it is no bundle with certificates')
}
