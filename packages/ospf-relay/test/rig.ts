import { instant } from '@brunel/base'
import { Address } from '@brunel/wire'
import { LAN, type Port, Relay, type RelayEffect, type TunnelSettings, tunnelPort } from '../src/index.js'

/** One relay with tunnels that forward, in time that a test sets. */
export class Rig {
  now = 0
  readonly relay: Relay
  readonly effects: RelayEffect[] = []

  constructor(tunnels: readonly (string | Partial<TunnelSettings>)[], ownAddresses: readonly string[] = []) {
    this.relay = new Relay({ group: 'test', id: '00000000000000aa' })
    this.feed({ on: 'own-addresses', addresses: ownAddresses })
    for (const one of tunnels) {
      const given = typeof one === 'string' ? { tunnel: one } : one
      const tunnel = given.tunnel ?? 'x'
      const settings = {
        tunnel,
        far: tunnel,
        multicast: [],
        bfd: false,
        failFast: false,
        forward: true,
        ...given,
      }
      this.feed({ on: 'tunnel-set', settings })
      this.feed({ on: 'tunnel-state', tunnel, carries: true })
    }
    this.run(3000)
  }

  feed(input: Parameters<Relay['handle']>[1]): readonly RelayEffect[] {
    const effects = this.relay.handle(instant(this.now), input)
    this.effects.push(...effects)
    return effects
  }

  run(ms: number): void {
    const end = this.now + ms
    for (
      let { deadline } = this.relay;
      deadline !== undefined && deadline <= end;
      { deadline } = this.relay
    ) {
      this.now = deadline
      this.feed({ on: 'tick' })
    }
    this.now = end
  }

  /** The packet comes in; what the relay does, a line each, events and beacons left out. */
  hears(port: 'lan' | string, packet: Uint8Array): string[] {
    const from: Port = port === 'lan' ? LAN : tunnelPort(port)
    return lines(this.feed({ on: 'packet', port: from, packet }))
  }

  /** Names of drops alone. */
  drops(port: string, packet: Uint8Array): string[] {
    return this.hears(port, packet).filter(line => !/[ >]/.test(line))
  }

  events(type: string): RelayEffect[] {
    return this.effects.filter(effect => effect.do === 'event' && effect.event.type === type)
  }
}

const text = (bytes: Uint8Array, from: number, length: number): string =>
  Address.format(bytes.slice(from, from + length))

export const sourceOf = (p: Uint8Array): string => (p[0]! >> 4 === 4 ? text(p, 12, 4) : text(p, 8, 16))
export const destinationOf = (p: Uint8Array): string => (p[0]! >> 4 === 4 ? text(p, 16, 4) : text(p, 24, 16))

export const lines = (effects: readonly RelayEffect[]): string[] =>
  effects.flatMap(effect => {
    switch (effect.do) {
      case 'send':
        return [`${effect.port}: ${sourceOf(effect.packet)} > ${destinationOf(effect.packet)}`]
      case 'drop':
        return [effect.drop]
      case 'neighbour':
        return [`${effect.address} ${effect.present ? 'is behind' : 'is no more behind'} ${effect.port}`]
      default:
        return []
    }
  })
