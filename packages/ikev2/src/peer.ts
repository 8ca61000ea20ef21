import { after, type Endpoint, type Instant, millis, sooner } from '@brunel/base'
import { type ChildSa, isLive } from './child-sa.js'
import type { Failure, IkePeer } from './contract.js'
import * as failures from './failures.js'
import { backOff } from './initiating.js'
import type { ToldMtu } from './inner-mtu.js'
import { unspecifiedLike } from './peer-match.js'
import { Redirects } from './redirect.js'
import { settle } from './redundancy.js'
import type { IkeSa } from './sa.js'
import type { SaHost } from './sa-stage.js'
import type { Session } from './session.js'
import { SPEC } from './settings.js'
import { Traffic } from './traffic.js'
import { Transport } from './transport.js'
import type { Turn } from './turn.js'

/** How long our own finding is shown rather than a refusal of the peer's. Longer: one that is over misleads. */
const TELLING = millis(60_000)

/**
 * What we want of one peer, and what there is: `reconcile` compares the two and begins what is missing. It runs
 * after every input that touches the peer, so that nothing depends on one event not being missed.
 *
 *     wish 'initiate': one session with one child, always. Failures only delay the next attempt, capped, for ever.
 *     wish 'answer':   whatever the peer begins, or one attempt when a packet waits.
 *     wish 'down':     nothing; the peer is not answered either.
 */
export type Wish = 'initiate' | 'answer' | 'down'

export class PeerControl {
  peer: IkePeer
  wish: Wish
  readonly traffic: Traffic
  readonly redirects = new Redirects()
  readonly transport: Transport
  /** Established, the youngest last. */
  sessions: readonly Session[] = []
  /** Our own negotiation that is not established yet. */
  attempt: IkeSa | undefined
  /** Sessions that the attempt under way replaces: RFC 7296 §2.8.3. */
  reauthenticating: readonly Session[] = []
  /** All IKE SAs with this peer, those on their way out too. */
  readonly sas = new Set<IkeSa>()
  /** Our addresses that this peer may be reached from, the one in use first; empty: whatever the peer document says. */
  own: readonly string[] = []
  /** Our inner MTU, how many there were, and what the peer tells of its own. */
  ownMtu: ToldMtu | undefined
  mtuSerial = 0
  toldMtu: number | undefined
  /** The peer cannot do transport mode; the next child is asked for in tunnel mode. */
  transportRefused = false
  /** The peer refused a child in IKE_AUTH and can do without (true), or makes no child but that one (false). */
  childlessTaught: boolean | undefined
  lastFailure: (Failure & { readonly at: Instant }) | undefined
  retryAt: Instant | undefined
  readonly #host: SaHost
  #failed = 0
  #acquired = false
  #settleAt: Instant | undefined

  constructor(host: SaHost, peer: IkePeer) {
    this.#host = host
    this.peer = peer
    this.wish = peer.initiate ? 'initiate' : 'answer'
    this.traffic = new Traffic(peer.name)
    this.transport = new Transport(host, this)
  }

  get alive(): readonly Session[] {
    return this.sessions.filter(session => session.alive)
  }

  /** The session that traffic and actions belong to. */
  get session(): Session | undefined {
    const carrier = this.traffic.outbound
    return (
      this.alive.find(session => carrier !== undefined && session.children.inbound(carrier) !== undefined) ??
      this.alive.at(-1)
    )
  }

  liveChildren(): readonly ChildSa[] {
    return this.sessions.flatMap(session => session.children.all).filter(isLive)
  }

  /** Whether the next IKE SA is to be made without a child, RFC 6023. */
  get childless(): boolean {
    return this.childlessTaught ?? this.peer.ike.childless === true
  }

  /** A session that replaces others needs a child of its own. */
  hasChildFor(session: Session): boolean {
    return (this.#isSuccessor(session) ? session.children.all.filter(isLive) : this.liveChildren()).length > 0
  }

  #isSuccessor(session: Session): boolean {
    return this.reauthenticating.length > 0 && session.weBegan && !this.reauthenticating.includes(session)
  }

  /** A packet waits and nothing carries it: RFC 4301 §5.1. */
  acquire(turn: Turn): void {
    this.#acquired = true
    this.reconcile(turn)
  }

  /** Tries at once, whatever the back-off says. */
  hasten(turn: Turn): void {
    this.retryAt = undefined
    this.#failed = 0
    this.redirects.target = undefined
    this.reconcile(turn)
  }

  reconcile(turn: Turn): void {
    if (this.wish === 'down') return this.transport.stop(turn)
    this.transport.reconcile(turn)
    const alive = this.alive
    const wanted = this.wish === 'initiate' || this.#acquired
    if (alive.length === 0) {
      const due = this.retryAt === undefined || this.retryAt <= turn.now
      if (wanted && due && this.attempt === undefined && this.peer.remoteAddress !== undefined)
        this.begin(turn)
      return
    }
    if (wanted) this.#ensureChild(turn)
    this.#settle(turn)
  }

  /** A new IKE SA from scratch; with `replaces`, the old ones stay until it carries a child. */
  begin(turn: Turn, replaces: readonly Session[] = [], over = this.transport.choose(replaces)): void {
    const { target, resolving } = this.redirects
    const remoteAddress = target?.address ?? this.peer.remoteAddress
    if (remoteAddress === undefined || this.attempt !== undefined) return
    if (this.transport.dials || resolving) return
    this.retryAt = undefined
    this.reauthenticating = replaces
    if (over === 'tcp' && target === undefined) return this.transport.dial(turn)
    const local: Endpoint = {
      address: this.peer.localAddress ?? unspecifiedLike(remoteAddress),
      port: SPEC.PORT,
    }
    this.attempt = this.#host.initiate(turn, this, {
      local,
      remote: { address: remoteAddress, port: SPEC.PORT },
    })
    this.transport.triesUdp(turn.now)
  }

  /** A new session instead of this one; without an address to go to, the peer has to begin. */
  renew(turn: Turn, session: Session, why: Failure): void {
    if (this.attempt !== undefined) return
    this.begin(turn, [session])
    if (this.attempt === undefined && !this.transport.dials) session.close(turn, why)
  }

  adopt(sa: IkeSa): void {
    sa.control = this
    this.sas.add(sa)
  }

  /** Our attempt came to nothing. */
  attemptFailed(turn: Turn, sa: IkeSa, end: { readonly exchange: string; readonly why: Failure }): void {
    if (this.attempt !== sa) return
    this.attempt = undefined
    this.reauthenticating = []
    this.redirects.target = undefined // the address that is configured comes next
    if (this.transport.attemptFailed(sa, end.why.code)) return
    // A hint of IKE_SA_INIT was reported when it came.
    if (this.lastFailure?.code === end.why.code && this.lastFailure.at >= sa.createdAt)
      this.lastFailure = { ...end.why, at: turn.now }
    else this.failed(turn, end, sa.remote)
    this.#backOff(turn, end.why)
  }

  /** There was not even a connection to begin on. */
  cameToNothing(
    turn: Turn,
    end: { readonly exchange: string; readonly why: Failure },
    remote: Endpoint,
  ): void {
    this.failed(turn, end, remote)
    this.#backOff(turn, end.why)
  }

  #backOff(turn: Turn, why: Failure): void {
    // A silent peer has cost a whole retransmission schedule already.
    this.#failed = why.code === 'BRUNEL_IKE_PEER_SILENT' ? 1 : this.#failed + 1
    this.#retryLater(turn, backOff(this.#failed, this.#host.ports.settings, this.#host.ports.random))
  }

  failed(turn: Turn, end: { readonly exchange: string; readonly why: Failure }, remote: Endpoint): void {
    const known = this.lastFailure
    const stays =
      known !== undefined && turn.now < after(known.at, TELLING) && failures.explainsMore(known, end.why)
    if (!stays) this.lastFailure = { ...end.why, at: turn.now }
    turn.report({ event: 'failed', peer: this.peer.name, exchange: end.exchange, why: end.why, remote })
  }

  /** RFC 5685: another gateway shall have this attempt. */
  leave(turn: Turn, sa: IkeSa): void {
    if (this.attempt === sa) this.attempt = undefined
    const { target } = this.redirects
    if (target?.address !== undefined) this.begin(turn, target.replaces)
  }

  /** What waited has its child. */
  served(): void {
    this.#acquired = false
  }

  established(session: Session): void {
    if (this.attempt === session.current) {
      this.attempt = undefined
      this.redirects.target = undefined
    }
    this.sessions = [...this.sessions, session]
    this.retryAt = undefined
    this.#failed = 0
  }

  /** Reauthentication is make-before-break: the old session goes when the new one carries a child, RFC 7296 §2.8.3. */
  childArrived(turn: Turn, session: Session): void {
    if (!session.weBegan || this.reauthenticating.includes(session)) return
    for (const old of this.reauthenticating)
      old.close(turn, failures.replaced(`reauthenticated as ${session.current.spiText}`))
    this.reauthenticating = []
  }

  /** The child came to nothing, and the IKE SA stays: RFC 7296 §2.21.2. `reconcile` asks again. */
  childFailed(turn: Turn, session: Session, end: { readonly exchange: string; readonly why: Failure }): void {
    session.childFailures++
    this.failed(turn, end, session.current.remote)
    if (!this.#isSuccessor(session)) return
    // The old session still carries traffic; this one does not.
    this.reauthenticating = []
    session.close(turn, end.why)
  }

  /** The peer was faster: what we have only just asked for is not needed. It cannot have been answered yet. */
  yieldTo(turn: Turn): void {
    const { attempt } = this
    if (attempt?.stage.is !== 'initiating' || this.reauthenticating.length > 0) return
    this.attempt = undefined
    attempt.end(turn, failures.replaced('the peer was faster'))
  }

  /** What is about to be deleted no longer sends, if there is another. */
  preferLive(turn: Turn): void {
    const { outbound } = this.traffic
    const carrier = this.sessions.flatMap(s => s.children.all).find(child => child.spiIn === outbound)
    const live = this.liveChildren()
    const heir = live.findLast(child => this.traffic.isReady(child.spiIn)) ?? live.at(-1)
    if (carrier?.state.is === 'closing' && heir !== undefined) this.traffic.use(turn, heir.spiIn)
  }

  sessionEnded(turn: Turn, session: Session, why: Failure): void {
    this.sessions = this.sessions.filter(other => other !== session)
    turn.report({ event: 'ike-down', peer: this.peer.name, spi: session.current.spiText, why })
    if (this.wish !== 'initiate' || this.alive.length > 0 || this.attempt !== undefined) return
    // Lost: at once, the line may be back. Closed by the peer: it may be about to stop.
    const wait = why.code === 'BRUNEL_IKE_CLOSED_BY_PEER' ? this.#host.ports.settings.retryFirst : millis(0)
    this.#retryLater(turn, wait)
  }

  #retryLater(turn: Turn, wait: number): void {
    // One packet that waited is worth one attempt; and `any` has no address to try.
    this.#acquired = false
    if (this.peer.remoteAddress === undefined) return
    this.retryAt = after(turn.now, millis(wait))
    if (this.wish === 'initiate') turn.report({ event: 'retrying', peer: this.peer.name, at: this.retryAt })
  }

  /** An IKE SA without a child heals itself: RFC 7296 §1.2 leaves it up, and it is of no use like that. */
  #ensureChild(turn: Turn): void {
    const session = this.alive.at(-1)
    if (session === undefined || this.liveChildren().length > 0) return
    const sa = session.current
    if (sa.intents.has('create-child') || sa.intents.has('close') || sa.isCreatingChild) return
    const { settings, random } = this.#host.ports
    const wait = backOff(Math.max(1, session.childFailures), settings, random)
    // One side goes first, so that the two do not both make one.
    const notBefore = after(turn.now, millis(session.weBegan ? wait : wait + 2 * settings.retryFirst))
    sa.intents.add({ want: 'create-child', notBefore })
  }

  #settle(turn: Turn): void {
    // A successor whose first child is under way is not redundant.
    const settled = this.alive.filter(session => !this.#isSuccessor(session) || this.hasChildFor(session))
    const decision = settle(settled, turn.now, this.#host.ports.settings)
    // Where a proof is missing, its arrival brings us back here.
    this.#settleAt = decision.again
    for (const session of decision.probe) session.current.probe(turn)
    for (const session of decision.close)
      session.close(turn, failures.replaced('two IKE SAs with this peer; the one with the lowest nonce goes'))
  }

  get deadline(): Instant | undefined {
    const able = this.wish === 'initiate' && this.peer.remoteAddress !== undefined
    const idle = this.attempt === undefined && !this.transport.dials
    const waits = able && this.alive.length === 0 && idle
    const settles = this.alive.length > 1 ? this.#settleAt : undefined
    return sooner(sooner(waits ? this.retryAt : undefined, settles), this.transport.deadline)
  }
}
