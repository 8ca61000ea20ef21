import type { Code } from '@brunel/config'

/** The system or the directory refuses. Thrown at the edge; `code` is of the registry, `remedy` says what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: Code
  readonly remedy: string

  constructor(code: Code, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.remedy = remedy
  }
}
