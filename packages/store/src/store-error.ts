/** The system or the directory refuses. Thrown at the edge; `code` is of the registry, `remedy` says what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: string
  readonly remedy: string

  constructor(code: string, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.remedy = remedy
  }
}
