import type { Endpoint } from '@brunel/base'
import { Counters, type DatapathCommand, type Direction } from '@brunel/datapath'
import type { PacketIo, PacketIoOptions, PathSpec, SealerSa } from './contract.js'
import { native } from './native.js'
import { PumpThread } from './pump-thread.js'
import { socketRefusal, tunRefusal } from './refusal.js'
import { StreamThread } from './stream-thread.js'

const CIPHERS = { 'aes-gcm': 0, 'chacha20-poly1305': 1, 'aes-cbc': 2 } as const
const MACS = { none: 0, sha256: 1, sha384: 2, sha512: 3 } as const

const BOTH: readonly Direction[] = ['inbound', 'outbound']

/** Which pumps a command concerns. */
function concerned(command: DatapathCommand): readonly Direction[] {
  switch (command.do) {
    case 'inbound-add':
    case 'sa-moved':
    case 'ike-spi':
    case 'esp-spi':
    // Outbound goes on counting: a peer that did not restart would take a smaller number for a late one (RFC 2890 §2.2).
    case 'tunnel-restart':
      return ['inbound']
    case 'outbound-use':
    case 'relay-send':
      return ['outbound']
    case 'sa-remove':
      return [command.direction]
    default:
      return BOTH
  }
}

class NativePacketIo implements PacketIo {
  readonly counters = new Counters()
  readonly streams: StreamThread
  readonly #instance: number
  readonly #pumps: Readonly<Record<Direction, PumpThread>>
  #stopped: Promise<void> | undefined

  constructor({ ports, onEvent }: PacketIoOptions) {
    try {
      this.#instance = native.openIo(ports.ike, ports.natt)
    } catch (error) {
      throw socketRefusal(error, ports)
    }
    this.streams = new StreamThread(this.#instance, ports.natt, onEvent)
    const { cells, inbound, outbound } = this.streams
    const shared = { instance: this.#instance, counters: this.counters.memory, streamCells: cells.memory }
    this.#pumps = {
      inbound: new PumpThread({ ...shared, direction: 'inbound', streams: inbound }, onEvent),
      outbound: new PumpThread({ ...shared, direction: 'outbound', streams: outbound }, onEvent),
    }
  }

  openTun(name: string): number {
    // The kernel would cut a longer name without a word, and one with % would be a pattern.
    if (!/^[A-Za-z0-9_.-]{1,15}$/.test(name) || name === '.' || name === '..') {
      throw new TypeError(
        `${JSON.stringify(name)} is no name for an interface: 1 to 15 letters, digits, _ . -`,
      )
    }
    try {
      return native.openTun(this.#instance, name)
    } catch (error) {
      throw tunRefusal(error, name)
    }
  }

  closeTun(tun: number): void {
    native.closeTun(this.#instance, tun)
  }

  addSa(sa: SealerSa): number {
    const mac = MACS[sa.integrity ?? 'none']
    const { encryptionKey, integrityKey, icvLength, esn, implicitIv = false } = sa
    return native.addSa(
      this.#instance,
      CIPHERS[sa.cipher],
      encryptionKey,
      mac,
      integrityKey,
      icvLength,
      esn,
      implicitIv,
    )
  }

  removeSa(sa: number): void {
    native.removeSa(this.#instance, sa)
  }

  addPath(path: PathSpec): number {
    return this.#setPath(-1, path)
  }

  movePath(path: number, to: PathSpec): void {
    this.#setPath(path, to)
  }

  #setPath(index: number, { encapsulation, local, remote }: PathSpec): number {
    const udp = encapsulation === 'udp'
    const stream = encapsulation === 'tcp' ? (remote.stream ?? 0) : 0
    // A packet in between goes the old way or the new one, never by a socket that is neither.
    if (stream !== 0 && index >= 0) this.streams.cells.lead(index, stream)
    const path = native.setPath(
      this.#instance,
      index,
      udp,
      local.address,
      local.port,
      remote.address,
      remote.port,
    )
    this.streams.cells.lead(path, stream)
    return path
  }

  removePath(path: number): void {
    native.removePath(this.#instance, path)
    this.streams.cells.lead(path, 0)
  }

  /** What the network refuses is a lost datagram, as any other: IKE repeats what must arrive. */
  sendUdp(bytes: Uint8Array, local: Endpoint, remote: Endpoint): void {
    native.sendUdp(this.#instance, bytes, local.address, local.port, remote.address, remote.port)
  }

  command(command: DatapathCommand): void {
    for (const direction of concerned(command)) this.#pumps[direction].command(command)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.streams
      .stop()
      .then(() => Promise.all(BOTH.map(direction => this.#pumps[direction].stop())))
      .then(() => native.closeIo(this.#instance))
    return this.#stopped
  }
}

/**
 * Opens the sockets and starts the pumps. Throws a `PacketIoError` with `code`, `remedy` and `cause` where the system
 * refuses. Instants in the counters are those of this thread's `performance.now()`.
 */
export function openPacketIo(options: PacketIoOptions): PacketIo {
  return new NativePacketIo(options)
}
