import type { AuditLog, PeerStore, RouterControl, TokenStore } from './ports.js'

/** What the routes are built over. */
export interface ApiPorts {
  readonly router: RouterControl
  readonly peers: PeerStore
  readonly tokens: TokenStore
  readonly audit: AuditLog
}

export interface ApiOptions extends ApiPorts {
  readonly version: string
  /** A pino logger, or any other that Fastify takes; left out: silence. */
  readonly logger?: import('fastify').FastifyBaseLogger | undefined
  /** Wall clock in ms, for the limit of failed tries. */
  readonly now?: (() => number) | undefined
}
