import type { DatapathCommand } from '@brunel/datapath'
import type { LanHeard, RelayCommand, RelayEdge, RelayLan } from './relay-edge.js'
import { LanPort } from './relay-lan.js'
import type { Refusal } from './tunnels.js'

/** A relay on this machine: raw sockets on its LAN interfaces, and the data path. */
export class SystemRelayEdge implements RelayEdge {
  readonly #command: (command: DatapathCommand) => void

  constructor(command: (command: DatapathCommand) => void) {
    this.#command = command
  }

  command(command: RelayCommand): void {
    this.#command(command)
  }

  openLan(device: string, heard: LanHeard): RelayLan {
    const port = new LanPort(device, ['ospf'], {
      packet: heard.packet,
      beacon: heard.beacon,
      drop: heard.drop,
      changed: state => state.is === 'waiting' && heard.lost(asError(state.because)),
    })
    void port.start()
    return {
      send: packet => port.send(packet),
      beacon: beacon => port.beacon(beacon),
      carry: kinds => void port.carry(kinds),
      speakFor: (address, tunnel) => port.neighbour({ address, tunnel }, true),
      forget: address => port.neighbour({ address, tunnel: '' }, false),
      close: () => void port.stop(),
    }
  }
}

const asError = ({ code, detail, remedy }: Refusal): Error =>
  Object.assign(new Error(detail), { code, remedy })
