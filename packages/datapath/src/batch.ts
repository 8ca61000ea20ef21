/**
 * A batch: slots of packets in one piece of memory and one row of int32 for each packet. The pump works on rows,
 * the addon moves and seals them; both read and write the same memory, nothing is copied and nothing allocated.
 */

/** int32 fields of a row. */
export const ROW = {
  /** Offset of the packet in `bytes`. */
  offset: 0,
  /** Octets. */
  length: 1,
  /** 0: alive. -1: the sealer refused it (integrity). 1 + dropIndex: dropped. Later stages skip what is not 0. */
  status: 2,
  /** Index of the SA in the sealer; -1 none. */
  sa: 3,
  /** Index of the TUN it came from or goes to; -1 none. */
  tun: 4,
  /** Index of the path it leaves by (outbound), or `SOCKET_…` it came from (inbound). */
  path: 5,
  /** TOS or traffic class of the outermost header: as received, or to set, then perhaps with `MAY_FRAGMENT`. */
  tos: 6,
  /** High 32 bits of the extended sequence number for the sealer; ignored without ESN. */
  seqHigh: 7,
  /** Inbound: row of `addresses` that holds the source and destination. */
  from: 8,
  /** Inbound: FNV-1a over family, source address and port, to notice a changed source without reading it. */
  fromHash: 9,
} as const

export const ROW_FIELDS = 12

/** Values of `ROW.path` on receipt. */
export const SOCKET = { udp500: 0, udp4500: 1, esp: 2, gre: 3, tcp: 4 } as const

/** Octets of an address row: family 4 or 6 (u8), zero (u8), port (u16 BE), source (16), destination (16), local port (u16 BE), TCP connection or 0 (u16 BE). */
export const ADDRESS_ROW = 40

export interface BatchShape {
  /** Rows, and where `slotLength` is not 0 also slots. */
  readonly rows: number
  /** Octets of a slot. */
  readonly slotLength: number
  /** Where the addon puts a packet in its slot, so that headers fit in front. */
  readonly headroom: number
}

/** Outbound: one packet a slot. Room behind for padding, ICV; in front for ESP, IV, delivery header, GRE. */
export const OUTBOUND_SHAPE: BatchShape = { rows: 256, slotLength: 2304, headroom: 128 }

/** Inbound: the receive buffers of the addon, 8 of 64 KiB with a little room between; rows point into them. */
export const INBOUND_SHAPE: BatchShape = { rows: 512, slotLength: 0, headroom: 64 }
export const INBOUND_BUFFERS = 8
export const INBOUND_BUFFER_LENGTH = 65536 + 128

export class Batch {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly rows: Int32Array
  readonly addresses: Uint8Array
  readonly shape: BatchShape

  constructor(shape: BatchShape, memory: SharedArrayBuffer | ArrayBuffer) {
    this.shape = shape
    this.bytes = new Uint8Array(memory)
    this.view = new DataView(memory)
    this.rows = new Int32Array(new SharedArrayBuffer(shape.rows * ROW_FIELDS * 4))
    this.addresses = new Uint8Array(new SharedArrayBuffer(shape.rows * ADDRESS_ROW))
  }
}
