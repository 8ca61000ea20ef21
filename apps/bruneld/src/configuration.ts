import { timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AuditEntry } from '@brunel/admin-api'
import type { Problem } from '@brunel/base'
import { normalise, type Peer, type PeerDocument, plan, pskOctets, type Step, verify } from '@brunel/config'
import { privateKeyIn } from '@brunel/crypto'
import type { Store } from '@brunel/store'
import type { PeerSecrets } from './ike-peer.js'
import type { PeerSource } from './tunnels.js'

/** The configuration as the router reads it: the store's documents, verified when they were written. */
export class StoredPeers implements PeerSource {
  readonly #store: Store
  readonly #parsed = new Map<string, { readonly revision: number; readonly peer: Peer }>()

  constructor(store: Store) {
    this.#store = store
  }

  peers(): readonly Peer[] {
    return this.#store.peers.list().map(stored => this.#parse(stored))
  }

  peer(name: string): Peer | undefined {
    const stored = this.#store.peers.read(name)
    return stored === undefined ? undefined : this.#parse(stored)
  }

  secrets(name: string): PeerSecrets {
    const { peers } = this.#store
    return { psk: peers.psk(name), privateKey: peers.privateKey(name), ppk: peers.ppk(name) }
  }

  #parse({ document, revision }: { readonly document: PeerDocument; readonly revision: number }): Peer {
    const known = this.#parsed.get(document.name)
    if (known?.revision === revision) return known.peer
    const peer = normalise(document)
    this.#parsed.set(document.name, { revision, peer })
    return peer
  }
}

/** A configuration file that cannot be used; nothing of it was stored. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly code = 'BRUNEL_CONFIG_FILE'
  readonly problems: readonly Problem[]

  constructor(message: string, problems: readonly Problem[], cause?: unknown) {
    super(message, { cause })
    this.problems = problems
  }
}

/** Reads `{ "version": 1, "peers": [...] }`, or the list alone. Throws a `ConfigurationError`. */
export function readConfiguration(file: string): readonly unknown[] {
  let text: string
  let document: unknown
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(`${file} cannot be read: ${(cause as Error).message}`, [], cause)
  }
  try {
    document = JSON.parse(text)
  } catch {
    // The parser's own message quotes the text, which may be a secret.
    throw new ConfigurationError(`${file} is not JSON.`, [])
  }
  const peers = Array.isArray(document) ? document : (document as { peers?: unknown } | null)?.peers
  if (!Array.isArray(peers)) throw new ConfigurationError(`${file} has no list of peers.`, [])
  return peers
}

/** All that is wrong with a file's peers among those that are stored; throws when there is any. */
export function checkConfiguration(file: string, store: Store): readonly PeerDocument[] {
  const peers = readConfiguration(file)
  const named = new Set(peers.map(peer => (peer as PeerDocument | null)?.name))
  const others = store.peers.list().flatMap(({ document }) => (named.has(document.name) ? [] : [document]))
  const problems = verify([...peers, ...others], {
    hasSecret: (name, kind) => store.peers.hasSecret(name, kind),
    holdsKeyOf: (name, certificate) => store.peers.holdsKeyOf(name, certificate),
  })
  if (problems.length > 0)
    throw new ConfigurationError(
      `${file} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}.`,
      problems,
    )
  return peers as readonly PeerDocument[]
}

/** Stores the peers of a file; what the file does not name stays. Returns the steps that bring the router there. */
export function takeConfiguration(file: string, store: Store): readonly Step[] {
  const documents = checkConfiguration(file, store)
  const peers = (): Peer[] => store.peers.list().map(({ document }) => normalise(document))
  const before = peers()
  const newSecrets = documents.flatMap(({ name, auth }) =>
    differs(store.peers.psk(name), auth.psk && pskOctets(auth.psk)) ||
    differs(store.peers.privateKey(name), auth.privateKey && privateKeyIn(auth.privateKey)) ||
    differs(store.peers.ppk(name), auth.ppk?.secret && pskOctets(auth.ppk.secret))
      ? [name]
      : [],
  )
  for (const document of documents) {
    const audit: AuditEntry = {
      who: 'local',
      from: file,
      action: 'peer-change',
      what: document.name,
      detail: 'from --config',
    }
    store.peers.write({ document, expected: undefined, audit })
  }
  return plan(before, peers(), newSecrets)
}

/** `given`: what the file says; nothing leaves the stored one as it is. Wipes both. */
function differs(stored: Uint8Array | undefined, given: Uint8Array | string | undefined): boolean {
  const same =
    typeof given !== 'object' ||
    (stored !== undefined && stored.length === given.length && timingSafeEqual(stored, given))
  stored?.fill(0)
  if (typeof given === 'object') given.fill(0)
  return !same
}
