import { type Command, InvalidArgumentError } from 'commander'
import { clientOf } from '../client.js'
import { connectionTo } from '../connection.js'
import { contextOf } from '../context.js'
import { drillText } from '../drill/drill-text.js'
import { findOther, RekeyDrill } from '../drill/rekey-drill.js'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'

/** `brunel drill rekey`: proves on the live link that no rekey loses a packet. */

interface DrillOptions {
  readonly count: number
  readonly other?: string
  readonly otherTokenFile?: string
}

const MOST = 100_000

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= MOST) return count
  throw new InvalidArgumentError(`Write a whole number from 1 to ${MOST}.`)
}

async function drillRekey(
  name: string,
  options: DrillOptions,
  command: Command,
  terminal: Terminal,
): Promise<void> {
  const { api, json, show } = contextOf(command, terminal)
  const here = { api, tunnel: name }
  const other =
    options.other === undefined
      ? undefined
      : await findOther(
          here,
          clientOf(connectionTo(options.other, options.otherTokenFile, terminal), terminal.wait),
        )
  const { wait, now } = terminal
  const progress = (text: string) => (json ? undefined : terminal.err(text))
  const report = await new RekeyDrill({ wait, now, progress }, here, other).run(options.count)
  show(report, drillText)
  if (report.passed) return
  throw new Failure(EXIT.refused, `The drill of ${name} failed: ${report.lost} packets lost.`, {
    remedy:
      report.lost > 0
        ? 'Drill again without load: what is lost then is lost by the underlay or by a rekey, not by a full queue.'
        : 'See `brunel status` on both routers and their logs at level debug.',
  })
}

export function drillCommands(program: Command, terminal: Terminal): void {
  const drill = program.command('drill').description('prove something on the live link')
  drill
    .command('rekey')
    .description('renew keys over and over while traffic flows, and count lost packets')
    .argument('<tunnel>', 'name of the tunnel')
    .option('--count <n>', 'rekeys in all', countOf, 100)
    .option('--other <api>', 'URL or socket of the other router’s API: both rekey, and cross on purpose')
    .option('--other-token-file <file>', 'file with the token of the other router')
    .action((name: string, options: DrillOptions, command: Command) =>
      drillRekey(name, options, command, terminal),
    )
}
