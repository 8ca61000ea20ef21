import { type Family, type Instant, isDrop, millis, type Packet, RateLimiter } from '@brunel/base'
import type { Kind } from '@brunel/ospf-relay'
import { Address, Ipv4, Ipv6, Udp } from '@brunel/wire'

/**
 * Where relays send their beacons to one another through a tunnel: values that are kept for what has none of its own
 * (RFC 4727). Link-local, so that nothing that is routed into a tunnel looks like one.
 */
export const RELAY_BEACON = { port: 1021, ipv4: '224.0.0.254', ipv6: 'ff02::114' } as const

/** 2000 a second from one tunnel. Lower: a large database crosses slowly. Higher: a peer keeps the control plane busy. */
const EVERY = millis(0.5)
/** More than the relay at the far end takes from its LAN at once. */
const BURST = 2048

const UDP = Ipv4.PROTOCOL.udp

/** What the unicast of a protocol is judged by. */
interface Unicast {
  family: Family
  ttl: number
  /** Of the source, in IPv6. */
  linkLocal: boolean
}

/**
 * What a relay carries, seen from the tunnel, whole or in pieces of it that name the protocol (of UDP only the first has
 * ports, and nothing large is carried in it). What no rule takes was routed into the tunnel and goes to the TUN as if
 * there were no relay: virtual links, PIM Register, sessions over several hops.
 */
interface Rule {
  readonly kind: Kind | 'beacon'
  readonly protocol: number
  /** Of UDP. */
  readonly ports: readonly number[]
  readonly groups: readonly Uint8Array[]
  readonly unicast: (packet: Readonly<Unicast>) => boolean
}

const never = (): boolean => false
const always = (): boolean => true
const groups = (...texts: string[]): Uint8Array[] => texts.map(text => Address.parse(text) as Uint8Array)

const RULES: readonly Rule[] = [
  {
    kind: 'ospf',
    protocol: Ipv4.PROTOCOL.ospf,
    ports: [],
    groups: groups('224.0.0.5', '224.0.0.6', 'ff02::5', 'ff02::6'),
    // RFC 2328 §A.1, RFC 5340 §2.5: what else is unicast belongs to a virtual link.
    unicast: ({ family, ttl, linkLocal }) => (family === 4 ? ttl === 1 : linkLocal),
  },
  // RFC 5881 §4; §5: TTL 255 on a single hop.
  { kind: 'bfd', protocol: UDP, ports: [3784, 3785], groups: [], unicast: ({ ttl }) => ttl === 255 },
  { kind: 'pim', protocol: 103, ports: [], groups: groups('224.0.0.13', 'ff02::d'), unicast: never },
  { kind: 'rip', protocol: UDP, ports: [520, 521], groups: groups('224.0.0.9', 'ff02::9'), unicast: always },
  { kind: 'eigrp', protocol: 88, ports: [], groups: groups('224.0.0.10', 'ff02::a'), unicast: always },
  // RFC 5798 §5.1.1.2, §5.1.2.2
  { kind: 'vrrp', protocol: 112, ports: [], groups: groups('224.0.0.18', 'ff02::12'), unicast: never },
  {
    kind: 'beacon',
    protocol: UDP,
    ports: [RELAY_BEACON.port],
    groups: groups(RELAY_BEACON.ipv4, RELAY_BEACON.ipv6),
    unicast: never,
  },
]

/** Which packets that come out of one tunnel are the relay's, and how many of them a moment. Allocates nothing. */
export class RelayIntake {
  readonly #byProtocol: (Rule | undefined)[] = Array.from({ length: 256 }, () => undefined)
  readonly #byPort = new Map<number, Rule>()
  readonly #limiter = new RateLimiter(EVERY, BURST)
  readonly #upper = Ipv6.upper()
  readonly #unicast: Unicast = { family: 4, ttl: 0, linkLocal: false }

  constructor(kinds: readonly Kind[]) {
    for (const rule of RULES) {
      if (rule.kind !== 'beacon' && !kinds.includes(rule.kind)) continue
      if (rule.protocol !== UDP) this.#byProtocol[rule.protocol] = rule
      for (const port of rule.ports) this.#byPort.set(port, rule)
    }
  }

  admit(now: Instant): boolean {
    return this.#limiter.allow(now)
  }

  /**
   * `p` is an inner packet that was checked. `far`: addresses of the far router itself, whose own routing process speaks
   * to that of this router over the tunnel interfaces; only its beacons are the relay's.
   */
  takes(p: Packet, far: readonly Uint8Array[]): boolean {
    return (p.bytes[p.start] as number) >>> 4 === 6 ? this.#takesV6(p, far) : this.#takesV4(p, far)
  }

  #takesV4(p: Packet, far: readonly Uint8Array[]): boolean {
    const ip = Ipv4.open(p, p.start)
    if (isDrop(ip)) return false
    const rule = this.#ruleOf(p, Ipv4.protocol(p, ip), Ipv4.payloadAt(p, ip))
    if (rule === undefined || (rule.protocol === UDP && Ipv4.isFragment(p, ip))) return false
    if (rule.kind !== 'beacon' && isOneOf(p, Ipv4.sourceAt(ip), far)) return false
    const to = Ipv4.destinationAt(ip)
    if ((p.view.getUint8(to) & 0xf0) === 0xe0) return isOneOf(p, to, rule.groups)
    this.#unicast.family = 4
    this.#unicast.ttl = Ipv4.ttl(p, ip)
    return rule.unicast(this.#unicast)
  }

  #takesV6(p: Packet, far: readonly Uint8Array[]): boolean {
    const ip = Ipv6.open(p, p.start)
    const upper = this.#upper
    if (isDrop(ip) || Ipv6.walk(p, ip, upper) !== undefined) return false
    const isFragment = upper.fragmentOffset > 0 || upper.moreFragments
    // A later piece of what AH protects tells no more than that; only OSPF has it on a link (RFC 4552).
    const behindAh = isFragment && upper.protocol === Ipv6.NEXT_HEADER.ah
    const rule = this.#ruleOf(p, behindAh ? Ipv6.NEXT_HEADER.ospf : upper.protocol, upper.at)
    if (rule === undefined || (rule.protocol === UDP && isFragment)) return false
    const from = Ipv6.sourceAt(ip)
    if (rule.kind !== 'beacon' && isOneOf(p, from, far)) return false
    const to = Ipv6.destinationAt(ip)
    if (p.view.getUint8(to) === 0xff) return isOneOf(p, to, rule.groups)
    this.#unicast.family = 6
    this.#unicast.ttl = Ipv6.hopLimit(p, ip)
    this.#unicast.linkLocal = (p.view.getUint16(from) & 0xffc0) === 0xfe80
    return rule.unicast(this.#unicast)
  }

  #ruleOf(p: Packet, protocol: number, payloadAt: number): Rule | undefined {
    if (protocol !== UDP) return this.#byProtocol[protocol]
    return p.end - payloadAt < Udp.HEADER ? undefined : this.#byPort.get(p.view.getUint16(payloadAt + 2))
  }
}

/** Whether the address at `at`, of the family of the packet, is in the list. */
function isOneOf(p: Packet, at: number, addresses: readonly Uint8Array[]): boolean {
  const length = p.view.getUint8(p.start) >>> 4 === 6 ? 16 : 4
  for (let i = 0; i < addresses.length; i++) {
    const address = addresses[i] as Uint8Array
    if (address.length === length && Address.equalAt(p.bytes, at, address)) return true
  }
  return false
}
