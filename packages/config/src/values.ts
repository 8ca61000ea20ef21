import { type Millis, millis } from '@brunel/base'
import { nameOf } from '@brunel/crypto'
import { Address } from '@brunel/wire'
import type { InterfaceAddress, PeerIdentity, Prefix } from './peer.js'

/** Values as people write them. Each reader returns undefined where the text makes no sense. */

const UNIT: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export function duration(text: string): Millis | undefined {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? []
  return count === undefined ? undefined : millis(Math.round(Number(count) * UNIT[unit as string]!))
}

const BYTES: Record<string, number> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

export function size(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?)([kMGT]B|[KMGT]iB|B)$/.exec(text) ?? []
  return count === undefined ? undefined : Math.round(Number(count) * BYTES[unit as string]!)
}

export const isPeerName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)

/** RFC 1123 §2.1; all-numeric names are mistyped addresses. */
export const isDnsName = (text: string): boolean =>
  text.length <= 253 &&
  !/^[\d.]+$/.test(text) &&
  text.split('.').every(label => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label))

const RESERVED_INTERFACES = new Set(['lo', 'all', 'default', '.', '..'])

/** What Linux takes for an interface (IFNAMSIZ), less what would be a trap in sysctl and nft. */
export const isInterfaceName = (text: string): boolean =>
  /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}$/.test(text) && !RESERVED_INTERFACES.has(text)

/** FNV-1a: short, the same on every machine. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  return hash.toString(36).padStart(7, '0')
}

/** `gre-branch-7`; a long name is cut and told apart by a hash of the whole. */
export const interfaceFor = (peer: string): string =>
  peer.length <= 11 ? `gre-${peer}` : `gre-${peer.slice(0, 4)}${hashOf(peer)}`

export const address = (text: string): string | undefined => Address.canonical(text)

/** `10.7.0.0/16`: the prefix length is demanded and host bits must be zero. */
export function network(text: string): Prefix | undefined {
  const at = interfaceAddress(text)
  return at !== undefined && at.address === at.network.address ? at.network : undefined
}

/** `10.255.0.1/30`. */
export function interfaceAddress(text: string): InterfaceAddress | undefined {
  const parsed = text.includes('/') ? Address.parsePrefix(text) : undefined
  const host = Address.parse(text.slice(0, text.indexOf('/')))
  if (parsed === undefined || host === undefined) return undefined
  const family = Address.family(host)
  const span = { family, address: Address.format(parsed.address), length: parsed.length }
  return { family, address: Address.format(host), length: parsed.length, network: span }
}

export const prefixText = (prefix: Prefix): string => `${prefix.address}/${prefix.length}`

/** The first and the last address as numbers. */
export function rangeOf({ address, length }: Prefix): { low: bigint; high: bigint } {
  const bytes = Address.parse(address)!
  const low = bytes.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
  return { low, high: low + (1n << BigInt(bytes.length * 8 - length)) - 1n }
}

export function covers(prefix: Prefix, text: string): boolean {
  const host = Address.parse(text)
  return (
    host !== undefined &&
    Address.contains({ address: Address.parse(prefix.address)!, length: prefix.length }, host)
  )
}

/** An address that can be an end of something: not unspecified, not multicast, not the limited broadcast. */
export function isHostAddress(text: string): boolean {
  const host = Address.parse(text)
  if (host === undefined || Address.isMulticast(host)) return false
  return host.some(octet => octet !== 0) && !(host.length === 4 && host.every(octet => octet === 255))
}

/** The first or last address of an IPv4 link of more than two, which no host may have (RFC 1122 §3.2.1.3). */
export function isNetworkOrBroadcast(at: InterfaceAddress): boolean {
  if (at.family === 6 || at.length > 30) return false
  const host = Address.parse(at.address)!.reduce((sum, octet) => sum * 256 + octet, 0)
  const span = 2 ** (32 - at.length)
  return host % span === 0 || host % span === span - 1
}

/** RFC 7296 §3.5; prefixes as strongSwan writes them. */
export function identity(text: string): PeerIdentity | undefined {
  const [, type, rest] = /^(fqdn|dns|email|keyid):(.+)$/.exec(text) ?? []
  if (rest !== undefined)
    return { type: type === 'keyid' ? 'key-id' : type === 'email' ? 'email' : 'fqdn', text: rest }
  const host = address(text)
  if (host !== undefined) return { type: host.includes(':') ? 'ipv6' : 'ipv4', text: host }
  if (text.includes('=')) return nameOf(text) === undefined ? undefined : { type: 'dn', text }
  if (/^[^@\s]+@[^@\s]+$/.test(text)) return { type: 'email', text }
  const name = text.startsWith('@') ? text.slice(1) : text
  return isDnsName(name) ? { type: 'fqdn', text: name } : undefined
}

export const identityText = (id: PeerIdentity): string => `${id.type}:${id.text}`

/** The octets of a pre-shared key: 0x… hexadecimal, 0s… base64, else the text in UTF-8. */
export function pskOctets(text: string): Uint8Array | undefined {
  if (text.startsWith('0x')) {
    const pairs = text.slice(2).match(/../g) ?? []
    return /^0x([0-9a-f]{2})+$/i.test(text)
      ? Uint8Array.from(pairs, pair => Number.parseInt(pair, 16))
      : undefined
  }
  if (text.startsWith('0s')) return base64(text.slice(2))
  if (/\p{Surrogate}/u.test(text)) return undefined
  const encoded = encodeURIComponent(text).match(/%..|[^%]/g) ?? []
  return Uint8Array.from(encoded, c => (c.length === 3 ? Number.parseInt(c.slice(1), 16) : c.charCodeAt(0)))
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function base64(text: string): Uint8Array | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined
  const out: number[] = []
  let bits = 0
  let held = 0
  for (const c of text.replaceAll('=', '')) {
    bits = ((bits << 6) | ALPHABET.indexOf(c)) & 0xffff
    held += 6
    if (held < 8) continue
    held -= 8
    out.push((bits >>> held) & 0xff)
  }
  return Uint8Array.from(out)
}
