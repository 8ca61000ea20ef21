import { drive, type Instant, type Machine, millis, seconds, since, type Tick } from '@brunel/base'
import { LAN, type Port, Relay, type RelayEffect, type RelayInput, tunnelPort } from '@brunel/ospf-relay'
import type { Datagram, Network } from '../network.js'
import { joined } from '../octets.js'
import type { VirtualTime } from '../virtual-time.js'
import type { Lan } from './lan.js'

/** As the daemon does: it looks twice a second, and five seconds without anything are silence. */
const LOOK = millis(500)
const SILENT = seconds(5)

/** What crosses a tunnel. A probe stands for all else that does, so that a tunnel proves itself without the relay. */
const KIND = { probe: 0, packet: 1, beacon: 2 } as const

export const addressOf = (site: number): string => `192.0.2.${site + 1}`
export const siteOf = (address: string): number => Number(address.split('.')[3]) - 1
const nameOf = (site: number): string => `site-${site}`

/** A machine broken on purpose: what it does instead. */
export type RelaySabotage = (
  effects: readonly RelayEffect[],
  input: RelayInput | Tick,
) => readonly RelayEffect[]

export interface StationPorts {
  readonly time: VirtualTime
  readonly network: Network
  readonly lan: Lan
  readonly sabotage: RelaySabotage | undefined
  /** Before the effects are carried out. `echo`: the station's own words, as a raw socket gives them back. */
  readonly watch: (
    station: Station,
    input: RelayInput | Tick,
    effects: readonly RelayEffect[],
    echo: boolean,
  ) => void
}

/** A router of ours as far as its relay goes: the machine, its tunnels, and for whom it answers on the LAN. */
export class Station {
  readonly site: number
  readonly answers = new Set<string>()
  relay: Relay | undefined
  readonly #ports: StationPorts
  readonly #far: readonly number[]
  readonly #failFast: boolean
  readonly #lastIn = new Map<number, Instant>()
  readonly #carries = new Map<number, boolean>()
  #feed: (input: RelayInput | Tick) => void = () => undefined
  #echo = false
  #starts = 0

  constructor(site: number, far: readonly number[], failFast: boolean, ports: StationPorts) {
    this.site = site
    this.#far = far
    this.#failFast = failFast
    this.#ports = ports
    ports.network.attach(addressOf(site), datagram => this.#receive(datagram))
    this.#look(0)
  }

  start(): void {
    const id = (0x5000 + this.site * 0x100 + this.#starts++).toString(16).padStart(16, '0')
    const relay = new Relay({ group: 'sim', id })
    const { time, sabotage = effects => effects } = this.#ports
    const watched: Machine<RelayInput, RelayEffect> = {
      get deadline() {
        return relay.deadline
      },
      handle: (now, input) => {
        const effects = sabotage(relay.handle(now, input), input)
        this.#ports.watch(this, input, effects, this.#echo)
        return effects
      },
    }
    this.relay = relay
    const alarm = time.alarm()
    const alive = (): boolean => this.relay === relay
    this.#feed = drive(watched, {
      now: () => time.now(),
      perform: effect => this.#perform(effect),
      wakeAt: (at, ring) => alarm(at, () => alive() && ring()),
    })
    this.#feed({ on: 'own-addresses', addresses: [`10.9.0.${250 + this.site}`] })
    for (const site of this.#far)
      this.#feed({
        on: 'tunnel-set',
        settings: {
          tunnel: nameOf(site),
          far: nameOf(site),
          multicast: [],
          bfd: false,
          failFast: this.#failFast,
          forward: true,
        },
      })
    this.#carries.clear()
  }

  /** Its daemon is killed: what it answered for on the LAN goes with it. */
  stop(): void {
    this.relay = undefined
    this.#feed = () => undefined
    this.answers.clear()
  }

  #look(times: number): void {
    const { time } = this.#ports
    time.after(LOOK, () => this.#look(times + 1))
    if (this.relay === undefined) return
    for (const site of this.#far) {
      if (times % 2 === 0) this.#send(site, KIND.probe, new Uint8Array(0))
      const last = this.#lastIn.get(site)
      const carries = last !== undefined && since(last, time.now()) <= SILENT
      if (carries === (this.#carries.get(site) ?? false)) continue
      this.#carries.set(site, carries)
      this.#feed({ on: 'tunnel-state', tunnel: nameOf(site), carries })
    }
  }

  carries(site: number): boolean {
    return this.#carries.get(site) ?? false
  }

  /** From the LAN. */
  hear(packet: Uint8Array, echo: boolean): void {
    this.#echo = echo
    this.#feed({ on: 'packet', port: LAN, packet })
    this.#echo = false
  }

  #receive({ from, bytes }: Datagram): void {
    const site = siteOf(from.address)
    this.#lastIn.set(site, this.#ports.time.now())
    const [kind, rest] = [bytes[0], bytes.slice(1)]
    const port = tunnelPort(nameOf(site))
    if (kind === KIND.packet) this.#feed({ on: 'packet', port, packet: rest })
    if (kind === KIND.beacon) this.#feed({ on: 'beacon', port, beacon: rest })
  }

  #perform(effect: RelayEffect): void {
    switch (effect.do) {
      case 'send':
        if (effect.port === LAN) this.#ports.lan.says(effect.packet, this)
        else this.#send(far(effect.port), KIND.packet, effect.packet)
        return
      case 'beacon':
        if (effect.port !== LAN) this.#send(far(effect.port), KIND.beacon, effect.beacon)
        return
      case 'neighbour':
        if (effect.present) this.answers.add(effect.address)
        else this.answers.delete(effect.address)
        return
      default:
        return
    }
  }

  #send(site: number, kind: number, payload: Uint8Array): void {
    this.#ports.network.send({
      protocol: 50,
      from: { address: addressOf(this.site), port: 0 },
      to: { address: addressOf(site), port: 0 },
      bytes: joined(Uint8Array.of(kind), payload),
    })
  }
}

const far = (port: Port): number => Number(port.slice(port.lastIndexOf('-') + 1))

/** The relayed packet in a datagram of a tunnel. */
export const relayedIn = ({ bytes }: Datagram): Uint8Array | undefined =>
  bytes[0] === KIND.packet ? bytes.slice(1) : undefined
