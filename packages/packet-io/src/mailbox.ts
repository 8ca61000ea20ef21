import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { DatapathCommand } from '@brunel/datapath'

/** int32 cells that both threads see. */
const POSTED = 0
const HANDLED = 1
const MAILBOX_CELLS = 2

/** A view would drag the whole memory behind it through the channel, or share it. */
export const whole = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice()

export const newMailboxCells = (): SharedArrayBuffer => new SharedArrayBuffer(MAILBOX_CELLS * 4)

/** The main thread's end: commands out; `handled` tells the pump how many of its events were taken in. */
export class MailboxSender {
  readonly #port: MessagePort
  readonly #cells: Int32Array

  constructor(port: MessagePort, memory: SharedArrayBuffer) {
    this.#port = port
    this.#cells = new Int32Array(memory)
  }

  post(command: DatapathCommand): void {
    this.#port.postMessage(
      command.do === 'relay-send' ? { ...command, packet: whole(command.packet) } : command,
    )
    Atomics.add(this.#cells, POSTED, 1)
  }

  handled(): void {
    Atomics.add(this.#cells, HANDLED, 1)
  }

  close(): void {
    this.#port.close()
  }
}

/** The pump's end. Looking whether there is post costs one atomic load. */
export class MailboxReceiver {
  readonly #port: MessagePort
  readonly #cells: Int32Array
  #taken = 0
  #sent = 0

  constructor(port: MessagePort, memory: SharedArrayBuffer) {
    this.#port = port
    this.#cells = new Int32Array(memory)
  }

  /** Hands over what waits; true where there was any. */
  drain(take: (command: DatapathCommand) => void): boolean {
    let any = false
    while (Atomics.load(this.#cells, POSTED) !== this.#taken) {
      const received = receiveMessageOnPort(this.#port)
      if (received === undefined) break
      this.#taken = (this.#taken + 1) | 0
      any = true
      take(received.message as DatapathCommand)
    }
    return any
  }

  /** Counts an event that leaves, and says how many the main thread has not yet taken in. */
  sent(): number {
    this.#sent = (this.#sent + 1) | 0
    return this.waiting()
  }

  waiting(): number {
    return (this.#sent - Atomics.load(this.#cells, HANDLED)) | 0
  }
}
