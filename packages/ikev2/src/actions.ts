import { type Instant, millis } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import { expire } from './child-timers.js'
import type { IkeInput, IkePeer } from './contract.js'
import * as failures from './failures.js'
import { recheck } from './held.js'
import { ownMtuIs } from './inner-mtu.js'
import { lifetimeFrom } from './lifetimes.js'
import { closeImmobile, followSource, ownAddressesChanged } from './moving.js'
import { PeerControl } from './peer.js'
import { readdresses, restarts } from './peer-change.js'
import type { Peers } from './peers.js'
import { resolved } from './redirect.js'
import { ownQuestions } from './revocations.js'
import type { SaHost } from './sa-stage.js'
import type { Session } from './session.js'
import type { Turn } from './turn.js'
import { withinValidity } from './validity.js'

/** What the host asks for, apart from messages and time. Each concerns one peer and leaves the others alone. */

/** Adds or changes a peer. What only limits an SA in time is applied in place; anything else begins anew. */
export function applyPeer(turn: Turn, host: SaHost, peers: Peers, peer: IkePeer): PeerControl | undefined {
  const control = peers.get(peer.name)
  if (control === undefined) {
    const added = new PeerControl(host, peer)
    ownMtuIs(turn, added, peer.innerMtu)
    peers.put(added)
    host.revocations.ask(turn, ownQuestions(host.ports, peer))
    return added
  }
  const before = control.peer
  const anew = restarts(before, peer)
  if (anew) closeAll(turn, control, 'the configuration of the peer changed')
  control.peer = peer
  peers.put(control)
  ownMtuIs(turn, control, peer.innerMtu)
  host.revocations.ask(turn, ownQuestions(host.ports, peer))
  if (control.wish !== 'down' && peer.initiate !== before.initiate)
    control.wish = peer.initiate ? 'initiate' : 'answer'
  if (anew) {
    control.transportRefused = false
    control.childlessTaught = undefined
    control.hasten(turn)
    return control
  }
  relive(turn, control, before)
  if (readdresses(before, peer)) closeImmobile(turn, control, before)
  recheck(turn, host, control)
  return control
}

/** New lifetimes count from the birth of each SA. */
function relive(turn: Turn, control: PeerControl, before: IkePeer): void {
  const { peer } = control
  for (const session of control.sessions) {
    const sa = session.current
    const { settings, random } = sa.host.ports
    if (peer.ike.lifetime !== before.ike.lifetime && sa.establishedAt !== undefined)
      sa.lifetime = lifetimeFrom(sa.establishedAt, peer.ike.lifetime, settings.rekeyMarginPercent, random)
    if (peer.esp.lifetime !== before.esp.lifetime)
      for (const child of session.children.all)
        child.lifetime = withinValidity(
          session,
          lifetimeFrom(child.establishedAt, peer.esp.lifetime, settings.rekeyMarginPercent, random),
        )
    sa.pump(turn)
  }
}

function closeAll(turn: Turn, control: PeerControl, why: string): void {
  const attempt = control.attempt
  control.attempt = undefined
  attempt?.end(turn, failures.closedHere(why))
  control.transport.stop(turn)
  for (const session of control.sessions) session.close(turn, failures.closedHere(why), millis(0))
}

/** Closes everything and begins nothing. */
export function putDown(turn: Turn, control: PeerControl, why: string): void {
  control.wish = 'down'
  control.retryAt = undefined
  control.redirects.target = undefined
  closeAll(turn, control, why)
}

/** The router stops: the Delete goes out now, whatever else was in flight (the peer has answered it or is gone). */
export function stop(turn: Turn, control: PeerControl): void {
  for (const session of control.sessions) session.current.abandonRequest()
  putDown(turn, control, 'the router stops')
}

type PeerInput = Extract<IkeInput, { readonly peer: string }>

export function act(turn: Turn, control: PeerControl, input: PeerInput): void {
  switch (input.on) {
    case 'up':
      control.wish = 'initiate'
      return control.hasten(turn)
    case 'down':
      return putDown(turn, control, 'the tunnel was taken down')
    case 'rekey':
      return rekey(control, input.what)
    case 'reauthenticate':
      return control.wish === 'down' ? undefined : control.begin(turn, control.alive)
    case 'acquire':
      return control.acquire(turn)
    case 'resolved':
      return resolved(turn, control, input.name, input.address)
    case 'child-used':
      return used(turn, control, input.spiIn)
    case 'child-limit':
      return limit(turn, control, input)
    case 'child-activity':
      return activity(turn, control, input)
    case 'esp-source':
      return sourced(turn, control, input)
    case 'own-addresses':
      return ownAddressesChanged(turn, control, input.addresses)
    case 'inner-mtu':
      return ownMtuIs(turn, control, input.mtu)
    default:
      return undefined
  }
}

function rekey(control: PeerControl, what: 'ike' | 'child'): void {
  for (const session of control.alive) {
    if (what === 'ike') session.current.intents.add({ want: 'rekey-ike' })
    else
      for (const child of session.children.live)
        session.current.intents.add({ want: 'rekey-child', spiIn: child.spiIn })
  }
}

const sessionOf = (control: PeerControl, spiIn: number): Session | undefined =>
  control.sessions.find(session => session.children.inbound(spiIn) !== undefined)

/** RFC 7296 §2.8: the initiator can receive on the new child, and so we send on it. */
function used(turn: Turn, control: PeerControl, spiIn: number): void {
  const session = sessionOf(control, spiIn)
  if (session === undefined) return
  session.confirmed = true
  if (session.children.inbound(spiIn)?.state.is === 'installed') control.traffic.used(turn, spiIn)
}

function limit(
  turn: Turn,
  control: PeerControl,
  input: Extract<IkeInput, { readonly on: 'child-limit' }>,
): void {
  const session = sessionOf(control, input.spiIn)
  const child = session?.children.inbound(input.spiIn)
  if (session === undefined || child === undefined) return
  if (input.limit === 'hard') return expire(turn, session, child)
  if (child.state.is === 'installed') session.current.intents.add({ want: 'rekey-child', spiIn: child.spiIn })
}

/** RFC 7296 §2.4: what was sent and got no answer of any kind is the reason for a liveness check. */
function activity(
  turn: Turn,
  control: PeerControl,
  input: Extract<IkeInput, { readonly on: 'child-activity' }>,
): void {
  const { session } = control
  if (session === undefined) return
  const heard = later(input.lastIn, session.current.lastHeard)
  if (input.lastIn !== undefined && input.lastIn !== session.lastEspIn) session.confirmed = true
  session.lastEspIn = input.lastIn
  session.lastEspOut = input.lastOut
  const { lastOut } = input
  const unanswered = lastOut !== undefined && lastOut > heard && lastOut <= turn.now
  if (!unanswered) session.unansweredSince = undefined
  else if (session.unansweredSince === undefined || session.unansweredSince < heard)
    session.unansweredSince = lastOut
}

const later = (a: Instant | undefined, b: Instant): Instant => (a !== undefined && a > b ? a : b)

/** RFC 7296 §2.23: the data path has checked that it is authentic and fresh. */
function sourced(
  turn: Turn,
  control: PeerControl,
  input: Extract<IkeInput, { readonly on: 'esp-source' }>,
): void {
  const session = sessionOf(control, input.spiIn)
  if (session === undefined || session.current.encapsulation === 'none') return
  // Plain ESP, still under way from before encapsulation began, tells no port of the NAT.
  if (input.remote.port === 0) return
  followSource(turn, session, { local: session.current.local, remote: input.remote })
}

/**
 * RFC 7296 §1.5, RFC 4303 §3.4.2: told inside an existing IKE SA with that address only, and seldom. Returns whom it
 * concerns.
 */
export function unknownEspSpi(
  turn: Turn,
  controls: readonly PeerControl[],
  input: Extract<IkeInput, { readonly on: 'unknown-esp-spi' }>,
): PeerControl | undefined {
  const session = controls.map(c => c.session).find(s => s?.current.remote.address === input.remote.address)
  if (session === undefined || !session.mayTellInvalidSpi(turn.now)) return undefined
  const data = Wire.uint32(input.spi)
  session.current.intents.add({ want: 'notify', notifyType: Wire.NOTIFY.INVALID_SPI, data })
  return session.control
}

/** Whose connection it is, or is to be, only the peers know. */
export function streamSaid(
  turn: Turn,
  host: SaHost,
  input: Extract<IkeInput, { readonly on: 'stream-opened' | 'stream-closed' }>,
  touch: (control: PeerControl) => void,
): void {
  if (input.on === 'stream-closed') host.streams.gone(input.stream)
  for (const control of host.peers.all) {
    if (!control.transport.knows(input.stream)) continue
    touch(control)
    if (input.on === 'stream-opened') control.transport.opened(turn, input.stream, input)
    else control.transport.closed(turn, input.stream, input.why)
  }
}
