import { type Instant, since, type Tick } from '@brunel/base'
import type { Port, RelayEffect, RelayInput } from '@brunel/ospf-relay'
import { endsOf } from './packets.js'
import type { Station } from './station.js'

/** Longer than anything takes through all tunnels. */
const REMEMBERED = 30_000
/** Three times what was seen with six routers that all begin at once; a circle brings that in a moment. */
const MOST_IN_TEN_SECONDS = 3000

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
const keyOf = (packet: Uint8Array): string => Buffer.from(packet).toString('latin1')

interface Said {
  readonly at: Instant
  readonly site: number
  /** How often each LAN heard it from its relay. */
  readonly heard: Map<number, number>
}

/**
 * What no relay may do, at every step:
 *
 * - what leaves is what came in, to the octet, by another port, once by each, at once; never on its own words
 * - what is on a LAN was said by a router of another one
 * - where the network doubles nothing, once
 * - there is no storm
 *
 * The last words of `failFast` are no router's; they may only be said for who is behind the dead tunnel.
 */
export class Watch {
  readonly #now: () => Instant
  readonly #object: (what: string) => void
  readonly #doubles: boolean
  readonly #said = new Map<string, Said>()
  readonly #farewells = new Map<string, Instant>()
  /** How many packets relays sent, by second. */
  readonly #left = new Map<number, number>()
  relayed = 0
  mostInTenSeconds = 0

  constructor(now: () => Instant, doubles: boolean, object: (what: string) => void) {
    this.#now = now
    this.#doubles = doubles
    this.#object = object
  }

  /** A router says it on its LAN, or a relay does. */
  said(site: number, packet: Uint8Array, by: 'relay' | 'router'): void {
    const key = keyOf(packet)
    if (by === 'router') this.#said.set(key, { at: this.#now(), site, heard: new Map() })
    else this.#onLan(site, key, packet)
    for (const [old, { at }] of this.#said) {
      if (since(at, this.#now()) < REMEMBERED) break
      this.#said.delete(old)
    }
  }

  #onLan(site: number, key: string, packet: Uint8Array): void {
    const { from, to } = endsOf(packet)
    const said = this.#said.get(key)
    if (said === undefined) {
      const farewell = this.#farewells.get(from)
      if (farewell === undefined || since(farewell, this.#now()) > REMEMBERED)
        this.#object(`LAN ${site} hears of ${from} what it never said to ${to}`)
      return
    }
    const heard = (said.heard.get(site) ?? 0) + 1
    said.heard.set(site, heard)
    if (said.site === site) this.#object(`LAN ${site} hears its own ${from} from its relay`)
    if (heard > 1 && !this.#doubles) this.#object(`LAN ${site} hears a packet of ${from} ${heard} times`)
  }

  step(station: Station, input: RelayInput | Tick, effects: readonly RelayEffect[], echo: boolean): void {
    const ports = new Set<Port>(input.on === 'packet' ? [input.port] : [])
    const where = `the relay of LAN ${station.site}`
    for (const effect of effects)
      if (effect.do === 'event' && effect.event.type === 'fail-fast')
        for (const address of effect.event.told) this.#farewells.set(address, this.#now())
    for (const effect of effects) {
      if (effect.do !== 'send') continue
      this.#count()
      if (input.on === 'tunnel-state') this.#farewell(where, effect.packet)
      else if (input.on !== 'packet') this.#object(`${where} sends where nothing came in`)
      else if (echo) this.#object(`${where} relays its own words`)
      else if (ports.has(effect.port)) this.#object(`${where} sends twice, or back, by ${effect.port}`)
      else if (!same(effect.packet, input.packet)) this.#object(`${where} changes a packet`)
      ports.add(effect.port)
    }
  }

  #farewell(where: string, packet: Uint8Array): void {
    if (!this.#farewells.has(endsOf(packet).from)) this.#object(`${where} speaks for who is not gone`)
  }

  #count(): void {
    this.relayed++
    const second = Math.floor(this.#now() / 1000)
    this.#left.set(second, (this.#left.get(second) ?? 0) + 1)
    let count = 0
    for (const [then, sent] of this.#left)
      if (then <= second - 10) this.#left.delete(then)
      else count += sent
    this.mostInTenSeconds = Math.max(this.mostInTenSeconds, count)
    if (count > MOST_IN_TEN_SECONDS) this.#object(`a storm: relays sent ${count} packets in ten seconds`)
  }
}
