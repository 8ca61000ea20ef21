/** Reading DER (X.690): definite, minimal lengths and one-octet tags, which is all that keys and certificates use. */
export interface Element {
  readonly tag: number
  /** With tag and length. */
  readonly whole: Uint8Array
  readonly value: Uint8Array
}

export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const

/** The element that begins at `at`; undefined where there is none. */
export function elementAt(octets: Uint8Array, at = 0): Element | undefined {
  const [tag, first] = [octets[at], octets[at + 1]]
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined
  const more = first < 0x80 ? 0 : first & 0x7f
  if (first === 0x80 || more > 3) return undefined
  let length = more === 0 ? first : 0
  for (let i = 0; i < more; i++) length = length * 256 + (octets[at + 2 + i] ?? Number.NaN)
  const minimal = more === 0 || (length >= 0x80 && length >= 256 ** (more - 1))
  const start = at + 2 + more
  // Also where `length` is not a number.
  if (!minimal || !(start + length <= octets.length)) return undefined
  return { tag, whole: octets.subarray(at, start + length), value: octets.subarray(start, start + length) }
}

/** The elements that fill `octets` exactly; undefined where they do not. */
export function elementsOf(octets: Uint8Array): readonly Element[] | undefined {
  const found: Element[] = []
  for (let at = 0; at < octets.length; ) {
    const element = elementAt(octets, at)
    if (element === undefined) return undefined
    found.push(element)
    at += element.whole.length
  }
  return found
}

/** The one element that `octets` are, of this tag. */
export function only(octets: Uint8Array, tag: number): Element | undefined {
  const element = elementAt(octets)
  return element?.tag === tag && element.whole.length === octets.length ? element : undefined
}

export const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')
export const sameOctets = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** An element of this tag around `parts`. */
export function derOf(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const hex = length.toString(16)
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | octets.length, ...octets]
  return new Uint8Array(Buffer.concat([Uint8Array.from(head), ...parts]))
}

/** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 writes them: to the second, in UTC. */
export function timeOf({ tag, value }: Element): number | undefined {
  const text = Buffer.from(value).toString('latin1')
  const full =
    tag === TAG.UTC_TIME && /^\d{12}Z$/.test(text)
      ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`
      : tag === TAG.GENERALIZED_TIME && /^\d{14}Z$/.test(text)
        ? text
        : undefined
  if (full === undefined) return undefined
  const iso = full.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const time = Date.parse(iso)
  return Number.isNaN(time) ? undefined : time
}
