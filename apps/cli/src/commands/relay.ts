import type { RelayReport } from '@brunel/admin-api'
import type { Command } from 'commander'
import { type Context, contextOf } from '../context.js'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import { relaysText } from './relay-text.js'

/** `brunel relay`. */

async function relay({ api, show, terminal }: Context, lan: string | undefined): Promise<void> {
  const { body } = await api.call<readonly RelayReport[]>('GET', '/v1/relay')
  const wanted = body.filter(one => lan === undefined || one.interface === lan)
  if (lan !== undefined && wanted.length === 0)
    throw new Failure(EXIT.refused, `No tunnel is joined to ${lan}.`, {
      remedy: 'See `brunel relay` for the LAN interfaces that are.',
    })
  show(wanted, relays => relaysText(relays, terminal.now()))
}

export function relayCommands(program: Command, terminal: Terminal): void {
  program
    .command('relay')
    .description('the OSPF relay: ports, the routers that are heard, and where they disagree')
    .argument('[interface]', 'only this LAN interface')
    .action((lan: string | undefined, _options: object, command: Command) =>
      relay(contextOf(command, terminal), lan),
    )
}
