import type { TokenReport } from '@brunel/admin-api'
import { type Command, Option } from 'commander'
import { contextOf, pathTo } from '../context.js'
import type { Terminal } from '../terminal.js'
import { moment, table } from '../words.js'

/** `brunel token …`. */
export function tokenCommands(program: Command, terminal: Terminal): void {
  const token = program.command('token').description('who may use the API')

  token
    .command('add')
    .description('make a token; it is printed this once')
    .argument('<name>', 'name of the token')
    .addOption(
      new Option('--role <role>', 'what it may do').choices(['admin', 'read', 'metrics']).default('read'),
    )
    .action(async (name: string, { role }: { role: string }, command: Command) => {
      const { api, show, terminal: at } = contextOf(command, terminal)
      const { body } = await api.call<TokenReport & { token: string }>('POST', '/v1/tokens', { name, role })
      show(body, made => made.token)
      at.err(`brunel: the token "${name}" has the role ${role}; it is not shown again.`)
    })

  token
    .command('list')
    .description('all tokens, without their secrets')
    .action(async (_options, command: Command) => {
      const { api, show, terminal: at } = contextOf(command, terminal)
      const { body } = await api.call<readonly TokenReport[]>('GET', '/v1/tokens')
      const rowOf = (row: TokenReport) => [
        row.name,
        row.role,
        moment(row.createdAt, at.now()),
        moment(row.lastUsedAt, at.now()),
      ]
      show(body, rows => table(['TOKEN', 'ROLE', 'MADE', 'LAST USED'], rows.map(rowOf)))
    })

  token
    .command('remove')
    .description('remove a token')
    .argument('<name>', 'name of the token')
    .action(async (name: string, _options, command: Command) => {
      const { api, show } = contextOf(command, terminal)
      await api.call('DELETE', pathTo('tokens', name))
      show({ removed: name }, () => `The token "${name}" is removed.`)
    })
}
