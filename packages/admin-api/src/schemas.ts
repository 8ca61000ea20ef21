import type { TSchema } from 'typebox'
import { ProblemBody } from './problem.js'

/** The answers of a route for OpenAPI: those of success, and a problem for all else. */
export const answers = <T extends Record<number, TSchema>>(good: T) =>
  ({ ...good, '4xx': ProblemBody, '5xx': ProblemBody }) as T & {
    '4xx': typeof ProblemBody
    '5xx': typeof ProblemBody
  }
