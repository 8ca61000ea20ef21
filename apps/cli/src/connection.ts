import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection } from './client.js'
import { EXIT, Failure } from './failure.js'
import type { Terminal } from './terminal.js'

/** The options that every command has. */
export interface GlobalOptions {
  readonly url?: string
  readonly socket?: string
  readonly tokenFile?: string
  readonly dataDir?: string
  readonly json?: boolean
}

export const DATA_DIR = '/var/lib/brunel'
export const URL_DEFAULT = 'http://127.0.0.1:8470'

function urlOf(text: string): URL {
  const whole = text.includes('://') ? text : `http://${text}`
  const url = URL.canParse(whole) ? new URL(whole) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new Failure(EXIT.usage, `"${text}" is not the address of an API.`, {
    remedy: `Write such as ${URL_DEFAULT}.`,
  })
}

function whereOf(
  { url, socket }: GlobalOptions,
  env: Terminal['env'],
  directory: string,
): Connection['where'] {
  if (url !== undefined) return { url: urlOf(url) }
  if (socket !== undefined) return { socket }
  if (env['BRUNEL_URL']) return { url: urlOf(env['BRUNEL_URL']) }
  if (env['BRUNEL_SOCKET']) return { socket: env['BRUNEL_SOCKET'] }
  const own = join(directory, 'bruneld.sock')
  return existsSync(own) ? { socket: own } : { url: urlOf(URL_DEFAULT) }
}

function tokenOf({ tokenFile }: GlobalOptions, terminal: Terminal, directory: string): string | undefined {
  const named = tokenFile ?? (terminal.env['BRUNEL_TOKEN'] ? undefined : terminal.env['BRUNEL_TOKEN_FILE'])
  if (named === undefined && terminal.env['BRUNEL_TOKEN']) return terminal.env['BRUNEL_TOKEN'].trim()
  try {
    return terminal.read(named ?? join(directory, 'admin.token')).trim()
  } catch (cause) {
    if (named === undefined) return undefined // the API says what is missing
    const remedy = 'Give --token-file the file with the token, or set BRUNEL_TOKEN.'
    throw new Failure(EXIT.usage, `The token file ${named} cannot be read: ${(cause as Error).message}`, {
      remedy,
    })
  }
}

/** Another router: nothing of it comes from the environment or the data directory, its token least of all. */
export function connectionTo(api: string, tokenFile: string | undefined, terminal: Terminal): Connection {
  return {
    where: api.startsWith('/') ? { socket: api } : { url: urlOf(api) },
    token: tokenFile === undefined ? undefined : tokenFrom(tokenFile, '--other-token-file', terminal),
  }
}

function tokenFrom(file: string, option: string, terminal: Terminal): string {
  try {
    return terminal.read(file).trim()
  } catch (cause) {
    throw new Failure(EXIT.usage, `The token file ${file} cannot be read: ${(cause as Error).message}`, {
      remedy: `Give ${option} the file with the token.`,
    })
  }
}

/** The command line comes first, then the environment, then the data directory. */
export function connectionOf(options: GlobalOptions, terminal: Terminal): Connection {
  const directory = options.dataDir ?? terminal.env['BRUNEL_DATA_DIR'] ?? DATA_DIR
  return { where: whereOf(options, terminal.env, directory), token: tokenOf(options, terminal, directory) }
}
