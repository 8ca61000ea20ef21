import type { Instant } from '@brunel/base'
import { mustBeAdjacent, names, stateOf } from './adjacency.js'
import { LAN, type Port } from './contract.js'
import {
  areaKind,
  authenticationText,
  elects,
  isSilent,
  type Neighbour,
  type Speaker,
  type Towards,
} from './neighbours.js'
import { inOneSubnet, subnetText } from './subnets.js'

/** What the doctor can find. A code never changes, a text may. */
export const FINDINGS = {
  BRUNEL_OSPF_AREA: {
    meaning: 'Two routers on one OSPF segment are in different areas (RFC 2328 §8.2).',
    remedy: 'Give both interfaces the same area.',
  },
  BRUNEL_OSPF_HELLO_INTERVAL: {
    meaning: 'Two routers on one OSPF segment have different hello intervals (RFC 2328 §10.5).',
    remedy: 'Set the same hello interval on both: `ip ospf hello-interval`.',
  },
  BRUNEL_OSPF_DEAD_INTERVAL: {
    meaning: 'Two routers on one OSPF segment have different dead intervals (RFC 2328 §10.5).',
    remedy: 'Set the same dead interval on both: `ip ospf dead-interval`.',
  },
  BRUNEL_OSPF_MASK: {
    meaning: 'Two routers on one OSPF segment have different network masks (RFC 2328 §10.5).',
    remedy: 'Give both interfaces the same prefix length, or make the network point-to-point on both.',
  },
  BRUNEL_OSPF_SUBNET: {
    meaning: 'Two routers on one OSPF segment have addresses of different subnets (RFC 2328 §8.2).',
    remedy: 'Give both an address of one subnet, or make the network point-to-point on both.',
  },
  BRUNEL_OSPF_AUTHENTICATION: {
    meaning: 'Two routers on one OSPF segment authenticate differently (RFC 2328 §8.2, §D.5).',
    remedy: 'Set the same authentication, key id and algorithm on both.',
  },
  BRUNEL_OSPF_STUB: {
    meaning: 'Two routers disagree whether their area is normal, stub or NSSA (RFC 2328 §10.5).',
    remedy: 'Set the area to the same kind on both: `area … stub` or `area … nssa`, or neither.',
  },
  BRUNEL_OSPF_MTU: {
    meaning:
      'The routers announce different MTUs, and the one with the lower refuses the other (RFC 2328 §10.6).',
    remedy: 'Give both interfaces the same MTU. A tunnel between two LANs carries packets of either size.',
  },
  BRUNEL_OSPF_ROUTER_ID: {
    meaning: 'Two routers have the same router id (RFC 2328 §1.2).',
    remedy: 'Give each router an own id: `router-id`; on many it takes effect when OSPF is restarted.',
  },
  BRUNEL_OSPF_NETWORK_TYPE: {
    meaning: 'One router elects a Designated Router, the other knows of no election (RFC 2328 §9.4).',
    remedy: 'Set the same network type on both: `ip ospf network broadcast` or `point-to-point`.',
  },
  BRUNEL_OSPF_INSTANCE: {
    meaning: 'Two routers on one OSPF segment speak in different instances (RFC 5340 §2.4, RFC 6549 §2).',
    remedy: 'Give both interfaces the same instance id: `ipv6 ospf6 instance-id`.',
  },
  BRUNEL_OSPF_UNHEARD: {
    meaning: 'A router does not accept the Hellos of another, and nothing that they say differs.',
    remedy: 'Compare the keys; look for an access list or a passive interface.',
  },
  BRUNEL_OSPF_SILENT: {
    meaning: 'A router has sent nothing for longer than its dead interval.',
    remedy:
      'Look whether it runs and its link is up; whether the tunnel carries; whether a firewall of the appliance on its LAN lets OSPF in.',
  },
} as const satisfies Readonly<Record<string, { readonly meaning: string; readonly remedy: string }>>

export type FindingCode = keyof typeof FINDINGS

export interface Side extends Speaker {
  readonly value: string
}

export interface Finding {
  readonly code: FindingCode
  readonly sentence: string
  readonly remedy: string
  /** Both sides with what each says; one where one is silent. */
  readonly sides: readonly Side[]
  readonly since: Instant
}

export type Found = Omit<Finding, 'since'>

const place = (port: Port): string =>
  port === LAN ? 'on the LAN' : `behind tunnel ${port.slice('tunnel:'.length)}`
const who = (n: Neighbour): string => `${n.address} (router ${n.routerId}, ${place(n.port)})`
const side = (n: Neighbour, value: string): Side => ({
  port: n.port,
  address: n.address,
  routerId: n.routerId,
  value,
})

export type Pair = readonly [Neighbour, Neighbour]
type Values = readonly [string, string]

/** OSPFv3 has the words of OSPFv2 under another name. */
const remedyFor = (code: FindingCode, { version }: Neighbour): string =>
  version === 2 ? FINDINGS[code].remedy : FINDINGS[code].remedy.replace('`ip ospf ', '`ipv6 ospf6 ')

const found = (code: FindingCode, pair: Pair, [one, other]: Values, sentence: string): Found => ({
  code,
  sentence,
  remedy: remedyFor(code, pair[0]),
  sides: [side(pair[0], one), side(pair[1], other)],
})

/** `says`: what a side says, around its value. */
function differs(code: FindingCode, pair: Pair, values: Values, says: (value: string) => string): Found[] {
  if (values[0] === values[1]) return []
  const sentence = `${who(pair[0])} ${says(values[0])}, ${who(pair[1])} ${says(values[1])}.`
  return [found(code, pair, values, sentence)]
}

/** RFC 5340 §2.4: instances on one link are apart on purpose; two that have nobody else in theirs are so by mistake. */
export const instances = (pair: Pair): Found[] =>
  differs(
    'BRUNEL_OSPF_INSTANCE',
    pair,
    [String(pair[0].instance), String(pair[1].instance)],
    instance => `speaks in instance ${instance}`,
  )

const areComparable = (now: Instant, [a, b]: Pair): boolean =>
  a.version === b.version && a.instance === b.instance && !isSilent(now, a) && !isSilent(now, b)

/** Of two on one cable that are in different subnets on purpose: their ids must differ all the same. */
export const sameRouterIds = (now: Instant, pair: Pair): Found[] =>
  areComparable(now, pair) && pair[0].routerId === pair[1].routerId ? [sameRouterId(pair)] : []

/** All in which two routers of different ports and of one instance disagree. */
export function compare(now: Instant, a: Neighbour, b: Neighbour): Found[] {
  const pair: Pair = [a, b]
  if (!areComparable(now, pair)) return []
  if (a.routerId === b.routerId) return [sameRouterId(pair)]
  const all = [
    ...differs('BRUNEL_OSPF_AREA', pair, [a.area, b.area], area => `is in area ${area}`),
    ...hellos(pair),
    ...authentications(pair),
    ...mtus(now, pair),
  ]
  return all.length > 0 ? all : unheard(pair)
}

function sameRouterId(pair: Pair): Found {
  const { routerId } = pair[0]
  const sentence = `${who(pair[0])} and ${who(pair[1])} have the same router id.`
  return found('BRUNEL_OSPF_ROUTER_ID', pair, [routerId, routerId], sentence)
}

function hellos(pair: Pair): Found[] {
  const [one, other] = [pair[0].hello, pair[1].hello]
  if (one === undefined || other === undefined) return []
  const intervals: Values = [`${one.helloInterval} s`, `${other.helloInterval} s`]
  const deads: Values = [`${one.deadInterval} s`, `${other.deadInterval} s`]
  const kinds: Values = [areaKind(one.options), areaKind(other.options)]
  return [
    ...differs('BRUNEL_OSPF_HELLO_INTERVAL', pair, intervals, v => `has a hello interval of ${v}`),
    ...differs('BRUNEL_OSPF_DEAD_INTERVAL', pair, deads, v => `has a dead interval of ${v}`),
    ...differs(
      'BRUNEL_OSPF_STUB',
      pair,
      kinds,
      v => `says that its area is ${v === 'stub' ? 'a stub' : v === 'NSSA' ? 'an NSSA' : 'normal'}`,
    ),
    ...masks(pair),
    ...subnets(pair),
    ...networkTypes(pair),
  ]
}

const to = (a: Neighbour, b: Neighbour): Towards => a.towards.get(b.key) ?? { deaf: 0 }

/** One refuses the other: not just a first Hello that crossed another. */
function refused([a, b]: Pair): boolean {
  const [deaf, deafToo] = [to(a, b).deaf, to(b, a).deaf]
  return (deaf > 0 && deafToo > 0) || deaf > 1 || deafToo > 1
}

/** RFC 2328 §10.5: the mask is ignored on point-to-point networks, which are not told from an election yet to come. */
function masks(pair: Pair): Found[] {
  const [one, other] = [pair[0].hello?.mask, pair[1].hello?.mask]
  if (one === undefined || other === undefined || !(pair.some(elects) || refused(pair))) return []
  return differs('BRUNEL_OSPF_MASK', pair, [one, other], mask => `has the network mask ${mask}`)
}

/** RFC 2328 §8.2: not looked at on point-to-point networks, where nobody refuses the other for it. */
function subnets(pair: Pair): Found[] {
  const [one, other] = [pair[0].subnet, pair[1].subnet]
  if (one === undefined || other === undefined || inOneSubnet(...pair) || !refused(pair)) return []
  const values: Values = [subnetText(one), subnetText(other)]
  return differs('BRUNEL_OSPF_SUBNET', pair, values, subnet => `is in the subnet ${subnet}`)
}

/**
 * On a broadcast network who hears of a Designated Router names it in his next Hello (RFC 2328 §9.4, §10.5: BackupSeen);
 * on a point-to-point network never.
 */
function networkTypes(pair: Pair): Found[] {
  const never = (a: Neighbour, b: Neighbour): boolean =>
    a.withoutElection > 1 &&
    elects(b) &&
    names(a, b, undefined) &&
    a.previousHelloAt !== undefined &&
    a.previousHelloAt >= (b.electsSince ?? a.previousHelloAt)
  if (!never(pair[0], pair[1]) && !never(pair[1], pair[0])) return []
  const value = (n: Neighbour): string => (elects(n) ? 'broadcast' : 'point-to-point')
  return differs('BRUNEL_OSPF_NETWORK_TYPE', pair, [value(pair[0]), value(pair[1])], v =>
    v === 'broadcast' ? 'elects a Designated Router' : 'knows of no Designated Router',
  )
}

/** The type at once; keys may overlap while they are exchanged, so they count only where a side refuses the other. */
function authentications(pair: Pair): Found[] {
  const [one, other] = [pair[0].authentication, pair[1].authentication]
  if (one.type === other.type && !refused(pair)) return []
  const texts: Values = [authenticationText(one), authenticationText(other)]
  return differs('BRUNEL_OSPF_AUTHENTICATION', pair, texts, v => `authenticates by: ${v}`)
}

/** RFC 2328 §10.6: larger than what the receiver takes is refused; 0 is of a virtual link, and always taken. */
function mtus(now: Instant, pair: Pair): Found[] {
  const [a, b] = pair
  if (!a.mtu || !b.mtu || a.mtu === b.mtu) return []
  if (stateOf(now, a, b) === 'Full' && stateOf(now, b, a) === 'Full') return []
  // RFC 2328 §10.4: neither describes anything to the other.
  if (!mustBeAdjacent(a, b) && !mustBeAdjacent(b, a)) return []
  const [large, small] = a.mtu > b.mtu ? [a, b] : [b, a]
  const sentence = `${who(large)} announces an MTU of ${large.mtu}, ${who(small)} one of ${small.mtu} and refuses it.`
  const remedy = `Give both interfaces an MTU of ${small.mtu}, or both ${large.mtu} where their links carry it; a tunnel between two LANs carries packets of either size.`
  return [{ ...found('BRUNEL_OSPF_MTU', pair, [String(a.mtu), String(b.mtu)], sentence), remedy }]
}

const DEAF = 3

function unheard(pair: Pair): Found[] {
  const [a, b] = pair
  const [deaf, deafToo] = [to(a, b).deaf >= DEAF, to(b, a).deaf >= DEAF]
  if (!deaf && !deafToo) return []
  const value = (is: boolean): string => (is ? 'does not name the other' : 'names the other')
  const sentence =
    deaf && deafToo
      ? `${who(a)} and ${who(b)} do not accept each other's Hellos.`
      : `${who(deaf ? a : b)} does not accept the Hellos of ${who(deaf ? b : a)}.`
  return [found('BRUNEL_OSPF_UNHEARD', pair, [value(deaf), value(deafToo)], sentence)]
}

export const silent = (n: Neighbour): Found => ({
  code: 'BRUNEL_OSPF_SILENT',
  sentence: `${who(n)} has sent nothing for longer than its dead interval.`,
  remedy: FINDINGS.BRUNEL_OSPF_SILENT.remedy,
  sides: [side(n, 'silent')],
})
