import type { DatapathCommand } from '@brunel/datapath'
import type { RelayEdge } from './relay-edge.js'
import { LanPort } from './relay-lan.js'
import { RelayFiles } from './relay-memory.js'
import { KernelTables } from './relay-tables.js'

export interface SystemRelayPorts {
  readonly dataDir: string
  readonly command: (command: DatapathCommand) => void
  readonly failed: (error: unknown) => void
}

/** Relays on this machine: raw sockets on their LAN interfaces, routing tables, a folder, and the data path. */
export const systemRelayEdge = ({ dataDir, command, failed }: SystemRelayPorts): RelayEdge => ({
  tables: new KernelTables(),
  memory: new RelayFiles(dataDir, Date.now, failed),
  openLan: (device, kinds, heard) => {
    const lan = new LanPort(device, kinds, heard)
    void lan.start()
    return lan
  },
  command,
})
