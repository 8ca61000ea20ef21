import type { Problem } from '@brunel/base'
import { CODES, type Code } from '@brunel/config'
import { Type } from 'typebox'

/** RFC 9457. Thrown inside a handler, sent as application/problem+json. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly code: string
  readonly remedy: string
  readonly errors: readonly Problem[] | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: Code, more: ProblemDetails = {}) {
    super(more.detail ?? CODES[code].meaning)
    this.status = status
    this.code = more.code ?? code
    this.remedy = more.remedy ?? CODES[code].remedy
    this.errors = more.errors
    this.headers = more.headers ?? {}
  }
}

interface ProblemDetails {
  /** A code from elsewhere, such as that of an action. */
  readonly code?: string
  readonly detail?: string
  readonly remedy?: string
  readonly errors?: readonly Problem[]
  readonly headers?: Readonly<Record<string, string>>
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  409: 'In conflict',
  412: 'Changed meanwhile',
  413: 'Too large',
  415: 'Not JSON',
  422: 'Refused',
  429: 'Too many',
  500: 'Our fault',
  501: 'Not available',
  503: 'Busy',
}

const Fault = Type.Object({
  pointer: Type.String({ description: 'JSON pointer into the body of the request.' }),
  code: Type.String(),
  detail: Type.String(),
  remedy: Type.String(),
})

export const ProblemBody = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; listed in docs/errors.md.' }),
    detail: Type.String(),
    remedy: Type.String(),
    errors: Type.Optional(Type.Array(Fault)),
  },
  { title: 'Problem', description: 'RFC 9457, with a stable code and a remedy.' },
)

export const PROBLEM_JSON = 'application/problem+json'

export const bodyOf = (problem: ApiProblem) => ({
  type: `urn:brunel:problem:${problem.code}`,
  title: TITLES[problem.status] ?? 'Refused',
  status: problem.status,
  code: problem.code,
  detail: problem.message,
  remedy: problem.remedy,
  ...(problem.errors === undefined ? {} : { errors: problem.errors }),
})

export const invalid = (errors: readonly Problem[]): ApiProblem =>
  new ApiProblem(422, 'BRUNEL_API_INVALID', {
    detail: `The document is refused: ${errors.length === 1 ? 'one problem' : `${errors.length} problems`}. Nothing was stored.`,
    errors,
  })

export const notFound = (kind: 'peer' | 'tunnel' | 'token', name: string): ApiProblem =>
  new ApiProblem(404, 'BRUNEL_API_NOT_FOUND', {
    detail: `There is no ${kind} "${name}".`,
    remedy: `GET /v1/${kind}s lists what there is; on the command line, \`brunel ${kind === 'tunnel' ? 'status' : `${kind} list`}\`.`,
  })
