import { bug, type Drop, type Instant, type Packet } from '@brunel/base'
import { EspInbound, type PayloadHeader, Selectors } from '@brunel/esp'
import { Address, Ipv4 } from '@brunel/wire'
import { isFrom, type Source } from './address-row.js'
import type { Batch } from './batch.js'
import type { SaSpec } from './commands.js'
import { type Counters, clearSaCounters, SA_COUNTER } from './counters.js'

const octets = (text: string): Uint8Array => Address.parse(text) ?? bug(`not an address: ${text}`)

const sourceOf = ({ address, port, stream }: SaSpec['remote']): Source => ({
  address: octets(address),
  port,
  stream: stream ?? 0,
})

const GRE = Ipv4.PROTOCOL.gre

/** A source that differs is told again where nothing came of it. */
const TELL_AGAIN_AFTER = 1000

/** One inbound SA as the pump knows it. */
export class InboundSa {
  readonly spec: SaSpec
  readonly esp: EspInbound
  /** First cell of the SA's counters. */
  readonly cell: number
  used = false
  readonly #tunnelMode: boolean
  readonly #selectors: Selectors
  readonly #local: Uint8Array
  readonly #remote: Uint8Array
  readonly #greRefused: Drop | undefined
  #source: Source
  /** Hash of the source that the control plane knows, once seen: whoever has it is not compared again. */
  #knownHash: number | undefined
  #toldHash: number | undefined
  #toldAt = 0

  constructor(spec: SaSpec, cell: number) {
    this.spec = spec
    this.cell = cell
    this.esp = new EspInbound(spec)
    this.#tunnelMode = spec.mode === 'tunnel'
    this.#selectors = new Selectors(spec.selectors)
    this.#local = octets(spec.localDelivery)
    this.#remote = octets(spec.remoteDelivery)
    this.#greRefused = this.#selectors.checkTransport(this.#local, this.#remote, GRE)
    this.#source = sourceOf(spec.remote)
  }

  /** RFC 7296 §2.23: the control plane has taken note of another source. */
  moved(remote: SaSpec['remote']): void {
    this.#source = sourceOf(remote)
    this.#knownHash = undefined
    this.#toldHash = undefined
  }

  /** Whether an authentic packet came from elsewhere and that is news. Compares addresses only where the hash is new. */
  movedTo(batch: Batch, from: number, hash: number, now: Instant): boolean {
    if (hash === this.#knownHash) return false
    if (isFrom(batch, from, this.#source)) {
      this.#knownHash = hash
      return false
    }
    if (hash === this.#toldHash && now - this.#toldAt < TELL_AGAIN_AFTER) return false
    this.#toldHash = hash
    this.#toldAt = now
    return true
  }

  /**
   * `p` is what the ESP trailer enclosed. RFC 4301 §5.2: against the selectors; then, for GRE, against the end points of
   * the tunnel. Afterwards it begins at the GRE header. `header.tos` is that of the delivery header, in transport mode
   * `outerTos`.
   */
  unwrap(p: Packet, nextHeader: number, header: PayloadHeader): Drop | undefined {
    if (!this.#tunnelMode) {
      if (nextHeader !== GRE) {
        return this.#selectors.checkTransport(this.#local, this.#remote, nextHeader) ?? 'ip-protocol'
      }
      return this.#greRefused
    }
    const malformed = header.open(p, nextHeader)
    if (malformed !== undefined) return malformed
    // Nearly all packets are GRE between the end points, for which the selectors were asked once and for all.
    if (!this.#isDelivery(p, header) || this.#greRefused !== undefined) {
      return this.#selectors.check(p, header) ?? (header.protocol === GRE ? 'gre-endpoints' : 'ip-protocol')
    }
    p.start = header.payloadAt
    return undefined
  }

  #isDelivery(p: Packet, header: PayloadHeader): boolean {
    return (
      header.protocol === GRE &&
      header.addressLength === this.#remote.length &&
      Address.equalAt(p.bytes, header.sourceAt, this.#remote) &&
      Address.equalAt(p.bytes, header.destinationAt, this.#local)
    )
  }

  get tunnelMode(): boolean {
    return this.#tunnelMode
  }
}

/** Inbound SAs by SPI. Keys are SPIs as int32, which the engine holds without making an object. */
export class InboundSas {
  readonly #bySpi = new Map<number, InboundSa>()
  readonly #bySa: (InboundSa | undefined)[] = []
  readonly #counters: Counters

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** RFC 4303 §3.4.2: for unicast the SPI alone. */
  bySpi(spi: number): InboundSa | undefined {
    return this.#bySpi.get(spi)
  }

  get(sa: number): InboundSa | undefined {
    return this.#bySa[sa]
  }

  /** An SA that is known keeps its replay window. */
  add(spec: SaSpec): void {
    if (this.#bySa[spec.sa] !== undefined) return
    const sa = new InboundSa(spec, clearSaCounters(this.#counters, 'inbound', spec.sa))
    this.#bySa[spec.sa] = sa
    this.#bySpi.set(spec.spi | 0, sa)
  }

  remove(index: number): void {
    const sa = this.#bySa[index]
    if (sa === undefined) return
    this.#bySa[index] = undefined
    if (this.#bySpi.get(sa.spec.spi | 0) === sa) this.#bySpi.delete(sa.spec.spi | 0)
  }

  /** An authentic packet. */
  count(sa: InboundSa, now: Instant): void {
    const cells = this.#counters.cells
    const cell = sa.cell
    cells[cell + SA_COUNTER.packets] = (cells[cell + SA_COUNTER.packets] as number) + 1
    cells[cell + SA_COUNTER.bytes] = (cells[cell + SA_COUNTER.bytes] as number) + sa.esp.octets
    cells[cell + SA_COUNTER.lastAt] = now
    cells[cell + SA_COUNTER.sequence] = sa.esp.window.top
  }

  countFailure(sa: InboundSa, field: 'replayMisses' | 'integrityFailures'): void {
    const cell = sa.cell + SA_COUNTER[field]
    this.#counters.cells[cell] = (this.#counters.cells[cell] as number) + 1
  }
}
