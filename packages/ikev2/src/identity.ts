import { Ike as Wire } from '@brunel/wire'
import type { Identity } from './contract.js'

/** RFC 7296 §3.5. */
const TYPES = {
  ipv4: Wire.ID_TYPE.IPV4_ADDR,
  ipv6: Wire.ID_TYPE.IPV6_ADDR,
  fqdn: Wire.ID_TYPE.FQDN,
  email: Wire.ID_TYPE.RFC822_ADDR,
  'key-id': Wire.ID_TYPE.KEY_ID,
} as const

export function idPayload(type: 'IDi' | 'IDr', id: Identity): Wire.IdPayload {
  if (id.type === 'dn') return { type, idType: Wire.ID_TYPE.DER_ASN1_DN, data: id.der }
  const data = id.type === 'ipv4' || id.type === 'ipv6' ? Wire.addressBytes(id.text) : octets(id.text)
  return { type, idType: TYPES[id.type], data }
}

/** undefined for a type that we cannot compare, such as GeneralName, and for an address of the wrong length. */
export function identityOf({ idType, data }: Wire.IdPayload): Identity | undefined {
  switch (idType) {
    case Wire.ID_TYPE.IPV4_ADDR:
      return data.length === 4 ? { type: 'ipv4', text: Wire.addressText(data) } : undefined
    case Wire.ID_TYPE.IPV6_ADDR:
      return data.length === 16 ? { type: 'ipv6', text: Wire.addressText(data) } : undefined
    case Wire.ID_TYPE.FQDN:
      return { type: 'fqdn', text: text(data) }
    case Wire.ID_TYPE.RFC822_ADDR:
      return { type: 'email', text: text(data) }
    case Wire.ID_TYPE.KEY_ID:
      return { type: 'key-id', text: text(data) }
    case Wire.ID_TYPE.DER_ASN1_DN:
      return { type: 'dn', der: data.slice() }
    default:
      return undefined
  }
}

/** One character an octet: identities are compared, not displayed with care. Beyond Latin-1, UTF-8. */
function octets(characters: string): Uint8Array {
  const out: number[] = []
  for (const character of characters) {
    const code = character.codePointAt(0) as number
    if (code < 0x80) out.push(code)
    else if (code < 0x800) out.push(0xc0 | (code >> 6), 0x80 | (code & 63))
    else if (code < 0x10000) out.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
    else
      out.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
  }
  return Uint8Array.from(out)
}

/** The inverse for well-formed UTF-8; any other octet becomes \xNN, so that the log stays readable and unforged. */
function text(data: Uint8Array): string {
  let out = ''
  for (let i = 0; i < data.length; ) {
    const { code, length } = decode(data, i)
    out += code === undefined || code < 0x20 ? `\\x${hex2(data[i] as number)}` : String.fromCodePoint(code)
    i += length
  }
  return out
}

const hex2 = (octet: number): string => octet.toString(16).padStart(2, '0')

function decode(data: Uint8Array, at: number): { code: number | undefined; length: number } {
  const first = data[at] as number
  if (first < 0x80) return { code: first, length: 1 }
  const more = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0
  let code = first & (0x3f >> more)
  for (let i = 1; i <= more; i++) {
    const next = data[at + i]
    if (next === undefined || (next & 0xc0) !== 0x80) return { code: undefined, length: 1 }
    code = (code << 6) | (next & 0x3f)
  }
  const least = [0, 0x80, 0x800, 0x10000][more] as number
  const ok =
    more > 0 && first < 0xf8 && code >= least && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000)
  return ok ? { code, length: more + 1 } : { code: undefined, length: 1 }
}
