import { type Element, elementsOf, hexOf, only, TAG } from '../der.js'
import { x509 } from './library.js'

/** Distinguished names: RFC 5280 §4.1.2.4, compared as §7.1 says. */

/** Tags of the string types: UTF8, Printable, T61, IA5, Universal, BMP. */
const STRINGS: Readonly<Record<number, (octets: Buffer) => string>> = {
  12: octets => octets.toString('utf8'),
  19: octets => octets.toString('latin1'),
  20: octets => octets.toString('latin1'),
  22: octets => octets.toString('latin1'),
  28: octets => (octets.length % 4 === 0 ? utf32(octets) : octets.toString('hex')),
  30: octets =>
    octets.length % 2 === 0 ? Buffer.from(octets).swap16().toString('utf16le') : octets.toString('hex'),
}

const utf32 = (octets: Buffer): string =>
  Array.from({ length: octets.length / 4 }, (_, i) => {
    const code = octets.readUInt32BE(4 * i)
    return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
  }).join('')

/** Case, kind of string and runs of blanks do not count. */
function comparable({ tag, value, whole }: Element): string {
  const read = STRINGS[tag]
  if (read === undefined) return hexOf(whole)
  return read(Buffer.from(value)).normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ')
}

/** One text for each RDN; the attributes of one RDN in a fixed order. undefined: it is no name. */
export function relativeNames(der: Uint8Array): readonly string[] | undefined {
  const sequence = only(der, TAG.SEQUENCE)
  const rdns = sequence && elementsOf(sequence.value)
  if (rdns === undefined) return undefined
  const texts: string[] = []
  for (const rdn of rdns) {
    const attributes = rdn.tag === TAG.SET ? elementsOf(rdn.value) : undefined
    if (attributes === undefined || attributes.length === 0) return undefined
    const parts: string[] = []
    for (const attribute of attributes) {
      const [type, value, ...more] = elementsOf(attribute.value) ?? []
      if (type?.tag !== TAG.OID || value === undefined || more.length > 0) return undefined
      parts.push(JSON.stringify([hexOf(type.value), comparable(value)]))
    }
    texts.push(parts.sort().join('+'))
  }
  return texts
}

/** RFC 5280 §7.1. */
export function sameName(a: Uint8Array, b: Uint8Array): boolean {
  const [x, y] = [relativeNames(a), relativeNames(b)]
  return x !== undefined && y !== undefined && x.length === y.length && x.every((rdn, i) => rdn === y[i])
}

/** Whether a name lies in the subtree below `base`: RFC 5280 §4.2.1.10. */
export function nameWithin(name: Uint8Array, base: Uint8Array): boolean {
  const [x, y] = [relativeNames(name), relativeNames(base)]
  return x !== undefined && (y?.every((rdn, i) => rdn === x[i]) ?? false)
}

/** `C=CH, O=Lab, CN=a.lab`, in the order in which it stands in a certificate. */
export function nameText(der: Uint8Array): string {
  try {
    return new (x509().Name)(Buffer.from(der)).toString()
  } catch {
    return hexOf(der)
  }
}

/** A name as people write it; undefined where it is none. */
export function nameOf(text: string): Uint8Array | undefined {
  if (!/^\s*[A-Za-z0-9.]+\s*=/.test(text)) return undefined
  try {
    const der = new Uint8Array(new (x509().Name)(text).toArrayBuffer())
    return (relativeNames(der)?.length ?? 0) > 0 ? der : undefined
  } catch {
    return undefined
  }
}
