import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { until } from './until.js'

/** A process of ours that runs beside us; all that it says goes to a file. */
export class Daemon {
  readonly name: string
  readonly log: string
  readonly exited: Promise<number>
  readonly #child: ChildProcess
  #code: number | undefined

  constructor(
    name: string,
    command: readonly string[],
    log: string,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.name = name
    this.log = log
    const file = openSync(log, 'a')
    const [program = '', ...args] = command
    this.#child = spawn(program, args, { stdio: ['ignore', file, file], env: { ...process.env, ...env } })
    closeSync(file)
    this.exited = new Promise(done => {
      const ended = (code: number): void => {
        this.#code = code
        done(code)
      }
      this.#child.on('error', () => ended(127))
      this.#child.on('exit', (code, signal) => ended(code ?? (signal === null ? 255 : 128)))
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  get running(): boolean {
    return this.#code === undefined
  }

  get exitCode(): number | undefined {
    return this.#code
  }

  output(): string {
    return readFileSync(this.log, 'utf8')
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal)
  }

  /** Waits for `ready`; when the process ends before, shows what it said. */
  async ready(what: string, limit: number, ready: () => boolean | Promise<boolean>): Promise<void> {
    await until(`${this.name}: ${what}`, limit, async () => {
      if (await ready()) return true
      if (!this.running)
        throw new EndedEarly(`${this.name} ended with ${this.#code}:\n${this.output().slice(-4000)}`)
      return false
    })
  }

  /** Asks, waits, and in the end does not ask. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', limit = 8000): Promise<number> {
    this.signal(signal)
    const force = setTimeout(() => this.signal('SIGKILL'), limit)
    const code = await this.exited
    clearTimeout(force)
    return code
  }
}

/** `until` does not try again after this one. */
export class EndedEarly extends Error {
  readonly final = true
}
