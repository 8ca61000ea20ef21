import type { Millis } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import type { ChildSa } from '../child-sa.js'
import * as failures from '../failures.js'
import { takeMtu } from '../inner-mtu.js'
import { ownProof, theirProof } from '../proof.js'
import { isRedirect, redirected } from '../redirect.js'
import type { IkeSa } from '../sa.js'
import type { Answer, Doing, Incoming } from '../sa-stage.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'
import { answerMobike } from './mobike.js'

/**
 * INFORMATIONAL, RFC 7296 §1.4: Delete, notifies, and nothing at all, which is a liveness check. Every request is
 * answered.
 *
 *     HDR, SK {[N,] [D,] ...}  -->
 *                              <--  HDR, SK {[N,] [D,] ...}
 */
export function answerInformational(
  turn: Turn,
  sa: IkeSa,
  m: Incoming,
  payloads: readonly Wire.Payload[],
): Answer {
  const fatal = fatalNotify(payloads)
  // RFC 7296 §2.21.2: only in the request that follows IKE_AUTH, from its initiator.
  if (fatal !== undefined && !sa.initiator && m.header.messageId === AFTER_AUTH)
    return { payloads: [], afterwards: t => rejected(t, sa, Wire.notifyName(fatal)) }
  const deletes = Wire.all(payloads, 'D')
  if (deletes.some(d => d.protocol === Wire.PROTOCOL.IKE)) {
    const grace = sa.host.ports.settings.childGrace
    // RFC 7296 §2.8, §2.8.2: whoever deletes what was replaced holds the successor.
    const doing = sa.outgoing?.doing
    if (sa.stage.is === 'replaced') sa.stage.by.proven = true
    else if (doing?.what === 'rekey-ike') for (const theirs of doing.offer.crossing) theirs.sa.proven = true
    const behindEsp = sa.session?.giveWay(turn, sa) ?? false
    return { payloads: [], behindEsp, afterwards: t => closedByPeer(t, sa, grace) } // RFC 7296 §1.4.1
  }
  const redirect = isRedirect(payloads)
  if (redirect !== undefined) return { payloads: [], afterwards: t => moveOn(t, sa, redirect) }
  noticeInvalidSpi(turn, sa, payloads)
  if (sa.session !== undefined) takeMtu(turn, sa.session, payloads)
  const spis = deletes.filter(d => d.protocol === Wire.PROTOCOL.ESP).flatMap(d => d.spis)
  const ours = spis
    .map(spi => deleteByPeer(turn, sa, Wire.readUint32(spi, 0)))
    .filter(spi => spi !== undefined)
  const mobike = answerMobike(turn, sa, m, payloads)
  return { ...mobike, payloads: [...(ours.length === 0 ? [] : [deletePayload(ours)]), ...mobike.payloads] }
}

/** RFC 5685 §5: only who began the session is a client. The old session goes when the new one carries a child. */
function moveOn(turn: Turn, sa: IkeSa, notify: Wire.NotifyPayload): void {
  const { session } = sa
  if (session?.weBegan !== true || !sa.isCurrent || session.control.attempt !== undefined) return
  const { control } = session
  const why = redirected(turn, control, { notify, from: sa.remote.address, replaces: control.alive })
  if (why === undefined) control.leave(turn, sa)
  else if (why !== 'forged') control.failed(turn, { exchange: 'INFORMATIONAL', why }, sa.remote)
}

const AFTER_AUTH = 2

const fatalNotify = (payloads: readonly Wire.Payload[]): number | undefined =>
  Wire.all(payloads, 'N').find(n => FATAL.includes(n.notifyType))?.notifyType
const FATAL: readonly number[] = [
  Wire.NOTIFY.AUTHENTICATION_FAILED,
  Wire.NOTIFY.INVALID_SYNTAX,
  Wire.NOTIFY.UNSUPPORTED_CRITICAL_PAYLOAD,
]

function rejected(turn: Turn, sa: IkeSa, notify: string): void {
  const why =
    sa.session === undefined || notify !== 'AUTHENTICATION_FAILED'
      ? failures.refused('IKE_AUTH', notify)
      : failures.authenticationRefused(sa.session.localId, sa.session.remoteId, {
          by: ownProof(sa.session.control.peer).method,
          theirsWasGood: theirProof(sa.session.control.peer).method === 'psk',
        })
  sa.control?.failed(turn, { exchange: 'IKE_AUTH', why }, sa.remote)
  sa.end(turn, why)
}

function closedByPeer(turn: Turn, sa: IkeSa, grace: Millis): void {
  const { session, outgoing } = sa
  sa.end(turn, failures.closedByPeer(), grace)
  // RFC 7296 §2.8.2: the peer's rekey was first, and with the old IKE SA our own attempt ends.
  if (outgoing?.doing.what !== 'rekey-ike' || session === undefined || session.over) return
  turn.report({ event: 'rekey-crossed', peer: session.control.peer.name, what: 'ike', redundant: 'none' })
}

/**
 * The peer closes one of its inbound SAs; the pair goes. Returns our inbound SPI for the answer, or undefined where
 * we know of no such SA, or asked for the same first (RFC 7296 §1.4.1, §2.25.1).
 */
function deleteByPeer(turn: Turn, sa: IkeSa, spiOut: number): number | undefined {
  const { session } = sa
  const child = session?.children.outbound(spiOut)
  if (session === undefined || child === undefined) return undefined
  const crossed = isDeleting(session, child)
  const why = child.state.is === 'rekeyed' ? failures.replaced('rekeyed') : failures.closedByPeer()
  session.removeChild(turn, child, { grace: sa.host.ports.settings.childGrace, why })
  return crossed ? undefined : child.spiIn
}

const isDeleting = (session: Session, child: ChildSa): boolean =>
  [...session.generations].some(({ outgoing }) => {
    const doing = outgoing?.doing
    return doing?.what === 'delete-children' && doing.spisIn.includes(child.spiIn)
  })

/**
 * RFC 7296 §1.5: the peer got ESP with a SPI that it does not have. It changes nothing by itself (§2.21.4); a rekey
 * finds out: CHILD_SA_NOT_FOUND heals a one-sided SA. A young one may just not be installed there yet.
 */
function noticeInvalidSpi(turn: Turn, sa: IkeSa, payloads: readonly Wire.Payload[]): void {
  const notice = Wire.findNotify(payloads, Wire.NOTIFY.INVALID_SPI)
  if (notice === undefined || notice.data.length !== 4) return
  const child = sa.session?.children.outbound(Wire.readUint32(notice.data, 0))
  if (child?.state.is !== 'installed') return
  if (turn.now - child.establishedAt < sa.host.ports.settings.temporaryFailureWait) return
  sa.session?.current.intents.add({ want: 'rekey-child', spiIn: child.spiIn })
}

/** RFC 7296 §1.4.1: a Delete lists the SPIs that its sender receives. */
export const deletePayload = (spisIn: readonly number[]): Wire.DeletePayload => ({
  type: 'D',
  protocol: Wire.PROTOCOL.ESP,
  spis: spisIn.map(Wire.uint32),
})

/** RFC 7296 §3.11: SPI size 0. */
export const deleteIke: Wire.DeletePayload = { type: 'D', protocol: Wire.PROTOCOL.IKE, spis: [] }

export function beginInformational(
  turn: Turn,
  sa: IkeSa,
  doing: Doing,
  payloads: readonly Wire.PlainPayload[],
): void {
  sa.request(turn, { type: Wire.EXCHANGE.INFORMATIONAL, payloads, doing })
}

/** Closes children: outbound at once, inbound when the peer has answered, since until then it may send (§2.8). */
export function beginDelete(turn: Turn, sa: IkeSa, spisIn: readonly number[], doing: Doing): void {
  const { session } = sa
  const children = spisIn.map(spi => session?.children.inbound(spi)).filter(child => child !== undefined)
  if (session === undefined || children.length === 0) return
  for (const child of children) child.state = { is: 'closing' }
  session.control.preferLive(turn)
  beginInformational(turn, sa, doing, [deletePayload(children.map(child => child.spiIn))])
}

/** The answer to our INFORMATIONAL: it came, that is all that counts (RFC 7296 §1.4). */
export function informationalAnswered(turn: Turn, sa: IkeSa, doing: Doing): void {
  if (doing.what === 'close') return sa.end(turn, failures.closedHere('closed'))
  if (doing.what === 'rejection') return sa.end(turn, doing.why)
  if (doing.what !== 'delete-children' || sa.session === undefined) return
  for (const spi of doing.spisIn) {
    const child = sa.session.children.inbound(spi)
    const end = { grace: sa.host.ports.settings.childGrace, why: doing.why }
    if (child !== undefined) sa.session.removeChild(turn, child, end)
  }
}
