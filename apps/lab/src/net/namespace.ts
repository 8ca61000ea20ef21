import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { must, type Ran, type RunOptions, run } from './command.js'
import { until } from './until.js'

/** A network namespace that this process made. Everything that runs in it ends with it. */
export class Namespace {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  static async make(name: string): Promise<Namespace> {
    const made = new Namespace(name)
    await must(['ip', 'netns', 'add', name])
    await made.ip(['link set lo up'])
    return made
  }

  /** The command line that runs something in here; the pid stays that of the command. */
  command(...command: readonly string[]): readonly string[] {
    return ['ip', 'netns', 'exec', this.name, ...command]
  }

  run(command: readonly string[], options?: RunOptions): Promise<Ran> {
    return run(this.command(...command), options)
  }

  must(command: readonly string[], options?: RunOptions): Promise<string> {
    return must(this.command(...command), options)
  }

  /** One `ip -batch` for all lines. */
  async ip(lines: readonly string[]): Promise<void> {
    await must(['ip', '-n', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse((await must(['ip', '-n', this.name, '-json', ...args])) || '[]') as T
  }

  /** `net.ipv4.ip_forward=1` and the like. */
  async sysctl(settings: Readonly<Record<string, string | number>>): Promise<void> {
    const script = Object.entries(settings)
      .map(([key, value]) => `echo ${value} > /proc/sys/${key.replaceAll('.', '/')}`)
      .join('\n')
    await this.must(['sh', '-e'], { input: script })
  }

  pids(): readonly number[] {
    const { stdout } = spawnSync('ip', ['netns', 'pids', this.name], { encoding: 'utf8' })
    return (stdout ?? '').split('\n').filter(Boolean).map(Number)
  }

  /** Ends what runs in here, what begins meanwhile too, then removes it; its interfaces go with it. */
  async remove(): Promise<void> {
    const quiet = (): boolean => {
      const pids = this.pids()
      for (const pid of pids) endProcess(pid)
      return pids.length === 0
    }
    await until(`no process in ${this.name}`, 30_000, quiet, 20)
    await must(['ip', 'netns', 'del', this.name])
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const PREFIX = 'brunel-'
let made = 0

/** `brunel-PID-N-`: two runs never share a name, and a name tells whether its maker is alive. */
export const uniquePrefix = (): string => `${PREFIX}${process.pid}-${++made}-`

/** Namespaces whose maker was killed before it could tidy up. */
export async function sweep(): Promise<readonly string[]> {
  const left = orphans(namespacesHere(), alive)
  for (const name of left)
    await new Namespace(name).remove().catch((error: Error) => {
      // Two runs may sweep at once.
      if (namespacesHere().includes(name)) throw error
    })
  return left
}

export const orphans = (names: readonly string[], isAlive: (pid: number) => boolean): readonly string[] =>
  names.filter(name => {
    const pid = /^brunel-(\d+)-\d+-/.exec(name)?.[1]
    return pid !== undefined && !isAlive(Number(pid))
  })

export function namespacesHere(): readonly string[] {
  try {
    return readdirSync('/run/netns')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function alive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
