import { PassThrough } from 'node:stream'
import { Type } from 'typebox'
import type { ApiPorts } from './api.js'
import type { App } from './app.js'
import { ApiProblem } from './problem.js'
import type { RouterEvent } from './reports.js'
import { answers } from './schemas.js'

/** Readers at once. Too few: dashboards are refused. Too many: memory of readers that do not read. */
const READERS = 64
/** What one reader may be behind before it is cut off. */
const BACKLOG_BYTES = 1 << 20
/** Proxies close what is silent for longer. */
const HEARTBEAT_MS = 15_000

/** Server-sent events: one line of JSON for each event of the router. */
export function eventRoutes(app: App, { router }: ApiPorts): void {
  const readers = new Set<PassThrough>()
  app.addHook('preClose', async () => {
    for (const reader of readers) reader.end()
  })

  app.get(
    '/v1/events',
    {
      config: { role: 'read' },
      schema: {
        tags: ['state'],
        summary: 'What happens, as server-sent events',
        produces: ['text/event-stream'],
        response: answers({ 200: Type.Any({ description: 'event: NAME, data: JSON' }) }),
      },
    },
    (_request, reply) => {
      if (readers.size >= READERS)
        throw new ApiProblem(503, 'BRUNEL_API_BUSY', { detail: 'Too many readers of events.' })
      const stream = new PassThrough()
      readers.add(stream)
      const write = (text: string) => {
        if (stream.writableLength > BACKLOG_BYTES) stream.destroy()
        else stream.write(text)
      }
      const stop = router.subscribe((event: RouterEvent) =>
        write(`event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`),
      )
      const beat = setInterval(() => write(': \n\n'), HEARTBEAT_MS).unref()
      stream.once('close', () => {
        clearInterval(beat)
        stop()
        readers.delete(stream)
      })
      write(': connected\n\n')
      return reply.type('text/event-stream').header('cache-control', 'no-store').send(stream)
    },
  )
}
