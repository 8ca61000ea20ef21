import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../net/command.js'
import { Daemon } from '../net/daemon.js'
import type { Namespace } from '../net/namespace.js'

const BIRD = '/usr/sbin/bird'

export const withoutBird = (): string | false => !existsSync(BIRD) && 'not installed: bird2'

/** BIRD 2 in a namespace, with a socket of its own. */
export class Bird {
  readonly #place: Namespace
  readonly #folder: string
  #daemon: Daemon | undefined

  constructor(place: Namespace, folder: string) {
    this.#place = place
    this.#folder = folder
  }

  async start(conf: string): Promise<void> {
    mkdirSync(this.#folder, { recursive: true })
    const file = join(this.#folder, 'bird.conf')
    writeFileSync(file, conf)
    const command = this.#place.command(BIRD, '-f', '-c', file, '-s', this.#socket)
    this.#daemon = new Daemon('bird', command, join(this.#folder, 'bird.out'))
    await this.#daemon.ready('answers', 20_000, () => existsSync(this.#socket))
  }

  get #socket(): string {
    return join(this.#folder, 'bird.ctl')
  }

  async birdc(command: string): Promise<string> {
    const { out, err } = await run(['birdc', '-s', this.#socket, ...command.split(' ')], { limit: 10_000 })
    return out + err
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop()
  }
}
