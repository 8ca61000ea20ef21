import type { TunnelReport } from '@brunel/admin-api'
import type { What, Where } from './plan.js'

/** What is read of a router before and after. */
export interface Snapshot {
  readonly tunnel: TunnelReport
  readonly drops: readonly Drops[]
}

export interface Drops {
  readonly reason: string
  readonly direction: string
  readonly count: number
}

export type RekeyCounts = TunnelReport['rekeys'][What]

export interface RouterFigures {
  readonly tunnel: string
  readonly child: RekeyCounts
  readonly ike: RekeyCounts
  /** Packets that found no SA to leave by. */
  readonly unsent: number
  /** Drops of this router that grew, other tunnels' among them. */
  readonly drops: readonly Drops[]
  /** One IKE SA with one pair of ESP SAs, as it must be in the end. */
  readonly settled: boolean
}

/** Packets on ESP SAs that are gone, whose figures no longer change. `sent` null: only the receiver was asked. */
export interface Crossing {
  readonly sent: number | null
  readonly received: number
  readonly lost: number
}

export interface Probes {
  readonly sent: number
  readonly answered: number
  /** Why there were none. */
  readonly missing: string | null
}

export interface DrillReport {
  readonly tunnel: string
  readonly count: number
  readonly asked: Readonly<Record<Where, Readonly<Record<What, number>>>>
  /** Rekeys that the API did not confirm in time, in its words. */
  readonly unfinished: readonly string[]
  readonly here: RouterFigures
  readonly other: RouterFigures | null
  /** null: only the other router could tell; the probes must do. */
  readonly hereToOther: Crossing | null
  readonly otherToHere: Crossing
  readonly probes: Probes
  readonly seconds: number
  readonly lost: number
  readonly passed: boolean
}

export const isSettled = ({ ike }: TunnelReport): boolean =>
  ike.length === 1 &&
  ike[0]?.state === 'established' &&
  ike[0].children.length === 1 &&
  ike[0].children[0]?.state === 'installed'

/** Both ends hold the same pair of ESP SAs. */
export function isSamePair(here: TunnelReport, other: TunnelReport): boolean {
  const [a, b] = [here.ike[0]?.children[0], other.ike[0]?.children[0]]
  return a !== undefined && b !== undefined && a.spiIn === b.spiOut && a.spiOut === b.spiIn
}

/** Outbound packets that never became ESP. */
const UNSENT = ['tunnel-no-sa', 'esp-expired', 'esp-sequence-exhausted']
/** Drops that say something of ESP or of the rekeying; others belong to the traffic. */
const TELLING = /^(esp-(?!dummy)|tunnel-no-sa|ike-)/

const minus = <T extends object>(after: T, before: T): T =>
  Object.fromEntries(
    Object.entries(after).map(([key, n]) => [key, n - Number(before[key as keyof T] ?? 0)]),
  ) as T

function grown(before: Snapshot, after: Snapshot): readonly Drops[] {
  const was = new Map(before.drops.map(d => [`${d.reason} ${d.direction}`, d.count]))
  return after.drops
    .map(({ reason, direction, count }) => ({
      reason,
      direction,
      count: count - (was.get(`${reason} ${direction}`) ?? 0),
    }))
    .filter(({ count, reason }) => count > 0 && TELLING.test(reason))
}

export function figuresOf(before: Snapshot, after: Snapshot): RouterFigures {
  const drops = grown(before, after)
  const unsent = drops.filter(d => d.direction === 'outbound' && UNSENT.includes(d.reason))
  return {
    tunnel: after.tunnel.name,
    child: minus(after.tunnel.rekeys.child, before.tunnel.rekeys.child),
    ike: minus(after.tunnel.rekeys.ike, before.tunnel.rekeys.ike),
    unsent: unsent.reduce((sum, { count }) => sum + count, 0),
    drops,
    settled: isSettled(after.tunnel),
  }
}

type Pair = readonly [before: Snapshot, after: Snapshot]

/** Sequence numbers given out by one end and packets taken in by the other; without the sender, gaps in the numbers. */
export function crossingOf(sender: Pair | undefined, receiver: Pair): Crossing {
  const inbound = minus(receiver[1].tunnel.endedSas.inbound, receiver[0].tunnel.endedSas.inbound)
  if (sender === undefined) return { sent: null, received: inbound.packets, lost: inbound.missing }
  const sent = minus(sender[1].tunnel.endedSas.outbound, sender[0].tunnel.endedSas.outbound).packets
  return { sent, received: inbound.packets, lost: Math.max(sent - inbound.packets, inbound.missing) }
}

export interface DrillOutcome {
  readonly tunnel: string
  readonly count: number
  readonly asked: DrillReport['asked']
  readonly unfinished: readonly string[]
  readonly here: Pair
  readonly other: Pair | undefined
  readonly probes: Probes
  readonly seconds: number
}

/** Passed: nothing lost, all rekeys done, and one IKE SA with one pair of ESP SAs, the same at both ends. */
export function judge({ here, other, probes, unfinished, ...rest }: DrillOutcome): DrillReport {
  const figures = figuresOf(...here)
  const theirs = other === undefined ? null : figuresOf(...other)
  const hereToOther = other === undefined ? null : crossingOf(here, other)
  const otherToHere = crossingOf(other, here)
  const missing = (hereToOther?.lost ?? 0) + otherToHere.lost + figures.unsent + (theirs?.unsent ?? 0)
  // Probes are ESP packets too: one that is lost may be among those already.
  const lost = Math.max(missing, probes.sent - probes.answered)
  const settled =
    figures.settled &&
    (theirs?.settled ?? true) &&
    (other === undefined || isSamePair(here[1].tunnel, other[1].tunnel))
  return {
    ...rest,
    unfinished,
    here: { ...figures, settled },
    other: theirs === null ? null : { ...theirs, settled },
    hereToOther,
    otherToHere,
    probes,
    lost,
    passed: lost === 0 && settled && unfinished.length === 0,
  }
}
