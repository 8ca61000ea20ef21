import { DROP_NAMES, type Drop, dropIndex } from '@brunel/base'

/**
 * Counters in shared memory: one writer a pump, any reader. float64, exact below 2^53.
 *
 *     drops[direction][reason] | tunnels[direction][tun][TUNNEL field] | sas[direction][sa][SA field]
 *     once behind both directions: unknown GRE protocol types [slot][type + 1, packets]
 */

export const MAX_TUNNELS = 8192
export const MAX_SAS = 16384

export type Direction = 'inbound' | 'outbound'

export const TUNNEL_COUNTER = {
  packets: 0,
  bytes: 1,
  mssClamped: 2,
  lastAt: 3,
  /** Inbound only: authentic packets that the tunnel would not have, and the `dropIndex` of the last of them. */
  refused: 4,
  refusedFor: 5,
} as const
export const SA_COUNTER = {
  packets: 0,
  bytes: 1,
  lastAt: 2,
  sequence: 3,
  replayMisses: 4,
  integrityFailures: 5,
} as const

const TUNNEL_FIELDS = 6
const SA_FIELDS = 6
const DROPS = 128
/** Unknown protocol types that are told apart; a peer that sends more of them fills the last slot with the rest. */
const PROTOCOL_TYPES = 16
const REST = -1
const PER_DIRECTION = DROPS + MAX_TUNNELS * TUNNEL_FIELDS + MAX_SAS * SA_FIELDS

export class Counters {
  readonly memory: SharedArrayBuffer
  readonly cells: Float64Array

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer((2 * PER_DIRECTION + 2 * PROTOCOL_TYPES) * 8),
  ) {
    this.memory = memory
    this.cells = new Float64Array(memory)
  }

  /** Index of the first of the drop cells of a direction; add `dropIndex`. */
  drops(direction: Direction): number {
    return direction === 'inbound' ? 0 : PER_DIRECTION
  }

  /** Drops of packets that have no row. */
  countDrop(direction: Direction, drop: Drop, times = 1): void {
    const cell = this.drops(direction) + dropIndex(drop)
    this.cells[cell] = (this.cells[cell] as number) + times
  }

  tunnel(direction: Direction, tun: number): number {
    return this.drops(direction) + DROPS + tun * TUNNEL_FIELDS
  }

  sa(direction: Direction, sa: number): number {
    return this.drops(direction) + DROPS + MAX_TUNNELS * TUNNEL_FIELDS + sa * SA_FIELDS
  }

  /** RFC 2784 §2.4: a GRE packet with a protocol type that we do not carry. Called by the inbound pump only. */
  countProtocolType(type: number): void {
    let slot = 2 * PER_DIRECTION
    const last = slot + 2 * (PROTOCOL_TYPES - 1)
    while (slot < last && this.cells[slot] !== 0 && this.cells[slot] !== type + 1) slot += 2
    this.cells[slot] = (slot === last ? REST : type) + 1
    this.cells[slot + 1] = (this.cells[slot + 1] as number) + 1
  }

  /** Packets with unknown GRE protocol types; `type` undefined: those beyond what is told apart. */
  protocolTypes(): readonly { readonly type: number | undefined; readonly packets: number }[] {
    return Array.from({ length: PROTOCOL_TYPES }, (_, i) => {
      const slot = 2 * PER_DIRECTION + 2 * i
      const type = (this.cells[slot] as number) - 1
      return { type: type === REST ? undefined : type, packets: this.cells[slot + 1] as number }
    }).filter(({ packets }) => packets > 0)
  }

  dropped(): Record<Drop, number> {
    const [inbound, outbound] = [this.drops('inbound'), this.drops('outbound')]
    return Object.fromEntries(
      DROP_NAMES.map((name, i) => [name, (this.cells[inbound + i] ?? 0) + (this.cells[outbound + i] ?? 0)]),
    ) as Record<Drop, number>
  }
}

/** Clears the counters of an SA whose index may have served another before; returns its first cell. */
export function clearSaCounters(counters: Counters, direction: Direction, sa: number): number {
  const cell = counters.sa(direction, sa)
  counters.cells.fill(0, cell, cell + Object.keys(SA_COUNTER).length)
  return cell
}
