import { type At, type Drop, type Family, isDrop, type Packet } from '@brunel/base'
import { Address, Ipv4, Ipv6, Ospf, Udp } from '@brunel/wire'
import type { Kind } from './contract.js'

/** What the relay carries, and how such a packet looks when it comes from the link and not from farther away. */
interface Rule {
  readonly kind: Kind
  readonly protocol: number
  /** Of UDP. */
  readonly ports?: readonly number[]
  readonly groups: readonly string[]
  readonly unicast: boolean
  /** Required on receipt, so that it leaves with it too. */
  readonly ttl?: number
}

const UDP = 17

const RULES: readonly Rule[] = [
  // RFC 2328 §A.1, RFC 5340 §A.1. The TTL of unicast is looked at in `ttlOf`.
  {
    kind: 'ospf',
    protocol: Ipv4.PROTOCOL.ospf,
    groups: ['224.0.0.5', '224.0.0.6', 'ff02::5', 'ff02::6'],
    unicast: true,
    ttl: 1,
  },
  // RFC 5881 §4: control 3784, echo 3785; §5: TTL 255 on a single hop.
  { kind: 'bfd', protocol: UDP, ports: [3784, 3785], groups: [], unicast: true, ttl: 255 },
  { kind: 'pim', protocol: 103, groups: ['224.0.0.13', 'ff02::d'], unicast: false },
  { kind: 'rip', protocol: UDP, ports: [520, 521], groups: ['224.0.0.9', 'ff02::9'], unicast: true },
  { kind: 'eigrp', protocol: 88, groups: ['224.0.0.10', 'ff02::a'], unicast: true },
  // RFC 5798 §5.1.1.3, §5.1.2.3
  { kind: 'vrrp', protocol: 112, groups: ['224.0.0.18', 'ff02::12'], unicast: false, ttl: 255 },
]

/** A packet of the link, checked. */
export interface Carried {
  readonly kind: Kind
  readonly family: Family
  readonly multicast: boolean
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly hopLimit: number
  readonly protocol: number
  readonly payloadAt: number
  readonly endAt: number
  /** Of the authentication header before it, RFC 4302 §2.4. */
  readonly spi?: number
}

type Opened = Omit<Carried, 'kind' | 'multicast'>

/** Whether the relay could carry it at all, whatever is configured; `p` begins with the IP header. */
export function carried(p: Packet): Carried | Drop {
  const ip = p.length > 0 && p.view.getUint8(p.start) >>> 4 === 6 ? openV6(p) : openV4(p)
  if (isDrop(ip)) return ip
  const rule = ruleOf(p, ip)
  if (isDrop(rule)) return rule
  const multicast = Address.isMulticast(ip.destination)
  if (multicast ? !rule.groups.includes(Address.format(ip.destination)) : !rule.unicast) return 'relay-group'
  if (!sourceGood(ip.source, rule.kind)) return 'relay-source'
  if (!ttlGood(ip, rule, multicast)) return 'relay-ttl'
  const fault = rule.kind === 'ospf' ? Ospf.check(p.view, ip.payloadAt, ip.endAt) : undefined
  return fault ?? { ...ip, kind: rule.kind, multicast }
}

function openV4(p: Packet): Opened | Drop {
  const ip = Ipv4.open(p, p.start)
  if (isDrop(ip)) return ip
  // RFC 2328 §8.2: the IP checksum must be correct.
  if (!Ipv4.checksumGood(p, ip)) return 'ip-checksum'
  if (Ipv4.isFragment(p, ip)) return 'ip-fragment'
  return {
    family: 4,
    source: p.bytes.slice(Ipv4.sourceAt(ip), Ipv4.sourceAt(ip) + 4),
    destination: p.bytes.slice(Ipv4.destinationAt(ip), Ipv4.destinationAt(ip) + 4),
    hopLimit: Ipv4.ttl(p, ip),
    protocol: Ipv4.protocol(p, ip),
    payloadAt: Ipv4.payloadAt(p, ip),
    endAt: Ipv4.endAt(p, ip),
  }
}

function openV6(p: Packet): Opened | Drop {
  const ip = Ipv6.open(p, p.start)
  if (isDrop(ip)) return ip
  const upper = Ipv6.upper()
  const fault = Ipv6.walk(p, ip, upper)
  if (fault !== undefined) return fault
  if (upper.fragmentOffset > 0 || upper.moreFragments) return 'ip-fragment'
  return {
    // The walk found the whole header there, with these octets in it: RFC 4302 §2.
    ...(hasAh(p, ip, upper) ? { spi: p.view.getUint32(ip + Ipv6.HEADER + 4) } : {}),
    family: 6,
    source: p.bytes.slice(Ipv6.sourceAt(ip), Ipv6.sourceAt(ip) + 16),
    destination: p.bytes.slice(Ipv6.destinationAt(ip), Ipv6.destinationAt(ip) + 16),
    hopLimit: Ipv6.hopLimit(p, ip),
    protocol: upper.protocol,
    payloadAt: upper.at,
    endAt: Ipv6.endAt(p, ip),
  }
}

/** RFC 4552 §3: it stands where routers put it, before OSPF and behind nothing. */
const hasAh = (p: Packet, ip: At<'ipv6'>, upper: Ipv6.Upper): boolean =>
  Ipv6.nextHeader(p, ip) === Ipv6.NEXT_HEADER.ah && upper.at >= ip + Ipv6.HEADER + 8

function ruleOf(p: Packet, ip: Opened): Rule | Drop {
  if (ip.protocol !== UDP) return RULES.find(rule => rule.protocol === ip.protocol) ?? 'relay-protocol'
  if (ip.endAt - ip.payloadAt < Udp.HEADER) return 'ip-truncated'
  const port = p.view.getUint16(ip.payloadAt + 2)
  return RULES.find(rule => rule.ports?.includes(port)) ?? 'relay-protocol'
}

const isLinkLocal = (address: Uint8Array): boolean => address[0] === 0xfe && (address[1]! & 0xc0) === 0x80
const isUnspecified = (address: Uint8Array): boolean => address.every(octet => octet === 0)

function sourceGood(source: Uint8Array, kind: Kind): boolean {
  if (Address.isMulticast(source) || isUnspecified(source)) return false
  if (source.length === 4) return source[0] !== 0 && source[0] !== 127 && source[0]! < 240
  // RFC 5340 §2.5: OSPF comes from a link-local address on all but virtual links, and those are routed.
  return kind !== 'ospf' || isLinkLocal(source)
}

/**
 * RFC 2328 §A.1: multicast has a TTL of 1; IPv4 unicast of an adjacency has it too, and virtual links, which have more,
 * are routed. OSPFv3 demands it of multicast only (RFC 5340 §A.1): there the link-local source proves the link.
 */
const ttlGood = (ip: Opened, rule: Rule, multicast: boolean): boolean =>
  rule.ttl === undefined ||
  ip.hopLimit === rule.ttl ||
  (rule.kind === 'ospf' && ip.family === 6 && !multicast)
