import { bug } from '@brunel/base'
import { GreTunnel } from '@brunel/gre'
import { type TunnelMtu, tunnelMtu } from '@brunel/mtu'
import type { Kind } from '@brunel/ospf-relay'
import { Address } from '@brunel/wire'
import type { TunnelSpec } from './commands.js'
import type { Counters, Direction } from './counters.js'
import { TUNNEL_COUNTER } from './counters.js'
import { OuterTos } from './outer-header.js'
import { RelayIntake } from './relay-intake.js'

const octets = (text: string): Uint8Array => Address.parse(text) ?? bug(`not an address: ${text}`)

const isLinkLocal = (a: Uint8Array): boolean => a[0] === 0xfe && ((a[1] as number) & 0xc0) === 0x80

const sameGre = (a: TunnelSpec, b: TunnelSpec): boolean =>
  a.gre.key === b.gre.key && a.gre.checksum === b.gre.checksum && a.gre.sequence === b.gre.sequence

const sameList = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join()

/** One tunnel as one pump knows it. */
export class Tunnel {
  readonly spec: TunnelSpec
  readonly gre: GreTunnel
  readonly mtu: TunnelMtu
  readonly outer: OuterTos
  readonly remote: Uint8Array | undefined
  /** All addresses of the far end's own that we know. */
  readonly far: readonly Uint8Array[]
  /** All of our own on the tunnel. */
  readonly near: readonly Uint8Array[]
  /** The far end's first address of each family that other links know. */
  readonly farAddresses: { readonly ipv4: Uint8Array | undefined; readonly ipv6: Uint8Array | undefined }
  /** First cell of the tunnel's counters in the direction of the pump. */
  readonly cell: number
  /** Only where a relay has the tunnel. */
  relay: RelayIntake | undefined

  constructor(spec: TunnelSpec, gre: GreTunnel, cell: number) {
    this.spec = spec
    this.gre = gre
    this.mtu = tunnelMtu(spec.mtu)
    this.outer = new OuterTos(spec.outer)
    this.remote = spec.remoteAddress === undefined ? undefined : octets(spec.remoteAddress)
    const far = spec.farAddresses.map(octets)
    this.far = far
    this.near = spec.nearAddresses.map(octets)
    this.farAddresses = {
      ipv4: far.find(a => a.length === 4),
      ipv6: far.find(a => a.length === 16 && !isLinkLocal(a)),
    }
    this.cell = cell
    this.relay = undefined
  }
}

/** The tunnels of a pump by index of their TUN: constant time, however many. */
export class Tunnels {
  readonly #byTun: (Tunnel | undefined)[] = []
  readonly #counters: Counters
  readonly #direction: Direction

  constructor(counters: Counters, direction: Direction) {
    this.#counters = counters
    this.#direction = direction
  }

  at(tun: number): Tunnel | undefined {
    return this.#byTun[tun]
  }

  /** A tunnel that is there keeps its GRE sequence numbers, which belong to its key: RFC 2890 §2.2. */
  set(spec: TunnelSpec): void {
    const old = this.#byTun[spec.tun]
    const cell = this.#counters.tunnel(this.#direction, spec.tun)
    if (old === undefined) this.#counters.cells.fill(0, cell, cell + Object.keys(TUNNEL_COUNTER).length)
    const keep =
      old !== undefined && sameGre(old.spec, spec) && sameList(old.spec.farAddresses, spec.farAddresses)
    const counters = old?.spec.gre.key === spec.gre.key ? old?.gre : undefined
    const options = { ...spec.gre, farAddresses: spec.farAddresses.map(octets) }
    const gre = keep ? old.gre : new GreTunnel(options, counters)
    const tunnel = new Tunnel(spec, gre, cell)
    tunnel.relay = old?.relay
    this.#byTun[spec.tun] = tunnel
  }

  /** The kinds outlive changes of the tunnel. */
  relay(tun: number, kinds: readonly Kind[]): void {
    const tunnel = this.#byTun[tun]
    if (tunnel !== undefined) tunnel.relay = kinds.length === 0 ? undefined : new RelayIntake(kinds)
  }

  remove(tun: number): void {
    this.#byTun[tun] = undefined
  }

  restart(tun: number): void {
    this.#byTun[tun]?.gre.reset()
  }
}
