import { type Endpoint, type IkeSpi, type Instant, type Millis, millis } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import type { Channel } from './channel.js'
import type { Encapsulation, Failure } from './contract.js'
import { eraseRequest, eraseSa } from './erasing.js'
import { answerRequest, beginExchange, takeResponse } from './exchanges/dispatch.js'
import type { Awaited } from './exchanges/follow-up.js'
import { initAnswered } from './exchanges/sa-init.js'
import * as failures from './failures.js'
import { livenessWaits, Transmission, waits } from './initiating.js'
import { type Intent, Intents } from './intents.js'
import { type IkeKeys, type IkeSuite, wipeIkeKeys } from './key-schedule.js'
import type { Lifetime } from './lifetimes.js'
import { followAnswer, followIke } from './moving.js'
import type { PeerControl } from './peer.js'
import { Answers } from './responding.js'
import { deadlineOf, tickSa } from './sa-clock.js'
import type { Answer, Doing, Ends, Incoming, InFlight, SaHost, Stage } from './sa-stage.js'
import type { Session } from './session.js'
import { SPEC } from './settings.js'
import { isMarked, repeat } from './streams.js'
import type { Turn } from './turn.js'

/** What an IKE SA has once both public values are known. */
export interface Agreed {
  readonly suite: IkeSuite
  readonly keys: IkeKeys
  readonly channel: Channel
}

/**
 * One IKE SA: its keys, its window of one request each way (RFC 7296 §2.3), its timers. What the messages mean is in
 * exchanges/: an exchange is a function of this SA and a message.
 *
 *     datagram ──> request? ──place(Message ID)──> open ──> answer ──> send, cached for duplicates
 *              └─> response? ──matches what is in flight──> open ──> the exchange goes on ──> next intent
 */
export class IkeSa {
  readonly host: SaHost
  /** We are the original initiator of this IKE SA: the I flag of all we send (RFC 7296 §3.1). */
  readonly initiator: boolean
  readonly createdAt: Instant
  readonly intents = new Intents()
  readonly answers: Answers
  spiInitiator: IkeSpi
  spiResponder: IkeSpi
  local: Endpoint
  remote: Endpoint
  nat: { readonly local: boolean; readonly remote: boolean } = { local: false, remote: false }
  stage: Stage
  agreed: Agreed | undefined
  control: PeerControl | undefined
  session: Session | undefined
  /** The keys before those in use: a repeated request of IKE_INTERMEDIATE still comes under them. */
  #former: Channel | undefined
  /** What an IKE_FOLLOWUP_KE of the peer goes on with. */
  awaited: Awaited | undefined
  outgoing: InFlight | undefined
  lifetime: Lifetime | undefined
  establishedAt: Instant | undefined
  lastHeard: Instant
  lastSent: Instant
  #nextId: number
  /** The peer showed our Vendor ID in IKE_SA_INIT; and the serial of what IKE_AUTH told it. */
  understandsMtu = false
  mtuSaid: number | undefined
  /** Something authentic has come on it. A successor that the peer has not heard of yet is not in doubt. */
  proven = false

  constructor(made: {
    readonly host: SaHost
    readonly initiator: boolean
    readonly now: Instant
    readonly spiInitiator: IkeSpi
    readonly spiResponder: IkeSpi
    readonly ends: Ends
    readonly stage: Stage
    /** Message ID of our first request, and of the peer's: RFC 7296 §2.2. */
    readonly nextId: number
    readonly expectedId: number
  }) {
    this.host = made.host
    this.initiator = made.initiator
    this.createdAt = made.now
    this.lastHeard = made.now
    this.lastSent = made.now
    this.spiInitiator = made.spiInitiator
    this.spiResponder = made.spiResponder
    this.local = made.ends.local
    this.remote = made.ends.remote
    this.stage = made.stage
    this.#nextId = made.nextId
    this.answers = new Answers(made.expectedId)
  }

  /** The last authentic message of the peer, IKE or ESP. */
  get heardAt(): Instant {
    const { session } = this
    const esp = session?.control.session === session ? session?.lastEspIn : undefined
    const counts = esp !== undefined && esp > this.lastHeard && session?.mobility?.unconfirmed !== true
    return counts ? esp : this.lastHeard
  }

  /** The SPI that the peer addresses us by. */
  get ourSpi(): IkeSpi {
    return this.initiator ? this.spiInitiator : this.spiResponder
  }

  get peerSpi(): IkeSpi {
    return this.initiator ? this.spiResponder : this.spiInitiator
  }

  get spiText(): string {
    return `${this.spiInitiator}_${this.spiResponder}`
  }

  /** May begin exchanges about children: RFC 7296 §2.8. */
  get isCurrent(): boolean {
    return this.stage.is === 'established' && this.session?.current === this
  }

  /** RFC 7296 §2.23: a NAT on either side, or a side that says so, puts ESP into UDP. */
  get encapsulation(): Encapsulation {
    if (this.remote.stream !== undefined) return 'tcp' // RFC 8229 §5, §7
    const forced = (this.session?.control ?? this.control)?.peer.esp.encapsulation === 'udp'
    const wanted = this.nat.local || this.nat.remote || forced
    // RFC 7296 §2.23: never on port 500.
    return wanted && this.local.port === SPEC.NAT_PORT ? 'udp' : 'none'
  }

  get isCreatingChild(): boolean {
    const what = this.outgoing?.doing.what
    return what === 'create-child' || what === 'rekey-child'
  }

  // ---- messages ----

  receive(turn: Turn, m: Incoming): void {
    if (m.header.exchangeType === Wire.EXCHANGE.IKE_SA_INIT) {
      if (m.header.response && this.stage.is === 'initiating') initAnswered(turn, this, this.stage.init, m)
      else turn.drop('ike-duplicate', m.remote, 'IKE_SA_INIT of an IKE SA that is past it')
    } else if (this.agreed === undefined) {
      turn.drop('ike-exchange-type', m.remote, 'a protected message before IKE_SA_INIT is done')
    } else if (m.header.response) this.#response(turn, m, this.agreed.channel)
    else this.#request(turn, m, this.agreed.channel)
    this.pump(turn)
  }

  #request(turn: Turn, m: Incoming, channel: Channel): void {
    const place = this.answers.place(m.header.messageId)
    if (place === 'outside') return turn.drop('ike-message-id', m.remote, 'a request outside the window') // §2.3
    if (place === 'forgotten') return turn.drop('ike-duplicate', m.remote, 'the answer is forgotten') // §2.1
    const keys = place === 'repeated' ? (this.#former ?? channel) : channel
    const opened = keys.open(turn.now, m, place === 'new')
    if (opened.is === 'drop') return turn.drop(opened.drop, m.remote, opened.detail)
    if (opened.is === 'clear') return turn.drop('ike-unexpected', m.remote, 'a request in the clear') // §2.4
    if (place === 'repeated') {
      // RFC 7296 §2.1, RFC 7383 §2.6.1: only fragment 1 of a retransmission asks for the answer again.
      if (opened.first) this.send(turn, this.answers.last, m)
      return
    }
    if (opened.is === 'part') return
    if (this.stage.is === 'initiating' || this.stage.is === 'authenticating')
      return turn.drop('ike-exchange-type', m.remote, 'a request before IKE_AUTH is done')
    this.#heard(turn, m)
    const answer: Answer | undefined =
      opened.is === 'malformed'
        ? this.fatal(Wire.NOTIFY.INVALID_SYNTAX, failures.malformed('a request', opened.detail))
        : answerRequest(turn, this, { ...m, octets: opened.octets }, opened.payloads)
    if (answer !== undefined) this.respond(turn, m, answer)
  }

  #response(turn: Turn, m: Incoming, channel: Channel): void {
    const flight = this.outgoing
    const { messageId, exchangeType } = m.header
    if (
      flight === undefined ||
      flight.transmission.messageId !== messageId ||
      flight.exchangeType !== exchangeType
    )
      return this.#unmatched(turn, m, channel)
    const opened = channel.open(turn.now, m, true)
    if (opened.is === 'drop') return turn.drop(opened.drop, m.remote, opened.detail)
    if (opened.is === 'clear') return this.#notified(turn, m, opened.payloads)
    if (opened.is === 'part') return
    this.#heard(turn, m)
    this.outgoing = undefined
    if (this.stage.is === 'established' || this.stage.is === 'replaced') this.#confirm()
    followAnswer(turn, this, flight, m)
    takeResponse(turn, this, flight, {
      m: opened.is === 'message' ? { ...m, octets: opened.octets } : m,
      payloads: opened.is === 'message' ? opened.payloads : undefined,
    })
  }

  #unmatched(turn: Turn, m: Incoming, channel: Channel): void {
    const opened = channel.open(turn.now, m, false)
    if (opened.is === 'clear') this.#notified(turn, m, opened.payloads)
    else turn.drop('ike-message-id', m.remote, 'a response to nothing that is in flight')
  }

  /** RFC 7296 §2.4, §2.21.4: an unprotected notify changes nothing; it is a reason to ask whether the peer lives. */
  #notified(turn: Turn, m: Incoming, payloads: readonly Wire.Payload[]): void {
    turn.drop('ike-unexpected', m.remote, 'an unprotected notify about an established IKE SA')
    if (this.proven && Wire.findNotify(payloads, Wire.NOTIFY.INVALID_IKE_SPI) !== undefined) this.probe(turn)
  }

  #heard(turn: Turn, m: Incoming): void {
    this.lastHeard = turn.now
    this.proven = true
    if (this.session !== undefined) this.session.unansweredSince = undefined
    if (!m.header.response && this.stage.is === 'established') this.#confirm()
    if (this.stage.is === 'established' || this.stage.is === 'replaced') followIke(turn, this, m)
  }

  #confirm(): void {
    if (this.session?.current === this) this.session.confirmed = true
  }

  // ---- sending ----

  send(turn: Turn, datagrams: readonly Uint8Array[], ends: Ends & { behindEsp?: true } = this): void {
    this.lastSent = turn.now
    const { local, remote, behindEsp } = ends
    const marker = isMarked(ends)
    for (const bytes of datagrams)
      turn.do({ do: 'send', bytes, local, remote, marker, ...(behindEsp && { behindEsp }) })
  }

  /** Sends a protected request; at most one is in flight (RFC 7296 §2.3). */
  request(
    turn: Turn,
    exchange: {
      readonly type: number
      readonly payloads: readonly Wire.PlainPayload[]
      readonly doing: Doing
    },
  ): void {
    if (this.agreed === undefined) return
    // RFC 7296 §2.2: a Message ID never wraps.
    if (this.#nextId > SPEC.LAST_MESSAGE_ID) return this.end(turn, failures.expired('Message IDs'))
    if (this.#nextId === SPEC.LAST_MESSAGE_ID >>> 1) this.intents.add({ want: 'rekey-ike' })
    const messageId = this.#nextId++
    const { channel } = this.agreed
    const header = { ...this.header(exchange.type, messageId), response: false }
    const datagrams = channel.seal(header, exchange.payloads, this.remote)
    const transmission = new Transmission(turn.now, messageId, datagrams, this.#schedule(exchange.doing))
    transmission.smaller = () =>
      channel.sealSmaller(header, exchange.payloads, { remote: this.remote, total: datagrams.length })
    this.transmit(turn, exchange, transmission)
  }

  #schedule(doing: Doing): readonly Millis[] {
    const { settings, random } = this.host.ports
    if (doing.what === 'liveness' && this.session !== undefined)
      return livenessWaits(this.session.control.peer.ike.liveness)
    // The peer may have forgotten us between the two exchanges; and what we close is of no use to anybody.
    const short =
      doing.what === 'intermediate' ||
      doing.what === 'auth' ||
      doing.what === 'close' ||
      doing.what === 'rejection'
    const plan =
      doing.what === 'mobike'
        ? settings.moveRetransmission
        : short
          ? settings.initRetransmission
          : settings.retransmission
    return waits(plan, random, settings.jitterPercent)
  }

  transmit(
    turn: Turn,
    exchange: { readonly type: number; readonly doing: Doing },
    transmission: Transmission,
  ): void {
    const fresh = { doubted: false, probed: false }
    this.outgoing = { transmission, exchangeType: exchange.type, doing: exchange.doing, ...fresh }
    const { local, remote, session } = this
    const left = exchange.doing.what === 'close' && session?.leftBehind === true
    this.send(turn, transmission.datagrams, left ? { local, remote, behindEsp: true } : this)
  }

  /** Effects of the answer come before it is sent (RFC 7296 §2.8), its `afterwards` after it. It leaves the way the request came. */
  respond(turn: Turn, m: Incoming, answer: Answer): void {
    if (this.agreed === undefined) return
    const datagrams = this.agreed.channel.seal(
      { ...this.header(m.header.exchangeType, m.header.messageId), response: true },
      answer.payloads,
      m.remote,
    )
    this.answers.answered(datagrams)
    this.#former?.wipe()
    this.#former = undefined
    this.send(turn, datagrams, answer.behindEsp === true ? { ...m, behindEsp: true } : m)
    answer.afterwards?.(turn)
  }

  header(exchangeType: number, messageId: number): Omit<Wire.OutgoingHeader, 'response'> {
    const { spiInitiator, spiResponder, initiator } = this
    return { spiInitiator, spiResponder, initiator, exchangeType, messageId }
  }

  /** RFC 7296 §2.21.2, §2.21.3: this answer ends the IKE SA on both sides without a Delete. */
  fatal(notifyType: number, why: Failure): Answer {
    return { payloads: [Wire.notify(notifyType)], afterwards: turn => this.end(turn, why) }
  }

  /** Other keys follow within the same set-up: the secrets go, what protects our last answer stays until the next. */
  retire({ keys, channel }: Agreed): void {
    wipeIkeKeys(this.host.ports.crypto, keys)
    this.#former?.wipe()
    this.#former = channel
  }

  // ---- what we want ----

  want(turn: Turn, intent: Intent): void {
    this.intents.add(intent)
    this.pump(turn)
  }

  /** Asks whether the peer lives, or lets the request in flight tell it sooner. */
  probe(turn: Turn): void {
    if (this.stage.is !== 'established') return
    if (this.outgoing === undefined) this.want(turn, { want: 'liveness' })
    const { outgoing, session } = this
    // What began instead of it will tell as well.
    if (outgoing === undefined || outgoing.doing.what === 'liveness' || outgoing.doubted) return
    if (session === undefined) return
    const { transmission } = outgoing
    this.outgoing = { ...outgoing, doubted: true }
    const hurried = transmission.hurry(turn.now, livenessWaits(session.control.peer.ike.liveness))
    if (hurried && transmission.startedAt < turn.now) repeat(turn, this)
  }

  /** Begins what waits, as far as the window of one request and the stage allow. */
  pump(turn: Turn): void {
    while (this.outgoing === undefined && this.agreed !== undefined) {
      const intent = this.intents.take(turn.now, wish => this.allowed(wish))
      if (intent === undefined) return
      beginExchange(turn, this, intent)
    }
  }

  allowed(intent: Intent): boolean {
    if (intent.want === 'close') return this.stage.is === 'closing'
    if (intent.want === 'liveness' || intent.want === 'notify')
      return this.stage.is === 'established' || this.stage.is === 'replaced'
    return this.isCurrent
  }

  /** Waits no longer for an answer, so that a Delete can leave at once. */
  abandonRequest(): void {
    eraseRequest(this, this.outgoing?.doing)
    this.outgoing = undefined
  }

  // ---- the end ----

  /** Closes with a Delete: RFC 7296 §1.4.1. The children go at once, as far as no other IKE SA inherited them. */
  close(turn: Turn, why: Failure, grace: Millis = this.host.ports.settings.childGrace): void {
    if (this.stage.is === 'closing' || this.stage.is === 'ended') return
    if (this.stage.is !== 'established' && this.stage.is !== 'replaced') return this.end(turn, why)
    this.stage = { is: 'closing', why }
    this.intents.drop(() => true)
    this.intents.add({ want: 'close', why })
    this.session?.ended(turn, this, { grace, why })
    this.pump(turn)
  }

  /** Forgets the IKE SA and erases its keys: RFC 7296 §2.12. */
  end(turn: Turn, why: Failure, grace: Millis = millis(0)): void {
    const was = this.stage
    if (was.is === 'ended') return
    this.stage = { is: 'ended', why }
    eraseSa(this, was)
    this.#former?.wipe()
    this.outgoing = undefined
    this.host.forget(this)
    if (was.is === 'initiating') this.control?.attemptFailed(turn, this, { exchange: 'IKE_SA_INIT', why })
    else if (was.is === 'authenticating')
      this.control?.attemptFailed(turn, this, { exchange: 'IKE_AUTH', why })
    else if (was.is === 'established' || was.is === 'replaced')
      this.session?.ended(turn, this, { grace, why })
  }

  // ---- time: sa-clock.ts ----

  tick(turn: Turn): void {
    tickSa(turn, this)
  }

  get deadline(): Instant | undefined {
    return deadlineOf(this)
  }
}
