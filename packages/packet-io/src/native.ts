import { createRequire } from 'node:module'
import { dropIndex } from '@brunel/base'

/** A pump as the addon names it: instance * 2 + direction. */
export type PumpNumber = number
export const pumpNumber = (instance: number, direction: 'inbound' | 'outbound'): PumpNumber =>
  instance * 2 + (direction === 'inbound' ? 0 : 1)

/** What the addon says of a system call that refused. */
export interface NativeRefusal extends Error {
  readonly errno: number
  readonly syscall: string
  /** Kind of socket * 2 + (IPv6 ? 1 : 0), or -1. */
  readonly socket: number
}

export interface NativeTooBig {
  readonly remote: { readonly address: string; readonly port: number }
  readonly socket: number
  readonly mtu: number
  readonly spi: number
}

type Memory = readonly [bytes: Uint8Array, rows: Int32Array, addresses: Uint8Array]

/** ../native: addon.cc, pump_calls.cc, buffer_calls.cc. */
export interface Native {
  openIo(ikePort: number, nattPort: number): number
  closeIo(instance: number): void
  setDrops(statuses: Record<'tunnelWrite' | 'underlaySend' | 'underlayRoom' | 'truncated', number>): void
  wake(pump: PumpNumber): void
  openTun(instance: number, name: string): number
  closeTun(instance: number, tun: number): boolean
  addSa(
    instance: number,
    cipher: number,
    key: Uint8Array,
    mac: number,
    macKey: Uint8Array,
    icv: number,
    esn: boolean,
    implicitIv?: boolean,
  ): number
  removeSa(instance: number, sa: number): void
  setPath(
    instance: number,
    path: number,
    udp: boolean,
    localAddress: string,
    localPort: number,
    remoteAddress: string,
    remotePort: number,
  ): number
  removePath(instance: number, path: number): void
  sendUdp(
    instance: number,
    bytes: Uint8Array,
    localAddress: string,
    localPort: number,
    remoteAddress: string,
    remotePort: number,
  ): number
  sendFrame(interfaceIndex: number, frame: Uint8Array): number
  closeOnExec(): number
  socketFilter(program: Uint8Array): Uint8Array
  tunRead(
    pump: PumpNumber,
    ...args: [...Memory, slot: number, headroom: number, target: number, timeout: number]
  ): number
  tunWrite(pump: PumpNumber, ...args: [...Memory, n: number]): void
  receive(
    pump: PumpNumber,
    ...args: [...Memory, buffers: number, length: number, headroom: number, target: number, timeout: number]
  ): number
  send(pump: PumpNumber, ...args: [...Memory, n: number]): void
  seal(pump: PumpNumber, ...args: [...Memory, n: number]): void
  open(pump: PumpNumber, ...args: [...Memory, n: number]): void
  tooBig(pump: PumpNumber): readonly NativeTooBig[]
  // On plain buffers, for tests: the vnet header of a super-packet is in front.
  split(superPacket: Uint8Array): readonly Uint8Array[] | null
  coalesce(packets: readonly Uint8Array[], udp: boolean): readonly Uint8Array[]
  checksum(bytes: Uint8Array): number | null
}

/** From dist/src, so that the package works wherever it is copied to. */
export const native: Native = createRequire(import.meta.url)('../../build/Release/brunel_io.node')

native.setDrops({
  tunnelWrite: 1 + dropIndex('tunnel-write'),
  underlaySend: 1 + dropIndex('underlay-send'),
  underlayRoom: 1 + dropIndex('underlay-room'),
  truncated: 1 + dropIndex('ip-truncated'),
})
