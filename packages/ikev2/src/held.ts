import { after, type Instant } from '@brunel/base'
import * as certificateFailures from './certificate-failures.js'
import type { Failure, IkeInput } from './contract.js'
import type { PeerControl } from './peer.js'
import type { Unsettled } from './proof.js'
import { ANSWER_WITHIN } from './revocations.js'
import type { IkeSa } from './sa.js'
import type { Held, SaHost } from './sa-stage.js'
import type { Session } from './session.js'
import type { Turn } from './turn.js'

/**
 * An IKE_AUTH whose certificates are right, held until it is known whether they are revoked; or one that names them by
 * hash and URL, until they are fetched. The Message ID is not used up: a peer that repeats its request hears nothing
 * yet, and one answer in the end (RFC 7296 §2.1).
 */
export function hold(turn: Turn, sa: IkeSa, open: Unsettled, again: (turn: Turn) => void): void {
  const { stage } = sa
  if (stage.is !== 'half-open' && stage.is !== 'authenticating') return
  sa.host.revocations.ask(turn, open.questions)
  sa.host.lookups.ask(turn, open.lookups)
  sa.stage = { ...stage, held: { ...open, again, until: after(turn.now, ANSWER_WITHIN) } }
}

export const heldBy = ({ stage }: IkeSa): Held | undefined =>
  stage.is === 'half-open' || stage.is === 'authenticating' ? stage.held : undefined

export const heldUntil = (sa: IkeSa): Instant | undefined => heldBy(sa)?.until

/** Judges the message again. It may wait again, for the next question. */
function resume(turn: Turn, sa: IkeSa): void {
  const { stage } = sa
  if (stage.is !== 'half-open' && stage.is !== 'authenticating') return
  const { held, ...rest } = stage
  if (held === undefined) return
  sa.stage = rest as typeof stage
  held.again(turn)
}

/** Nobody answered in time: that is an answer, too. */
export function tickHeld(turn: Turn, sa: IkeSa): void {
  const held = heldBy(sa)
  if (held === undefined || held.until > turn.now) return
  const answer = { failed: `no answer within ${Math.round(ANSWER_WITHIN / 1000)} seconds` }
  for (const { key } of held.questions) sa.host.revocations.answered(turn.now, key, answer)
  for (const { key } of held.lookups) sa.host.lookups.answered(turn.now, key, answer)
  resume(turn, sa)
}

/** What a certificate was fetched for. Returns who was concerned. */
export function certificateNews(
  turn: Turn,
  host: SaHost,
  sas: Iterable<IkeSa>,
  { key, answer }: Extract<IkeInput, { readonly on: 'certificate' }>,
): readonly IkeSa[] {
  host.lookups.answered(turn.now, key, answer)
  const waiting = [...sas].filter(sa => heldBy(sa)?.lookups.some(lookup => lookup.key === key))
  for (const sa of waiting) resume(turn, sa)
  return waiting
}

/** An answer arrived. Returns who was concerned. */
export function revocationNews(
  turn: Turn,
  host: SaHost,
  sas: Iterable<IkeSa>,
  input: {
    readonly key: string
    readonly answer: { readonly der: Uint8Array } | { readonly failed: string }
  },
): readonly (IkeSa | PeerControl)[] {
  host.revocations.answered(turn.now, input.key, input.answer)
  const waiting = [...sas].filter(sa => heldBy(sa)?.questions.some(({ key }) => key === input.key))
  for (const sa of waiting) resume(turn, sa)
  const concerned = host.peers.all.filter(({ sessions }) =>
    sessions.some(({ certificate }) => certificate?.revocation.concerns.includes(input.key)),
  )
  for (const control of concerned) recheck(turn, host, control)
  return [...waiting, ...concerned]
}

/** Looks again at the certificates of established peers. One that is revoked by now ends its session. */
export function recheck(turn: Turn, host: SaHost, control: PeerControl): void {
  for (const session of control.alive) {
    const why = revokedBy(turn, host, control, session)
    if (why === undefined) continue
    control.failed(turn, { exchange: 'INFORMATIONAL', why }, session.current.remote)
    session.close(turn, why)
  }
}

function revokedBy(turn: Turn, host: SaHost, control: PeerControl, session: Session): Failure | undefined {
  const { certificate } = session
  const { certification } = host.ports
  if (certificate === undefined || certification === undefined) return undefined
  const evidence = host.revocations.evidence(turn.now, control.peer, certificate.ocsp)
  const found = certification.status(certificate.path, evidence)
  if (!('fault' in found)) {
    certificate.revocation = found
    host.revocations.ask(turn, found.open)
    return undefined
  }
  // Nobody says any more that it is not revoked: the next authentication needs to know, what stands goes on.
  if (found.fault !== 'revoked') {
    const { concerns } = certificate.revocation
    certificate.revocation = { state: 'unknown', detail: found.detail, until: undefined, open: [], concerns }
    return undefined
  }
  return certificateFailures.certificateFault(session.remoteId, found)
}
