import { familyOf, sameEndpoint } from '@brunel/base'
import type { Failure, IkeEvent } from './contract.js'
import * as failures from './failures.js'
import { waits } from './initiating.js'
import { furtherAddresses, otherPaths, pathText, remoteAt } from './mobility.js'
import type { PeerControl } from './peer.js'
import type { IkeSa } from './sa.js'
import type { Ends, Incoming, InFlight } from './sa-stage.js'
import type { Session } from './session.js'
import { follows } from './streams.js'
import type { Turn } from './turn.js'

/**
 * Sessions that go on at other addresses: by MOBIKE (RFC 4555), or because a NAT gave the peer another port
 * (RFC 7296 §2.23). The IKE SAs of a session move together; its ESP follows at once, or when the new address is
 * checked (RFC 4555 §3.7).
 */

type Cause = Extract<IkeEvent, { readonly event: 'moved' }>['cause']

/** Retransmissions of one request after which the path is taken for dead: RFC 4555 §3.5, "several times". */
const DOUBTS_PATH = 2

/** The IKE SAs go to these ends; ESP stays where it is until `carry`. */
export function place(session: Session, ends: Ends): void {
  const { current } = session
  session.carried ??= { local: current.local, remote: current.remote, encapsulation: current.encapsulation }
  for (const sa of session.generations) {
    sa.local = ends.local
    sa.remote = ends.remote
  }
}

/** ESP follows to where the IKE SA is: RFC 4555 §3.5. */
export function carry(turn: Turn, session: Session, cause: Cause): void {
  const { carried: from, current, control } = session
  session.carried = undefined
  const { local, remote, encapsulation } = current
  const stays =
    from === undefined ||
    (sameEndpoint(from.local, local) &&
      sameEndpoint(from.remote, remote) &&
      from.encapsulation === encapsulation)
  if (stays) return
  for (const child of session.children.all) child.encapsulation = encapsulation
  const peer = control.peer.name
  if (control.session === session) turn.do({ do: 'peer-moved', peer, local, remote, encapsulation })
  turn.report({ event: 'moved', peer, spi: current.spiText, cause, from, local, remote, encapsulation })
}

/** We go on at these ends, and tell the peer as soon as the window allows. */
export function relocate(turn: Turn, session: Session, ends: Ends, cause: 'here' | 'peer' = 'here'): void {
  const { mobility, current, weBegan, control } = session
  if (mobility === undefined) return
  const isKnown = ends.remote.address === current.remote.address
  mobility.epoch++
  mobility.cause = cause
  place(session, ends)
  if (weBegan) {
    mobility.updatePending = true
    mobility.unconfirmed = true
  } else mobility.listPending = true
  // RFC 4555 §3.5, §3.7: at once, unless the peer's address is one that is not checked yet.
  if (isKnown || control.peer.ike.mobike?.returnRoutability === false) carry(turn, session, cause)
  resend(turn, session)
  current.intents.add({ want: 'mobike' })
}

/** RFC 4555 §3.5: what waits for an answer is sent on from and to the new addresses; it is the same request. */
export function resend(turn: Turn, session: Session): void {
  for (const sa of session.generations) {
    const { outgoing } = sa
    if (outgoing === undefined) continue
    const { settings, random } = sa.host.ports
    const schedule = waits(settings.moveRetransmission, random, settings.jitterPercent)
    outgoing.transmission.restart(turn.now, schedule)
    sa.outgoing = { ...outgoing, probed: false }
    sa.send(turn, outgoing.transmission.datagrams)
  }
}

/** What the host says of its addresses: `own[0]` is where the routing table leaves for the peer. */
export function ownAddressesChanged(turn: Turn, control: PeerControl, own: readonly string[]): void {
  const before = control.own
  control.own = own
  for (const session of control.alive) follow(turn, session, before)
}

function follow(turn: Turn, session: Session, before: readonly string[]): void {
  const { mobility, current, control, weBegan } = session
  const [best] = control.own
  if (mobility === undefined || best === undefined) return
  const isGone = !control.own.includes(current.local.address)
  const isOther = before[0] !== undefined && before[0] !== best && current.local.address !== best
  // RFC 4555 §3.5: the responder leaves the addresses to the initiator as long as its own can be used.
  if (isGone || (weBegan && isOther)) {
    mobility.refused.clear()
    const remotes = [current.remote.address, ...mobility.peerAddresses]
    const remote = remotes.find(address => familyOf(address) === familyOf(best))
    if (remote !== undefined)
      return relocate(turn, session, {
        local: { address: best, port: current.local.port },
        remote: remoteAt(session, remote),
      })
  }
  const further = furtherAddresses(control.own, current.local)
  if (pathList(further) === pathList(mobility.announced)) return
  mobility.listPending = true
  current.intents.add({ want: 'mobike' })
}

const pathList = (addresses: readonly string[]): string => [...addresses].sort().join(' ')

/** Only a fresh authentic packet moves the peer. */
export function followSource(turn: Turn, session: Session, ends: Ends): void {
  if (!follows(session.current, ends) || sameEndpoint(ends.remote, session.current.remote)) return
  place(session, ends)
  carry(turn, session, ends.remote.stream === undefined ? 'nat' : 'peer')
}

/** RFC 4555 §3.8: with MOBIKE no IKE packet but UPDATE_SA_ADDRESSES moves the peer; ESP may. */
export function followIke(turn: Turn, sa: IkeSa, m: Incoming): void {
  const { session } = sa
  if (session !== undefined && session.mobility === undefined) followSource(turn, session, m)
}

/**
 * RFC 4555 §3.5, §3.10: no answer on the present path; the same request goes by the others too. The responder does so
 * only to tell its addresses (§3.6).
 */
export function probePaths(turn: Turn, sa: IkeSa, flight: InFlight): void {
  const { session } = sa
  if (session?.mobility === undefined || session.current !== sa) return
  if (flight.transmission.repeats < DOUBTS_PATH) return
  if (!session.weBegan && flight.doing.what !== 'mobike') return
  const paths = otherPaths(session)
  if (paths.length === 0) return
  sa.outgoing = { ...flight, probed: true }
  for (const path of paths) sa.send(turn, flight.transmission.datagrams, path)
}

/** The answer to a request that went by several paths: that by which it came works. */
export function followAnswer(turn: Turn, sa: IkeSa, flight: InFlight, m: Incoming): void {
  const { session } = sa
  if (session?.mobility === undefined || session.current !== sa) return
  if (!session.weBegan || !flight.probed || pathText(m) === pathText(sa)) return
  relocate(turn, session, { local: m.local, remote: m.remote })
}

/** The peer will not have us at these addresses: another pair, or the end (RFC 4555 §3.5). */
export function elsewhere(turn: Turn, session: Session, why: Failure): void {
  const { mobility, current, control } = session
  if (mobility === undefined) return
  mobility.refused.add(pathText(current))
  const [next] = otherPaths(session)
  if (next !== undefined) return relocate(turn, session, next)
  control.failed(turn, { exchange: 'INFORMATIONAL', why }, current.remote)
  session.close(turn, why)
}

/** A peer that is configured at other addresses: sessions with MOBIKE go on, if the peer is known to be there. */
export function closeImmobile(turn: Turn, control: PeerControl, before: PeerControl['peer']): void {
  const { peer } = control
  const isThere = ({ mobility, current }: Session): boolean =>
    peer.remoteAddress === before.remoteAddress ||
    peer.remoteAddress === undefined ||
    peer.remoteAddress === current.remote.address ||
    (mobility?.peerAddresses.includes(peer.remoteAddress) ?? false)
  const why = failures.closedHere('an address of the peer or of this router changed')
  const { attempt, reauthenticating } = control
  control.attempt = undefined
  attempt?.end(turn, why)
  for (const session of control.sessions)
    if (session.mobility === undefined || !isThere(session)) session.close(turn, why)
  if (peer.localAddress !== undefined && peer.localAddress !== before.localAddress)
    ownAddressesChanged(turn, control, [peer.localAddress, ...control.own.slice(1)])
  const left = reauthenticating.filter(session => session.alive)
  if (attempt !== undefined && left.length > 0) control.begin(turn, left)
  else control.hasten(turn)
}
