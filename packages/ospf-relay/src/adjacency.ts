import { type Instant, since } from '@brunel/base'
import type { Ospf } from '@brunel/wire'
import { deadInterval, isSilent, type Neighbour, type NeighbourState, type Towards } from './neighbours.js'

/**
 * The state that `a` has for `b`, inferred from what both send: RFC 2328 §10.1, §10.3.
 *
 *    a's Hello does not name b                       Down: a has not heard b
 *    a names b, b does not name a                    Init
 *    both name the other                             2-Way
 *    a describes its database, with the I bit        ExStart
 *    without it                                      Exchange
 *    both said all (no M, one sequence number)       Loading while a request of a is unanswered, else Full
 *
 * Who says in a Hello since that others are (Backup) Designated Router has fallen back to 2-Way (AdjOK?).
 * Two that name one another for longer than the dead interval, must be adjacent, and describe nothing, were Full before
 * the first packet that was seen: who is not repeats its description every few seconds. Two that elect nobody and may not
 * be elected either, with priority 0, wait for a third one (RFC 2328 §9.4), as far as anybody can see.
 */
export function stateOf(now: Instant, a: Neighbour, b: Neighbour): NeighbourState {
  const [mine, theirs] = [a.towards.get(b.key), b.towards.get(a.key)]
  if (isSilent(now, a) || isSilent(now, b) || !names(a, b, mine)) return 'Down'
  if (!names(b, a, theirs)) return 'Init'
  const [sent, got] = [mine?.description, theirs?.description]
  if (sent === undefined)
    return got === undefined &&
      mustBeAdjacent(a, b) &&
      !waits(a, b) &&
      longNamed(now, a, mine) &&
      longNamed(now, b, theirs)
      ? 'Full'
      : '2-Way'
  if (saidSince(a, mine) && !mustBeAdjacent(a, b)) return '2-Way'
  if (sent.init) return 'ExStart'
  if (!saidAll(sent, got)) return 'Exchange'
  return mine?.asked ? 'Loading' : 'Full'
}

/** A router that describes its database to another has heard it, though its next Hello is still to come. */
export const names = (a: Neighbour, b: Neighbour, mine: Towards | undefined): boolean =>
  mine?.description !== undefined || a.hello?.neighbours.includes(b.routerId) === true

/**
 * RFC 2328 §13: `b` takes updates of `a` once their databases are exchanged. Who names the other, must be adjacent and
 * describes nothing has done so before the first packet that was seen.
 */
export function takes(now: Instant, b: Neighbour, a: Neighbour): boolean {
  const state = stateOf(now, b, a)
  if (state !== '2-Way') return ['Exchange', 'Loading', 'Full'].includes(state)
  return a.towards.get(b.key)?.description === undefined && mustBeAdjacent(b, a)
}

const longNamed = (now: Instant, a: Neighbour, mine: Towards | undefined): boolean =>
  mine?.namedSince !== undefined && since(mine.namedSince, now) > deadInterval(a)

const saidSince = (a: Neighbour, mine: Towards | undefined): boolean =>
  a.helloAt !== undefined && mine?.describedAt !== undefined && a.helloAt > mine.describedAt

function saidAll(sent: Ospf.DatabaseDescription, got: Ospf.DatabaseDescription | undefined): boolean {
  return !sent.more && got !== undefined && !got.init && !got.more && got.sequence === sent.sequence
}

/** RFC 2328 §10.4: without an election always; with one, if either is (Backup) Designated Router. */
export function mustBeAdjacent(a: Neighbour, b: Neighbour): boolean {
  if (a.hello === undefined) return false
  const { designatedRouter, backupDesignatedRouter } = a.hello
  const leaders = [designatedRouter, backupDesignatedRouter].filter(leader => leader !== '0.0.0.0')
  return leaders.length === 0 || leaders.includes(nameInElection(a)) || leaders.includes(nameInElection(b))
}

const waits = (a: Neighbour, b: Neighbour): boolean =>
  [a, b].every(({ hello }) => hello?.designatedRouter === '0.0.0.0' && hello.priority === 0)

/** RFC 2328 §A.3.2: an interface address; RFC 5340 §A.3.2: a router id. */
const nameInElection = (n: Neighbour): string => (n.version === 2 ? n.address : n.routerId)
