import type { Millis } from '@brunel/base'
import {
  type Batch,
  INBOUND_BUFFER_LENGTH,
  INBOUND_BUFFERS,
  type Sealer,
  type TooBig,
  type Tun,
  type Underlay,
} from '@brunel/datapath'
import { native, type PumpNumber } from './native.js'

const ROWS_MASK = 0xffff
const NEWS_ERRORS = 0x10000
const NO_NEWS: readonly TooBig[] = []
/** The addon groups messages in tables of this size. */
const MAX_ROWS = 1024

const wholeMillis = (timeout: Millis): number => Math.max(0, Math.ceil(timeout))

function checked(batch: Batch): Batch {
  if (batch.shape.rows > MAX_ROWS) throw new RangeError(`a batch has at most ${MAX_ROWS} rows`)
  return batch
}

/**
 * The ports of one pump on top of the addon. `arrived` is called between the system call and the pump's look at what
 * came, so that a command is known before any packet that was sent after it.
 */
export class NativeTun implements Tun {
  readonly #pump: PumpNumber
  readonly #arrived: () => void

  constructor(pump: PumpNumber, arrived: () => void = () => undefined) {
    this.#pump = pump
    this.#arrived = arrived
  }

  read(batch: Batch, target: number, timeout: Millis): number {
    const { bytes, rows, addresses, shape } = checked(batch)
    const wait = wholeMillis(timeout)
    const n = native.tunRead(
      this.#pump,
      bytes,
      rows,
      addresses,
      shape.slotLength,
      shape.headroom,
      target,
      wait,
    )
    this.#arrived()
    return n
  }

  write(batch: Batch, n: number): void {
    native.tunWrite(this.#pump, batch.bytes, batch.rows, batch.addresses, n)
  }
}

export class NativeUnderlay implements Underlay {
  readonly #pump: PumpNumber
  readonly #arrived: () => void
  #news = false

  constructor(pump: PumpNumber, arrived: () => void = () => undefined) {
    this.#pump = pump
    this.#arrived = arrived
  }

  receive(batch: Batch, target: number, timeout: Millis): number {
    const { bytes, rows, addresses, shape } = checked(batch)
    const wait = wholeMillis(timeout)
    const result = native.receive(
      this.#pump,
      bytes,
      rows,
      addresses,
      INBOUND_BUFFERS,
      INBOUND_BUFFER_LENGTH,
      shape.headroom,
      target,
      wait,
    )
    this.#arrived()
    this.#news = (result & NEWS_ERRORS) !== 0
    return result & ROWS_MASK
  }

  send(batch: Batch, n: number): void {
    native.send(this.#pump, batch.bytes, batch.rows, batch.addresses, n)
  }

  /** Costs nothing while there is no news. */
  tooBig(): readonly TooBig[] {
    return this.#news ? native.tooBig(this.#pump) : NO_NEWS
  }
}

export class NativeSealer implements Sealer {
  readonly #pump: PumpNumber

  constructor(pump: PumpNumber) {
    this.#pump = pump
  }

  seal(batch: Batch, n: number): void {
    native.seal(this.#pump, batch.bytes, batch.rows, batch.addresses, n)
  }

  open(batch: Batch, n: number): void {
    native.open(this.#pump, batch.bytes, batch.rows, batch.addresses, n)
  }
}
