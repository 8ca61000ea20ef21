import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { drillCommands } from './commands/drill.js'
import { peerCommands } from './commands/peer.js'
import { pkiCommands } from './commands/pki.js'
import { relayCommands } from './commands/relay.js'
import { tokenCommands } from './commands/token.js'
import { tunnelCommands } from './commands/tunnel.js'
import { DATA_DIR, URL_DEFAULT } from './connection.js'
import { EXIT, Failure, failureJson, failureText } from './failure.js'
import { systemTerminal, type Terminal } from './terminal.js'

const versionOf = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version

const EXITS = `
Where bruneld is: --url or BRUNEL_URL, --socket or BRUNEL_SOCKET, else DIR/bruneld.sock, else ${URL_DEFAULT}.
The token: --token-file, BRUNEL_TOKEN, BRUNEL_TOKEN_FILE, else DIR/admin.token. DIR: --data-dir or BRUNEL_DATA_DIR.
Exit: 0 done, 1 refused, 2 command line, 3 bruneld does not answer, 4 token, 5 a tunnel is not up (status --check).`

function programFor(terminal: Terminal): Command {
  const program = new Command('brunel')
    .description('Site-to-site router: one encrypted routed link between two sites.')
    .version(versionOf())
    .option('--json', 'print the answer of the API as JSON')
    .option('--url <url>', 'where the API is')
    .option('--socket <path>', 'the unix socket of the API')
    .option('--token-file <file>', 'file with the token')
    .option('--data-dir <dir>', `data directory of bruneld (default: ${DATA_DIR})`)
    .addHelpText('after', EXITS)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: text => terminal.out(text.trimEnd()),
      writeErr: text => terminal.err(text.trimEnd().replace(/^error: /, 'brunel: ')),
    })
    .showHelpAfterError('  `brunel --help` and `brunel COMMAND --help` show what there is.')
    .exitOverride()
  tunnelCommands(program, terminal)
  peerCommands(program, terminal)
  relayCommands(program, terminal)
  tokenCommands(program, terminal)
  pkiCommands(program, terminal)
  drillCommands(program, terminal)
  return program
}

/** Runs one command line; returns the exit code. */
export async function main(argv: readonly string[], terminal: Terminal = systemTerminal): Promise<number> {
  try {
    await programFor(terminal).parseAsync([...argv])
    return EXIT.ok
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (!(cause instanceof Failure)) throw cause
    terminal.err(argv.includes('--json') ? failureJson(cause) : failureText(cause))
    return cause.exit
  }
}
