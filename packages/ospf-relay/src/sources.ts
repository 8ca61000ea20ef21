import { type Drop, type Instant, type Millis, millis, RateLimiter, seconds, since } from '@brunel/base'
import type { Port } from './contract.js'

/** Where each source lives, as a bridge learns it; the way of unicast. */
export interface Source {
  readonly address: string
  readonly port: Port
  readonly heardAt: Instant
  /** RouterDeadInterval of its last Hello. */
  readonly dead?: Millis
  /** So that one source cannot use up its port: 250 a second. */
  readonly limiter: RateLimiter
  /** How many of its packets in a row came sooner by another port. */
  readonly outrun: number
  /** Its last OSPF Hellos, whole, by instance (RFC 5340 §2.4). */
  readonly hellos: ReadonlyMap<number, Uint8Array>
}

export interface HelloHeard {
  /** Seconds. */
  readonly deadInterval: number
  readonly instance: number
  /** Where it is to be kept. */
  readonly packet: Uint8Array | undefined
}

/** RFC 2328 §C.3: the usual RouterDeadInterval, until a Hello says another. */
const DEAD: Millis = seconds(40)
/** Of a source that sends no Hello: as long as PIM and RIP wait. */
const AGE_WITHOUT_HELLO: Millis = seconds(180)
/** After one its neighbours have given it up; the others are for Hellos that got lost. */
const DEAD_INTERVALS = 4
/** Fewer, and two ways of equal length would change places all the time. */
const DETOUR = 3
/** A Hello may claim 136 years, and so keep a place in the table that a true router needs. */
const LONGEST_DEAD: Millis = seconds(300)
/** More routers on one link nobody has; more would let a flood of forged sources take the memory. */
const MOST_OF_A_PORT = 64
/** Instances of one source: more are claims of somebody who invents them. */
const MOST_HELLOS = 3

export class Sources {
  readonly #byAddress = new Map<string, Source>()
  readonly #counts = new Map<Port, number>()
  readonly #loose = new Set<string>()

  find(address: string): Source | undefined {
    return this.#byAddress.get(address)
  }

  all(): IterableIterator<Source> {
    return this.#byAddress.values()
  }

  of(port: Port): readonly Source[] {
    return [...this.#byAddress.values()].filter(source => source.port === port)
  }

  /** May this address speak on this port? */
  refuse(now: Instant, address: string, port: Port): Drop | undefined {
    const source = this.#byAddress.get(address)
    if (source?.port === port) return undefined
    if (source !== undefined && !this.#mayMove(now, source)) return 'relay-source-port'
    return (this.#counts.get(port) ?? 0) < MOST_OF_A_PORT ? undefined : 'relay-table-full'
  }

  /** A neighbour that another believes alive cannot have moved: not before its RouterDeadInterval. */
  #mayMove(now: Instant, source: Source): boolean {
    return this.#loose.has(source.address) || since(source.heardAt, now) > (source.dead ?? DEAD)
  }

  /** Heard, and not refused. Answers where it lived before, if that was elsewhere or nowhere. */
  learn(now: Instant, address: string, port: Port): { readonly moved: boolean; readonly from?: Port } {
    const was = this.#byAddress.get(address)
    this.#loose.delete(address)
    const base = was?.port === port ? was : undefined
    this.#byAddress.set(address, {
      ...(base ?? {
        address,
        outrun: 0,
        hellos: new Map(),
        limiter: was?.limiter ?? new RateLimiter(millis(4), 1000),
      }),
      port,
      heardAt: now,
    })
    if (base !== undefined) return { moved: false }
    if (was !== undefined) this.#count(was.port, -1)
    this.#count(port, 1)
    return was === undefined ? { moved: true } : { moved: true, from: was.port }
  }

  /**
   * The same packet came sooner by another port, where it was refused, or it did not. Nobody forges what has not been
   * said: after three in a row the way by this port is a detour, and the source lives on the other.
   */
  outrun(address: string, is: boolean): boolean {
    const source = this.#byAddress.get(address)
    if (source === undefined || (!is && source.outrun === 0)) return false
    const outrun = is ? source.outrun + 1 : 0
    this.#byAddress.set(address, { ...source, outrun })
    return outrun >= DETOUR
  }

  hello(address: string, { deadInterval, instance, packet }: HelloHeard): void {
    const source = this.#byAddress.get(address)
    if (source === undefined) return
    const dead = millis(Math.min(LONGEST_DEAD, Math.max(1000, deadInterval * 1000)))
    const hellos = [...source.hellos].filter(([of]) => of !== instance).slice(1 - MOST_HELLOS)
    if (packet !== undefined) hellos.push([instance, packet])
    this.#byAddress.set(address, { ...source, dead, hellos: new Map(hellos) })
  }

  remove({ address, port }: Source): void {
    if (this.#byAddress.delete(address)) this.#count(port, -1)
    this.#loose.delete(address)
  }

  #count(port: Port, change: number): void {
    this.#counts.set(port, (this.#counts.get(port) ?? 0) + change)
  }

  /** The ways have changed: everybody may be heard elsewhere at once. */
  loosen(): void {
    for (const address of this.#byAddress.keys()) this.#loose.add(address)
  }

  /** Silent for so long that ARP may forget them; where a port is full, as soon as their neighbours have given them up. */
  expired(now: Instant): readonly Source[] {
    return [...this.#byAddress.values()].filter(({ heardAt, dead, port }) => {
      const full = (this.#counts.get(port) ?? 0) >= MOST_OF_A_PORT
      const most = dead === undefined ? AGE_WITHOUT_HELLO : DEAD_INTERVALS * dead
      return since(heardAt, now) > (full ? (dead ?? DEAD) : most)
    })
  }
}
