import type { ActionReport, HealthReport, TunnelReport } from '@brunel/admin-api'
import type { Command } from 'commander'
import { type Context, contextOf, pathTo } from '../context.js'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import { table } from '../words.js'
import { tunnelsText, tunnelText } from './tunnel-text.js'

/** `brunel status`, `brunel tunnel …`, `brunel drops`. */

function checkUp(tunnels: readonly TunnelReport[]): void {
  const down = tunnels.filter(tunnel => tunnel.enabled && tunnel.state !== 'up')
  if (down.length === 0) return
  const names = down.map(({ name, state }) => `${name} is ${state}`).join(', ')
  throw new Failure(EXIT.notUp, `Not every tunnel is up: ${names}.`, {
    remedy: 'See `brunel status TUNNEL`.',
  })
}

async function warnings({ api, terminal }: Context): Promise<void> {
  const { body } = await api.call<HealthReport>('GET', '/v1/health')
  for (const { code, detail, remedy } of body.warnings)
    terminal.err(`brunel: warning: ${detail} (${code})\n  ${remedy}`)
}

async function status(context: Context, name: string | undefined, check: boolean): Promise<void> {
  const { api, show, terminal } = context
  if (!context.json) await warnings(context)
  if (name === undefined) {
    const { body } = await api.call<readonly TunnelReport[]>('GET', '/v1/tunnels')
    show(body, tunnels => tunnelsText(tunnels, terminal.now()))
    if (check) checkUp(body)
    return
  }
  const { body } = await api.call<TunnelReport>('GET', pathTo('tunnels', name))
  show(body, tunnel => tunnelText(tunnel, terminal.now()))
  if (check) checkUp([body])
}

const ACTIONS = {
  up: 'bring a tunnel up',
  down: 'take a tunnel down until it is brought up again',
  rekey: 'renew the keys of the IKE SA and the ESP SAs',
  reauthenticate: 'negotiate the IKE SA anew',
  ping: 'ask the far end whether it lives',
} as const

/** What `rekey` renews: both SAs, or the one that was named. What `ping` sends. */
interface ActionOptions {
  readonly count?: string
  readonly interval?: string
  readonly ike?: boolean
  readonly child?: boolean
}

async function act(
  { api, show }: Context,
  action: string,
  name: string,
  { ike, child, count, interval }: ActionOptions,
): Promise<void> {
  const query = new URLSearchParams({
    ...(ike === child ? {} : { what: ike ? 'ike' : 'child' }),
    ...(count && { count }),
    ...(interval && { interval }),
  })
  const { body } = await api.call<ActionReport>('POST', `${pathTo('tunnels', name)}/${action}?${query}`)
  const figures = ({ data }: ActionReport) =>
    Object.entries(data).map(([what, value]) => `  ${what}: ${value}`)
  show(body, report => [report.detail, ...figures(report)].join('\n'))
}

interface DropView {
  readonly reason: string
  readonly direction: string
  readonly count: number
  readonly meaning: string
}

async function drops({ api, show }: Context, all: boolean): Promise<void> {
  const { body } = await api.call<readonly DropView[]>('GET', '/v1/drops')
  const seen = body.filter(({ count }) => all || count > 0).sort((a, b) => b.count - a.count)
  show(seen, rows =>
    rows.length === 0
      ? 'Nothing was dropped.'
      : table(
          ['REASON', 'DIRECTION', 'COUNT', 'MEANING'],
          rows.map(row => [row.reason, row.direction, String(row.count), row.meaning]),
        ),
  )
}

export function tunnelCommands(program: Command, terminal: Terminal): void {
  program
    .command('status')
    .description('the state of all tunnels, or of one in detail')
    .argument('[tunnel]', 'name of the tunnel')
    .option('--check', `exit ${EXIT.notUp} where a tunnel that is wanted is not up`)
    .action((name: string | undefined, options: { check?: boolean }, command: Command) =>
      status(contextOf(command, terminal), name, options.check ?? false),
    )

  const tunnel = program.command('tunnel').description('act on a tunnel')
  for (const [action, description] of Object.entries(ACTIONS)) {
    const one = tunnel.command(action).description(description).argument('<tunnel>', 'name of the tunnel')
    if (action === 'rekey') one.option('--ike', 'only the IKE SA').option('--child', 'only the ESP SAs')
    if (action === 'ping')
      one
        .option('--count <n>', 'echo requests, up to 500 (default: 3)')
        .option('--interval <ms>', 'milliseconds between them, 2 to 1000 (default: 200)')
    one.action((name: string, options: ActionOptions, command: Command) =>
      act(contextOf(command, terminal), action, name, options),
    )
  }

  program
    .command('drops')
    .description('what was dropped, and why')
    .option('--all', 'also the reasons that never occurred')
    .action((options: { all?: boolean }, command: Command) =>
      drops(contextOf(command, terminal), options.all ?? false),
    )
}
