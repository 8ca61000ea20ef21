import {
  normalise,
  PeerDocument,
  plan,
  redact,
  secretsOf,
  verifyPeer,
  warningsOf,
  withDefaults,
} from '@brunel/config'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { auditOf } from './access.js'
import type { ApiPorts } from './api.js'
import type { App } from './app.js'
import { mergePatch } from './merge-patch.js'
import type { StoredPeer } from './ports.js'
import { ApiProblem, invalid, notFound } from './problem.js'
import { answers } from './schemas.js'

/** Peers: verify everything, then store, then tell the router; in this order, one change at a time. */

const { auth: _auth, ...shownProperties } = PeerDocument.properties
const PeerView = Type.Object(
  { ...shownProperties, auth: Type.Object({ method: PeerDocument.properties.auth.properties.method }) },
  { title: 'PeerView', description: 'A peer as it is shown: defaults written out, secrets left out.' },
)
const PeerPatch = Type.Object(
  {},
  {
    title: 'PeerPatch',
    description: 'The members to change (RFC 7396); null takes one back to its default.',
  },
)
const Name = Type.Object({ name: Type.String() })
const As = Type.Object({
  as: Type.Optional(
    Type.Union([Type.Literal('effective'), Type.Literal('written')], {
      description: '`effective`: with all defaults; `written`: as it was sent.',
      default: 'effective',
    }),
  ),
})
type As = Static<typeof As>

const tagOf = (peer: StoredPeer): string => `"${peer.revision}"`

const shown = ({ document }: StoredPeer, as: As['as']): object => {
  const visible = redact(document)
  return as === 'written' ? visible : withDefaults(visible)
}

/** The revision that must hold: RFC 9110 §13.1.1 and §13.1.2. */
function expectedRevision(request: FastifyRequest, current: StoredPeer | undefined): number | undefined {
  const { 'if-match': match, 'if-none-match': none } = request.headers
  if (none === '*' && current !== undefined)
    throw new ApiProblem(412, 'BRUNEL_API_CHANGED', { detail: 'It is there already.' })
  if (match === undefined) return none === '*' ? 0 : undefined
  const tags = match.split(',').map(tag => tag.trim())
  if (current !== undefined && (tags.includes('*') || tags.includes(tagOf(current)))) return current.revision
  throw changed(current)
}

const changed = (current: StoredPeer | undefined): ApiProblem => {
  const detail =
    current === undefined ? 'It does not exist.' : `It was changed; its ETag is ${tagOf(current)}.`
  return new ApiProblem(412, 'BRUNEL_API_CHANGED', { detail })
}

interface Change {
  readonly document: PeerDocument
  readonly current: StoredPeer | undefined
  readonly expected: number | undefined
}

export function peerRoutes(app: App, ports: ApiPorts): void {
  const { peers } = ports
  const enqueue = oneAtATime()

  async function verified(
    document: unknown,
    extra: Parameters<typeof invalid>[0] = [],
  ): Promise<PeerDocument> {
    const others = (await peers.list()).map(peer => peer.document)
    const name = (document as { name?: unknown } | null)?.name
    const secret = typeof name === 'string' && (await peers.hasSecret(name))
    const problems = [...extra, ...verifyPeer(document, others, { hasSecret: () => secret })]
    if (problems.length > 0) throw invalid(problems)
    return document as PeerDocument
  }

  async function applied(
    request: FastifyRequest,
    name: string,
    revision: number,
    steps: ReturnType<typeof plan>,
  ) {
    if (steps.length === 0) return
    try {
      await ports.router.apply(steps)
    } catch (cause) {
      request.log.error({ err: cause, peer: name }, 'the change was refused and is taken back')
      await peers.undo(name, revision, auditOf(request, 'peer-undo', name, 'the system refused the change'))
      const { code, message, remedy } = cause as { code?: string; message: string; remedy?: string }
      // With a code of ours it is known why, and it lies in the document or the machine: not our fault.
      const known = code?.startsWith('BRUNEL_') ?? false
      throw new ApiProblem(known ? 409 : 500, 'BRUNEL_API_APPLY', {
        detail: `The system refused the change, and it was taken back: ${message}`,
        ...(known && code !== undefined ? { code } : {}),
        ...(known && remedy !== undefined ? { remedy } : {}),
      })
    }
  }

  async function change(
    request: FastifyRequest,
    { document, current, expected }: Change,
  ): Promise<StoredPeer> {
    const { name } = document
    const before = current === undefined ? [] : [normalise(current.document)]
    const secret = secretsOf(document).psk === undefined ? [] : [name]
    const steps = plan(before, [normalise(document)], secret)
    const layers = steps.flatMap(step => (step.do === 'change' ? step.layers : []))
    const action = current === undefined ? 'peer-add' : 'peer-change'
    const audit = auditOf(request, action, name, layers.join(', '))
    const stored = await peers.write({ document, expected: expected ?? current?.revision ?? 0, audit })
    if (stored === 'conflict') throw changed(await peers.read(name))
    await applied(request, name, stored.revision, steps)
    return stored
  }

  function answer(reply: FastifyReply, stored: StoredPeer, document: PeerDocument, status: number) {
    const warnings = warningsOf(document).map(({ code, detail }) => `${code}: ${detail}`)
    if (warnings.length > 0) reply.header('brunel-warning', warnings.join(' '))
    return reply.code(status).header('etag', tagOf(stored)).send(shown(stored, undefined))
  }

  const withBody = {
    // The document is verified by `verifyPeer`, which reports what the schema and the rest of the configuration say at once.
    validatorCompiler: () => (value: unknown) => ({ value }),
    serializerCompiler: () => JSON.stringify,
    config: { role: 'admin' as const },
  }

  app.get(
    '/v1/peers',
    {
      config: { role: 'read' },
      serializerCompiler: () => JSON.stringify,
      schema: {
        tags: ['peers'],
        summary: 'All peers',
        querystring: As,
        response: answers({ 200: Type.Array(PeerView) }),
      },
    },
    async request =>
      (await peers.list()).map(peer => shown(peer, request.query.as)) as Static<typeof PeerView>[],
  )

  app.get(
    '/v1/peers/:name',
    {
      config: { role: 'read' },
      serializerCompiler: () => JSON.stringify,
      schema: {
        tags: ['peers'],
        summary: 'One peer',
        params: Name,
        querystring: As,
        response: answers({ 200: PeerView }),
      },
    },
    async (request, reply) => {
      const peer = await peers.read(request.params.name)
      if (peer === undefined) throw notFound('peer', request.params.name)
      reply.header('etag', tagOf(peer))
      if (request.headers['if-none-match'] === tagOf(peer)) return reply.code(304).send(undefined as never)
      return reply.send(shown(peer, request.query.as) as Static<typeof PeerView>)
    },
  )

  app.post(
    '/v1/peers',
    {
      ...withBody,
      schema: {
        tags: ['peers'],
        summary: 'Add a peer',
        body: PeerDocument,
        response: answers({ 201: PeerView }),
      },
    },
    (request, reply) =>
      enqueue(async () => {
        const document = await verified(request.body)
        const { name } = document
        if ((await peers.read(name)) !== undefined) {
          const detail = `There is a peer "${name}" already.`
          throw new ApiProblem(409, 'BRUNEL_API_EXISTS', { detail })
        }
        const stored = await change(request, { document, current: undefined, expected: 0 })
        reply.header('location', `/v1/peers/${encodeURIComponent(name)}`)
        return answer(reply, stored, document, 201)
      }),
  )

  app.put(
    '/v1/peers/:name',
    {
      ...withBody,
      schema: {
        tags: ['peers'],
        summary: 'Add or replace a peer; without `auth.psk` the stored one stays',
        params: Name,
        body: PeerDocument,
        response: answers({ 200: PeerView, 201: PeerView }),
      },
    },
    (request, reply) =>
      enqueue(async () => {
        const { name } = request.params
        const current = await peers.read(name)
        const expected = expectedRevision(request, current)
        const body = named(request.body, name)
        const document = await verified(body.document, body.problems)
        const stored = await change(request, { document, current, expected })
        return answer(reply, stored, document, current === undefined ? 201 : 200)
      }),
  )

  app.patch(
    '/v1/peers/:name',
    {
      ...withBody,
      schema: {
        tags: ['peers'],
        summary: 'Change members of a peer (RFC 7396)',
        params: Name,
        body: PeerPatch,
        response: answers({ 200: PeerView }),
      },
    },
    (request, reply) =>
      enqueue(async () => {
        const { name } = request.params
        const current = await peers.read(name)
        if (current === undefined) throw notFound('peer', name)
        const expected = expectedRevision(request, current)
        const body = named(mergePatch(current.document, request.body), name)
        const document = await verified(body.document, body.problems)
        return answer(reply, await change(request, { document, current, expected }), document, 200)
      }),
  )

  app.delete(
    '/v1/peers/:name',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['peers'],
        summary: 'Remove a peer and its tunnel',
        params: Name,
        response: answers({ 204: Type.Null() }),
      },
    },
    (request, reply) =>
      enqueue(async () => {
        const { name } = request.params
        const current = await peers.read(name)
        if (current === undefined) throw notFound('peer', name)
        const expected = expectedRevision(request, current) ?? current.revision
        const outcome = await peers.remove(name, expected, auditOf(request, 'peer-remove', name, ''))
        if (outcome !== 'removed') throw changed(await peers.read(name))
        await applied(request, name, 0, [{ do: 'remove', peer: name }])
        return reply.code(204).send(undefined as never)
      }),
  )
}

/** The path names the peer; a body may leave the name out and must not have another. */
function named(body: unknown, name: string): { document: unknown; problems: Parameters<typeof invalid>[0] } {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { document: body, problems: [] }
  const given = (body as { name?: unknown }).name
  if (given === undefined || given === name) return { document: { ...body, name }, problems: [] }
  const detail = `The path names the peer "${name}" and the document does not.`
  const remedy = 'A peer is not renamed: leave `name` as it is, or add a new peer and remove this one.'
  return {
    document: { ...body, name },
    problems: [{ pointer: '/name', code: 'BRUNEL_CONFIG_NAME', detail, remedy }],
  }
}

/** Changes wait for one another, so that what was verified is what is stored and applied. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const next = last.then(work, work)
    last = next.catch(() => undefined) // its own caller hears of it
    return next
  }
}
