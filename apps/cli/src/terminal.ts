import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

/** What a command touches besides the API, so that a test can give another. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  out(text: string): void
  err(text: string): void
  /** Throws where there is no such file. */
  read(path: string): string
  exists(path: string): boolean
  /** Makes the folders on the way, readable by their owner alone. `secret`: the file, too. */
  write(path: string, content: string | Uint8Array, secret: boolean): void
  stdin(): Promise<string>
  /** Asks without an echo; undefined where nobody sits there. */
  ask(question: string): Promise<string | undefined>
  now(): Date
  wait(ms: number): Promise<void>
}

async function askHidden(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return await reader.question('')
  } finally {
    reader.close()
    process.stderr.write('\n')
  }
}

export const systemTerminal: Terminal = {
  env: process.env,
  out: line => void process.stdout.write(`${line}\n`),
  err: line => void process.stderr.write(`${line}\n`),
  read: path => readFileSync(path, 'utf8'),
  exists: existsSync,
  write: (path, content, secret) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, content, { mode: secret ? 0o600 : 0o644 })
  },
  stdin: () => text(process.stdin),
  ask: askHidden,
  now: () => new Date(),
  wait: ms => new Promise(resolve => setTimeout(resolve, ms)),
}
