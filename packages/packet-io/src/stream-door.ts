import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { StreamDoor, StreamInbox, StreamRun } from '@brunel/datapath'
import type { StreamCells } from './stream-cells.js'
import type { FromPump } from './stream-messages.js'

/**
 * Octets that may wait for one connection, besides what the kernel holds. More: delay under load, as every packet
 * waits behind them (RFC 8229 §12.1). Less: the connection runs dry between two batches.
 */
const MOST_QUEUED = 256 * 1024

/** A pump's end of the way to the TCP connections. */
export class PortDoor implements StreamDoor {
  readonly #cells: StreamCells
  readonly #port: MessagePort
  #collected = 0

  constructor(cells: StreamCells, port: MessagePort) {
    this.#cells = cells
    this.#port = port
  }

  inUse(): boolean {
    return this.#cells.inUse
  }

  streamOf(path: number): number {
    return this.#cells.streamOf(path)
  }

  room(stream: number): number | undefined {
    const queued = this.#cells.queued(stream)
    return queued === undefined ? undefined : MOST_QUEUED - queued
  }

  post(stream: number, bytes: Uint8Array): void {
    this.#cells.enqueue(stream, bytes.length)
    this.#tell({ stream, bytes }, bytes.buffer as ArrayBuffer)
  }

  collect(inbox: StreamInbox): void {
    while (this.#cells.posted !== this.#collected) {
      const received = receiveMessageOnPort(this.#port)
      if (received === undefined) return
      this.#collected = (this.#collected + 1) | 0
      inbox.push(received.message as StreamRun)
    }
  }

  taken(octets: number): void {
    this.#cells.taken(octets)
  }

  corrupt(stream: number): void {
    this.#tell({ corrupt: stream })
  }

  #tell(message: FromPump, ...transfer: ArrayBuffer[]): void {
    this.#port.postMessage(message, transfer)
  }
}
