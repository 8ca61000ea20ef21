import { after, type Instant, millis, sooner } from '@brunel/base'
import { isLower } from './collisions.js'
import type { IkeSettings } from './settings.js'

/** What the decision needs to know of a session. */
export interface Standing {
  readonly weBegan: boolean
  readonly lowestNonce: Uint8Array
  readonly establishedAt: Instant
  /** The peer has shown that it holds this session too. */
  readonly confirmed: boolean
  /** From then on the peer may be taken to hold a child of it; undefined: it has none. */
  readonly carriesFrom: Instant | undefined
}

export interface Settlement<S> {
  readonly close: readonly S[]
  /** Sessions of which the peer should prove that it has them before others go. */
  readonly probe: readonly S[]
  readonly again: Instant | undefined
}

/**
 * Both routers began from cold at once, and there are two sessions. The rule of RFC 7296 §2.8.1 settles it alike
 * on both ends: the session made with the lowest nonce is closed by the one who began it; and by the other, if
 * that does not happen. Nothing is closed before the survivor carries a child and the peer has shown that it
 * holds it, so that the two ends never close both.
 */
export function settle<S extends Standing>(
  sessions: readonly S[],
  now: Instant,
  settings: Pick<IkeSettings, 'redundantSettles'>,
): Settlement<S> {
  if (sessions.length < 2) return NOTHING
  const able = sessions.filter(session => session.carriesFrom !== undefined)
  const winner = (able.length > 0 ? able : sessions).reduce((a, b) =>
    isLower(a.lowestNonce, b.lowestNonce) ? b : a,
  )
  const youngest = sessions.reduce((a, b) => (a.establishedAt > b.establishedAt ? a : b)).establishedAt
  const closeAt = (loser: S): Instant =>
    latest(
      after(youngest, millis(settings.redundantSettles * (loser.weBegan ? 1 : 4))),
      winner.carriesFrom ?? youngest,
    )
  const losers = sessions.filter(session => session !== winner)
  const due = losers.filter(loser => closeAt(loser) <= now)
  const waiting = losers.filter(loser => closeAt(loser) > now).map(closeAt)
  const again = waiting.reduce<Instant | undefined>((first, at) => sooner(first, at), undefined)
  if (due.length > 0 && !winner.confirmed) return { close: [], probe: [winner], again }
  return { close: winner.carriesFrom !== undefined ? due : [], probe: [], again }
}

const latest = (a: Instant, b: Instant): Instant => (a > b ? a : b)

const NOTHING = { close: [], probe: [], again: undefined } as const
