import { type Instant, type Millis, millis, seconds, since } from '@brunel/base'
import type { Beacon, Link } from './beacon.js'
import {
  LAN,
  type Port,
  type PortState,
  type RelayEvent,
  type TunnelSettings,
  tunnelPort,
} from './contract.js'
import { farName, lanName, linkId, winners } from './election.js'
import type { Digest } from './recent.js'

/**
 * The tunnels of a group and which of them are used. Two relays on one LAN, or two tunnels of one relay, may lead to the
 * same far LAN: one way between each two LANs forwards, the others stand by.
 *
 *    down ──carries──▶ listening ──2 s without a lower link──▶ forwarding
 *                          ▲  │lower link                         │lower link
 *          lower link gone │  ▼                                   ▼
 *                          └─standby◀─────────────────────────────┘
 */

/** Three beacons lost. Longer, and a relay that died is missed longer; its neighbours wait 40 s by default. */
const HOLD: Millis = millis(3500)
/** Two beacons. Shorter, and a tunnel could forward before the other relays are heard. */
const LISTEN: Millis = seconds(2)
/** More relays on one LAN nobody has; a forger of beacons would fill the memory. */
const MOST_RELAYS = 16
/** What came by a tunnel that stands by is on the LAN within this time, if the way that won is real. */
const PROOF: Millis = seconds(1)
/** Fewer, or sooner, and the loss of a few packets would refute what is true. */
const PROOFS_MISSED = 3
const DOUBTED: Millis = seconds(5)
/** A claim that was refuted is not believed for so long; if it was true after all, packets are doubled so long. */
const DISBELIEF: Millis = seconds(300)
const MOST_EXPECTED = 8

interface Heard {
  readonly beacon: Beacon
  readonly at: Instant
}

interface Tunnel {
  readonly settings: TunnelSettings
  readonly number: number
  carries: boolean
  state: PortState
  /** Since when no lower link was heard of, while it carries. */
  freeSince?: Instant | undefined
  far?: Heard | undefined
  /** The LAN it led to when its relay was heard last: beacons end before the tunnel is known to be dead. */
  lastLan?: string
  disbeliefUntil?: Instant | undefined
  /** Multicast that came in on standby, and when; whoever won puts it on the LAN. */
  readonly expected: Map<Digest, Instant>
  /** Since it was last seen that whoever won does carry. */
  missed: number
  missedSince?: Instant | undefined
}

export class Ways {
  readonly #id: string
  readonly #tunnels = new Map<Port, Tunnel>()
  readonly #lan = new Map<string, Heard>()
  #lastNumber = 0

  constructor(id: string) {
    this.#id = id
  }

  set(settings: TunnelSettings): void {
    const port = tunnelPort(settings.tunnel)
    const was = this.#tunnels.get(port)
    this.#tunnels.set(port, {
      ...(was ?? { carries: false, state: 'down', expected: new Map(), missed: 0 }),
      number: was?.number ?? this.#number(),
      settings,
    })
  }

  #number(): number {
    const used = new Set([...this.#tunnels.values()].map(({ number }) => number))
    do this.#lastNumber = (this.#lastNumber % 0xffff) + 1
    while (used.has(this.#lastNumber))
    return this.#lastNumber
  }

  remove(port: Port): void {
    this.#tunnels.delete(port)
  }

  get anyCarries(): boolean {
    return [...this.#tunnels.values()].some(({ carries }) => carries)
  }

  /** False where nothing changed, or there is no such tunnel. */
  carries(port: Port, carries: boolean): boolean {
    const tunnel = this.#tunnels.get(port)
    if (tunnel === undefined || tunnel.carries === carries) return false
    tunnel.carries = carries
    return true
  }

  get ports(): readonly Port[] {
    return [LAN, ...this.#tunnels.keys()]
  }

  /** What comes by a tunnel that was removed a moment ago is nobody's. */
  has(port: Port): boolean {
    return port === LAN || this.#tunnels.has(port)
  }

  get lanRelays(): readonly string[] {
    return [...this.#lan.keys()]
  }

  settings(port: Port): TunnelSettings | undefined {
    return this.#tunnels.get(port)?.settings
  }

  allSettings(): readonly TunnelSettings[] {
    return [...this.#tunnels.values()].map(({ settings }) => settings)
  }

  /** The LAN forwards always: what is on it twice is a matter of the tunnels. */
  state(port: Port): PortState {
    return port === LAN ? 'forwarding' : (this.#tunnels.get(port)?.state ?? 'down')
  }

  farRelay(port: Port): string | undefined {
    return this.#tunnels.get(port)?.far?.beacon.relay
  }

  /** Whether another way leads where this tunnel leads. */
  anotherWay(port: Port): boolean {
    const tunnel = this.#tunnels.get(port)
    if (tunnel === undefined) return false
    const { far, id } = this.#link(tunnel)
    return this.#links().some(link => (link.far === far || link.far === tunnel.lastLan) && link.id !== id)
  }

  hear(now: Instant, port: Port, beacon: Beacon): RelayEvent[] {
    if (beacon.relay === this.#id) return []
    if (port !== LAN) return this.#hearFar(now, port, beacon)
    const known = this.#lan.has(beacon.relay)
    if (!known && this.#lan.size >= MOST_RELAYS) return []
    this.#lan.set(beacon.relay, { beacon, at: now })
    return known ? [] : [{ type: 'relay-heard', port, id: beacon.relay }]
  }

  #hearFar(now: Instant, port: Port, beacon: Beacon): RelayEvent[] {
    const tunnel = this.#tunnels.get(port)
    if (tunnel === undefined) return []
    const known = tunnel.far?.beacon.relay === beacon.relay
    tunnel.far = { beacon, at: now }
    tunnel.lastLan = beacon.lan
    return known ? [] : [{ type: 'relay-heard', port, id: beacon.relay }]
  }

  #links(): Link[] {
    const own = [...this.#tunnels.values()].filter(({ carries }) => carries).map(tunnel => this.#link(tunnel))
    return [...own, ...[...this.#lan.values()].flatMap(({ beacon }) => beacon.links)]
  }

  #link({ far, number, settings }: Tunnel): Link {
    const own = { relay: this.#id, number }
    if (far !== undefined)
      return { far: far.beacon.lan, id: linkId(own, { relay: far.beacon.relay, number: far.beacon.number }) }
    const name = farName(settings.far)
    return { far: name, id: linkId(own, { relay: name, number }) }
  }

  get #lanName(): string {
    return lanName(this.#id, this.#lan.keys())
  }

  /** Decides anew, after whatever was heard and with whatever was not. */
  review(now: Instant): RelayEvent[] {
    const events = [...this.#forget(now), ...this.#judge(now)]
    const best = winners(this.#links())
    for (const [port, tunnel] of this.#tunnels) {
      const { far, id } = this.#link(tunnel)
      const believes = tunnel.disbeliefUntil === undefined || now >= tunnel.disbeliefUntil
      const beaten = believes && best.get(far) !== id
      const state = this.#next(now, tunnel, beaten)
      if (state === tunnel.state) continue
      tunnel.state = state
      tunnel.expected.clear()
      proved(tunnel)
      events.push({ type: 'port-state', port, state })
    }
    return events
  }

  #next(now: Instant, tunnel: Tunnel, beaten: boolean): PortState {
    tunnel.freeSince = tunnel.carries && !beaten ? (tunnel.freeSince ?? now) : undefined
    if (!tunnel.carries) return 'down'
    if (tunnel.freeSince === undefined) return 'standby'
    return since(tunnel.freeSince, now) >= LISTEN ? 'forwarding' : 'listening'
  }

  #forget(now: Instant): RelayEvent[] {
    const events: RelayEvent[] = []
    for (const [id, { at }] of this.#lan)
      if (since(at, now) > HOLD) {
        this.#lan.delete(id)
        events.push({ type: 'relay-gone', port: LAN, id })
      }
    for (const [port, tunnel] of this.#tunnels)
      if (tunnel.far !== undefined && since(tunnel.far.at, now) > HOLD) {
        events.push({ type: 'relay-gone', port, id: tunnel.far.beacon.relay })
        tunnel.far = undefined
      }
    return events
  }

  /** Beacons prove nothing: a claim to carry must show on the LAN. */
  #judge(now: Instant): RelayEvent[] {
    const events: RelayEvent[] = []
    for (const [port, tunnel] of this.#tunnels) {
      for (const [digest, at] of tunnel.expected)
        if (since(at, now) >= PROOF) {
          tunnel.expected.delete(digest)
          tunnel.missed++
          tunnel.missedSince ??= at
        }
      const doubted = tunnel.missedSince !== undefined && since(tunnel.missedSince, now) >= DOUBTED
      if (tunnel.missed < PROOFS_MISSED || !doubted) continue
      proved(tunnel)
      tunnel.disbeliefUntil = (now + DISBELIEF) as Instant
      events.push({ type: 'claim-refuted', port })
    }
    return events
  }

  /** Multicast came in by a tunnel that stands by; `seen`: the other way brought it already. */
  expect(now: Instant, port: Port, digest: Digest, seen: boolean): void {
    const tunnel = this.#tunnels.get(port)
    if (tunnel?.state !== 'standby') return
    if (seen) proved(tunnel)
    else if (tunnel.expected.size < MOST_EXPECTED) tunnel.expected.set(digest, now)
  }

  /** It came by a way that is used, too. */
  met(digest: Digest): void {
    for (const tunnel of this.#tunnels.values()) if (tunnel.expected.delete(digest)) proved(tunnel)
  }

  /** What is to be said by each port. */
  beacons(): readonly { readonly port: Port; readonly beacon: Beacon }[] {
    const beacon = { relay: this.#id, lan: this.#lanName, number: 0, links: [] }
    const carrying = [...this.#tunnels].filter(([, { carries }]) => carries)
    return [
      { port: LAN, beacon: { ...beacon, links: carrying.map(([, tunnel]) => this.#link(tunnel)) } },
      ...carrying.map(([port, { number }]) => ({ port, beacon: { ...beacon, number } })),
    ]
  }
}

function proved(tunnel: Tunnel): void {
  tunnel.missed = 0
  tunnel.missedSince = undefined
}
