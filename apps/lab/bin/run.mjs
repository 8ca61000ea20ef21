/** Child processes of the root scripts: output passes through, signals are handed on, the status is the answer. */
import { spawn, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../../..')

export const say = text => process.stderr.write(`\x1b[2m·\x1b[0m ${text}\n`)

export class Failure extends Error {}

/** Ends the command with words for the reader and no stack trace. */
export function fail(text) {
  throw new Failure(text)
}

const PROGRESS_EVERY = 10_000

/** Now and then the last line of a quiet command: the reader sees that it lives. */
function progress(output) {
  const began = performance.now()
  const last = () => output().trimEnd().split('\n').at(-1)?.slice(0, 100) ?? ''
  return setInterval(
    () => say(`${Math.round((performance.now() - began) / 1000)} s: ${last()}`),
    PROGRESS_EVERY,
  )
}

/** Resolves to the exit status. Waits for the child even when a signal comes: it has interfaces and namespaces to remove. */
export function run(command, args, { env = {}, quiet = false, onOutput } = {}) {
  return new Promise((done, refused) => {
    const stdio = quiet || onOutput ? ['ignore', 'pipe', 'pipe'] : 'inherit'
    const child = spawn(command, args, { cwd: ROOT, stdio, env: { ...process.env, ...env } })
    let output = ''
    const keep = chunk => {
      output += chunk
      onOutput?.(String(chunk))
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    const ticking = quiet ? progress(() => output) : undefined
    const handOn = signal => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, handOn)
    child.on('error', refused)
    child.on('close', (code, signal) => {
      clearInterval(ticking)
      for (const name of signals) process.off(name, handOn)
      if (quiet && code !== 0) process.stderr.write(output)
      done(code ?? (signal === 'SIGINT' ? 130 : 1))
    })
  })
}

/** True when the command can be started and succeeds. */
export const works = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
