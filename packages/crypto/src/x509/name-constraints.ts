import { elementsOf, only, TAG } from '../der.js'
import { type GeneralName, generalName } from './general-name.js'
import { nameWithin } from './name.js'

/** RFC 5280 §4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** undefined: malformed. */
export function parseNameConstraints(der: Uint8Array): NameConstraints | undefined {
  const sequence = only(der, TAG.SEQUENCE)
  const parts = sequence && elementsOf(sequence.value)
  if (parts === undefined) return undefined
  const subtrees = (tag: number): GeneralName[] | undefined => {
    const part = parts.find(p => p.tag === tag)
    if (part === undefined) return []
    const found = elementsOf(part.value)?.map(subtree => {
      const [base, ...range] = elementsOf(subtree.value) ?? []
      // `minimum` is 0, which DER leaves out, and there is no `maximum`.
      return base === undefined || range.length > 0 ? undefined : generalName(base)
    })
    return found?.some(name => name === undefined) ? undefined : (found as GeneralName[] | undefined)
  }
  const [permitted, excluded] = [subtrees(0xa0), subtrees(0xa1)]
  return permitted && excluded && { permitted, excluded }
}

/** The first of `names` that the constraints do not allow. */
export function forbiddenName(
  { permitted, excluded }: NameConstraints,
  names: readonly GeneralName[],
): GeneralName | undefined {
  return names.find(name => {
    const ofKind = permitted.filter(base => sameKind(base, name))
    return (
      (ofKind.length > 0 && !ofKind.some(base => within(name, base))) ||
      excluded.some(base => within(name, base))
    )
  })
}

const sameKind = (a: GeneralName, b: GeneralName): boolean =>
  a.type === b.type && (a.type !== 'other' || b.type !== 'other' || a.tag === b.tag)

function within(name: GeneralName, base: GeneralName): boolean {
  if (name.type === 'dn' && base.type === 'dn') return nameWithin(name.der, base.der)
  if (name.type === 'ip' && base.type === 'ip') return addressWithin(name.octets, base.octets)
  if (name.type === 'fqdn' && base.type === 'fqdn') return hostWithin(name.text, base.text)
  if (name.type === 'email' && base.type === 'email') return mailWithin(name.text, base.text)
  // What we cannot compare may lie in the subtree: excluded then, and never permitted by accident since it is no identity.
  return name.type === 'other' && base.type === 'other' && name.tag === base.tag
}

function addressWithin(address: Uint8Array, range: Uint8Array): boolean {
  const half = range.length / 2
  if (half !== address.length) return false
  return address.every(
    (octet, i) => (octet & (range[half + i] ?? 0)) === ((range[i] ?? 0) & (range[half + i] ?? 0)),
  )
}

/** The host itself, and every name made by adding labels on its left. */
function hostWithin(host: string, base: string): boolean {
  const [a, b] = [host.toLowerCase(), base.toLowerCase().replace(/^\./, '')]
  return b === '' || a === b || a.endsWith(`.${b}`)
}

/** A mailbox, all mailboxes of a host, or with a leading dot those of all hosts in a domain. */
function mailWithin(mail: string, base: string): boolean {
  if (base.includes('@')) return mail.toLowerCase() === base.toLowerCase()
  const host = mail.slice(mail.lastIndexOf('@') + 1).toLowerCase()
  const wanted = base.toLowerCase()
  return wanted.startsWith('.') ? host.endsWith(wanted) : host === wanted
}
