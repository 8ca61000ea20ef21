import { MessageChannel, Worker } from 'node:worker_threads'
import type { DatapathCommand, DatapathEvent } from '@brunel/datapath'
import { clockOffset } from './clock.js'
import { MailboxSender, newMailboxCells } from './mailbox.js'
import { native, pumpNumber } from './native.js'
import type { PumpWorkerData } from './pump-worker.js'

/** A pump that does not end by itself is cut off after this; only a bug makes it so. */
const STOP_PATIENCE_MS = 3000

/** One pump in its thread, as the main thread holds it. */
export class PumpThread {
  readonly #worker: Worker
  readonly #mailbox: MailboxSender
  readonly #pump: number
  readonly #ended: Promise<void>
  #stopping = false
  #over = false
  #waking: NodeJS.Immediate | undefined

  constructor(
    where: Pick<PumpWorkerData, 'instance' | 'direction' | 'counters' | 'streamCells' | 'streams'>,
    onEvent: (event: DatapathEvent) => void,
  ) {
    const { port1, port2 } = new MessageChannel()
    const mailbox = newMailboxCells()
    const workerData: PumpWorkerData = { ...where, commands: port2, mailbox, clockOffset: clockOffset() }
    this.#pump = pumpNumber(where.instance, where.direction)
    this.#mailbox = new MailboxSender(port1, mailbox)
    this.#worker = new Worker(new URL('./pump-worker.js', import.meta.url), {
      workerData,
      transferList: [port2, where.streams],
    })
    this.#worker.on('message', (event: DatapathEvent) => {
      this.#mailbox.handled()
      onEvent(event)
    })
    const name = `${where.direction} pump`
    this.#worker.on('error', error =>
      onEvent({ on: 'bug', what: `${name} died: ${error.stack ?? error.message}` }),
    )
    this.#ended = new Promise(resolve => {
      this.#worker.on('exit', code => {
        if (!this.#stopping)
          onEvent({ on: 'pump-ended', what: `the ${name} ended by itself with code ${code}` })
        resolve()
      })
    })
  }

  /**
   * It lies in the mailbox at once, where the pump looks before it looks at packets. The call that ends an idle wait
   * costs as much as all else, so that the commands of one turn of the event loop share it. After the end there is
   * nobody to tell: the last events of a pump still make their listeners speak.
   */
  command(command: DatapathCommand): void {
    if (this.#over) return
    this.#mailbox.post(command)
    this.#waking ??= setImmediate(() => this.#wake())
  }

  #wake(): void {
    this.#waking = undefined
    native.wake(this.#pump)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.command({ do: 'stop' })
    const cut = setTimeout(() => void this.#worker.terminate(), STOP_PATIENCE_MS)
    await this.#ended
    this.#over = true
    clearTimeout(cut)
    clearImmediate(this.#waking)
    this.#mailbox.close()
  }
}
