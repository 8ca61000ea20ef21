import type { PeerDocument } from '@brunel/config'
import type { Command } from 'commander'
import { type Context, contextOf, pathTo } from '../context.js'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import { table } from '../words.js'
import { edited } from './editor.js'
import {
  documentFrom,
  merged,
  needsPsk,
  type PeerOptions,
  parsedDocument,
  patchOf,
  peerOptions,
  pskFrom,
} from './peer-input.js'

/** `brunel peer …`. */

/** `tunnel.mtu  auto`, a line a member. */
function rowsOf(value: object, path = ''): string[][] {
  return Object.entries(value).flatMap(([name, member]) => {
    const at = path === '' ? name : `${path}.${name}`
    if (Array.isArray(member)) return [[at, member.length === 0 ? '-' : member.join(', ')]]
    return typeof member === 'object' && member !== null ? rowsOf(member, at) : [[at, String(member)]]
  })
}

const peerText = (peer: PeerDocument): string => table(['MEMBER', 'VALUE'], rowsOf(peer))

function peersText(peers: readonly PeerDocument[]): string {
  if (peers.length === 0) return 'No peer is configured. Add one with `brunel peer add`.'
  const rows = peers.map(({ name, enabled, remote, tunnel }) => [
    name,
    enabled === false ? 'no' : 'yes',
    remote.address,
    remote.id ?? '-',
    tunnel?.interface ?? '-',
    tunnel?.routes?.join(', ') || '-',
  ])
  return table(['PEER', 'ENABLED', 'REMOTE', 'REMOTE ID', 'INTERFACE', 'ROUTES'], rows)
}

async function add(context: Context, what: string | undefined, given: PeerOptions): Promise<void> {
  const { api, show, terminal } = context
  const file = isFile(what, given, terminal) ? what : undefined
  const options = what === undefined || file !== undefined ? given : named(what, given)
  const base = file === undefined ? {} : await documentFrom(file, terminal)
  if (file === undefined && (options.name === undefined || options.remote === undefined)) {
    const remedy =
      'Give NAME and --remote ADDRESS, or a file with the JSON document (`-` for standard input).'
    const lack = options.name === undefined ? 'its name' : `--remote, and there is no file "${options.name}"`
    throw new Failure(EXIT.usage, `There is no peer to add: it lacks ${lack}.`, { remedy })
  }
  const hasPsk = typeof (base['auth'] as { psk?: unknown } | undefined)?.psk === 'string'
  const byCertificate = (base['auth'] as { method?: unknown } | undefined)?.method === 'certificate'
  const wanted = !hasPsk && !byCertificate && needsPsk(options)
  const psk = await pskFrom(options, wanted, terminal)
  if (psk === undefined && wanted) {
    const remedy = 'Give --psk-file FILE or --psk-stdin; `openssl rand -base64 32` makes a good key.'
    throw new Failure(EXIT.usage, 'There is no pre-shared key for the peer.', { remedy })
  }
  const document = merged(base, patchOf(options, psk, terminal))
  const answer = await api.call<PeerDocument>('POST', '/v1/peers', document)
  context.warn(answer)
  show(answer.body, peer => `The peer "${peer.name}" is added; see \`brunel status ${peer.name}\`.`)
}

/** `brunel peer add WHAT`: a path is a file; a bare word is a name where options make the peer, else a file. */
function isFile(what: string | undefined, { name, remote }: PeerOptions, terminal: Terminal): boolean {
  if (what === undefined) return false
  if (what === '-' || what.includes('/') || what.endsWith('.json') || name !== undefined) return true
  return remote === undefined && terminal.exists(what)
}

function named(what: string, options: PeerOptions): PeerOptions {
  return { ...options, name: what }
}

async function editInEditor({ api, terminal }: Context, name: string) {
  const { body, etag } = await api.call<PeerDocument>('GET', `${pathTo('peers', name)}?as=written`)
  const after = edited(`${JSON.stringify(body, null, 2)}\n`, terminal)
  if (after === undefined) return undefined
  return api.call<PeerDocument>('PUT', pathTo('peers', name), parsedDocument(after, 'What you wrote'), {
    'if-match': etag ?? '*',
  })
}

async function edit(
  context: Context,
  name: string,
  file: string | undefined,
  options: PeerOptions,
): Promise<void> {
  const { api, show, terminal } = context
  const patch = patchOf(options, await pskFrom(options, false, terminal), terminal)
  const byOptions = Object.keys(patch).length > 0
  if (file !== undefined && byOptions) {
    throw new Failure(EXIT.usage, 'Give a file or options, not both.')
  }
  const answer =
    file !== undefined
      ? await api.call<PeerDocument>('PUT', pathTo('peers', name), await documentFrom(file, terminal), {
          'if-match': '*',
        })
      : byOptions
        ? await api.call<PeerDocument>('PATCH', pathTo('peers', name), patch)
        : await editInEditor(context, name)
  if (answer === undefined) return terminal.out('Nothing was changed.')
  context.warn(answer)
  show(answer.body, () => `The peer "${name}" is changed.`)
}

export function peerCommands(program: Command, terminal: Terminal): void {
  const peer = program.command('peer').description('the other routers')

  peerOptions(peer.command('add'))
    .description('add a peer by name and options, from a file, or from standard input (-)')
    .argument('[name-or-file]', 'name of the peer, its JSON document, or -')
    .option('--name <name>', 'name of the peer')
    .action((what: string | undefined, options: PeerOptions, command: Command) =>
      add(contextOf(command, terminal), what, options),
    )

  peer
    .command('list')
    .description('all peers')
    .action(async (_options, command: Command) => {
      const { api, show } = contextOf(command, terminal)
      show((await api.call<readonly PeerDocument[]>('GET', '/v1/peers')).body, peersText)
    })

  peer
    .command('show')
    .description('one peer, all defaults written out')
    .argument('<name>', 'name of the peer')
    .option('--written', 'as it was written, without the defaults')
    .action(async (name: string, options: { written?: boolean }, command: Command) => {
      const { api, show } = contextOf(command, terminal)
      const query = options.written ? '?as=written' : ''
      show((await api.call<PeerDocument>('GET', `${pathTo('peers', name)}${query}`)).body, peerText)
    })

  peerOptions(peer.command('edit'))
    .description('change a peer by options, by a file that replaces it, or in $EDITOR')
    .argument('<name>', 'name of the peer')
    .argument('[file]', 'JSON document of the peer, or -')
    .action((name: string, file: string | undefined, options: PeerOptions, command: Command) =>
      edit(contextOf(command, terminal), name, file, options),
    )

  peer
    .command('remove')
    .description('remove a peer and its tunnel')
    .argument('<name>', 'name of the peer')
    .action(async (name: string, _options, command: Command) => {
      const { api, show } = contextOf(command, terminal)
      await api.call('DELETE', pathTo('peers', name))
      show({ removed: name }, () => `The peer "${name}" is removed.`)
    })
}
