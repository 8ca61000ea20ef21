import { Command, InvalidArgumentError, Option } from 'commander'
import { ICMP_CHOICES, type IcmpChoice } from './underlay-icmp.js'

export interface Options {
  readonly dataDir: string
  readonly listen: string
  readonly socket: string
  readonly config: string | undefined
  readonly check: boolean
  readonly logLevel: string
  /** Where ESP keys are written for a protocol analyser; off by default. */
  readonly keyLog: string | undefined
  /** RFC 4301 §6.1.1. */
  readonly underlayIcmp: IcmpChoice
  /** RFC 4303 §4. */
  readonly espAudit: boolean
  /** How often revocation lists and OCSP answers are fetched anew, in milliseconds. */
  readonly revocationRefresh: number
  readonly ports: { readonly ike: number; readonly natt: number }
}

const port = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 65535)
    throw new InvalidArgumentError('It is not a port: write 1 to 65535.')
  return value
}

const seconds = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 86_400)
    throw new InvalidArgumentError('It is not a number of seconds: write 1 to 86400.')
  return value
}

/** From the command line a boolean, from the environment a text. */
const flag = (value: unknown): boolean => value === true || value === 'true' || value === '1'

/** Reads argv and BRUNEL_…; prints help, version and usage errors by itself and exits there. */
export function readOptions(argv: readonly string[], version: string): Options {
  const program = new Command('bruneld')
    .description('Site-to-site router: GRE inside ESP, keyed by IKEv2, in user space.')
    .version(version)
    .addOption(
      new Option('--data-dir <dir>', 'database, secrets key, admin token')
        .env('BRUNEL_DATA_DIR')
        .default('/var/lib/brunel'),
    )
    .addOption(
      new Option('--listen <address:port>', 'where the admin API listens')
        .env('BRUNEL_LISTEN')
        .default('127.0.0.1:8470'),
    )
    .addOption(
      new Option('--socket <path>', 'unix socket of the admin API (default: DIR/bruneld.sock)').env(
        'BRUNEL_SOCKET',
      ),
    )
    .addOption(
      new Option('--config <file>', 'peers to make or change at start and at SIGHUP, as JSON').env(
        'BRUNEL_CONFIG',
      ),
    )
    .addOption(
      new Option('--check', 'verify the configuration and this machine, then stop')
        .env('BRUNEL_CHECK')
        .default(false),
    )
    .addOption(
      new Option('--log-level <level>', 'how much to say')
        .env('BRUNEL_LOG_LEVEL')
        .choices(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--ike-port <port>', 'UDP port of IKE').env('BRUNEL_IKE_PORT').argParser(port).default(500),
    )
    .addOption(
      new Option('--natt-port <port>', 'UDP port of IKE and ESP behind NAT')
        .env('BRUNEL_NATT_PORT')
        .argParser(port)
        .default(4500),
    )
    .addOption(
      new Option(
        '--keylog <file>',
        'DANGER: writes ESP keys for Wireshark; whoever reads it reads your traffic',
      ).env('BRUNEL_KEYLOG'),
    )
    .addOption(
      new Option('--underlay-icmp <families>', 'whose unauthenticated ICMP "too big" may lower the MTU')
        .env('BRUNEL_UNDERLAY_ICMP')
        .choices([...ICMP_CHOICES])
        .default('both'),
    )
    .addOption(
      new Option(
        '--revocation-refresh <seconds>',
        'how often revocation lists and OCSP answers are fetched anew (after a failure at most 60 s later)',
      )
        .env('BRUNEL_REVOCATION_REFRESH')
        .argParser(seconds)
        .default(3600),
    )
    .addOption(
      new Option('--esp-audit', 'log dropped ESP packets: reason, SPI, sequence number, addresses')
        .env('BRUNEL_ESP_AUDIT')
        .default(false),
    )
  program
    .showHelpAfterError('  `bruneld --help` shows what there is.')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'bruneld: ')) })
  program.parse([...argv], { from: 'user' })
  const o = program.opts()
  return {
    dataDir: o['dataDir'],
    listen: o['listen'],
    socket: o['socket'] ?? `${o['dataDir']}/bruneld.sock`,
    config: o['config'],
    check: flag(o['check']),
    underlayIcmp: o['underlayIcmp'],
    espAudit: flag(o['espAudit']),
    revocationRefresh: o['revocationRefresh'] * 1000,
    logLevel: o['logLevel'],
    keyLog: o['keylog'],
    ports: { ike: o['ikePort'], natt: o['nattPort'] },
  }
}
