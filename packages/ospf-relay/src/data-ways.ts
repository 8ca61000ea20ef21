import type { Drop, Instant } from '@brunel/base'
import { Address } from '@brunel/wire'
import { LAN, type Port, type RelayEffect } from './contract.js'
import type { Doctor } from './doctor.js'
import type { Segment } from './routes/choice.js'
import { Following, type FollowingReport, type Heard, type KeptArea } from './routes/following.js'
import type { Ways } from './ways.js'

/** Which of what the relay carries makes routes, and for which ports: between the relay and its database of LSAs. */
export class DataWays {
  readonly #doctor: Doctor
  readonly #ways: Ways
  readonly #following = new Following()

  constructor(doctor: Doctor, ways: Ways) {
    this.#doctor = doctor
    this.#ways = ways
  }

  get deadline(): Instant | undefined {
    return this.#following.deadline
  }

  /** RFC 2328 §13: LSAs only of whom his neighbours believe them. The doctor has heard the message already. */
  hear(now: Instant, heard: Heard): readonly Drop[] {
    const { message, source } = heard
    const { type } = message.body
    if (type !== 'link-state-update' && type !== 'database-description') return []
    if (!this.#forwards || !this.#doctor.believed(now, Address.format(source), message)) return []
    return this.#following.hear(now, heard)
  }

  get #forwards(): boolean {
    return this.#ways.ports.some(port => this.#ways.settings(port)?.forward)
  }

  /** Ports and routers may be others. `urgent`: nothing may go by a port that is used no longer. */
  review(now: Instant, urgent: boolean): void {
    this.#following.review(now, this.#segment(now), urgent)
  }

  tick(now: Instant): readonly RelayEffect[] {
    const changed = this.#following.tick(now, () => this.#segment(now))
    const effects: RelayEffect[] = changed.map(({ port, routes }) => ({ do: 'routes', port, routes }))
    return this.#following.isNews() ? [...effects, { do: 'keep' }] : effects
  }

  /** Tunnels that are used for data, and the LAN if there is one. */
  #segment(now: Instant): Segment {
    const tunnels = this.#ways.ports.filter(
      port => this.#ways.settings(port)?.forward === true && this.#ways.state(port) === 'forwarding',
    )
    const ports: readonly Port[] = tunnels.length === 0 ? [] : [LAN, ...tunnels]
    return { ports, routers: this.#doctor.onSegment(now) }
  }

  restore(now: Instant, areas: readonly KeptArea[]): void {
    this.#following.restore(now, areas)
  }

  kept(now: Instant): readonly KeptArea[] {
    return this.#following.kept(now)
  }

  report(): FollowingReport {
    return this.#following.report()
  }
}
