import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuditEntry, Role, TokenStore } from './ports.js'
import { ApiProblem } from './problem.js'

/** Who may do what: bearer tokens with roles, failed tries limited, browsers of other origins refused. */

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least role that may call the route; `none`: anybody. */
    role?: Role | 'none'
  }
  interface FastifyRequest {
    /** Name of the token. */
    who: string
  }
}

const RANK: Readonly<Record<Role | 'none', number>> = { none: 0, metrics: 1, read: 2, admin: 3 }

/** Failed tries a minute for each address. A token has 256 bits: this spares the log, nobody guesses one. */
const TRIES = 10
const WINDOW_MS = 60_000
/** Addresses remembered. Too few: a stranger with many addresses is forgotten sooner. */
const REMEMBERED = 10_000

export class FailedTries {
  readonly #tries = new Map<string, { count: number; readonly until: number }>()

  /** Counts one; returns the seconds to wait where it was too many. */
  failed(address: string, now: number): number | undefined {
    const known = this.#tries.get(address)
    const entry = known !== undefined && known.until > now ? known : { count: 0, until: now + WINDOW_MS }
    entry.count++
    this.#tries.delete(address)
    this.#tries.set(address, entry)
    if (this.#tries.size > REMEMBERED) this.#tries.delete(this.#tries.keys().next().value as string)
    return entry.count > TRIES ? Math.ceil((entry.until - now) / 1000) : undefined
  }
}

export const originOf = (request: FastifyRequest): string => request.ip || 'unix'

/** A page of another site may make a browser send requests; none of them is meant. */
function refuseOtherOrigins({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site']
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none'
  const origin = headers.origin
  const same = origin === undefined || (URL.canParse(origin) && new URL(origin).host === headers.host)
  if (foreign || !same) throw new ApiProblem(403, 'BRUNEL_API_CROSS_ORIGIN')
}

const bearer = (request: FastifyRequest): string | undefined =>
  /^bearer +([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1]

export function guard(app: FastifyInstance, tokens: TokenStore, now: () => number): void {
  const tries = new FailedTries()
  app.decorateRequest('who', '')
  app.addHook('onRequest', async request => {
    refuseOtherOrigins(request)
    const needed = request.routeOptions.config?.role ?? 'admin'
    if (needed === 'none' || request.is404) return
    const presented = bearer(request)
    const token = presented === undefined ? undefined : await tokens.authenticate(presented)
    // A valid token always passes, so that nobody can lock the operator out from the same address.
    if (token === undefined) {
      const wait = presented === undefined ? undefined : tries.failed(originOf(request), now())
      if (wait !== undefined) {
        const detail = 'Too many tries with tokens that are not valid.'
        throw new ApiProblem(429, 'BRUNEL_API_TOO_MANY', { detail, headers: { 'retry-after': String(wait) } })
      }
      const detail = presented === undefined ? 'The request has no token.' : 'The token is not valid.'
      throw new ApiProblem(401, 'BRUNEL_API_UNAUTHENTICATED', {
        detail,
        headers: { 'www-authenticate': 'Bearer' },
      })
    }
    if (RANK[token.role] < RANK[needed]) {
      const detail = `This needs the role \`${needed}\`; the token "${token.name}" has the role \`${token.role}\`.`
      throw new ApiProblem(403, 'BRUNEL_API_FORBIDDEN', { detail })
    }
    request.who = token.name
  })
}

export const auditOf = (
  request: FastifyRequest,
  action: string,
  what: string,
  detail: string,
): AuditEntry => ({
  who: request.who,
  from: originOf(request),
  action,
  what,
  detail,
})
