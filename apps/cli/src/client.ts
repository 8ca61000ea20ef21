import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { EXIT, Failure } from './failure.js'

/** Where bruneld is, and what proves who we are. */
export interface Connection {
  readonly where: { readonly socket: string } | { readonly url: URL }
  readonly token: string | undefined
}

export interface Answer<T> {
  readonly body: T
  readonly etag: string | undefined
  /** What the API found unwise. */
  readonly warning: string | undefined
}

export interface Client {
  call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer<T>>
}

/** An API that is silent for longer is stuck. */
const TIMEOUT_MS = 60_000
/** A router that has no time at the moment refuses before it does anything: it is asked again, for ten seconds. */
const BUSY_MS = 1000
const BUSY_TRIES = 10

const placeOf = ({ where }: Connection): string => ('socket' in where ? where.socket : where.url.origin)

function unreachable(connection: Connection, cause: NodeJS.ErrnoException): Failure {
  const denied = cause.code === 'EACCES' || cause.code === 'EPERM'
  const message = denied
    ? `The socket ${placeOf(connection)} may not be opened by this user.`
    : `bruneld does not answer at ${placeOf(connection)} (${cause.code ?? cause.message}).`
  const remedy = denied
    ? 'Run as the user of bruneld, or use --url with a token.'
    : 'Start bruneld, or say where it is with --url, --socket or --data-dir.'
  return new Failure(EXIT.unreachable, message, { remedy })
}

const optionsFor = ({ where, token }: Connection, method: string, path: string): RequestOptions => ({
  method,
  path: 'url' in where ? `${where.url.pathname.replace(/\/$/, '')}${path}` : path,
  ...('socket' in where
    ? { socketPath: where.socket }
    : { host: where.url.hostname.replace(/^\[|\]$/g, ''), port: where.url.port }),
  headers: {
    accept: 'application/json',
    ...('socket' in where ? { host: 'bruneld' } : {}),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  },
  timeout: TIMEOUT_MS,
})

function send(
  connection: Connection,
  options: RequestOptions,
  body: string | undefined,
): Promise<IncomingMessage> {
  const secure = 'url' in connection.where && connection.where.url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(options, resolve)
    request.once('error', cause => reject(unreachable(connection, cause)))
    request.once('timeout', () => request.destroy(new Error('no answer within a minute')))
    request.end(body)
  })
}

interface ProblemAnswer {
  readonly code?: string
  readonly detail?: string
  readonly remedy?: string
  readonly errors?: Failure['errors']
}

function refusal(status: number, raw: string): Failure {
  const exit = status === 401 || status === 403 ? EXIT.notAllowed : EXIT.refused
  try {
    const { code, detail, remedy, errors } = JSON.parse(raw) as ProblemAnswer
    const more = { ...(code && { code }), ...(remedy && { remedy }), ...(errors && { errors }) }
    return new Failure(exit, detail ?? `The API answered ${status}.`, more)
  } catch {
    return new Failure(exit, `The API answered ${status}, and not in JSON.`, { remedy: 'Is this bruneld?' })
  }
}

/** RFC 9110 §10.2.3: what else is not there for a while says no Retry-After. */
const isBusy = ({ statusCode, headers }: IncomingMessage): boolean =>
  statusCode === 503 && headers['retry-after'] !== undefined

export const clientOf = (connection: Connection, wait: (ms: number) => Promise<void>): Client => ({
  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ) {
    const options = optionsFor(connection, method, path)
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const typed =
      payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
    const asked = { ...options, headers: { ...options.headers, ...typed, ...headers } as never }
    let answer = await send(connection, asked, payload)
    for (let tries = 1; isBusy(answer) && tries <= BUSY_TRIES; tries++) {
      answer.resume()
      await wait(BUSY_MS)
      answer = await send(connection, asked, payload)
    }
    const raw = await text(answer)
    const status = answer.statusCode ?? 0
    if (status < 200 || status > 299) throw refusal(status, raw)
    const header = (name: string) => answer.headers[name] as string | undefined
    return {
      body: (raw === '' ? undefined : parsed(raw)) as T,
      etag: header('etag'),
      warning: header('brunel-warning'),
    }
  },
})

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch {
    throw new Failure(EXIT.refused, 'The answer is not JSON.', { remedy: 'Is this bruneld?' })
  }
}
