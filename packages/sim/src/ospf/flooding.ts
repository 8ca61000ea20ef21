import { after, type Instant, millis, since } from '@brunel/base'
import { joined } from '../octets.js'
import { LSAS_A_PACKET, RXMT } from './exchange.js'
import { checksumGood, type Lsa } from './lsa.js'
import { atLeast, type Neighbour } from './neighbour.js'
import { headerOf, TYPE, updateBody } from './packets.js'

/** RFC 2328 §B */
const MIN_LS_ARRIVAL = millis(1000)
/** RFC 2328 §13.5: shorter than RxmtInterval. */
const DELAYED = millis(500)

interface Stored {
  readonly lsa: Lsa
  readonly at: Instant
  /** Of its own, or when it came by flooding. */
  readonly flooded: boolean
}

/** What flooding needs of the router it belongs to. */
export interface FloodingPorts {
  neighbours(): Iterable<Neighbour>
  /** To the neighbour's own address. */
  again(n: Neighbour, type: number, body: Uint8Array): void
  /** To the neighbour, as its network wants it. */
  direct(n: Neighbour, type: number, body: Uint8Array): void
  /** To all adjacent routers of the segment: RFC 2328 §13.3, §13.5. */
  spread(type: number, body: Uint8Array): void
  /** What the interface is in the election. */
  role(): 'designated router' | 'backup' | 'other'
  isLeader(n: Neighbour): boolean
  isDesignatedRouter(n: Neighbour): boolean
  got(now: Instant, n: Neighbour, key: string): void
  badRequest(now: Instant, n: Neighbour): void
}

/** RFC 2328 §13 on one interface. Without ageing: what is played is shorter than LSRefreshTime. */
export class Flooding {
  readonly #ports: FloodingPorts
  readonly #stored = new Map<string, Stored>()
  #owed: Lsa[] = []
  acknowledgeAt: Instant | undefined

  constructor(ports: FloodingPorts) {
    this.#ports = ports
  }

  get database(): readonly Lsa[] {
    return [...this.#stored.values()].map(({ lsa }) => lsa)
  }

  lacks({ key, sequence }: Lsa): boolean {
    const stored = this.#stored.get(key)
    return stored === undefined || stored.lsa.sequence < sequence
  }

  originate(now: Instant, lsa: Lsa): void {
    this.#stored.set(lsa.key, { lsa, at: now, flooded: false })
    this.#flood(now, lsa, undefined)
  }

  /** RFC 2328 §10.7 */
  requested(now: Instant, n: Neighbour, keys: readonly string[]): void {
    const lsas = keys.map(key => this.#stored.get(key)?.lsa)
    if (lsas.includes(undefined)) return this.#ports.badRequest(now, n)
    this.#ports.direct(n, TYPE.update, updateBody(lsas as Lsa[]))
  }

  hear(now: Instant, n: Neighbour, lsas: readonly Lsa[]): void {
    const direct: Lsa[] = []
    for (const lsa of lsas) {
      if (!checksumGood(lsa)) continue
      const stored = this.#stored.get(lsa.key)
      if (this.lacks(lsa)) this.#newer(now, n, lsa, stored)
      else if (n.requests.has(lsa.key)) return this.#ports.badRequest(now, n)
      else if (stored?.lsa.sequence === lsa.sequence) {
        if (!n.retransmissions.delete(lsa.key)) direct.push(lsa)
        else if (this.#ports.role() === 'backup' && this.#ports.isDesignatedRouter(n)) this.#owe(now, lsa)
      } else if (stored !== undefined) this.#ports.direct(n, TYPE.update, updateBody([stored.lsa]))
    }
    if (direct.length > 0) this.#ports.direct(n, TYPE.acknowledgment, headers(direct))
  }

  #newer(now: Instant, n: Neighbour, lsa: Lsa, stored: Stored | undefined): void {
    if (stored?.flooded && since(stored.at, now) < MIN_LS_ARRIVAL) return
    this.#stored.set(lsa.key, { lsa, at: now, flooded: true })
    for (const other of this.#ports.neighbours()) other.retransmissions.delete(lsa.key)
    const back = this.#flood(now, lsa, n)
    // RFC 2328 §13.5, Table 19.
    if (!back && (this.#ports.role() !== 'backup' || this.#ports.isDesignatedRouter(n))) this.#owe(now, lsa)
  }

  #owe(now: Instant, lsa: Lsa): void {
    this.#owed.push(lsa)
    this.acknowledgeAt ??= after(now, DELAYED)
  }

  /** RFC 2328 §13.3; whether it went out. */
  #flood(now: Instant, lsa: Lsa, from: Neighbour | undefined): boolean {
    let owing = false
    for (const n of this.#ports.neighbours()) {
      if (!atLeast(n, 'Exchange')) continue
      const wanted = n.requests.get(lsa.key)
      if (wanted !== undefined && wanted.sequence > lsa.sequence) continue
      if (wanted !== undefined) this.#ports.got(now, n, lsa.key)
      if (wanted?.sequence === lsa.sequence || n === from) continue
      n.retransmissions.set(lsa.key, lsa)
      n.updateAt ??= after(now, RXMT)
      owing = true
    }
    if (!owing || (from !== undefined && (this.#ports.isLeader(from) || this.#ports.role() === 'backup')))
      return false
    this.#ports.spread(TYPE.update, updateBody([lsa]))
    return true
  }

  acknowledged(n: Neighbour, lsas: readonly Lsa[]): void {
    for (const { key, sequence } of lsas)
      if (n.retransmissions.get(key)?.sequence === sequence) n.retransmissions.delete(key)
  }

  tick(now: Instant): void {
    if (this.acknowledgeAt !== undefined && now >= this.acknowledgeAt) {
      this.acknowledgeAt = undefined
      this.#ports.spread(TYPE.acknowledgment, headers(this.#owed.splice(0)))
    }
    for (const n of this.#ports.neighbours()) this.#retransmit(now, n)
  }

  /** RFC 2328 §13.6: always to the neighbour itself. */
  #retransmit(now: Instant, n: Neighbour): void {
    if (n.updateAt === undefined || now < n.updateAt) return
    const some = [...n.retransmissions.values()].slice(0, LSAS_A_PACKET)
    n.updateAt = some.length === 0 ? undefined : after(now, RXMT)
    if (some.length > 0) this.#ports.again(n, TYPE.update, updateBody(some))
  }
}

const headers = (lsas: readonly Lsa[]): Uint8Array => joined(...lsas.map(headerOf))
