import type { Family } from '@brunel/base'
import type { Kind } from '@brunel/ospf-relay'
import type { Wire as Reception } from './lan-ears.js'
import type { Steered } from './lan-host.js'

/** How the kinds of packets of a relay look to the sockets and the rules of this machine. */
interface Wire {
  readonly protocol: number
  readonly ports?: readonly [number, number]
  readonly groups: Readonly<Record<Family, readonly string[]>>
  /** It comes by unicast too, for neighbours that are elsewhere. */
  readonly unicast: boolean
}

export const UDP = 17

const WIRES: Readonly<Record<Kind, Wire>> = {
  ospf: {
    protocol: 89,
    groups: { 4: ['224.0.0.5', '224.0.0.6'], 6: ['ff02::5', 'ff02::6'] },
    unicast: true,
  },
  bfd: { protocol: UDP, ports: [3784, 3785], groups: { 4: [], 6: [] }, unicast: true },
  rip: { protocol: UDP, ports: [520, 521], groups: { 4: ['224.0.0.9'], 6: ['ff02::9'] }, unicast: true },
  eigrp: { protocol: 88, groups: { 4: ['224.0.0.10'], 6: ['ff02::a'] }, unicast: true },
  pim: { protocol: 103, groups: { 4: ['224.0.0.13'], 6: ['ff02::d'] }, unicast: false },
  vrrp: { protocol: 112, groups: { 4: ['224.0.0.18'], 6: ['ff02::12'] }, unicast: false },
}

/** OSPFv3 whose routers authenticate by IPsec: RFC 4552 §3, between the addresses of one link. */
const AH = 51
const AH_OF_OSPF: Reception = {
  family: 6,
  protocol: AH,
  groups: WIRES.ospf.groups[6],
  unicast: true,
}

/** What to listen to: each IP protocol once, with the groups of all its kinds. */
export function protocolsOf(kinds: readonly Kind[], family: Family): readonly Reception[] {
  const found = new Map<number, Reception>()
  for (const kind of kinds) {
    const { protocol, groups, unicast } = WIRES[kind]
    const others = found.get(protocol)
    found.set(protocol, {
      family,
      protocol,
      groups: [...(others?.groups ?? []), ...groups[family]],
      unicast: unicast || others?.unicast === true,
    })
  }
  return [...found.values(), ...(family === 6 && kinds.includes('ospf') ? [AH_OF_OSPF] : [])]
}

export function steeredBy(kinds: readonly Kind[], family: Family): Steered {
  const unicast = kinds.map(kind => WIRES[kind]).filter(wire => wire.unicast)
  return {
    protocols: unicast.filter(wire => wire.ports === undefined).map(wire => wire.protocol),
    // AH between other addresses is a matter of its ends.
    onLink: family === 6 && kinds.includes('ospf') ? [AH] : [],
    ports: unicast.flatMap(({ ports }) => (ports === undefined ? [] : [ports])),
  }
}

/** Of UDP, the relay is given only what it carries: the rest is for programs of this machine. */
export const isRelayed = (kinds: readonly Kind[], port: number): boolean =>
  kinds.some(kind => {
    const { ports } = WIRES[kind]
    return ports !== undefined && port >= ports[0] && port <= ports[1]
  })
