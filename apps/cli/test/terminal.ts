import { main, type Terminal } from '../src/index.js'

/** A terminal in memory. */
export interface Run {
  readonly exit: number
  readonly out: string
  readonly err: string
}

export interface Setting {
  readonly env?: Readonly<Record<string, string>>
  /** What is written goes there, too. */
  readonly files?: Record<string, string>
  readonly stdin?: string
  /** What is typed where a secret is asked for. */
  readonly typed?: string
}

export async function run(
  line: readonly string[],
  { env = {}, files = {}, stdin = '', typed }: Setting = {},
): Promise<Run> {
  const [out, err]: [string[], string[]] = [[], []]
  const terminal: Terminal = {
    env,
    out: text => void out.push(text),
    err: text => void err.push(text),
    read: path => files[path] ?? missing(path),
    exists: path => path in files,
    write: (path, content) => {
      files[path] = typeof content === 'string' ? content : Buffer.from(content).toString('latin1')
    },
    stdin: async () => stdin,
    ask: async () => typed,
    wait: async () => undefined,
    now: () => new Date('2026-01-02T03:14:05Z'),
  }
  const exit = await main(['node', 'brunel', ...line], terminal)
  return { exit, out: out.join('\n'), err: err.join('\n') }
}

function missing(path: string): never {
  throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })
}
