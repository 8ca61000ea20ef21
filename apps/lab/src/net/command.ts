import { spawn } from 'node:child_process'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly input?: string
  /** The command is killed after so many ms. */
  readonly limit?: number
  readonly env?: Readonly<Record<string, string>>
  /** The command is asked to end (SIGTERM). */
  readonly until?: AbortSignal
}

/** Runs a command to its end; a refusal is an exit status, never a throw. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [name = '', ...args] = command
  return new Promise(done => {
    const child = spawn(name, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.limit === undefined ? {} : { timeout: options.limit, killSignal: 'SIGKILL' as const }),
    })
    options.until?.addEventListener('abort', () => child.kill('SIGTERM'))
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
    })
    child.stdin.on('error', error => {
      err += `stdin: ${error.message}\n`
    })
    child.on('error', error => done({ code: 127, out, err: `${err}${error.message}` }))
    child.on('close', code => done({ code: code ?? 255, out, err }))
    child.stdin.end(options.input ?? '')
  })
}

/** As `run`, but a status other than 0 is an error that shows what the command said. */
export async function must(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, out, err } = await run(command, options)
  if (code !== 0) throw new Error(`\`${command.join(' ')}\` ended with ${code}: ${(err || out).trim()}`)
  return out
}
