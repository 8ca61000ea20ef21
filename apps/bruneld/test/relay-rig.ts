import type { RouterEvent } from '@brunel/admin-api'
import { type Instant, instant, isDrop, Packet } from '@brunel/base'
import type { KeptArea, TunnelSettings } from '@brunel/ospf-relay'
import { Address, Checksum, Ipv4 } from '@brunel/wire'
import type { TunnelCrossing } from '../src/relay-carrying.js'
import type {
  FarNeighbour,
  LanHeard,
  RelayCommand,
  RelayEdge,
  RelayLan,
  RelayProblem,
} from '../src/relay-edge.js'

import type { RelayedTunnel } from '../src/relay-group.js'
import { RelayHost } from '../src/relay-host.js'

/** A relay host over ports that write down what they are told, in virtual time. */

export interface Spoken {
  readonly from: string
  readonly id: string
  readonly area?: string
  readonly neighbours?: readonly string[]
}

const octets = (text: string): Uint8Array => Address.parse(text) as Uint8Array

/** An OSPFv2 Hello to 224.0.0.5 as a router sends it: RFC 2328 §A.3.2. */
export function hello({ from, id, area = '0.0.0.0', neighbours = [] }: Spoken): Uint8Array {
  const headers = Ipv4.HEADER
  const length = 44 + 4 * neighbours.length
  const bytes = new Uint8Array(headers + length)
  const view = new DataView(bytes.buffer, headers)
  view.setUint16(0, 0x0201)
  view.setUint16(2, length)
  bytes.set(octets(id), headers + 4)
  bytes.set(octets(area), headers + 8)
  bytes.set(octets('255.255.255.0'), headers + 24)
  view.setUint16(28, 10)
  view.setUint16(30, 0x0201) // options: E; priority 1
  view.setUint32(32, 40)
  for (const [i, one] of neighbours.entries()) bytes.set(octets(one), headers + 44 + 4 * i)
  view.setUint16(12, Checksum.finish(Checksum.sum(view, 0, length)))
  const p = new Packet(bytes, headers)
  const ends = { source: octets(from), destination: octets('224.0.0.5') }
  const at = Ipv4.push(p, {
    ...ends,
    protocol: 89,
    ttl: 1,
    tos: 0xc0,
    identification: 0,
    dontFragment: false,
  })
  if (isDrop(at)) throw new Error(at)
  return bytes
}

/** Source and protocol of a packet: enough to tell one from another. */
export const brief = (packet: Uint8Array): string =>
  `${Address.format(packet.subarray(12, 16))} protocol ${packet[9]}`

export class FakeLan implements RelayLan {
  readonly heard: LanHeard
  readonly log: string[]
  readonly beacons: Uint8Array[] = []
  readonly residents = new Set<string>()
  /** What `stop` waits for. */
  cleaning: Promise<void> = Promise.resolve()
  /** What `send` throws, if anything. */
  refusal: Error | undefined

  constructor(heard: LanHeard, log: string[]) {
    this.heard = heard
    this.log = log
  }
  send(packet: Uint8Array): void {
    if (this.refusal !== undefined) throw this.refusal
    this.log.push(`lan <- ${brief(packet)}`)
  }
  beacon(beacon: Uint8Array): void {
    this.beacons.push(beacon)
  }
  async carry(kinds: readonly string[]): Promise<void> {
    this.log.push(`lan carries ${kinds.join(' ')}`)
  }
  neighbour({ address, tunnel }: FarNeighbour, present: boolean): void {
    this.log.push(`lan ${present ? 'answers' : 'is silent'} for ${address}${present ? ` of ${tunnel}` : ''}`)
  }
  resident(address: string, is: boolean): void {
    if (is) this.residents.add(address)
    else this.residents.delete(address)
  }
  async stop(): Promise<void> {
    this.log.push('lan closed')
    await this.cleaning
  }
}

export const tunnelTo = (
  name: string,
  more: Partial<RelayedTunnel> = {},
  settings: Partial<TunnelSettings> = {},
): RelayedTunnel => ({
  lan: 'eth1',
  group: 'backbone',
  tun: 3,
  device: `gre-${name}`,
  crossing: { stands: true, crossed: true } as TunnelCrossing,
  ...more,
  settings: {
    tunnel: name,
    far: `${name}.example.net`,
    multicast: [],
    bfd: false,
    failFast: false,
    forward: true,
    ...settings,
  },
})

export function relayRig(firstId = 1) {
  let time = 1000
  const log: string[] = []
  const lans = new Map<string, FakeLan>()
  const events: RouterEvent[] = []
  const bugs: unknown[] = []
  const refused: string[] = []
  const alarms: { at: Instant | undefined; ring: () => void }[] = []
  const state = {
    tunnels: [] as RelayedTunnel[],
    addresses: ['10.1.0.254'],
    id: firstId - 1,
    /** Thrown by whoever takes an event: a bug of ours. */
    bug: undefined as Error | undefined,
    relayed: [] as Uint8Array[],
    /** What a relay before this one had. */
    kept: [] as readonly KeptArea[],
    /** What the relay wants to be kept. */
    keep: (() => []) as () => readonly KeptArea[],
    underlay: ['198.51.100.7'],
    spared: [] as string[],
    blocked: ['10.99.0.0/24'],
    refused: [] as string[],
    verified: 0,
    problem: undefined as RelayProblem | undefined,
    flushed: 0,
    /** When something last came out of any tunnel; undefined: just now. */
    lastIn: undefined as Instant | undefined,
  }
  const edge: RelayEdge = {
    tables: {
      get problem() {
        return state.problem
      },
      set: (device, routes) =>
        log.push(
          `${device} follows ${routes.map(r => `${r.to} by ${r.device} ${r.via ?? ''}`.trim()).join(', ') || 'nothing'}`,
        ),
      spare: addresses => state.spared.push(addresses.join()),
      refused: networks => state.refused.push(networks.join()),
      verify: () => void state.verified++,
      stop: async () => undefined,
    },
    memory: {
      read: () => state.kept,
      write: (_device, areas) => {
        state.keep = areas
      },
      flush: () => void state.flushed++,
    },
    openLan(device, kinds, heard) {
      log.push(`lan ${device} opened for ${kinds.join(' ')}`)
      const lan = new FakeLan(heard, log)
      lans.set(device, lan)
      return lan
    },
    command(command: RelayCommand) {
      if (command.do === 'relay-set') log.push(`tun ${command.tun}: ${command.kinds.join(' ') || 'nothing'}`)
      else if (command.packet[9] === 17) state.relayed.push(command.packet)
      else log.push(`tun ${command.tun} <- ${brief(command.packet)}`)
    },
  }
  const host = new RelayHost({
    edge,
    now: () => instant(time),
    newAlarm: () => {
      const alarm = { at: undefined as Instant | undefined, ring: (): void => undefined }
      alarms.push(alarm)
      return {
        set: (at, ring) => Object.assign(alarm, { at, ring }),
        clear: () => Object.assign(alarm, { at: undefined }),
      }
    },
    newId: () => (++state.id).toString(16).padStart(16, '0'),
    tunnels: () =>
      state.tunnels.map(one => ({
        ...one,
        crossing: Object.assign({ lastIn: state.lastIn ?? instant(time) }, one.crossing),
      })),
    ownAddresses: () => state.addresses,
    underlay: () => state.underlay,
    blocked: () => state.blocked,
    onEvent: event => {
      if (state.bug !== undefined && event.event.startsWith('relay-port')) throw state.bug
      events.push(event)
    },
    onRefused: (device, error) => refused.push(`${device}: ${(error as Error).message}`),
    onBug: error => bugs.push(error),
  })
  /** Rings every alarm in its time, and looks twice a second as in real life. */
  const pass = (ms: number): void => {
    const end = time + ms
    while (time < end) {
      const next = Math.min(end, ...alarms.flatMap(({ at }) => at ?? []), Math.floor(time / 500) * 500 + 500)
      time = Math.max(time, next)
      for (const alarm of alarms)
        if (alarm.at !== undefined && alarm.at <= time) {
          alarm.at = undefined
          alarm.ring()
        }
      if (time % 500 === 0) host.look()
    }
  }
  /** What was done since the last time. */
  const done = (): string[] => log.splice(0)
  return { host, state, lans, events, bugs, refused, pass, done, lan: () => lans.get('eth1') as FakeLan }
}
