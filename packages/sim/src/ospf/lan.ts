import { drive, millis } from '@brunel/base'
import type { VirtualTime } from '../virtual-time.js'
import { endsOf } from './packets.js'
import type { OspfEffect, OspfRouter } from './router.js'
import type { Station } from './station.js'

const DELAY = millis(1)

const isMulticast = (address: string): boolean => Number(address.split('.')[0]) >= 224

/** A router on a LAN, and the address by which the LAN knows it. */
interface Host {
  readonly address: string
  readonly router: OspfRouter
  readonly hear: (packet: Uint8Array) => void
}

/** One site's LAN: it loses nothing, and gives a raw socket its own words back. */
export class Lan {
  readonly #time: VirtualTime
  readonly #hosts: Host[] = []
  /** Everything that is said here, before it is heard. */
  readonly #said: (packet: Uint8Array, by: 'relay' | 'router') => void
  station: Station | undefined

  constructor(time: VirtualTime, said: (packet: Uint8Array, by: 'relay' | 'router') => void) {
    this.#time = time
    this.#said = said
  }

  get routers(): readonly Host[] {
    return this.#hosts
  }

  join(address: string, router: OspfRouter, told: (effect: OspfEffect) => void): void {
    const feed = drive(router, {
      now: () => this.#time.now(),
      wakeAt: this.#time.alarm(),
      perform: effect => {
        told(effect)
        if (effect.do === 'send') this.says(effect.packet, address)
      },
    })
    this.#hosts.push({ address, router, hear: packet => feed({ on: 'packet', packet }) })
    this.#time.after(DELAY, () => feed({ on: 'tick' }))
  }

  /** Unicast reaches who has the address, and else the relay if it answers for it. */
  says(packet: Uint8Array, by: string | Station): void {
    this.#said(packet, typeof by === 'string' ? 'router' : 'relay')
    const { to } = endsOf(packet)
    const all = isMulticast(to)
    for (const { address, hear } of this.#hosts)
      if (address !== by && (all || address === to)) this.#time.after(DELAY, () => hear(packet.slice()))
    const { station } = this
    if (station === undefined) return
    if (all || (by !== station && station.answers.has(to)))
      this.#time.after(DELAY, () => station.hear(packet.slice(), by === station))
  }
}
