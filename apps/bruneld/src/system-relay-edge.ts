import type { DatapathCommand } from '@brunel/datapath'
import type { RelayEdge } from './relay-edge.js'
import { LanPort } from './relay-lan.js'

/** Relays on this machine: raw sockets on their LAN interfaces, and the data path. */
export const systemRelayEdge = (command: (command: DatapathCommand) => void): RelayEdge => ({
  openLan: (device, kinds, heard) => {
    const lan = new LanPort(device, kinds, heard)
    void lan.start()
    return lan
  },
  command,
})
