import type { Millis } from '@brunel/base'
import type { Batch } from './batch.js'
import type { DatapathCommand, DatapathEvent } from './commands.js'
import type { Counters } from './counters.js'
import type { InboundPorts } from './pump.js'

/** One instance is the whole state of one worker. */
export class InboundPump {
  readonly ports: InboundPorts
  readonly batch: Batch
  readonly counters: Counters
  readonly emit: (event: DatapathEvent) => void
  commands = 0

  constructor(ports: InboundPorts, batch: Batch, counters: Counters, emit: (event: DatapathEvent) => void) {
    this.ports = ports
    this.batch = batch
    this.counters = counters
    this.emit = emit
  }

  command(_command: DatapathCommand): void {
    this.commands += 1
  }

  /** One batch; returns how many rows came. Waits at most `timeout`. */
  turn(_timeout: Millis): number {
    return 0
  }
}
