import type { Drop, Instant, Packet } from '@brunel/base'
import { localOf, remoteOf } from './address-row.js'
import { type Batch, ROW } from './batch.js'
import type { DatapathEvent } from './commands.js'
import type { InboundSa, InboundSas } from './inbound-sa.js'
import type { TooBig } from './ports.js'
import { Reports } from './reports.js'

/** What the inbound pump tells the control plane. Rows are given by the index of their first field. */
export class InboundNews {
  readonly emit: (event: DatapathEvent) => void
  readonly #batch: Batch
  readonly #rows: Int32Array
  readonly #sas: InboundSas
  readonly #reports: Reports

  constructor(batch: Batch, sas: InboundSas, emit: (event: DatapathEvent) => void) {
    this.emit = emit
    this.#batch = batch
    this.#rows = batch.rows
    this.#sas = sas
    this.#reports = new Reports(emit)
  }

  /** One reading of the clock a batch. */
  begin(now: Instant): void {
    this.#reports.now = now
  }

  /** The octets are copied: the batch is used again. */
  ike(p: Packet, row: number): void {
    const from = this.#rows[row + ROW.from] as number
    const bytes = p.bytes.slice(p.start, p.end)
    this.emit({ on: 'ike', bytes, local: localOf(this.#batch, from), remote: remoteOf(this.#batch, from) })
  }

  tooBig(news: readonly TooBig[]): void {
    for (let i = 0; i < news.length; i++) {
      const { remote, spi, mtu } = news[i] as TooBig
      if (this.#reports.mayTellTooBig()) this.emit({ on: 'too-big', remote, spi, mtu })
    }
  }

  unknownSpi(spi: number, row: number): Drop {
    if (this.#reports.mayTellUnknownSpi()) {
      const remote = remoteOf(this.#batch, this.#rows[row + ROW.from] as number)
      this.emit({ on: 'unknown-spi', spi, remote })
    }
    return this.#audited('esp-unknown-spi', row)
  }

  /** Its SA was expected and did not come in time: the peer did nothing wrong. */
  cameEarly(row: number): Drop {
    return this.#audited('esp-unknown-spi', row)
  }

  /** An authentic packet; `newest`: it moved the window. */
  authentic(sa: InboundSa, row: number, newest: boolean): void {
    const { sa: index, spi } = sa.spec
    if (!sa.used) {
      sa.used = true
      this.emit({ on: 'sa-used', sa: index, spi })
    }
    if (sa.esp.limitReached) {
      this.emit({ on: 'sa-limit', sa: index, spi, ...sa.esp.takeLimit() })
    }
    // A late packet, kept back by somebody, must not turn our answers around: RFC 7296 §2.23.
    const from = this.#rows[row + ROW.from] as number
    const hash = this.#rows[row + ROW.fromHash] as number
    if (!newest || !sa.movedTo(this.#batch, from, hash, this.#reports.now)) return
    if (this.#reports.mayTellSource()) {
      this.emit({ on: 'sa-source', sa: index, spi, remote: remoteOf(this.#batch, from) })
    }
  }

  /** Gives the drop back. */
  refused(drop: Drop, sa: InboundSa, row: number): Drop {
    if (drop === 'esp-integrity') this.#sas.countFailure(sa, 'integrityFailures')
    if (drop === 'esp-replay' || drop === 'esp-before-window') this.#sas.countFailure(sa, 'replayMisses')
    return this.#audited(drop, row)
  }

  /** RFC 4303 §4. The row still points at the ESP header. */
  #audited(drop: Drop, row: number): Drop {
    if (this.#reports.mayAudit(drop)) {
      const { view } = this.#batch
      const at = this.#rows[row + ROW.offset] as number
      const from = this.#rows[row + ROW.from] as number
      const ends = { remote: remoteOf(this.#batch, from), local: localOf(this.#batch, from) }
      this.#reports.audit(drop, { spi: view.getUint32(at), seq: view.getUint32(at + 4), ...ends })
    }
    return drop
  }
}
