import { type Element, only } from '../der.js'

/** A name of subjectAltName or of name constraints: RFC 5280 §4.2.1.6. In constraints an `ip` is address and mask. */
export type GeneralName =
  | { readonly type: 'fqdn' | 'email'; readonly text: string }
  | { readonly type: 'ip'; readonly octets: Uint8Array }
  | { readonly type: 'dn'; readonly der: Uint8Array }
  /** Of a kind that is no IKE identity. */
  | { readonly type: 'other'; readonly tag: number }

/** undefined: malformed. */
export function generalName({ tag, value }: Element): GeneralName | undefined {
  const text = Buffer.from(value).toString('latin1')
  switch (tag) {
    case 0x81:
      return { type: 'email', text }
    case 0x82:
      return { type: 'fqdn', text }
    case 0x87:
      return { type: 'ip', octets: value }
    case 0xa4: {
      const name = only(value, 0x30)
      return name && { type: 'dn', der: name.whole }
    }
    default:
      return { type: 'other', tag }
  }
}

export const generalNameText = (name: GeneralName, dnText: (der: Uint8Array) => string): string =>
  name.type === 'dn'
    ? dnText(name.der)
    : name.type === 'ip'
      ? [...name.octets]
          .map(o => (name.octets.length === 4 ? String(o) : o.toString(16).padStart(2, '0')))
          .join(name.octets.length === 4 ? '.' : '')
      : name.type === 'other'
        ? `name of kind ${name.tag & 0x1f}`
        : name.text
