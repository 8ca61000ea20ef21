import { Address } from '@brunel/wire'
import type { Port } from '../contract.js'
import type { Area } from './database.js'
import type { Path, PathKind } from './paths.js'

/** A router on the segment that others on it take for a neighbour. */
export interface SegmentRouter extends Area {
  readonly routerId: string
  readonly port: Port
  readonly address: string
}

/** The ports that data may come by and leave by; all routers, those on other ports too. */
export interface Segment {
  readonly ports: readonly Port[]
  readonly routers: readonly SegmentRouter[]
}

/** Where packets for a prefix go that came in by one port. */
export interface FollowedRoute {
  readonly to: string
  /** The port behind which the next router lives, and its address there. */
  readonly via: Port
  readonly neighbour: string
  readonly kind: PathKind
  readonly cost: number
}

/** A path, and the routers on the segment by which it is as good. */
export interface Candidate {
  readonly path: Path
  readonly routers: readonly SegmentRouter[]
}

const lowest = (routers: readonly SegmentRouter[]): SegmentRouter | undefined =>
  [...routers].sort((a, b) => Address.compare(Address.parse(a.address)!, Address.parse(b.address)!))[0]

/**
 * Whom the sender of a packet that came by `port` meant. Where the best way begins on that very port, no router sent it
 * by this machine because of OSPF: it goes where the machine's own routes lead, never back and never by a longer way.
 * Of ways that are as good one is on another port: a router that has the best way itself means none of them, and a third
 * one on the port may mean any. Who is nearest and cannot be reached is not replaced by somebody farther: he would send it
 * back. For the default route nobody is asked: whoever originates it has one of his own, which
 * may be this machine.
 */
export function choose(
  port: Port,
  { path, routers }: Candidate,
  segment: Segment,
): FollowedRoute | undefined {
  const next = lowest(routers.filter(router => router.port !== port && segment.ports.includes(router.port)))
  if (next === undefined) return undefined
  const own = routers.filter(router => router.port === port)
  if (own.length > 0) {
    const third = segment.routers.some(router => router.port === port && !own.includes(router))
    if (path.prefix.length === 0 || !third) return undefined
  }
  const { kind, cost } = path
  return { to: Address.formatPrefix(path.prefix), via: next.port, neighbour: next.address, kind, cost }
}
