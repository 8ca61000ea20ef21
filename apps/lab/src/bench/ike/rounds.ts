import { quantile } from '../measure.js'
import type { Ends } from './ends.js'
import type { Memory, Worked } from './orders.js'
import { type Authority, newAuthority, type Role, type Suite } from './suites.js'

/** Under way at a time: enough that neither end waits for the other, fewer than bring cookies on. */
const AT_ONCE = 16
/** Set-ups before the first measured one: a router that has been up for a while has its code compiled. Fewer: the first suite pays for all. */
const WARM = 1000
const ROLES: readonly Role[] = ['initiator', 'responder']

export interface RateFigures {
  readonly suite: string
  readonly setUps: number
  readonly perSecond: number
  /** CPU of each whole process, its pumps included. */
  readonly cpuMs: Readonly<Record<Role, number>>
  /** One at a time: from the first request to the last answer, as the initiator sees it. */
  readonly medianMs: number
  readonly p99Ms: number
  readonly failed: number
}

export interface RekeyFigures {
  readonly what: 'ike' | 'child'
  readonly perSecond: number
  readonly cpuMs: Readonly<Record<Role, number>>
}

export interface MemoryFigures {
  readonly tunnels: number
  readonly heapPerTunnel: Readonly<Record<Role, number>>
  readonly residentPerTunnel: Readonly<Record<Role, number>>
}

export interface StormFigures {
  readonly peers: number
  readonly milliseconds: number
  readonly repeated: number
  readonly failed: number
}

/** The measurements, on two ends that stand. Each leaves no tunnel behind. */
export class Rounds {
  readonly #ends: Ends
  #made = 0

  constructor(ends: Ends) {
    this.#ends = ends
  }

  async rate(suite: Suite, scale = 1): Promise<RateFigures> {
    const count = Math.max(8, Math.round(suite.count * scale))
    const single = Math.max(4, Math.round(Math.min(100, suite.count / 4) * scale))
    const warm = Math.max(Math.round(count / 4), Math.round(WARM * scale) - this.#made)
    this.#made += warm + count
    await this.configure(suite, 0, warm + count + single)
    await this.#setUp(0, warm, AT_ONCE)
    const fast = await this.#setUp(warm, warm + count, AT_ONCE)
    const slow = await this.#setUp(warm + count, warm + count + single, 1)
    await this.clear()
    return {
      suite: suite.name,
      setUps: count,
      perSecond: perSecond(count, fast),
      cpuMs: each(fast.cpuMs, cpu => cpu / count),
      medianMs: quantile(slow.took, 0.5),
      p99Ms: quantile(slow.took, 0.99),
      failed: fast.failed + slow.failed,
    }
  }

  async memory(suite: Suite, steps: readonly number[]): Promise<readonly MemoryFigures[]> {
    const before = await this.#memory()
    const figures: MemoryFigures[] = []
    let from = 0
    for (const tunnels of steps) {
      await this.configure(suite, from, tunnels)
      await this.#setUp(from, tunnels, AT_ONCE)
      from = tunnels
      const after = await this.#memory()
      const per = (of: (memory: Memory) => number): Record<Role, number> => ({
        initiator: (of(after.initiator) - of(before.initiator)) / tunnels,
        responder: (of(after.responder) - of(before.responder)) / tunnels,
      })
      figures.push({
        tunnels,
        heapPerTunnel: per(({ heap, arrayBuffers }) => heap + arrayBuffers),
        residentPerTunnel: per(({ rss }) => rss),
      })
    }
    await this.clear()
    return figures
  }

  async rekeys(suite: Suite, tunnels: number): Promise<readonly RekeyFigures[]> {
    await this.configure(suite, 0, tunnels)
    await this.#setUp(0, tunnels, AT_ONCE)
    const figures: RekeyFigures[] = []
    for (const what of ['child', 'ike'] as const) {
      const worked = await this.#both(() =>
        this.#ends.initiator.ask({ do: 'rekey', what, from: 0, to: tunnels, atOnce: AT_ONCE }),
      )
      const cpuMs = each(worked.cpuMs, cpu => cpu / tunnels)
      figures.push({ what, perSecond: perSecond(tunnels, worked), cpuMs })
    }
    await this.clear()
    return figures
  }

  /** All at once against one responder. */
  async storm(suite: Suite, peers: number): Promise<StormFigures> {
    await this.configure(suite, 0, peers)
    const { milliseconds, repeated, failed } = await this.#setUp(0, peers, peers, true)
    await this.clear()
    return { peers, milliseconds, repeated, failed }
  }

  async configure(suite: Suite, from: number, to: number): Promise<void> {
    const authority = await this.#authority(suite)
    await Promise.all(
      ROLES.map(role => this.#ends[role].ask({ do: 'configure', role, from, to, suite, authority })),
    )
  }

  async clear(): Promise<void> {
    await this.#ends.initiator.ask({ do: 'clear' })
    await this.#ends.responder.ask({ do: 'clear' })
    for (const role of ROLES) {
      const problems = await this.#ends[role].ask({ do: 'problems' })
      if (problems.length > 0) throw new Error(`${role}: ${problems.slice(0, 3).join('\n')}`)
    }
  }

  #authorities = new Map<string, Promise<Authority>>()

  #authority({ key }: Suite): Promise<Authority> | undefined {
    if (key === undefined) return undefined
    const made = this.#authorities.get(key) ?? newAuthority(key)
    this.#authorities.set(key, made)
    return made
  }

  #setUp(from: number, to: number, atOnce: number, watch = false) {
    return this.#both(() => this.#ends.initiator.ask({ do: 'set-up', from, to, atOnce, watch }))
  }

  async #both(
    work: () => Promise<Worked>,
  ): Promise<Omit<Worked, 'cpuMs'> & { readonly cpuMs: Readonly<Record<Role, number>> }> {
    const before = await this.#ends.responder.ask({ do: 'cpu' })
    const worked = await work()
    const after = await this.#ends.responder.ask({ do: 'cpu' })
    return { ...worked, cpuMs: { initiator: worked.cpuMs, responder: after - before } }
  }

  async #memory(): Promise<Readonly<Record<Role, Memory>>> {
    return {
      initiator: await this.#ends.initiator.ask({ do: 'memory' }),
      responder: await this.#ends.responder.ask({ do: 'memory' }),
    }
  }
}

const perSecond = (count: number, { milliseconds }: Pick<Worked, 'milliseconds'>): number =>
  count / (milliseconds / 1000)

const each = (of: Readonly<Record<Role, number>>, f: (value: number) => number): Record<Role, number> => ({
  initiator: f(of.initiator),
  responder: f(of.responder),
})
