import { after, type Instant, millis } from '@brunel/base'
import type { Evidence, Question, Statement } from '@brunel/crypto'
import type { IkePeer } from './contract.js'
import { anchorsOf, looks, ownProof, theirProof } from './proof.js'
import type { Ports, Turn } from './turn.js'

/**
 * What was asked about revocation and what came of it. The host gets lists and answers; a peer is judged by what is
 * there, and waits in IKE_AUTH for what is not (held.ts):
 *
 *     judge ──open question──> revocation-wanted ──host, HTTP──> revocation ──> judge again
 *     news of a question that an established peer depends on ──> its revocation is looked at again
 *     nobody depends on it ──host──> revocation-dropped ──> asked again by who needs it
 *
 * Only what a certificate says that leads to a trust anchor is asked, and only after its AUTH was right: a stranger
 * makes nobody fetch anything.
 */

/** How long an answer is waited for. Longer: the peer gives up first. Shorter: a slow responder counts as none. */
export const ANSWER_WITHIN = millis(8_000)
/** How long a failure, and an answer that settles nothing, counts. Longer: what is back is not seen. Shorter: each attempt waits for it anew. */
const FAILURE_COUNTS = millis(60_000)
/** More are forgotten, the oldest first. Fewer: peers beyond it are asked about at every authentication. */
const MOST = 4096

interface Known {
  readonly der: Uint8Array | undefined
  readonly said: { readonly failed: string | undefined; readonly at: Instant } | undefined
  readonly askedAt: Instant | undefined
}

export class Revocations {
  readonly #known = new Map<string, Known>()

  /** Asks for what nobody is getting already. */
  ask(turn: Turn, questions: readonly Question[]): void {
    for (const question of questions) {
      const known = this.#known.get(question.key)
      if (known?.askedAt !== undefined && turn.now < after(known.askedAt, ANSWER_WITHIN)) continue
      this.#keep(question.key, { der: known?.der, said: known?.said, askedAt: turn.now })
      turn.do({ do: 'revocation-wanted', question })
    }
  }

  answered(
    now: Instant,
    key: string,
    answer: { readonly der: Uint8Array } | { readonly failed: string },
  ): void {
    const der = 'der' in answer ? answer.der : this.#known.get(key)?.der
    const failed = 'failed' in answer ? answer.failed : undefined
    this.#keep(key, { der, said: { failed, at: now }, askedAt: undefined })
  }

  /** The host gets it no more: what was said would never change, so it no longer counts. */
  dropped(key: string): void {
    this.#known.delete(key)
  }

  /** What counts at this moment. */
  statement(now: Instant, key: string): Statement | undefined {
    const known = this.#known.get(key)
    if (known === undefined) return undefined
    const { der, said } = known
    const counts = said !== undefined && now < after(said.at, FAILURE_COUNTS)
    // Looked at only where `der` settles nothing.
    return { der, failed: counts ? (said.failed ?? 'its answer settles nothing') : undefined }
  }

  evidence(now: Instant, peer: IkePeer, ocsp: readonly Uint8Array[]): Evidence {
    const theirs = theirProof(peer)
    const statement = (key: string): Statement | undefined => this.statement(now, key)
    return theirs.method === 'certificate'
      ? { policy: theirs.revocation, crls: theirs.crls, ocsp, statement }
      : { policy: 'off', crls: [], ocsp, statement }
  }

  #keep(key: string, known: Known): void {
    this.#known.delete(key)
    this.#known.set(key, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest)
  }
}

/**
 * Of our own certificates: answers that peers may ask us for (RFC 4806), and the lists, which are most likely those
 * that the peer's certificates name too. They are there before the first negotiation.
 */
export function ownQuestions({ certification }: Ports, peer: IkePeer): readonly Question[] {
  const own = ownProof(peer)
  if (certification === undefined || own.method !== 'certificate') return []
  const questions = certification.questions(own.certificates, anchorsOf(peer))
  return questions.filter(({ kind }) => kind === 'ocsp' || looks(peer))
}
