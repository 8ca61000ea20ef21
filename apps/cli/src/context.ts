import type { Command } from 'commander'
import { type Answer, type Client, clientOf } from './client.js'
import { connectionOf, type GlobalOptions } from './connection.js'
import type { Terminal } from './terminal.js'

/** What a command works with. */
export interface Context {
  readonly api: Client
  readonly terminal: Terminal
  readonly json: boolean
  /** Prints the answer as JSON where that was asked for, else for people. */
  show<T>(answer: T, forPeople: (answer: T) => string): void
  /** Tells what the API found unwise. */
  warn(answer: Answer<unknown>): void
}

export function contextOf(command: Command, terminal: Terminal): Context {
  const options = command.optsWithGlobals<GlobalOptions>()
  const json = options.json ?? false
  return {
    api: clientOf(connectionOf(options, terminal), terminal.wait),
    terminal,
    json,
    show: (answer, forPeople) => terminal.out(json ? JSON.stringify(answer, null, 2) : forPeople(answer)),
    warn: ({ warning }) => {
      if (warning !== undefined) terminal.err(`brunel: warning: ${warning}`)
    },
  }
}

export const pathTo = (collection: string, name: string): string =>
  `/v1/${collection}/${encodeURIComponent(name)}`
