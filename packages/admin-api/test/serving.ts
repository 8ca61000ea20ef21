import type { FastifyBaseLogger, InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { createAdminApi } from '../src/index.js'
import { fakePorts, TOKENS } from './fakes.js'

/** A logger that keeps every line, so that a test can look for what must not be in it. */
function keeping(lines: string[]): FastifyBaseLogger {
  const keep = (...args: unknown[]): void => {
    const shown = args.map(arg => (arg instanceof Error ? arg.stack : arg))
    lines.push(
      JSON.stringify(shown, (_, v) =>
        v instanceof Error ? { message: v.message, stack: v.stack } : safe(v),
      ),
    )
  }
  const logger = {
    level: 'trace',
    silent: keep,
    fatal: keep,
    error: keep,
    warn: keep,
    info: keep,
    debug: keep,
    trace: keep,
  }
  return { ...logger, child: () => keeping(lines) } as unknown as FastifyBaseLogger
}

/** Requests and replies hold sockets; what pino shows of them is the method and the path. */
const safe = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'raw' in value
    ? String((value as { url?: string }).url)
    : value

export async function serving(t: Test, now?: () => number) {
  const ports = fakePorts()
  const log: string[] = []
  const app = await createAdminApi({ ...ports, version: '0.1.0', logger: keeping(log), now })
  t.teardown(() => app.close())
  const send = async (
    method: string,
    url: string,
    payload?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const options = {
      method,
      url,
      headers: { authorization: `Bearer ${TOKENS.admin}`, ...headers },
    } as InjectOptions
    if (payload !== undefined) options.payload = payload as object
    const answer = await app.inject(options)
    const isJson = String(answer.headers['content-type']).includes('json')
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: answer.body,
      body: isJson ? answer.json() : undefined,
    }
  }
  return { ...ports, app, log, send }
}

export const SECRET = 'correct horse battery staple'

export const branch = (n: number, more: object = {}) => ({
  name: `branch-${n}`,
  remote: { address: `198.51.100.${n}` },
  auth: { method: 'psk', psk: SECRET },
  ...more,
})
