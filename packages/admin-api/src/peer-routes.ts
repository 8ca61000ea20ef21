import type { WallClock } from '@brunel/base'
import { PeerDocument, redact, warningsOf, withDefaults } from '@brunel/config'
import type { FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import type { ApiPorts } from './api.js'
import type { App } from './app.js'
import { expectedRevision, tagOf } from './etag.js'
import { mergePatch } from './merge-patch.js'
import { PeerChanges } from './peer-changes.js'
import type { StoredPeer } from './ports.js'
import { ApiProblem, type invalid, notFound } from './problem.js'
import { answers } from './schemas.js'

const { auth: _auth, ...shownProperties } = PeerDocument.properties
const { psk: _psk, privateKey: _key, ppk, ...shownAuth } = PeerDocument.properties.auth.properties
const { secret: _secret, ...shownPpk } = ppk.properties
const PeerView = Type.Object(
  { ...shownProperties, auth: Type.Object({ ...shownAuth, ppk: Type.Optional(Type.Object(shownPpk)) }) },
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

const shown = ({ document }: StoredPeer, as: As['as']): object => {
  const visible = redact(document)
  return as === 'written' ? visible : withDefaults(visible)
}

function answer(reply: FastifyReply, stored: StoredPeer, document: PeerDocument, status: number) {
  const warnings = warningsOf(document, Date.now() as WallClock).map(
    ({ code, detail }) => `${code}: ${detail}`,
  )
  if (warnings.length > 0) reply.header('brunel-warning', warnings.join(' '))
  return reply.code(status).header('etag', tagOf(stored)).send(shown(stored, undefined))
}

export function peerRoutes(app: App, ports: ApiPorts): void {
  readingRoutes(app, ports)
  const changes = new PeerChanges(ports)
  writingRoutes(app, ports, changes)
  removingRoute(app, ports, changes)
}

function readingRoutes(app: App, { peers }: ApiPorts): void {
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
}

const withBody = {
  // The document is verified by `verifyPeer`, which reports what the schema and the rest of the configuration say at once.
  validatorCompiler: () => (value: unknown) => ({ value }),
  serializerCompiler: () => JSON.stringify,
  config: { role: 'admin' as const },
}

function writingRoutes(app: App, { peers }: ApiPorts, changes: PeerChanges): void {
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
      changes.inTurn(async () => {
        const document = await changes.verified(request.body)
        const { name } = document
        if ((await peers.read(name)) !== undefined) {
          const detail = `There is a peer "${name}" already.`
          throw new ApiProblem(409, 'BRUNEL_API_EXISTS', { detail })
        }
        const stored = await changes.write(request, { document, current: undefined, expected: 0 })
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
        summary: 'Add or replace a peer; a secret that is left out stays as it is stored',
        params: Name,
        body: PeerDocument,
        response: answers({ 200: PeerView, 201: PeerView }),
      },
    },
    (request, reply) =>
      changes.inTurn(async () => {
        const { name } = request.params
        const current = await peers.read(name)
        const expected = expectedRevision(request, current)
        const body = named(request.body, name)
        const document = await changes.verified(body.document, body.problems)
        const stored = await changes.write(request, { document, current, expected })
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
      changes.inTurn(async () => {
        const { name } = request.params
        const current = await peers.read(name)
        if (current === undefined) throw notFound('peer', name)
        const expected = expectedRevision(request, current)
        const body = named(mergePatch(current.document, request.body), name)
        const document = await changes.verified(body.document, body.problems)
        return answer(reply, await changes.write(request, { document, current, expected }), document, 200)
      }),
  )
}

function removingRoute(app: App, { peers }: ApiPorts, changes: PeerChanges): void {
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
      changes.inTurn(async () => {
        const { name } = request.params
        const current = await peers.read(name)
        if (current === undefined) throw notFound('peer', name)
        const expected = expectedRevision(request, current) ?? current.revision
        await changes.remove(request, name, expected)
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
