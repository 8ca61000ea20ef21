import { Type } from 'typebox'
import type { ApiPorts } from './api.js'
import type { App } from './app.js'
import { RelayReport } from './relay-reports.js'
import { answers } from './schemas.js'

export function relayRoutes(app: App, { router }: ApiPorts): void {
  app.get(
    '/v1/relay',
    {
      config: { role: 'read' },
      schema: {
        tags: ['state'],
        summary: 'The OSPF relay of each LAN interface: ports, neighbours, and where they disagree',
        response: answers({ 200: Type.Array(RelayReport) }),
      },
    },
    async (_request, reply) => reply.send((await router.relays()) as never),
  )
}
