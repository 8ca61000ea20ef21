import type { Drop, Packet } from '@brunel/base'
import { EspOutbound } from '@brunel/esp'
import { Ipv4 } from '@brunel/wire'
import type { SaSpec } from './commands.js'
import { type Counters, clearSaCounters, SA_COUNTER } from './counters.js'
import { DeliveryHeader } from './delivery-header.js'
import { encapsulatedTos } from './ecn.js'

/** One outbound SA as the pump knows it: what stands around GRE, and by which path it leaves. */
export class OutboundSa {
  readonly spec: SaSpec
  readonly esp: EspOutbound
  /** First cell of the SA's counters. */
  readonly cell: number
  readonly #delivery: DeliveryHeader | undefined

  constructor(spec: SaSpec, cell: number) {
    this.spec = spec
    this.esp = new EspOutbound(spec, spec.sequence)
    this.cell = cell
    this.#delivery =
      spec.mode === 'tunnel' ? new DeliveryHeader(spec.localDelivery, spec.remoteDelivery) : undefined
  }

  /** From the GRE header outwards. In transport mode the addresses are those of the outer header, RFC 4303 §3.1.1. */
  wrap(p: Packet, tos: number): Drop | undefined {
    if (this.#delivery === undefined) return this.esp.push(p, Ipv4.PROTOCOL.gre)
    return this.#delivery.push(p, encapsulatedTos(tos)) ?? this.esp.push(p, this.#delivery.nextHeader)
  }
}

/** Outbound SAs: several may live for one tunnel, it sends on the one it was told to use last. */
export class OutboundSas {
  /** Newest last. */
  #all: readonly OutboundSa[] = []
  readonly #bySa: (OutboundSa | undefined)[] = []
  readonly #byTun: (OutboundSa | undefined)[] = []
  readonly #counters: Counters

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** The SA that packets of the tunnel leave by. */
  at(tun: number): OutboundSa | undefined {
    return this.#byTun[tun]
  }

  get(sa: number): OutboundSa | undefined {
    return this.#bySa[sa]
  }

  /** RFC 7296 §2.8: from here on the new one is used. An SA that is known keeps its sequence number. */
  use(spec: SaSpec): void {
    const known = this.#bySa[spec.sa]
    const sa = known ?? new OutboundSa(spec, clearSaCounters(this.#counters, 'outbound', spec.sa))
    this.#all = [...this.#all.filter(other => other !== sa), sa]
    this.#bySa[spec.sa] = sa
    this.#byTun[spec.tun] = sa
  }

  /** The tunnel goes on with the newest of the others, if there is one. */
  remove(index: number): void {
    const sa = this.#bySa[index]
    if (sa === undefined) return
    this.#bySa[index] = undefined
    this.#all = this.#all.filter(other => other !== sa)
    const tun = sa.spec.tun
    if (this.#byTun[tun] === sa) this.#byTun[tun] = this.#all.findLast(other => other.spec.tun === tun)
  }

  /** Into shared memory, once a packet. */
  count(sa: OutboundSa, octets: number, now: number): void {
    const cells = this.#counters.cells
    const cell = sa.cell
    cells[cell + SA_COUNTER.packets] = (cells[cell + SA_COUNTER.packets] as number) + 1
    cells[cell + SA_COUNTER.bytes] = (cells[cell + SA_COUNTER.bytes] as number) + octets
    cells[cell + SA_COUNTER.lastAt] = now
    cells[cell + SA_COUNTER.sequence] = sa.esp.sequence
  }
}
