import { Type } from 'typebox'
import { auditOf } from './access.js'
import type { ApiOptions } from './api.js'
import type { App } from './app.js'
import { ROLES } from './ports.js'
import { ApiProblem, notFound } from './problem.js'
import { HealthReport } from './reports.js'
import { answers } from './schemas.js'

const Role = Type.Union(ROLES.map(role => Type.Literal(role)))
const Token = Type.Object({
  name: Type.String(),
  role: Type.String(),
  createdAt: Type.String(),
  lastUsedAt: Type.Union([Type.String(), Type.Null()]),
})
const NewToken = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', description: 'As a peer is named.' }),
    role: Role,
  },
  { additionalProperties: false },
)
const MadeToken = Type.Object({
  ...Token.properties,
  token: Type.String({ description: 'Shown this once.' }),
})
const AuditRecord = Type.Object({
  id: Type.Integer(),
  at: Type.String(),
  who: Type.String(),
  from: Type.String(),
  action: Type.String(),
  what: Type.String(),
  detail: Type.String(),
})
const AuditQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  before: Type.Optional(Type.Integer({ minimum: 0, description: 'Only records with a smaller id.' })),
})
const Health = Type.Object({ ...HealthReport.properties, version: Type.String() })

/** Tokens, the audit log, health and metrics. */
export function systemRoutes(app: App, { router, tokens, audit, version }: ApiOptions): void {
  app.get(
    '/v1/tokens',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['tokens'],
        summary: 'All tokens, without their secrets',
        response: answers({ 200: Type.Array(Token) }),
      },
    },
    async (_request, reply) => reply.send((await tokens.list()) as never),
  )

  app.post(
    '/v1/tokens',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['tokens'],
        summary: 'Make a token',
        body: NewToken,
        response: answers({ 201: MadeToken }),
      },
    },
    async (request, reply) => {
      const { name, role } = request.body
      const made = await tokens.create(name, role, auditOf(request, 'token-add', name, `role ${role}`))
      if (made === 'exists') {
        throw new ApiProblem(409, 'BRUNEL_API_EXISTS', { detail: `There is a token "${name}" already.` })
      }
      const { secret, ...token } = made
      return reply
        .code(201)
        .header('location', `/v1/tokens/${name}`)
        .send({ ...token, token: secret })
    },
  )

  app.delete(
    '/v1/tokens/:name',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['tokens'],
        summary: 'Remove a token',
        params: Type.Object({ name: Type.String() }),
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { name } = request.params
      const outcome = await tokens.remove(name, auditOf(request, 'token-remove', name, ''))
      if (outcome === 'missing') throw notFound('token', name)
      if (outcome === 'last-admin') throw new ApiProblem(409, 'BRUNEL_API_LAST_ADMIN')
      return reply.code(204).send(undefined as never)
    },
  )

  app.get(
    '/v1/audit',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['state'],
        summary: 'Who changed what, newest first',
        querystring: AuditQuery,
        response: answers({ 200: Type.Array(AuditRecord) }),
      },
    },
    async (request, reply) =>
      reply.send((await audit.list(request.query.limit ?? 100, request.query.before)) as never),
  )

  app.get(
    '/v1/health',
    {
      config: { role: 'read' },
      schema: { tags: ['state'], summary: 'Version and warnings', response: answers({ 200: Health }) },
    },
    async (_request, reply) => reply.send({ version, ...(await router.health()) } as never),
  )

  const Status = Type.Object({ status: Type.String() })
  app.get(
    '/healthz',
    {
      config: { role: 'none' },
      logLevel: 'warn',
      schema: { tags: ['state'], summary: 'The process lives', response: answers({ 200: Status }) },
    },
    async () => ({ status: 'ok' }),
  )

  app.get(
    '/readyz',
    {
      config: { role: 'none' },
      logLevel: 'warn',
      schema: { tags: ['state'], summary: 'The router is started', response: answers({ 200: Status }) },
    },
    async () => {
      if ((await router.health()).ready) return { status: 'ready' }
      throw new ApiProblem(503, 'BRUNEL_API_BUSY', { detail: 'The router is not started.' })
    },
  )

  app.get(
    '/metrics',
    {
      config: { role: 'metrics' },
      logLevel: 'warn',
      schema: {
        tags: ['state'],
        summary: 'Prometheus',
        produces: ['text/plain'],
        response: { 200: Type.String() },
      },
    },
    async (_request, reply) =>
      reply
        .type('text/plain; version=0.0.4; charset=utf-8')
        .serializer(String)
        .send(await router.metrics()),
  )
}
