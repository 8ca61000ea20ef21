import type { WallClock } from '@brunel/base'
import {
  normalise,
  type PeerDocument,
  plan,
  SECRET_KINDS,
  type SecretKind,
  type Step,
  secretsOf,
  type VerifyContext,
  verifyPeer,
} from '@brunel/config'
import type { FastifyRequest } from 'fastify'
import { auditOf } from './access.js'
import type { ApiPorts } from './api.js'
import { changed } from './etag.js'
import type { StoredPeer } from './ports.js'
import { ApiProblem, invalid } from './problem.js'

export interface Change {
  readonly document: PeerDocument
  readonly current: StoredPeer | undefined
  readonly expected: number | undefined
}

/** What was stored (0: it is gone), and the steps that make it so. */
interface Applied {
  readonly name: string
  readonly revision: number
  readonly steps: readonly Step[]
}

/** A change of a peer: verify everything, then store, then tell the router; in this order, one change at a time. */
export class PeerChanges {
  readonly #ports: Pick<ApiPorts, 'peers' | 'router'>
  readonly inTurn = oneAtATime()

  constructor(ports: Pick<ApiPorts, 'peers' | 'router'>) {
    this.#ports = ports
  }

  /** The document, if nothing is wrong with it, alone and among all others. */
  async verified(document: unknown, extra: Parameters<typeof invalid>[0] = []): Promise<PeerDocument> {
    const others = (await this.#ports.peers.list()).map(peer => peer.document)
    const name = (document as { name?: unknown } | null)?.name
    const context = typeof name === 'string' ? await this.#contextOf(name, document) : {}
    const problems = [...extra, ...verifyPeer(document, others, context)]
    if (problems.length > 0) throw invalid(problems)
    return document as PeerDocument
  }

  /** What is stored for a peer, and the clock where its certificate is a new one: an old one may expire in peace. */
  async #contextOf(name: string, document: unknown): Promise<VerifyContext> {
    const { peers } = this.#ports
    const certificate = (document as { auth?: { certificate?: unknown } | null }).auth?.certificate
    const before = (await peers.read(name))?.document.auth.certificate
    const stored = new Set<SecretKind>()
    for (const kind of SECRET_KINDS) if (await peers.hasSecret(name, kind)) stored.add(kind)
    const holds = typeof certificate === 'string' ? await peers.holdsKeyOf(name, certificate) : undefined
    return {
      hasSecret: (_, kind) => stored.has(kind),
      holdsKeyOf: () => holds,
      now: certificate === before ? undefined : (Date.now() as WallClock),
    }
  }

  /** Stores the document with its audit, then tells the router. */
  async write(request: FastifyRequest, { document, current, expected }: Change): Promise<StoredPeer> {
    const { name } = document
    const before = current === undefined ? [] : [normalise(current.document)]
    const secret = Object.keys(secretsOf(document)).length === 0 ? [] : [name]
    const steps = plan(before, [normalise(document)], secret)
    const layers = steps.flatMap(step => (step.do === 'change' ? step.layers : []))
    const action = current === undefined ? 'peer-add' : 'peer-change'
    const audit = auditOf(request, action, name, layers.join(', '))
    const stored = await this.#ports.peers.write({
      document,
      expected: expected ?? current?.revision ?? 0,
      audit,
    })
    if (stored === 'conflict') throw changed(await this.#ports.peers.read(name))
    await this.#apply(request, { name, revision: stored.revision, steps })
    return stored
  }

  /** Removes what `expected` is the revision of, then tells the router. */
  async remove(request: FastifyRequest, name: string, expected: number): Promise<void> {
    const audit = auditOf(request, 'peer-remove', name, '')
    const outcome = await this.#ports.peers.remove(name, expected, audit)
    if (outcome !== 'removed') throw changed(await this.#ports.peers.read(name))
    await this.#apply(request, { name, revision: 0, steps: [{ do: 'remove', peer: name }] })
  }

  async #apply(request: FastifyRequest, { name, revision, steps }: Applied): Promise<void> {
    if (steps.length === 0) return
    try {
      await this.#ports.router.apply(steps)
    } catch (cause) {
      request.log.error({ err: cause, peer: name }, 'the change was refused and is taken back')
      await this.#ports.peers.undo(
        name,
        revision,
        auditOf(request, 'peer-undo', name, 'the system refused the change'),
      )
      const { code, message, remedy } = cause as { code?: string; message: string; remedy?: string }
      // With a code of ours it is known why, and it lies in the document or the machine: not our fault.
      const known = code?.startsWith('BRUNEL_') ?? false
      throw new ApiProblem(known ? 409 : 500, 'BRUNEL_API_APPLY', {
        detail: `The system refused the change, and it was taken back: ${message}`,
        ...(known && code !== undefined ? { code } : {}),
        ...(known && remedy !== undefined ? { remedy } : {}),
      })
    }
  }
}

/** Changes wait for one another, so that what was verified is what is stored and applied. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const next = last.then(work, work)
    last = next.catch(() => undefined) // its own caller hears of it
    return next
  }
}
