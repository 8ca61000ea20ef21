import type { Problem } from '@brunel/base'

/** How `brunel` ends. Scripts rely on these numbers. */
export const EXIT = {
  ok: 0,
  /** The API refused, or the file makes no sense. */
  refused: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** Nobody answers. */
  unreachable: 3,
  /** No token, a wrong one, or one of too low a role. */
  notAllowed: 4,
  /** `status --check`: a tunnel that is wanted is not up. */
  notUp: 5,
} as const

/** Why a command failed, in words for people: what is wrong, and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exit: number
  readonly code: string | undefined
  readonly remedy: string | undefined
  readonly errors: readonly Problem[]

  constructor(
    exit: number,
    message: string,
    more: { code?: string; remedy?: string; errors?: readonly Problem[] } = {},
  ) {
    super(message)
    this.exit = exit
    this.code = more.code
    this.remedy = more.remedy
    this.errors = more.errors ?? []
  }
}

/** For a terminal: the sentence, each fault with its place and remedy, then the remedy of all. */
export function failureText({ message, code, remedy, errors }: Failure): string {
  const lines = [`brunel: ${message}${code === undefined ? '' : ` (${code})`}`]
  for (const fault of errors) {
    lines.push(`  ${fault.pointer || '(whole document)'}: ${fault.detail}`)
    lines.push(`    ${fault.remedy}`)
  }
  if (remedy !== undefined) lines.push(errors.length === 0 ? `  ${remedy}` : remedy)
  return lines.join('\n')
}

export const failureJson = ({ message, code, remedy, errors }: Failure): string =>
  JSON.stringify({ detail: message, code, remedy, errors }, null, 2)
