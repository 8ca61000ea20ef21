import { type Drop, type Endpoint, isDrop } from '@brunel/base'
import { TcpEncapsulation } from '@brunel/wire'
import { writeAddressRow } from './address-row.js'
import { ADDRESS_ROW } from './batch.js'
import type { StreamRun } from './stream-inbox.js'

/** What whoever opens a connection says first, and only he: RFC 8229 §4. */
export const STREAM_PREFIX: Uint8Array = TcpEncapsulation.PREFIX

/** An IKE message as it goes into a stream; undefined: it is too long for one. */
export const streamedIke: (message: Uint8Array) => Uint8Array | undefined = TcpEncapsulation.emitIke

/** What comes in by one TCP connection, cut into runs that the inbound pump can take. */
export class StreamIntake {
  readonly stream: number
  readonly #reader: TcpEncapsulation.Reader
  readonly #addresses = new Uint8Array(ADDRESS_ROW)
  readonly #hash: number

  /** `accepted`: the other end opened it, and must begin with the prefix. */
  constructor(
    stream: number,
    ends: { readonly local: Endpoint; readonly remote: Endpoint },
    accepted: boolean,
  ) {
    this.stream = stream
    this.#reader = new TcpEncapsulation.Reader(accepted)
    writeAddressRow(this, 0, { ...ends.remote, stream }, ends.local)
    this.#hash = fnv1a(this.#addresses)
  }

  get addresses(): Uint8Array {
    return this.#addresses
  }

  get isOpen(): boolean {
    return this.#reader.isOpen
  }

  /** The octets of a run are its own. A drop: the connection must be closed. */
  take(chunk: Uint8Array): readonly StreamRun[] | Drop {
    const runs = this.#reader.take(chunk)
    if (isDrop(runs)) return runs
    const { stream } = this
    return runs.map(run => ({
      stream,
      addresses: this.#addresses,
      hash: this.#hash,
      bytes: new Uint8Array(run),
    }))
  }
}

function fnv1a(octets: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const octet of octets) hash = Math.imul(hash ^ octet, 0x01000193)
  return hash | 0
}
