import type { IkeEvent } from '@brunel/ikev2'
import type { Metrics } from '@brunel/metrics'
import type { Tunnel } from './tunnel.js'

const roleOf = (initiator: boolean): 'initiator' | 'responder' => (initiator ? 'initiator' : 'responder')

/** What an event of IKE adds to the metrics and to the figures of its tunnel. */
export function countIkeEvent(event: IkeEvent, metrics: Metrics, tunnel: Tunnel | undefined): void {
  switch (event.event) {
    case 'exchange':
      return metrics.exchange(event.exchange, roleOf(event.initiator), event.outcome)
    case 'failed':
      return metrics.failure(event.why.code)
    case 'ike-up':
      metrics.handshake(event.took / 1000, roleOf(event.initiator))
      return tunnel?.established(Date.now())
    case 'ike-rekeyed':
      metrics.rekey('ike', roleOf(event.initiator))
      tunnel?.rekeyed(Date.now())
      return tunnel?.rekeys.finished('ike', event.initiator)
    case 'child-rekeyed':
      metrics.rekey('child', roleOf(event.initiator))
      return tunnel?.rekeys.finished('child', event.initiator)
    case 'rekey-begun':
      return tunnel?.rekeys.begun(event.what)
    case 'rekey-crossed':
      metrics.rekeyCollision(event.what, event.redundant)
      return tunnel?.rekeys.crossed(event.what, event.redundant)
    case 'rekey-deferred':
      return tunnel?.rekeys.deferred(event.what)
    case 'moved':
      return metrics.move(event.cause)
    default:
      return undefined
  }
}

export interface RekeyCounts {
  /** Our requests; repetitions after TEMPORARY_FAILURE count again. */
  begun: number
  /** Our requests that made an SA. */
  finished: number
  /** Requests of the peer that made one. */
  answered: number
  /** The peer rekeyed the same SA at the same time. */
  crossed: number
  /** New SAs of ours that a crossing made redundant. */
  redundant: number
  /** Requests of ours that were answered with TEMPORARY_FAILURE. */
  deferred: number
}

const none = (): RekeyCounts => ({
  begun: 0,
  finished: 0,
  answered: 0,
  crossed: 0,
  redundant: 0,
  deferred: 0,
})

/** Rekeys of one tunnel since it was opened. */
export class RekeyTally {
  readonly ike = none()
  readonly child = none()

  begun(what: 'ike' | 'child'): void {
    this[what].begun++
  }

  finished(what: 'ike' | 'child', initiator: boolean): void {
    this[what][initiator ? 'finished' : 'answered']++
  }

  crossed(what: 'ike' | 'child', redundant: 'ours' | 'theirs' | 'none'): void {
    this[what].crossed++
    if (redundant === 'ours') this[what].redundant++
  }

  deferred(what: 'ike' | 'child'): void {
    this[what].deferred++
  }
}
