import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Daemon } from '../net/daemon.js'
import { PLAIN_NODE } from '../net/environment.js'
import type { Namespace } from '../net/namespace.js'
import { until } from '../net/until.js'
import { ApiClient } from './api-client.js'

export const BRUNELD = fileURLToPath(new URL('../../../../bruneld/bin/bruneld.mjs', import.meta.url))
export const BRUNEL = fileURLToPath(new URL('../../../../cli/bin/brunel.mjs', import.meta.url))

export interface BruneldOptions {
  /** BRUNEL_… variables beyond those that the runner sets. */
  readonly env?: Readonly<Record<string, string>>
  /** Put in front of the command: `setpriv …`. */
  readonly wrap?: readonly string[]
}

/** A bruneld in a namespace. It keeps its data directory over restarts. */
export class Bruneld {
  readonly place: Namespace
  readonly dataDir: string
  readonly api: ApiClient
  readonly keyLog: string
  readonly #options: BruneldOptions
  #daemon: Daemon | undefined
  #starts = 0

  constructor(place: Namespace, folder: string, options: BruneldOptions = {}) {
    mkdirSync(folder, { recursive: true })
    this.place = place
    this.#options = options
    this.dataDir = join(folder, 'data')
    this.keyLog = join(folder, 'keys.log')
    this.api = new ApiClient({
      socketPath: this.socket,
      token: () => readFileSync(this.tokenFile, 'utf8').trim(),
    })
  }

  get socket(): string {
    return join(this.dataDir, 'bruneld.sock')
  }

  get tokenFile(): string {
    return join(this.dataDir, 'admin.token')
  }

  get pid(): number {
    return this.#daemon?.pid ?? -1
  }

  get running(): boolean {
    return this.#daemon?.running ?? false
  }

  /** Starts it and returns at once. */
  launch(): Daemon {
    const wrap = this.#options.wrap ?? []
    const command = this.place.command(...wrap, ...PLAIN_NODE, BRUNELD, '--data-dir', this.dataDir)
    const log = `${this.dataDir}-${++this.#starts}.log`
    this.#daemon = new Daemon('bruneld', command, log, this.#options.env ?? {})
    return this.#daemon
  }

  async start(): Promise<void> {
    const daemon = this.launch()
    await daemon.ready('answers /readyz', 60_000, async () => {
      if (!existsSync(this.tokenFile)) return false
      return (await this.api.send('GET', '/readyz')).status === 200
    })
  }

  /** All that it has said since it was made, over all starts. */
  log(): string {
    const files = Array.from({ length: this.#starts }, (_, i) => `${this.dataDir}-${i + 1}.log`)
    return files.map(file => readFileSync(file, 'utf8')).join('')
  }

  signal(signal: NodeJS.Signals): void {
    this.#daemon?.signal(signal)
  }

  kill(): Promise<number> {
    return this.#daemon?.stop('SIGKILL') ?? Promise.resolve(0)
  }

  /** SIGTERM: peers are told, interfaces removed. */
  stop(): Promise<number> {
    return this.#daemon?.stop('SIGTERM', 15_000) ?? Promise.resolve(0)
  }

  /** Waits for the tunnel; shows its report when it does not come. */
  async up(tunnel: string, limit = 30_000): Promise<void> {
    let last = ''
    try {
      await until(`tunnel ${tunnel} up`, limit, async () => {
        const report = await this.api.tunnel(tunnel)
        last = JSON.stringify(report, null, 1)
        return (
          report.state === 'up' ||
          (report.state === 'degraded' && report.ike.some(sa => sa.children.length > 0))
        )
      })
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${last}\n${this.log().slice(-3000)}`)
    }
  }

  /** Resident memory in octets. */
  resident(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
  }

  /** User and system time in seconds. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
}
