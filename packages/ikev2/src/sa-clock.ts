import { after, type Instant, millis, sooner } from '@brunel/base'
import { livenessDue } from './activity.js'
import { childDeadline, tickChildren } from './child-timers.js'
import * as failures from './failures.js'
import { heldUntil, tickHeld } from './held.js'
import { exchangeName } from './message-rules.js'
import { probePaths } from './moving.js'
import type { IkeSa } from './sa.js'
import type { InFlight, Stage } from './sa-stage.js'
import { SPEC } from './settings.js'
import { repeat } from './streams.js'
import type { Turn } from './turn.js'
import { tickValidity, validityDeadline } from './validity.js'

/** What an IKE SA does when time passes. Everything here is due at an instant that `deadlineOf` tells. */
export function tickSa(turn: Turn, sa: IkeSa): void {
  if (sa.stage.is === 'half-open' && sa.stage.until <= turn.now) return sa.end(turn, failures.halfOpen())
  tickHeld(turn, sa)
  if (sa.stage.is === 'replaced' && sa.stage.deleteAt <= turn.now) endReplaced(turn, sa, sa.stage)
  if (sa.outgoing !== undefined) tickTransmission(turn, sa, sa.outgoing)
  if (sa.isCurrent) {
    tickLifetime(turn, sa)
    if (sa.session !== undefined) tickValidity(turn, sa.session)
    if (sa.session !== undefined) tickChildren(turn, sa, sa.session)
  }
  if (isDue(livenessAt(sa), turn)) sa.probe(turn)
  if (isDue(keepaliveAt(sa), turn)) {
    sa.lastSent = turn.now
    turn.do({ do: 'keepalive', local: sa.local, remote: sa.remote })
  }
  sa.agreed?.channel.expire(turn.now)
  sa.pump(turn)
}

export function deadlineOf(sa: IkeSa): Instant | undefined {
  const { stage } = sa
  const own: readonly (Instant | undefined)[] = [
    sa.outgoing?.transmission.deadline,
    stage.is === 'half-open' ? stage.until : stage.is === 'replaced' ? stage.deleteAt : undefined,
    heldUntil(sa),
    sa.isCurrent ? sooner(sa.lifetime?.soft, sa.lifetime?.hard) : undefined,
    sa.isCurrent && sa.session !== undefined ? childDeadline(sa.session) : undefined,
    sa.isCurrent && sa.session !== undefined ? validityDeadline(sa.session) : undefined,
    sa.outgoing === undefined ? sa.intents.deadline(wish => sa.allowed(wish)) : undefined,
    livenessAt(sa),
    keepaliveAt(sa),
    sa.agreed?.channel.deadline,
  ]
  return own.reduce<Instant | undefined>((first, at) => sooner(first, at), undefined)
}

/** The peer should have deleted it. Unless it was heard on the successor, our answer may still be under way. */
function endReplaced(turn: Turn, sa: IkeSa, stage: Extract<Stage, { readonly is: 'replaced' }>): void {
  if (sa.session === undefined || sa.session.over || stage.by.proven)
    return sa.close(turn, failures.replaced('its successor lives, and the peer did not delete it'))
  sa.stage = { ...stage, deleteAt: after(turn.now, sa.host.ports.settings.replacedLingers) }
}

const isDue = (at: Instant | undefined, turn: Turn): boolean => at !== undefined && at <= turn.now

function tickTransmission(turn: Turn, sa: IkeSa, flight: InFlight): void {
  const { transmission, exchangeType, doing } = flight
  const next = transmission.tick(turn.now)
  if (next === 'wait') return
  if (next === 'send') {
    repeat(turn, sa)
    return probePaths(turn, sa, flight)
  }
  const waited = turn.now - transmission.startedAt
  // RFC 7296 §2.4: who sends authentic messages is not dead.
  if (sa.isCurrent && sa.heardAt > transmission.scheduledAt && waited < sa.host.ports.settings.patience) {
    transmission.extend(turn.now)
    return repeat(turn, sa)
  }
  const peer = sa.control?.peer.name
  const exchange = exchangeName(exchangeType)
  if (peer !== undefined) turn.report({ event: 'exchange', exchange, initiator: true, outcome: 'timeout' })
  const { stage } = sa
  if (stage.is === 'initiating')
    sa.end(turn, stage.init.hint ?? failures.silent(sa.remote, transmission.repeats + 1))
  else if (stage.is === 'authenticating') sa.end(turn, failures.silentInAuth(sa.remote))
  else sa.end(turn, failures.lost(sa.remote, `${exchange}: ${doing.what}`))
}

/** RFC 7296 §2.8: soft asks for a rekey; hard ends the IKE SA with all its children. */
function tickLifetime(turn: Turn, sa: IkeSa): void {
  const { lifetime } = sa
  if (lifetime === undefined) return
  if (lifetime.hard <= turn.now)
    return sa.session?.close(turn, failures.expired('lifetime of the IKE SA'), millis(0))
  if (lifetime.soft > turn.now) return
  sa.lifetime = { ...lifetime, soft: after(turn.now, sa.host.ports.settings.rekeyRetry) }
  sa.intents.add({ want: 'rekey-ike' })
}

/** RFC 7296 §2.4. Not while the request in flight tells the same as soon. */
function livenessAt({ session, stage, outgoing, heardAt }: IkeSa): Instant | undefined {
  if (session === undefined || stage.is !== 'established') return undefined
  // The update of addresses, waiting or under way, tells it, and has the patience that a new path needs.
  if (session.mobility?.unconfirmed === true) return undefined
  if (outgoing !== undefined && (outgoing.doubted || outgoing.doing.what === 'liveness')) return undefined
  const { liveness } = session.control.peer.ike
  return livenessDue({ lastHeard: heardAt, unansweredSince: session.unansweredSince, liveness })
}

/** RFC 3948 §4: only behind a NAT, and only when nothing else went out. RFC 8229 §10: not in a stream. */
function keepaliveAt(sa: IkeSa): Instant | undefined {
  if (sa.remote.stream !== undefined || !sa.nat.local || !sa.isCurrent || sa.local.port !== SPEC.NAT_PORT)
    return undefined
  const esp = sa.session?.lastEspOut
  const last = esp !== undefined && esp > sa.lastSent ? esp : sa.lastSent
  return after(last, sa.host.ports.settings.keepalive)
}
