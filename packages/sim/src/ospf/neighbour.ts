import type { Instant } from '@brunel/base'
import type { Lsa } from './lsa.js'
import { NOBODY } from './packets.js'

/** RFC 2328 §10.1, without Attempt, which is for NBMA networks. */
export const STATES = ['Down', 'Init', '2-Way', 'ExStart', 'Exchange', 'Loading', 'Full'] as const
export type State = (typeof STATES)[number]

/** RFC 2328 §10: what a router keeps of another. */
export interface Neighbour {
  readonly id: string
  readonly address: string
  state: State
  priority: number
  designatedRouter: string
  backup: string
  /** RFC 2328 §10.3, InactivityTimer. */
  deadAt: Instant
  /** We are the master of the exchange. */
  master: boolean
  sequence: number
  lastReceived: { readonly flags: number; readonly sequence: number } | undefined
  /** Body of the last Database Description that was sent. */
  lastSent: Uint8Array | undefined
  /** It had no M bit. */
  saidAll: boolean
  summary: readonly Lsa[]
  readonly requests: Map<string, Lsa>
  /** Of them, those that a request on its way names. */
  readonly asked: Set<string>
  readonly retransmissions: Map<string, Lsa>
  /** When a description, a request, an update is said again. */
  describeAt: Instant | undefined
  requestAt: Instant | undefined
  updateAt: Instant | undefined
}

export const newNeighbour = (id: string, address: string, deadAt: Instant): Neighbour => ({
  id,
  address,
  state: 'Init',
  priority: 0,
  designatedRouter: NOBODY,
  backup: NOBODY,
  deadAt,
  master: true,
  sequence: 0,
  lastReceived: undefined,
  lastSent: undefined,
  saidAll: false,
  summary: [],
  requests: new Map(),
  asked: new Set(),
  retransmissions: new Map(),
  describeAt: undefined,
  requestAt: undefined,
  updateAt: undefined,
})

export const atLeast = ({ state }: Neighbour, least: State): boolean =>
  STATES.indexOf(state) >= STATES.indexOf(least)

/** RFC 2328 §10.3: the three lists are cleared whenever an adjacency falls. */
export function fall(n: Neighbour, state: State): void {
  n.state = state
  n.summary = []
  n.requests.clear()
  n.asked.clear()
  n.retransmissions.clear()
  n.lastReceived = undefined
  n.lastSent = undefined
  n.saidAll = false
  n.describeAt = undefined
  n.requestAt = undefined
  n.updateAt = undefined
}
