import type { IkeEvent } from '@brunel/ikev2'
import type { Metrics } from '@brunel/metrics'

const role = (initiator: boolean): 'initiator' | 'responder' => (initiator ? 'initiator' : 'responder')

/** What is counted of an event of IKE. */
export function tally(metrics: Metrics, event: IkeEvent): void {
  switch (event.event) {
    case 'exchange':
      return metrics.exchange(event.exchange, role(event.initiator), event.outcome)
    case 'failed':
      return metrics.failure(event.why.code)
    case 'ike-rekeyed':
      return metrics.rekey('ike', role(event.initiator))
    case 'child-rekeyed':
      return metrics.rekey('child', role(event.initiator))
    case 'ike-up':
      return metrics.handshake(event.took / 1000, role(event.initiator))
    case 'moved':
      return metrics.move(event.cause)
    default:
      return
  }
}
