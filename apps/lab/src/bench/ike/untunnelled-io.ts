import type { Endpoint } from '@brunel/base'
import type { Counters, DatapathCommand } from '@brunel/datapath'
import type { PacketIo, PathSpec, SealerSa, StreamIo } from '@brunel/packet-io'

/** The data path with its real sockets, pumps and sealer, and no TUN interface: a tunnel has a number and nothing else. */
export class UntunnelledIo implements PacketIo {
  readonly #io: PacketIo
  readonly #onSend: (bytes: Uint8Array) => void
  readonly #free: number[] = []
  #next = 0

  constructor(io: PacketIo, onSend: (bytes: Uint8Array) => void) {
    this.#io = io
    this.#onSend = onSend
  }

  get counters(): Counters {
    return this.#io.counters
  }

  get streams(): StreamIo {
    return this.#io.streams
  }

  openTun(): number {
    return this.#free.pop() ?? this.#next++
  }

  closeTun(tun: number): void {
    this.#free.push(tun)
  }

  addSa(sa: SealerSa): number {
    return this.#io.addSa(sa)
  }

  removeSa(sa: number): void {
    this.#io.removeSa(sa)
  }

  addPath(path: PathSpec): number {
    return this.#io.addPath(path)
  }

  movePath(path: number, to: PathSpec): void {
    this.#io.movePath(path, to)
  }

  removePath(path: number): void {
    this.#io.removePath(path)
  }

  sendUdp(bytes: Uint8Array, local: Endpoint, remote: Endpoint): void {
    this.#onSend(bytes)
    this.#io.sendUdp(bytes, local, remote)
  }

  command(command: DatapathCommand): void {
    this.#io.command(command)
  }

  stop(): Promise<void> {
    return this.#io.stop()
  }
}
