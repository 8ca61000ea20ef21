import type { Drop } from '@brunel/base'
import type { DatapathEvent } from '@brunel/datapath'
import { whole } from './mailbox.js'

/** IKE messages on their way to the main thread; more are dropped and counted, so that a flood takes no memory. */
const MAX_IKE_WAITING = 1024
/** Fewer for packets of relays, so that they keep no IKE message out. */
const MAX_RELAY_WAITING = 512
const MAX_EVENTS_WAITING = 8192

export interface OutletPorts {
  /** Events that the main thread has not yet taken in. */
  readonly waiting: () => number
  readonly post: (event: DatapathEvent) => void
  readonly lost: (drop: Drop) => void
}

/** By which the events of a pump leave it: where the main thread is slow, what can be spared stays behind. */
export class EventOutlet {
  readonly #ports: OutletPorts

  constructor(ports: OutletPorts) {
    this.#ports = ports
  }

  emit(event: DatapathEvent): void {
    const { waiting, post, lost } = this.#ports
    switch (event.on) {
      case 'ike':
        return waiting() < MAX_IKE_WAITING
          ? post({ ...event, bytes: whole(event.bytes) })
          : lost('ike-queue-full')
      case 'relay':
        return waiting() < MAX_RELAY_WAITING
          ? post({ ...event, packet: whole(event.packet) })
          : lost('relay-queue-full')
      case 'audit':
      case 'unknown-spi':
      case 'too-big':
        return waiting() < MAX_EVENTS_WAITING ? post(event) : undefined
      default:
        return post(event)
    }
  }
}
