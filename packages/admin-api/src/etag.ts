import type { FastifyRequest } from 'fastify'
import type { StoredPeer } from './ports.js'
import { ApiProblem } from './problem.js'

/** The revision of a peer is its entity tag. */
export const tagOf = (peer: StoredPeer): string => `"${peer.revision}"`

/** The revision that must hold: RFC 9110 §13.1.1 and §13.1.2. */
export function expectedRevision(
  request: FastifyRequest,
  current: StoredPeer | undefined,
): number | undefined {
  const { 'if-match': match, 'if-none-match': none } = request.headers
  if (none === '*' && current !== undefined)
    throw new ApiProblem(412, 'BRUNEL_API_CHANGED', { detail: 'It is there already.' })
  if (match === undefined) return none === '*' ? 0 : undefined
  const tags = match.split(',').map(tag => tag.trim())
  if (current !== undefined && (tags.includes('*') || tags.includes(tagOf(current)))) return current.revision
  throw changed(current)
}

export const changed = (current: StoredPeer | undefined): ApiProblem => {
  const detail =
    current === undefined ? 'It does not exist.' : `It was changed; its ETag is ${tagOf(current)}.`
  return new ApiProblem(412, 'BRUNEL_API_CHANGED', { detail })
}
