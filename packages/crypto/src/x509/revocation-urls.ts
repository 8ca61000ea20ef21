import { type Element, elementsOf, only, sameOctets, TAG } from '../der.js'
import { HTTP_URL } from './http-url.js'

/** Where a certificate says that its revocation state can be had: RFC 5280 §4.2.1.13, §4.2.2.1. */

/** More than these are not asked. */
const MOST = 4
const URI = 0x86
const ID_AD_OCSP = Uint8Array.from(Buffer.from('2b06010505073001', 'hex'))

const urlsIn = (names: readonly Element[]): readonly string[] =>
  names
    .filter(({ tag }) => tag === URI)
    .map(({ value }) => Buffer.from(value).toString('latin1'))
    .filter(url => HTTP_URL.test(url))

const partsOf = (der: Uint8Array, tag: number): readonly Element[] => {
  const found = only(der, tag)
  return (found && elementsOf(found.value)) ?? []
}

/**
 *     DistributionPoint ::= SEQUENCE {
 *          distributionPoint       [0]     DistributionPointName OPTIONAL,
 *          reasons                 [1]     ReasonFlags OPTIONAL,
 *          cRLIssuer               [2]     GeneralNames OPTIONAL }
 *
 * A point for some reasons only, or with lists of somebody else, settles nothing here and is passed over.
 */
export function crlUrls(extension: Uint8Array): readonly string[] {
  return partsOf(extension, TAG.SEQUENCE)
    .flatMap(({ whole }) => {
      const parts = partsOf(whole, TAG.SEQUENCE)
      const [point] = parts
      return parts.length === 1 && point?.tag === 0xa0 ? pointUrls(point.value) : []
    })
    .slice(0, MOST)
}

/** DistributionPointName: of its two forms the full name is one that can be fetched. */
export function pointUrls(name: Uint8Array): readonly string[] {
  return urlsIn(partsOf(name, 0xa0))
}

/** AuthorityInfoAccessSyntax ::= SEQUENCE OF SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName } */
export function ocspUrls(extension: Uint8Array): readonly string[] {
  return partsOf(extension, TAG.SEQUENCE)
    .flatMap(({ whole }) => {
      const [method, location] = partsOf(whole, TAG.SEQUENCE)
      return method !== undefined && sameOctets(method.value, ID_AD_OCSP) && location !== undefined
        ? urlsIn([location])
        : []
    })
    .slice(0, MOST)
}
