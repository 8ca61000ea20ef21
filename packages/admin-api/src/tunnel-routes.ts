import { DROPS } from '@brunel/base'
import { type Static, Type } from 'typebox'
import { auditOf } from './access.js'
import type { ApiPorts } from './api.js'
import type { App } from './app.js'
import { ApiProblem, notFound } from './problem.js'
import { ACTIONS, ActionReport, type TunnelAction, TunnelReport } from './reports.js'
import { answers } from './schemas.js'

const Name = Type.Object({ name: Type.String() })
const What = Type.Object({
  what: Type.Optional(
    Type.Union([Type.Literal('all'), Type.Literal('ike'), Type.Literal('child')], {
      description: 'For `rekey`: the IKE SA, the child SA, or one after the other.',
      default: 'all',
    }),
  ),
})
const Often = Type.Object({
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 3 })),
  interval: Type.Optional(
    Type.Integer({ minimum: 2, maximum: 1000, default: 200, description: 'Milliseconds.' }),
  ),
})
const QUERY: Partial<Record<TunnelAction, typeof What | typeof Often>> = { rekey: What, ping: Often }
const DropView = Type.Object({
  reason: Type.String(),
  direction: Type.String(),
  count: Type.Number(),
  meaning: Type.String(),
})

const SUMMARY: Readonly<Record<TunnelAction, string>> = {
  up: 'Bring a tunnel up',
  down: 'Take a tunnel down until it is brought up again',
  rekey: 'Rekey the child and IKE SA',
  reauthenticate: 'Negotiate the IKE SA anew',
  ping: 'Ask the far end whether it lives',
}

/** What the router refuses: 501 where it is not built, 409 where it does not fit the state. */
function refusal({ code, detail, remedy }: ActionReport): ApiProblem {
  const missing = code === 'BRUNEL_ACTION_NOT_AVAILABLE'
  return new ApiProblem(missing ? 501 : 409, 'BRUNEL_ACTION_NOT_AVAILABLE', {
    detail,
    ...(code === null ? {} : { code }),
    ...(remedy === null ? {} : { remedy }),
  })
}

export function tunnelRoutes(app: App, { router, audit }: ApiPorts): void {
  app.get(
    '/v1/tunnels',
    {
      config: { role: 'read' },
      schema: {
        tags: ['tunnels'],
        summary: 'All tunnels and their state',
        response: answers({ 200: Type.Array(TunnelReport) }),
      },
    },
    async (_request, reply) => reply.send((await router.tunnels()) as never),
  )

  app.get(
    '/v1/tunnels/:name',
    {
      config: { role: 'read' },
      schema: {
        tags: ['tunnels'],
        summary: 'One tunnel: layers, SAs, counters, MTU, last failure',
        params: Name,
        response: answers({ 200: TunnelReport }),
      },
    },
    async (request, reply) => {
      const report = await router.tunnel(request.params.name)
      if (report === undefined) throw notFound('tunnel', request.params.name)
      return reply.send(report as never)
    },
  )

  for (const action of ACTIONS) {
    app.post(
      `/v1/tunnels/:name/${action}`,
      {
        config: { role: 'admin' },
        schema: {
          tags: ['tunnels'],
          summary: SUMMARY[action],
          params: Name,
          ...(QUERY[action] === undefined ? {} : { querystring: QUERY[action] }),
          response: answers({ 200: ActionReport }),
        },
      },
      async (request, reply) => {
        const { name } = request.params as { name: string }
        const query = request.query as Static<typeof What> & Static<typeof Often>
        const { what = 'all', count = 3, interval = 200 } = query
        const report = await router.act(name, action, { what, count, interval })
        if (report === undefined) throw notFound('tunnel', name)
        if (!report.done) throw refusal(report)
        await audit.append(auditOf(request, `tunnel-${action}`, name, report.detail))
        return reply.send(report as never)
      },
    )
  }

  app.get(
    '/v1/drops',
    {
      config: { role: 'read' },
      schema: {
        tags: ['state'],
        summary: 'What was dropped, and why',
        response: answers({ 200: Type.Array(DropView) }),
      },
    },
    async () =>
      (await router.drops()).map(({ reason, direction, count }) => ({
        reason,
        direction,
        count,
        meaning: (DROPS as Readonly<Record<string, string>>)[reason] ?? '',
      })),
  )
}
