import type { Clock, Sealer, Tun, Underlay } from './ports.js'

/** What a pump needs from outside. All calls happen in the pump's own thread. */
export interface PumpPorts {
  readonly tun: Tun
  readonly underlay: Underlay
  readonly sealer: Sealer
  readonly clock: Clock
}

export interface InboundPorts extends PumpPorts {
  /**
   * Takes in commands that wait at the door; true where there were any. Called at most once a batch, when a packet
   * names an SPI that the pump does not know: the peer may use an SA the moment it is negotiated.
   */
  readonly refresh: () => boolean
}
