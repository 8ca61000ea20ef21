import { after, type Endpoint, type Instant, type Millis, millis, sooner } from '@brunel/base'
import * as failures from './failures.js'
import { backOff } from './initiating.js'
import { carry, place, resend } from './moving.js'
import type { PeerControl } from './peer.js'
import { unspecifiedLike } from './peer-match.js'
import type { IkeSa } from './sa.js'
import type { Ends, SaHost } from './sa-stage.js'
import type { Session } from './session.js'
import { SPEC } from './settings.js'
import { repeat } from './streams.js'
import type { Turn } from './turn.js'

/**
 * UDP or TCP for one peer: RFC 9329, RFC 8229 §5.1, §6. UDP is preferred, and TCP is for when it is silent:
 *
 *     UDP attempt ── no answer of any kind for `tcpAfter` ──> a TCP connection is opened beside it
 *         │ it opens, and UDP has a last chance: over it    │ it does not: the UDP attempt goes on as if nothing were
 *         ▼                                                 ▼
 *     session over TCP ── every `udpAgain`, growing ──> UDP attempt in the background ──> reauthenticated over UDP
 *         │ connection breaks: we open another, the SAs stay, what was in flight goes out again
 *
 * Nothing of it disturbs a peer that knows UDP only: it sees one SYN for each attempt that it does not answer anyway.
 */
export type Over = 'udp' | 'tcp'

/** The ends of a connection that stands. */
interface StreamEnds extends Ends {
  readonly remote: Endpoint & { readonly stream: number }
}

interface Opening {
  readonly stream: number
  /** The host tells sooner; this is for when it does not. */
  readonly until: Instant
  /** Whose broken connection it replaces. undefined: a new IKE SA is to begin on it. */
  readonly session: Session | undefined
}

export class Transport {
  readonly #host: SaHost
  readonly #control: PeerControl
  #next: Over = 'udp'
  #opening: Opening | undefined
  /** It stands beside a UDP attempt, which has until then. */
  #ready: { readonly ends: StreamEnds; readonly until: Instant } | undefined
  /** When the UDP attempt under way has been silent for long enough. */
  #dialAt: Instant | undefined
  /** The attempt under way only tries whether UDP works again. */
  #returning = false
  #returnAt: Instant | undefined
  #returnTries = 0
  /** The connection that broke, and when the next is opened. */
  #broken: { readonly stream: number; at: Instant; tries: number } | undefined
  #bound: number | undefined
  /** What the last session went over. */
  #over: Over | undefined

  constructor(host: SaHost, control: PeerControl) {
    this.#host = host
    this.#control = control
  }

  get #policy(): 'auto' | 'always' | 'never' {
    return this.#control.peer.ike.tcp ?? 'never'
  }

  /** An attempt waits for its connection. */
  get dials(): boolean {
    return this.#opening !== undefined && this.#opening.session === undefined
  }

  /** What an attempt goes over. One that replaces a session goes the way that is known to work. */
  choose(replaces: readonly Session[]): Over {
    if (this.#policy !== 'auto') return this.#policy === 'always' ? 'tcp' : 'udp'
    const [old] = replaces
    return old === undefined ? this.#next : overOf(old.current)
  }

  /** An attempt over UDP began. */
  triesUdp(now: Instant): void {
    const { reauthenticating } = this.#control
    if (this.#policy === 'auto' && reauthenticating.length === 0)
      this.#dialAt = after(now, this.#host.ports.settings.tcpAfter)
  }

  /** Opens the connection of an attempt, which begins when it is open. */
  dial(turn: Turn, session?: Session): void {
    const { remoteAddress, localAddress } = this.#control.peer
    if (remoteAddress === undefined || this.#opening !== undefined) return
    const stream = this.#host.streams.next()
    this.#opening = { stream, until: after(turn.now, this.#host.ports.settings.connectWait), session }
    const local: Endpoint = { address: localAddress ?? unspecifiedLike(remoteAddress), port: 0 }
    const remote: Endpoint = { address: remoteAddress, port: SPEC.NAT_PORT } // RFC 8229 §2
    turn.do({ do: 'stream-open', stream, local, remote })
  }

  reconcile(turn: Turn): void {
    if (this.#opening !== undefined && this.#opening.until <= turn.now) {
      const { stream } = this.#opening
      this.#host.streams.close(turn, stream)
      this.closed(turn, stream, 'it did not open in time')
    }
    this.#watchAttempt(turn)
    this.#watchReady(turn)
    this.#watchSession(turn)
    this.#watchConnection(turn)
    this.#tryUdp(turn)
  }

  get deadline(): Instant | undefined {
    const waits = this.#opening === undefined ? this.#broken?.at : this.#opening.until
    const udp = this.#control.attempt === undefined && !this.dials ? this.#returnAt : undefined
    const attempt = sooner(this.#opening === undefined ? this.#dialAt : undefined, this.#ready?.until)
    return sooner(sooner(waits, attempt), udp)
  }

  /** Nothing is wanted of the peer any more. */
  stop(turn: Turn): void {
    if (this.#opening !== undefined) this.#host.streams.close(turn, this.#opening.stream)
    if (this.#ready !== undefined) this.#host.streams.close(turn, this.#ready.ends.remote.stream)
    this.#opening = undefined
    this.#ready = undefined
    this.#dialAt = undefined
    this.#returnAt = undefined
    this.#broken = undefined
    this.#returning = false
    this.#next = 'udp'
  }

  // ---- what the host says of connections ----

  knows(stream: number): boolean {
    const on = (sa: IkeSa | undefined): boolean => sa?.remote.stream === stream
    const awaited = this.#opening?.stream === stream || this.#ready?.ends.remote.stream === stream
    return awaited || [...this.#control.sas].some(on)
  }

  opened(turn: Turn, stream: number, ends: Ends): void {
    const opening = this.#opening
    if (opening?.stream !== stream) return
    this.#opening = undefined
    const at = { local: ends.local, remote: { ...ends.remote, stream } }
    if (opening.session !== undefined) this.#resume(turn, opening.session, at)
    else if (this.#control.attempt === undefined) this.#attempt(turn, at)
    else this.#lastChance(turn, this.#control.attempt, at)
  }

  closed(turn: Turn, stream: number, why: string): void {
    const control = this.#control
    if (this.#opening?.stream === stream) return this.#refused(turn, this.#opening, why)
    if (this.#ready?.ends.remote.stream === stream) this.#ready = undefined
    if (control.attempt?.remote.stream === stream)
      control.attempt.end(turn, failures.connectionLost(control.attempt.remote, why))
    const session = control.sessions.find(one => one.current.remote.stream === stream)
    if (session === undefined) return
    const { remote } = session.current
    turn.report({ event: 'connection', peer: control.peer.name, state: 'broken', remote, reason: why })
    // RFC 8229 §6: whoever opened the first one opens the next; the SAs stay on both ends.
    if (session.weBegan) this.#broken = { stream, at: turn.now, tries: 0 }
  }

  /** True: it was only a look whether UDP works again, and nobody needs to know that it does not. */
  attemptFailed(sa: IkeSa, code: string): boolean {
    this.#dialAt = undefined
    // Silence after an answer: port 4500 or what is large does not pass. Over TCP it may.
    this.#next = overOf(sa) === 'udp' && code === 'BRUNEL_IKE_PEER_SILENT_IN_AUTH' ? 'tcp' : 'udp'
    const quiet = this.#returning && this.#control.alive.length > 0
    this.#returning = false
    return quiet
  }

  // ---- attempts ----

  /** RFC 8229 §5.1: UDP had its chance, repetition included, and there was no answer of any kind. */
  #watchAttempt(turn: Turn): void {
    const { attempt } = this.#control
    if (this.#dialAt === undefined || this.#opening !== undefined) return
    if (attempt === undefined || !isUnanswered(attempt)) this.#dialAt = undefined
    else if (this.#dialAt <= turn.now) {
      this.#dialAt = undefined
      this.dial(turn)
    }
  }

  /** Where a whole line comes back, TCP may be up first: UDP is asked once more before it is left. */
  #lastChance(turn: Turn, attempt: IkeSa, ends: StreamEnds): void {
    this.#ready = { ends, until: after(turn.now, this.#host.ports.settings.udpLastChance) }
    if (isUnanswered(attempt)) repeat(turn, attempt)
  }

  #watchReady(turn: Turn): void {
    const ready = this.#ready
    const { attempt } = this.#control
    if (ready === undefined) return
    const open = attempt === undefined || isUnanswered(attempt)
    if (open && attempt !== undefined && turn.now < ready.until) return
    this.#ready = undefined
    this.#attempt(turn, ready.ends)
  }

  #attempt(turn: Turn, ends: StreamEnds): void {
    const control = this.#control
    const { attempt } = control
    const late = control.alive.length > 0 && control.reauthenticating.length === 0
    if (late || (attempt !== undefined && !isUnanswered(attempt)))
      return this.#host.streams.close(turn, ends.remote.stream)
    control.attempt = undefined
    attempt?.end(turn, failures.replaced('it goes on over TCP'))
    control.retryAt = undefined
    control.attempt = this.#host.initiate(turn, control, ends)
  }

  #refused(turn: Turn, opening: Opening, why: string): void {
    this.#opening = undefined
    const control = this.#control
    if (opening.session !== undefined) {
      if (this.#broken === undefined) return
      const { settings, random } = this.#host.ports
      this.#broken.at = after(turn.now, backOff(++this.#broken.tries, settings, random))
    } else if (control.attempt === undefined) {
      this.#next = 'udp'
      const remote: Endpoint = { address: control.peer.remoteAddress ?? '', port: SPEC.NAT_PORT }
      control.reauthenticating = []
      control.cameToNothing(turn, { exchange: 'TCP', why: failures.noConnection(remote, why) }, remote)
    }
  }

  // ---- the session and its connection ----

  /** Tells what the session goes over, and which connection is no stranger's. */
  #watchSession(turn: Turn): void {
    const { session, peer } = this.#control
    if (session === undefined) return
    const { remote } = session.current
    const over = overOf(session.current)
    if (over !== this.#over && (over === 'tcp' || this.#over !== undefined))
      turn.report({ event: 'transport', peer: peer.name, over, weBegan: session.weBegan, remote })
    this.#over = over
    if (remote.stream !== undefined && remote.stream !== this.#bound)
      this.#host.streams.bind(turn, remote.stream)
    this.#bound = remote.stream
  }

  #watchConnection(turn: Turn): void {
    const broken = this.#broken
    if (broken === undefined || this.#opening !== undefined) return
    const session = this.#control.alive.find(one => one.current.remote.stream === broken.stream)
    if (session === undefined) this.#broken = undefined
    else if (broken.at <= turn.now) {
      broken.at = after(turn.now, this.#host.ports.settings.connectWait)
      this.dial(turn, session)
    }
  }

  /** RFC 8229 §6: the SAs go on by the new connection; the first message on it tells the peer where we are. */
  #resume(turn: Turn, session: Session, ends: StreamEnds): void {
    this.#broken = undefined
    const { peer } = this.#control
    if (session.over) return this.#host.streams.close(turn, ends.remote.stream)
    place(session, ends)
    carry(turn, session, 'here')
    resend(turn, session) // RFC 9329 §6.2
    if (session.current.outgoing === undefined) session.current.want(turn, { want: 'liveness' })
    const { remote } = ends
    turn.report({ event: 'connection', peer: peer.name, state: 'restored', remote, reason: '' })
  }

  /** UDP is preferred: RFC 8229 §2. A new IKE SA over UDP takes the place of this one, as at a reauthentication. */
  #tryUdp(turn: Turn): void {
    const control = this.#control
    const { session } = control
    if (control.attempt === undefined) this.#returning = false
    const wanted = this.#policy === 'auto' && session?.weBegan === true && overOf(session.current) === 'tcp'
    if (!wanted) {
      this.#returnAt = undefined
      this.#returnTries = 0
    } else if (this.#returnAt === undefined) this.#later(turn.now)
    else if (this.#returnAt <= turn.now && control.attempt === undefined && !this.dials) {
      this.#later(turn.now)
      control.begin(turn, control.alive, 'udp')
      this.#returning = control.attempt !== undefined
    }
  }

  #later(now: Instant): void {
    const { udpAgain, udpAgainCap } = this.#host.ports.settings
    const wait: Millis = millis(Math.min(udpAgain * 2 ** this.#returnTries, udpAgainCap))
    this.#returnTries = Math.min(this.#returnTries + 1, 16)
    this.#returnAt = after(now, wait)
  }
}

export const overOf = ({ remote }: IkeSa): Over => (remote.stream === undefined ? 'udp' : 'tcp')

/** No answer of any kind came over UDP: not even a refusal, which would show that UDP works. */
const isUnanswered = ({ stage, remote }: IkeSa): boolean =>
  remote.stream === undefined &&
  stage.is === 'initiating' &&
  stage.init.hint === undefined &&
  stage.init.rounds === 0
