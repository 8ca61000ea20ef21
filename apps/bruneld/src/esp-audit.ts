import type { DatapathEvent } from '@brunel/datapath'
import type { Log } from './log.js'

/** An auditable event of ESP, RFC 4303 §4: reason, SPI, sequence number, source and destination; the log has the time. */
export type EspAudit = Extract<DatapathEvent, { on: 'audit' }>

/** RFC 4303 §4: the administrator switches the auditing of ESP on and off. Off, it is a matter of debugging. */
export function logAudit(log: Log, on: boolean, { on: _, ...audit }: EspAudit): void {
  log[on ? 'info' : 'debug'](audit, 'ESP packet dropped')
}
