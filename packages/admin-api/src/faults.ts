import { shapeProblems } from '@brunel/config'
import type { FastifyError, FastifyInstance, FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ApiProblem, bodyOf, invalid, PROBLEM_JSON } from './problem.js'

/** How anything that goes wrong becomes application/problem+json, and how requests are checked. */

/** All faults at once, in words, with pointers. Queries and paths are text, so they are converted first. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> =
  ({ schema, httpPart }) =>
  (value: unknown) => {
    const converted = httpPart === 'body' ? value : Value.Convert(schema, value)
    const errors = shapeProblems(schema, converted)
    if (errors.length === 0) return { value: converted }
    return {
      error:
        httpPart === 'body' ? invalid(errors) : new ApiProblem(400, 'BRUNEL_API_BAD_REQUEST', { errors }),
    }
  }

function faultyPosition(text: string): number {
  try {
    JSON.parse(text)
    return Number.NaN // JSON, but with a member such as __proto__
  } catch (cause) {
    return Number(/position (\d+)/.exec((cause as Error).message)?.[1] ?? Number.NaN)
  }
}

/** The parser's own sentence quotes the body, which may hold a secret: only the place is told. */
function jsonFault(text: string): ApiProblem {
  const at = faultyPosition(text)
  const before = text.slice(0, at).split('\n')
  const place = Number.isNaN(at)
    ? ''
    : `, at line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`
  const empty = text.trim() === '' ? 'The body of the request is empty.' : undefined
  return new ApiProblem(400, 'BRUNEL_API_BAD_JSON', {
    detail: empty ?? `The body of the request is not JSON${place}.`,
  })
}

export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    (request, body, done) => {
      // Clients that mark every request as JSON send actions so, which have no body.
      if (body === '') return done(null, undefined)
      parse(request, body as string, (error, value) => {
        if (error) done(jsonFault(body as string))
        else done(null, value)
      })
    },
  )
}

/** Fastify's own faults, by status; their texts name no content of the request. */
function translated(error: FastifyError): ApiProblem {
  const status = error.statusCode ?? 500
  const retry = { 'retry-after': '10' }
  if (status === 429) return new ApiProblem(429, 'BRUNEL_API_TOO_MANY')
  if (status === 503) return new ApiProblem(503, 'BRUNEL_API_BUSY', { headers: retry })
  if (status === 415) {
    const remedy = 'Send the header `content-type: application/json`.'
    return new ApiProblem(415, 'BRUNEL_API_BAD_JSON', {
      detail: 'The body of the request is not marked as JSON.',
      remedy,
    })
  }
  if (status >= 400 && status < 500)
    return new ApiProblem(status, 'BRUNEL_API_BAD_REQUEST', { detail: error.message })
  return new ApiProblem(500, 'BRUNEL_API_INTERNAL')
}

export function reportFaults(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = error instanceof ApiProblem ? error : translated(error)
    if (problem.status >= 500) request.log.error({ err: error }, 'a request failed')
    return reply
      .code(problem.status)
      .headers(problem.headers)
      .type(PROBLEM_JSON)
      .serializer(JSON.stringify)
      .send(bodyOf(problem))
  })
  app.setNotFoundHandler((request, reply) => {
    const detail = `There is nothing at ${request.method} ${request.url.split('?')[0]}.`
    const problem = new ApiProblem(404, 'BRUNEL_API_NOT_FOUND', { detail })
    return reply.code(404).type(PROBLEM_JSON).send(bodyOf(problem))
  })
}
