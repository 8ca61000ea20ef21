/** What is wrong with a document, and what to do about it. All problems are reported at once. */
export interface Problem {
  /** JSON pointer (RFC 6901) of the fault, '' for the whole document. */
  readonly pointer: string
  /** A stable code of the registry, BRUNEL_…. */
  readonly code: string
  /** What is wrong, in a sentence. */
  readonly detail: string
  /** What to change. */
  readonly remedy: string
}
