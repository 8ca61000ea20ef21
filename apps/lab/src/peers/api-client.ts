import { request } from 'node:http'
import type { DropReport, RouterEvent, TunnelReport } from '@brunel/admin-api'
import { pause } from '../net/until.js'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** Where the API listens: its unix socket reaches across network namespaces. */
export interface ApiTarget {
  readonly socketPath: string
  readonly token: () => string
}

export const BUSY = 'BRUNEL_API_BUSY'
const PATIENCE_MS = 60_000

/** The admin API of one router. */
export class ApiClient {
  readonly #target: ApiTarget

  constructor(target: ApiTarget) {
    this.#target = target
  }

  /** A router that is busy for the moment is asked again, as its answer says. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    for (const end = performance.now() + PATIENCE_MS; ; ) {
      const answer = await this.#once(method, path, body, headers)
      const later = answer.status === 503 && answer.headers['retry-after'] !== undefined
      if (!later || performance.now() > end) return answer
      await pause(500)
    }
  }

  #once(
    method: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    return new Promise((done, refused) => {
      const call = request({
        socketPath: this.#target.socketPath,
        method,
        path,
        headers: {
          authorization: `Bearer ${this.#target.token()}`,
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
      })
      call.setTimeout(PATIENCE_MS, () => call.destroy(new Error(`${method} ${path}: no answer`)))
      call.on('error', refused)
      call.on('response', response => {
        let got = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          got += chunk
        })
        response.on('end', () =>
          done({ status: response.statusCode ?? 0, headers: response.headers, text: got }),
        )
      })
      call.end(text)
    })
  }

  /** The body of a 2xx answer; anything else is an error that shows the problem document. */
  async ask<T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<T> {
    const { status, text } = await this.#unlessBusy(() => this.send(method, path, body, headers))
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** A daemon that the machine gives no time for a moment says so, and has done nothing: it is asked again. */
  async #unlessBusy(ask: () => Promise<Answer>): Promise<Answer> {
    for (let tries = 10; ; tries--) {
      const answer = await ask()
      if (tries === 1 || answer.status !== 503 || !answer.text.includes('BRUNEL_API_BUSY')) return answer
      await pause(500)
    }
  }

  tunnel(name: string): Promise<TunnelReport> {
    return this.ask('GET', `/v1/tunnels/${name}`)
  }

  async drops(): Promise<Readonly<Record<string, number>>> {
    const answer = await this.ask<readonly DropReport[] | { readonly drops: readonly DropReport[] }>(
      'GET',
      '/v1/drops',
    )
    const sums: Record<string, number> = {}
    for (const { reason, count } of 'drops' in answer ? answer.drops : answer)
      sums[reason] = (sums[reason] ?? 0) + count
    return sums
  }

  async metrics(): Promise<string> {
    return (await this.send('GET', '/metrics')).text
  }

  /** Calls back for each event until the returned function is called. */
  events(listener: (event: RouterEvent) => void): () => void {
    const { socketPath, token } = this.#target
    const headers = { authorization: `Bearer ${token()}`, accept: 'text/event-stream' }
    const call = request({ socketPath, path: '/v1/events', headers }, response => {
      let rest = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        const blocks = (rest + chunk).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) {
          const data = /^data: ?(.*)$/m.exec(block)?.[1]
          if (data !== undefined) listener(JSON.parse(data) as RouterEvent)
        }
      })
      response.on('error', () => call.destroy())
    })
    call.on('error', () => call.destroy())
    call.end()
    return () => call.destroy()
  }
}
