import { type Command, InvalidArgumentError, Option } from 'commander'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import { type RelayOptions, relayOptions, relayPatch } from './relay-options.js'

/** A peer document from a file, from standard input, or from options. A secret never stands on a command line. */

export interface PeerOptions extends RelayOptions {
  readonly name?: string
  readonly remote?: string
  readonly remoteId?: string
  readonly redirect?: boolean
  readonly local?: string
  readonly localAlso?: string[]
  readonly localId?: string
  readonly pskFile?: string
  readonly pskStdin?: boolean
  readonly certificate?: string
  readonly privateKey?: string
  readonly trustAnchor?: string[]
  readonly crl?: string[]
  readonly revocation?: string
  readonly hashAndUrl?: readonly string[]
  readonly certificateUrl?: readonly string[]
  readonly bundleUrl?: string
  readonly remoteMethod?: string
  readonly ppkId?: string
  readonly ppkFile?: string
  readonly ppkRequired?: boolean
  readonly ppkOptional?: boolean
  readonly ikeProposal?: string[]
  readonly espProposal?: string[]
  readonly mode?: string
  readonly encapsulation?: string
  readonly tcp?: string
  readonly df?: string
  readonly dscp?: number | 'copy'
  readonly answerOnly?: boolean
  readonly mobike?: boolean
  readonly childless?: boolean
  readonly greKey?: number
  readonly interface?: string
  readonly address?: string[]
  readonly route?: string[]
  readonly whenDown?: string
  readonly mtu?: number | 'auto'
  readonly disabled?: boolean
  readonly enabled?: boolean
}

type Json = Record<string, unknown>

/** What is no number must not become `null`: in a merge patch that takes the member away. */
function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is not a whole number.')
  return Number(text)
}

export const peerOptions = (command: Command): Command =>
  relayOptions(tunnelOptions(command))
    .option('--enabled', 'the tunnel is wanted')
    .option('--disabled', 'configured, but not wanted')

const tunnelOptions = (command: Command): Command =>
  command
    .option('--remote <address>', 'address or DNS name of the peer, or `any`')
    .option('--remote-id <identity>', 'identity that the peer must prove')
    .option('--redirect', 'the peer may send us to another gateway (RFC 5685)')
    .option('--no-redirect', 'it may not')
    .option('--local <address>', 'our address on the underlay')
    .option('--local-also <addresses...>', 'further addresses of ours, of other uplinks')
    .option('--local-id <identity>', 'our identity')
    .addOption(new Option('--psk-file <file>', 'file with the pre-shared key').conflicts('pskStdin'))
    .option('--psk-stdin', 'read the pre-shared key from standard input')
    .option('--certificate <file>', 'our certificate, PEM, with intermediate ones after it')
    .option('--private-key <file>', 'the private key of our certificate, PEM')
    .option('--trust-anchor <files...>', 'certificates of whom we trust to name the peer, PEM')
    .option('--crl <files...>', 'revocation lists of these, PEM')
    .addOption(
      new Option(
        '--revocation <policy>',
        'what becomes of a peer of whom nobody knows whether it is revoked',
      ).choices(['relaxed', 'ifuri', 'strict', 'off']),
    )
    .addOption(
      new Option('--remote-method <method>', 'how the peer proves itself, where it is not as we do').choices([
        'psk',
        'certificate',
      ]),
    )
    .option('--hash-and-url <beginnings...>', 'addresses where certificates of the peer may be looked up')
    .option('--certificate-url <urls...>', 'where our certificates are published, DER, in their order')
    .option('--bundle-url <url>', 'where they are published as one bundle')
    .option('--ppk-id <id>', 'name of the post-quantum pre-shared key (RFC 8784)')
    .option('--ppk-file <file>', 'file with that key')
    .addOption(new Option('--ppk-required', 'nothing is agreed without it').conflicts('ppkOptional'))
    .option('--ppk-optional', 'it is used where the peer has it too')
    .option('--ike-proposal <proposals...>', 'IKE proposals, as in swanctl.conf')
    .option('--esp-proposal <proposals...>', 'ESP proposals, as in swanctl.conf')
    .addOption(new Option('--mode <mode>', 'ESP mode').choices(['tunnel', 'transport']))
    .addOption(new Option('--encapsulation <when>', 'ESP in UDP').choices(['auto', 'udp', 'none']))
    .addOption(new Option('--tcp <when>', 'IKE and ESP over TCP').choices(['auto', 'always', 'never']))
    .addOption(
      new Option('--df <policy>', '“don’t fragment” on the underlay').choices(['set', 'clear', 'copy']),
    )
    .option('--dscp <dscp>', 'DSCP on the underlay, 0 to 63, or `copy`', text =>
      text === 'copy' ? text : whole(text),
    )
    .option('--answer-only', 'never begin')
    .option('--mobike', 'addresses of both ends may change (RFC 4555); the default')
    .option('--no-mobike', 'another address is another negotiation')
    .option('--childless', 'the first child SA after IKE_AUTH, where the peer can')
    .option('--no-childless', 'the first child SA in IKE_AUTH')
    .option('--gre-key <number>', 'GRE key', whole)
    .option('--interface <name>', 'name of the TUN interface')
    .option('--address <prefixes...>', 'addresses of our end of the tunnel, such as 10.255.0.1/30')
    .option('--route <networks...>', 'networks behind the peer')
    .addOption(
      new Option(
        '--when-down <choice>',
        'what becomes of the routes while the tunnel carries no data',
      ).choices(['block', 'withdraw', 'keep']),
    )
    .option('--mtu <mtu>', 'largest inner packet, or `auto`', text => (text === 'auto' ? text : whole(text)))

/** A JSON merge patch (RFC 7396) of what the options say. */
export function patchOf(options: PeerOptions, psk: string | undefined, terminal: Terminal): Json {
  return pruned({
    name: options.name,
    enabled: options.disabled ? false : options.enabled,
    local: { address: options.local, addresses: options.localAlso, id: options.localId },
    remote: { address: options.remote, id: options.remoteId, redirect: options.redirect },
    auth: authOf(options, psk, terminal),
    ike: {
      proposals: options.ikeProposal,
      tcp: options.tcp,
      initiate: options.answerOnly ? false : undefined,
      mobike: options.mobike,
      childless: options.childless,
    },
    esp: {
      proposals: options.espProposal,
      mode: options.mode,
      encapsulation: options.encapsulation,
      df: options.df,
      dscp: options.dscp,
    },
    gre: { key: options.greKey },
    tunnel: {
      interface: options.interface,
      addresses: options.address,
      routes: options.route,
      whenDown: options.whenDown,
      mtu: options.mtu,
    },
    ospfRelay: relayPatch(options),
  })
}

/** A certificate makes it our method; else a pre-shared key does. */
function authOf(options: PeerOptions, psk: string | undefined, terminal: Terminal): Json {
  const text = (file: string | undefined) => (file === undefined ? undefined : readOr(file, terminal))
  const { certificate, privateKey, trustAnchor, crl, remoteMethod, revocation } = options
  return {
    method: certificate !== undefined ? 'certificate' : psk === undefined ? undefined : 'psk',
    remoteMethod,
    psk,
    certificate: text(certificate),
    privateKey: text(privateKey),
    ppk: {
      id: options.ppkId,
      secret: text(options.ppkFile)?.replace(/\r?\n$/, ''),
      required: options.ppkRequired ? true : options.ppkOptional ? false : undefined,
    },
    trustAnchors: trustAnchor?.map(file => readOr(file, terminal)),
    crls: crl?.map(file => readOr(file, terminal)),
    revocation,
    hashAndUrl: options.hashAndUrl,
    certificateUrls: options.certificateUrl,
    bundleUrl: options.bundleUrl,
  }
}

/** Whether a PSK has to be there: for us or for the peer. */
export const needsPsk = ({ certificate, remoteMethod }: PeerOptions): boolean =>
  certificate === undefined || remoteMethod === 'psk'

/** Without what is undefined, and without objects that are empty then. */
function pruned(value: Json): Json {
  const kept = Object.entries(value).flatMap(([name, member]): [string, unknown][] => {
    const isObject = typeof member === 'object' && member !== null && !Array.isArray(member)
    const below = isObject ? pruned(member as Json) : member
    const empty = below === undefined || (isObject && Object.keys(below as Json).length === 0)
    return empty ? [] : [[name, below]]
  })
  return Object.fromEntries(kept)
}

export function merged(target: Json, patch: Json): Json {
  const result = { ...target }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) {
      delete result[name]
      continue
    }
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    result[name] = isObject ? merged((result[name] ?? {}) as Json, value as Json) : value
  }
  return result
}

function readOr(path: string, terminal: Terminal): string {
  try {
    return terminal.read(path)
  } catch (cause) {
    throw new Failure(EXIT.usage, `${path} cannot be read: ${(cause as Error).message}`)
  }
}

export async function documentFrom(file: string, terminal: Terminal): Promise<Json> {
  const source = file === '-' ? await terminal.stdin() : readOr(file, terminal)
  return parsedDocument(source, file === '-' ? 'standard input' : file)
}

/** The parser's own words quote the text, which may hold a secret: only the place is told. */
export function parsedDocument(source: string, from: string): Json {
  try {
    const value: unknown = JSON.parse(source)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  } catch (cause) {
    const at = /position (\d+)/.exec((cause as Error).message)?.[1]
    const line = at === undefined ? '' : ` at line ${source.slice(0, Number(at)).split('\n').length}`
    throw new Failure(EXIT.refused, `${from} is not JSON${line}.`, {
      remedy: 'Write one peer as a JSON object.',
    })
  }
  throw new Failure(EXIT.refused, `${from} is not a JSON object.`, {
    remedy: 'Write one peer as a JSON object.',
  })
}

/** From the file or standard input; where neither is named and `needed`, asked for without an echo. */
export async function pskFrom(
  options: PeerOptions,
  needed: boolean,
  terminal: Terminal,
): Promise<string | undefined> {
  if (options.pskFile !== undefined) return readOr(options.pskFile, terminal).replace(/\r?\n$/, '')
  if (options.pskStdin) return (await terminal.stdin()).replace(/\r?\n$/, '')
  return needed ? await terminal.ask('Pre-shared key: ') : undefined
}
