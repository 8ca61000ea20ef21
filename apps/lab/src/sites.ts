import { join } from 'node:path'
import type { IkeSaReport } from '@brunel/admin-api'
import { type Side, Topology, type TopologyOptions } from './net/topology.js'
import { until } from './net/until.js'
import { Bruneld, type BruneldOptions } from './peers/bruneld.js'
import { far, type PeerWish, peerDocument } from './peers/peer-document.js'

export type Wishes = Partial<Omit<PeerWish, 'side'>>

export const tunnelName = (side: Side): string => `site-${far(side).toLowerCase()}`

/** Two sites whose routers both run bruneld. */
export class Sites {
  readonly topology: Topology
  readonly routers: Readonly<Record<Side, Bruneld>>

  private constructor(topology: Topology, routers: Record<Side, Bruneld>) {
    this.topology = topology
    this.routers = routers
  }

  static async build(options: TopologyOptions & { readonly daemon?: BruneldOptions } = {}): Promise<Sites> {
    const topology = await Topology.build(options)
    const make = (side: Side): Bruneld =>
      new Bruneld(topology.router(side), join(topology.folder, `router-${side}`), options.daemon)
    return new Sites(topology, { A: make('A'), B: make('B') })
  }

  async start(): Promise<void> {
    for (const side of ['A', 'B'] as const) {
      const router = this.routers[side]
      this.topology.cleanup.add(`bruneld ${side}`, () => router.stop())
    }
    await Promise.all([this.routers.A.start(), this.routers.B.start()])
  }

  /** Makes the peer of each router anew by the API. */
  async connect(wishes: Wishes = {}, only: Partial<Record<Side, Wishes>> = {}): Promise<void> {
    for (const side of ['B', 'A'] as const) {
      const { api } = this.routers[side]
      await api.send('DELETE', `/v1/peers/${tunnelName(side)}`)
      await api.ask('POST', '/v1/peers', peerDocument({ ...wishes, ...only[side], side }))
    }
  }

  async up(limit?: number): Promise<void> {
    await Promise.all([this.routers.A.up(tunnelName('A'), limit), this.routers.B.up(tunnelName('B'), limit)])
  }

  /**
   * Up, and what there is stays: one IKE SA with one child, the same at both ends. Both routers may have begun at once;
   * then there are two, and the redundant one is closed some seconds after `up`: RFC 7296 §2.8.1.
   */
  async settled(): Promise<void> {
    const { A, B } = this.routers
    await Promise.all([A.up(tunnelName('A')), B.up(tunnelName('B'))])
    const reports = () => Promise.all([A.api.tunnel(tunnelName('A')), B.api.tunnel(tunnelName('B'))])
    await until('one IKE SA with one child, the same at both ends', SETTLED_WITHIN, async () => {
      const [a, b] = (await reports()).map(({ ike }) => onlySa(ike))
      return (
        a !== undefined &&
        a.spis === b?.spis &&
        a.child.spiIn === b.child.spiOut &&
        a.child.spiOut === b.child.spiIn
      )
    })
  }

  destroy(): Promise<readonly string[]> {
    return this.topology.destroy()
  }
}

/** The redundant IKE SA is closed by who began it, 3 s after the younger one was made, or by the other end 9 s later. */
const SETTLED_WITHIN = 60_000

function onlySa([sa, ...others]: readonly IkeSaReport[]) {
  const [child, ...more] = sa?.children ?? []
  if (sa?.state !== 'established' || child?.state !== 'installed' || others.length + more.length > 0)
    return undefined
  return { spis: `${sa.spiInitiator} ${sa.spiResponder}`, child }
}
