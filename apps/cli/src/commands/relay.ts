import type { RelayReport } from '@brunel/admin-api'
import type { Command } from 'commander'
import { type Context, contextOf } from '../context.js'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import { relayRoutesText, relaysText } from './relay-text.js'

/** `brunel relay`. */

interface Options {
  readonly routes?: boolean
}

async function relay(
  { api, show, terminal }: Context,
  lan: string | undefined,
  options: Options,
): Promise<void> {
  const { body } = await api.call<readonly RelayReport[]>('GET', '/v1/relay')
  const wanted = body.filter(one => lan === undefined || one.interface === lan)
  if (lan !== undefined && wanted.length === 0)
    throw new Failure(EXIT.refused, `No tunnel is joined to ${lan}.`, {
      remedy: 'See `brunel relay` for the LAN interfaces that are.',
    })
  show(wanted, relays => (options.routes ? relayRoutesText(relays) : relaysText(relays, terminal.now())))
}

export function relayCommands(program: Command, terminal: Terminal): void {
  program
    .command('relay')
    .description('the OSPF relay: ports, the routers that are heard, and where they disagree')
    .argument('[interface]', 'only this LAN interface')
    .option('--routes', 'the routes of OSPF that data follows')
    .action((lan: string | undefined, options: Options, command: Command) =>
      relay(contextOf(command, terminal), lan, options),
    )
}
