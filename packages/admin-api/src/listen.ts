import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import type { Code } from '@brunel/config'
import type { App } from './app.js'

/** The doors of the API: TCP, and a unix socket that only the owner may open. */
export interface Doors {
  /** What to write into a browser, or undefined without TCP. */
  readonly url: string | undefined
  close(): Promise<void>
}

export interface DoorOptions {
  readonly tcp?: { readonly host: string; readonly port: number } | undefined
  readonly socket?: string | undefined
}

export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: Code = 'BRUNEL_API_LISTEN'
  readonly remedy: string
  constructor(message: string, remedy: string, cause: unknown) {
    super(message, { cause })
    this.remedy = remedy
  }
}

/** A socket file that nobody answers on is left from a process that was killed. */
const answered = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })

const opened = (server: Server, where: { path: string } | { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })

const refused = (where: string, option: string, cause: unknown): ListenError => {
  const taken = (cause as { code?: string }).code === 'EADDRINUSE'
  const why = taken ? 'another process listens there' : (cause as Error).message
  const remedy = taken
    ? `Stop that process, or give ${option} another value.`
    : `Give ${option} another value.`
  return new ListenError(`The admin API cannot listen on ${where}: ${why}.`, remedy, cause)
}

async function openSocket(server: Server, path: string): Promise<void> {
  if (await answered(path)) throw refused(path, '--socket', { code: 'EADDRINUSE' })
  rmSync(path, { force: true })
  await opened(server, { path })
  chmodSync(path, 0o600)
}

const closed = (server: Server): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

function urlOf(server: Server): string {
  const at = server.address()
  if (at === null || typeof at === 'string') return ''
  return `http://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}`
}

/** Opens what is asked for, all of it or nothing. */
export async function listen(app: App, { tcp, socket }: DoorOptions): Promise<Doors> {
  const servers: Server[] = []
  const door = (): Server => {
    const server = createServer({ requestTimeout: 30_000 }, (request, response) =>
      app.routing(request, response),
    )
    servers.push(server)
    return server
  }
  const close = async (): Promise<void> => {
    await app.close() // ends the streams of events first
    await Promise.all(servers.filter(({ listening }) => listening).map(closed))
    if (socket !== undefined) rmSync(socket, { force: true })
  }
  try {
    let url: string | undefined
    if (tcp !== undefined) {
      const server = door()
      await opened(server, tcp).catch(cause => {
        throw refused(`${tcp.host} port ${tcp.port}`, '--listen', cause)
      })
      url = urlOf(server)
    }
    if (socket !== undefined) {
      await openSocket(door(), socket).catch(cause => {
        throw cause instanceof ListenError ? cause : refused(socket, '--socket', cause)
      })
    }
    return { url, close }
  } catch (cause) {
    await Promise.all(servers.filter(({ listening }) => listening).map(closed))
    throw cause
  }
}
