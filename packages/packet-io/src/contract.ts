import type { Endpoint } from '@brunel/base'
import type { Counters, DatapathCommand, DatapathEvent } from '@brunel/datapath'

/** Keys and shape of one SA for the sealer. The addon copies the keys and the caller wipes its own. */
export interface SealerSa {
  readonly cipher: 'aes-gcm' | 'chacha20-poly1305' | 'aes-cbc'
  /** With the salt at its end where there is one. */
  readonly encryptionKey: Uint8Array
  readonly integrity: 'sha256' | 'sha384' | 'sha512' | undefined
  readonly integrityKey: Uint8Array
  readonly icvLength: number
  /** RFC 8750 §4: the IV is the sequence number, and not on the wire. */
  readonly implicitIv?: boolean
  readonly esn: boolean
}

/** By which socket and to which end point the rows of a path leave; `tcp`: by the connection `remote.stream`. */
export interface PathSpec {
  readonly encapsulation: 'udp' | 'tcp' | 'none'
  readonly local: Endpoint
  readonly remote: Endpoint
}

/** What a system call refused, at the edge. `code` is of the error registry: BRUNEL_PORT_TAKEN, BRUNEL_NO_TUN, BRUNEL_NO_CAPABILITY. */
export interface PacketIoOptions {
  /** UDP ports of IKE; 500 and 4500 but in tests. */
  readonly ports: { readonly ike: number; readonly natt: number }
  readonly onEvent: (event: DatapathEvent) => void
}

/** TCP connections for IKE and ESP, RFC 9329. What becomes of them arrives as events. Ours have even numbers. */
export interface StreamIo {
  /** Accepts connections on the port of NAT traversal. */
  listen(): void
  open(stream: number, local: Endpoint, remote: Endpoint): void
  /** An IKE message, without marker. Where there is no such connection it is lost. */
  send(stream: number, bytes: Uint8Array): void
  /** Limits for strangers do not concern it any more, and its end is told. */
  bound(stream: number): void
  close(stream: number): void
}

/**
 * The data path of one router as the control plane sees it: sockets, TUN interfaces, keys, paths and the two pump
 * threads. Main thread only. Errors are thrown with `code` and `cause`.
 */
export interface PacketIo {
  readonly counters: Counters
  readonly streams: StreamIo
  /** Makes a TUN interface (multi-byte offloads, txqueuelen raised, not persistent); returns its index. */
  openTun(name: string): number
  /** Removes the interface. Call after `tunnel-remove`. */
  closeTun(tun: number): void
  addSa(sa: SealerSa): number
  /** Wipes the keys. Call after `released`. */
  removeSa(sa: number): void
  addPath(path: PathSpec): number
  /** Takes effect for the next packet, in any thread. */
  movePath(path: number, to: PathSpec): void
  removePath(path: number): void
  /** Sends a datagram at once: IKE (the marker already in front) and NAT keepalives. `local.port` picks the socket. */
  sendUdp(bytes: Uint8Array, local: Endpoint, remote: Endpoint): void
  /** Goes to the pump or pumps concerned, in order; visible to them before any packet that is sent later. */
  command(command: DatapathCommand): void
  /** Ends both pumps and closes everything. */
  stop(): Promise<void>
}
