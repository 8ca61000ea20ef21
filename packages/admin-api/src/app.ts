import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import underPressure from '@fastify/under-pressure'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify'
import { guard, originOf } from './access.js'
import type { ApiOptions } from './api.js'
import { eventRoutes } from './event-routes.js'
import { acceptJson, reportFaults, validatorCompiler } from './faults.js'
import { peerRoutes } from './peer-routes.js'
import { ApiProblem } from './problem.js'
import { relayRoutes } from './relay-routes.js'
import { systemRoutes } from './system-routes.js'
import { tunnelRoutes } from './tunnel-routes.js'

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** A peer document is some kilobytes; more is a mistake. */
const BODY_LIMIT = 1 << 20
/** Requests a minute for each address. Too low: a busy dashboard is refused. Too high: a loop gone wild is felt. */
const REQUESTS = 6000
/** Above it the event loop is in trouble, and the API gives way to IKE. Too low: a short pause refuses requests. */
const LOOP_DELAY_MS = 5000

const openapi = (version: string) => ({
  openapi: '3.1.0',
  info: {
    title: 'Brunel',
    version,
    description:
      'The admin API of bruneld. Send `authorization: Bearer …`; the first token is in DIR/admin.token. Every fault is application/problem+json with a stable `code` and a `remedy`.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
  security: [{ token: [] }],
  tags: [
    { name: 'peers', description: 'The other routers and all we know of them' },
    { name: 'tunnels', description: 'State and actions' },
    { name: 'state', description: 'Events, drops, audit, health, metrics' },
    { name: 'tokens', description: 'Who may come in' },
  ],
})

async function plugins(app: App, { version }: ApiOptions): Promise<void> {
  // Plain HTTP on loopback or behind a proxy: nothing to upgrade, and no HSTS for a bare address.
  await app.register(helmet, {
    strictTransportSecurity: false,
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  })
  await app.register(rateLimit, {
    max: REQUESTS,
    timeWindow: '1 minute',
    keyGenerator: originOf,
    errorResponseBuilder: () => new ApiProblem(429, 'BRUNEL_API_TOO_MANY'),
  })
  await app.register(underPressure, { maxEventLoopDelay: LOOP_DELAY_MS, retryAfter: 10 })
  await app.register(swagger, { openapi: openapi(version), hideUntagged: true })
}

/** The admin API over its ports. The caller listens, or gives requests to `app.inject`. */
export async function createAdminApi(options: ApiOptions): Promise<App> {
  const app = Fastify({
    ...(options.logger === undefined ? {} : { loggerInstance: options.logger }),
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(validatorCompiler as never)
  reportFaults(app as unknown as FastifyInstance)
  acceptJson(app as unknown as FastifyInstance)
  await plugins(app, options)
  guard(app as unknown as FastifyInstance, options.tokens, options.now ?? Date.now)
  app.addHook('onRoute', route => {
    if (route.url.startsWith('/docs')) route.config = { ...route.config, role: 'none' }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformStaticCSP: policy => policy.replace(' upgrade-insecure-requests;', ''),
    logLevel: 'warn',
  })
  app.get('/openapi.json', { config: { role: 'none' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').serializer(JSON.stringify).send(app.swagger()),
  )
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
  })
  peerRoutes(app, options)
  tunnelRoutes(app, options)
  relayRoutes(app, options)
  eventRoutes(app, options)
  systemRoutes(app, options)
  await app.ready()
  return app
}
