import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** How long changes are gathered before anyone looks: a link that comes up brings a burst of them. */
const GATHER_MS = 150

/** If the kernel's messages cannot be had, addresses are looked at this often all the same. */
const RESTART_MS = 5000

/** Of relays: lan-host.ts, relay-tables.ts. They say nothing of the host. */
const OUR_ROUTE = / proto 175\b/

/** Calls back when addresses, links or routes of the host change, other than those of interfaces that are ours. */
export class RouteWatch {
  readonly #changed: () => void
  readonly #ours: (device: string) => boolean
  #monitor: ChildProcess | undefined
  #pending: NodeJS.Timeout | undefined
  #stopped = false

  constructor(changed: () => void, ours: (device: string) => boolean) {
    this.#changed = changed
    this.#ours = ours
  }

  start(): void {
    const monitor = spawn('ip', ['-o', 'monitor', 'link', 'address', 'route'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.#monitor = monitor
    createInterface({ input: monitor.stdout }).on('line', line => {
      if (!this.#concernsOnlyUs(line)) this.#soon(GATHER_MS)
    })
    const again = (): void => {
      if (this.#stopped || this.#monitor !== monitor) return
      this.#monitor = undefined
      setTimeout(() => this.#stopped || this.start(), RESTART_MS).unref()
      this.#soon(RESTART_MS)
    }
    monitor.on('error', again)
    monitor.on('exit', again)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#pending)
    this.#monitor?.kill()
  }

  #soon(wait: number): void {
    this.#pending ??= setTimeout(() => {
      this.#pending = undefined
      this.#changed()
    }, wait).unref()
  }

  #concernsOnlyUs(line: string): boolean {
    if (OUR_ROUTE.test(line)) return true
    const device = /\bdev (\S+)/.exec(line)?.[1] ?? /^(?:Deleted )?\d+: ([^:@\s]+)/.exec(line)?.[1]
    return device !== undefined && this.#ours(device)
  }
}
