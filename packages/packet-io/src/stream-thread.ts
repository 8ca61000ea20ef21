import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { Endpoint } from '@brunel/base'
import type { DatapathEvent } from '@brunel/datapath'
import type { StreamIo } from './contract.js'
import { StreamCells } from './stream-cells.js'
import type { StreamCommand, StreamWorkerData } from './stream-messages.js'

/** A thread that does not end by itself is cut off after this. */
const STOP_PATIENCE_MS = 3000

/** The thread of the TCP connections as the main thread holds it. It begins with the first need of it. */
export class StreamThread implements StreamIo {
  readonly cells = new StreamCells()
  /** The pumps' ends. */
  readonly inbound: MessagePort
  readonly outbound: MessagePort
  readonly #instance: number
  readonly #port: number
  readonly #onEvent: (event: DatapathEvent) => void
  readonly #own: { readonly inbound: MessagePort; readonly outbound: MessagePort }
  #worker: Worker | undefined
  #stopping = false

  constructor(instance: number, port: number, onEvent: (event: DatapathEvent) => void) {
    this.#instance = instance
    this.#port = port
    this.#onEvent = onEvent
    const [inbound, outbound] = [new MessageChannel(), new MessageChannel()]
    this.inbound = inbound.port2
    this.outbound = outbound.port2
    this.#own = { inbound: inbound.port1, outbound: outbound.port1 }
  }

  listen(): void {
    this.#command({ do: 'listen', port: this.#port })
  }

  open(stream: number, local: Endpoint, remote: Endpoint): void {
    this.#command({ do: 'open', stream, local, remote })
  }

  send(stream: number, bytes: Uint8Array): void {
    this.#command({ do: 'send', stream, bytes })
  }

  bound(stream: number): void {
    this.#command({ do: 'bound', stream })
  }

  close(stream: number): void {
    this.#command({ do: 'close', stream })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const worker = this.#worker
    if (worker === undefined) {
      this.#own.inbound.close()
      this.#own.outbound.close()
      return
    }
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()))
    worker.postMessage({ do: 'stop' } satisfies StreamCommand)
    const cut = setTimeout(() => void worker.terminate(), STOP_PATIENCE_MS)
    await ended
    clearTimeout(cut)
  }

  #command(command: StreamCommand): void {
    if (this.#stopping) return
    this.#worker ??= this.#start()
    this.#worker.postMessage(command)
  }

  #start(): Worker {
    const { inbound, outbound } = this.#own
    const workerData: StreamWorkerData = {
      instance: this.#instance,
      cells: this.cells.memory,
      inbound,
      outbound,
    }
    const worker = new Worker(new URL('./stream-worker.js', import.meta.url), {
      workerData,
      transferList: [inbound, outbound],
    })
    worker.on('message', this.#onEvent)
    worker.on('error', error =>
      this.#onEvent({
        on: 'bug',
        what: `the thread of the TCP connections died: ${error.stack ?? error.message}`,
      }),
    )
    worker.on('exit', code => {
      if (!this.#stopping)
        this.#onEvent({ on: 'pump-ended', what: `the thread of the TCP connections ended with code ${code}` })
    })
    return worker
  }
}
