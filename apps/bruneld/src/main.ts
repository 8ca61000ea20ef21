import { readFileSync } from 'node:fs'
import type { Problem } from '@brunel/base'
import { Daemon } from './daemon.js'
import { openLog } from './log.js'
import { readOptions } from './options.js'

const packageFile = new URL('../../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }

/** Longest that a stop may take before the process ends all the same; the kernel takes some 50 ms for each interface. */
const STOP_MS = 60_000

/** What every error of ours may carry for the operator. */
interface Explained extends Error {
  readonly code?: string
  readonly remedy?: string
  readonly problems?: readonly Problem[]
}

function explain(error: unknown): void {
  const { message, code, remedy, problems } = error as Explained
  process.stderr.write(`bruneld: ${message}${code === undefined ? '' : ` [${code}]`}\n`)
  for (const { pointer, detail, remedy: mend } of problems ?? [])
    process.stderr.write(`  ${pointer}: ${detail}\n      ${mend}\n`)
  if (remedy !== undefined) process.stderr.write(`  ${remedy}\n`)
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), version)
  const log = openLog(options.logLevel, version)
  const daemon = new Daemon(options, version, log)
  if (options.check) {
    const lacks = daemon.check()
    for (const { code, detail, remedy } of lacks) process.stdout.write(`${detail} [${code}]\n  ${remedy}\n`)
    if (lacks.length === 0) process.stdout.write('The configuration and this machine are fit.\n')
    process.exitCode = lacks.some(({ fatal }) => fatal) ? 1 : 0
    return
  }
  let stopping = false
  const stop = (signal: string): void => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), STOP_MS).unref()
    daemon.stop().then(
      () => process.exit(0),
      error => {
        log.error({ error: String(error) }, 'the stop was not clean')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  process.on('SIGHUP', () => {
    daemon.reload().catch(error => {
      explain(error)
      log.error(
        { code: (error as Explained).code },
        'the configuration was not read again; the old one stays',
      )
    })
  })
  try {
    await daemon.start()
  } catch (error) {
    await daemon.stop().catch(() => undefined) // the first failure is the one to tell
    throw error
  }
}

main().catch(error => {
  explain(error)
  process.exit(1)
})
