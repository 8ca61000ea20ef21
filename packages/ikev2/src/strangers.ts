import { isDrop, millis, RateLimiter } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import { askedCookie, CookieSecrets, type CookieSubject } from './cookie.js'
import { EarlyCallers } from './early-callers.js'
import { answerInit, type InitRequest, plainAnswer } from './exchanges/init-answer.js'
import { FailedAuthentications } from './failed-authentication.js'
import * as failures from './failures.js'
import { HalfOpenSas } from './half-open.js'
import { checkMessage } from './message-rules.js'
import type { PeerControl } from './peer.js'
import type { IkeSa } from './sa.js'
import type { Ends, Incoming, SaHost } from './sa-stage.js'
import { isMarked } from './streams.js'
import type { Turn } from './turn.js'
import { Version1 } from './version-1.js'

/**
 * Messages that belong to no IKE SA: IKE_SA_INIT, and what deserves an unprotected notify at most. Nothing is kept
 * and no DH is done for whom has not shown that it receives at its address, once there are many (RFC 7296 §2.6); and
 * before that no answer is longer than its request, so that we are of no use for a reflection.
 *
 *     IKE_SA_INIT ──seen before? ──> same response
 *                 ──many half-open, in all or of this address, or it failed often, and no good cookie? ──> N(COOKIE)
 *                 ──it failed often, and its turn has not come? ──> drop
 *                 ──the table is full? nobody configured here? ──> drop
 *                 ──the answer would be longer, and no good cookie? ──> N(COOKIE)
 *                 └──> half-open IKE SA
 */
export class Strangers {
  readonly #host: SaHost
  readonly #cookies: CookieSecrets
  readonly #limit: RateLimiter
  /** By hash of the request as it came: a repetition is known by the whole packet, RFC 7296 §2.1. */
  readonly #requests = new Map<string, { readonly sa: IkeSa; readonly response: Uint8Array }>()
  readonly #keys = new Map<IkeSa, string>()
  readonly #halfOpen: HalfOpenSas
  readonly #failed: FailedAuthentications
  readonly #version1: Version1
  readonly #early = new EarlyCallers()

  constructor(host: SaHost) {
    const { settings } = host.ports
    this.#host = host
    this.#cookies = new CookieSecrets(host.ports, settings.cookieSecretLife)
    this.#limit = new RateLimiter(millis(1000 / settings.strangerRate), settings.strangerBurst)
    this.#halfOpen = new HalfOpenSas(settings)
    this.#failed = new FailedAuthentications(settings)
    this.#version1 = new Version1(host)
  }

  /** RFC 7296 §2.5: a lower version is dropped. False where it is not the beginning of IKEv1. */
  version1(turn: Turn, bytes: Uint8Array, ends: Ends): boolean {
    return this.#version1.receive(turn, bytes, ends)
  }

  receive(turn: Turn, m: Incoming): void {
    const { header } = m
    if (header.majorVersion > 2)
      return this.#refuse(turn, m, Wire.NOTIFY.INVALID_MAJOR_VERSION, 'ike-version')
    if (header.response) return turn.drop('ike-spi', m.remote, 'a response to nobody') // RFC 7296 §2.21.4
    if (header.exchangeType !== Wire.EXCHANGE.IKE_SA_INIT || header.spiResponder !== Wire.NO_SPI)
      return this.#refuse(turn, m, Wire.NOTIFY.INVALID_IKE_SPI, 'ike-spi')
    if (!header.initiator || header.messageId !== 0)
      return turn.drop('ike-message-id', m.remote, 'IKE_SA_INIT is Message ID 0 and from an initiator')
    this.#init(turn, m)
  }

  /** RFC 7296 §1.5, §2.5: unprotected, SPIs, Message ID and exchange type copied; never for a response; rate limited. */
  #refuse(turn: Turn, m: Incoming, notifyType: number, drop: 'ike-version' | 'ike-spi'): void {
    turn.drop(drop, m.remote, Wire.notifyName(notifyType))
    if (m.header.response || !this.#limit.allow(turn.now)) return
    this.#answer(turn, m, plainAnswer(m, [Wire.notify(notifyType)]))
  }

  /** Stateless, and so never longer than what it answers: the source address may be forged (RFC 7296 §2.21.4, §5). */
  #answer(turn: Turn, m: Incoming, bytes: Uint8Array): void {
    if (m.remote.stream === undefined && bytes.length > m.bytes.length)
      return turn.drop('ike-amplification', m.remote, `${bytes.length} octets for ${m.bytes.length}`)
    this.#send(turn, m, bytes)
  }

  #send(turn: Turn, m: Incoming, bytes: Uint8Array): void {
    turn.do({ do: 'send', bytes, local: m.local, remote: m.remote, marker: isMarked(m) })
  }

  #init(turn: Turn, m: Incoming): void {
    // RFC 8229 §6: an IKE SA that is no rekeying of the one on it needs a connection of its own.
    if (this.#host.streams.isBound(m.remote.stream))
      return turn.drop('tcp-shared', m.remote, 'IKE_SA_INIT on the connection of another IKE SA')
    const key = Wire.hex(this.#host.ports.crypto.sha1(m.bytes))
    const known = this.#requests.get(key)
    if (known !== undefined) {
      if (known.sa.stage.is === 'half-open') return this.#send(turn, m, known.response)
      return turn.drop('ike-duplicate', m.remote, 'IKE_AUTH came already') // RFC 7296 §2.1
    }
    const message = Wire.parseMessage(m.bytes)
    if (isDrop(message)) return turn.drop(message, m.remote, 'IKE_SA_INIT')
    const { payloads } = message
    const { exchangeType } = m.header
    const wrong = checkMessage({ exchangeType, response: false, encrypted: false, payloads })
    if (wrong !== undefined) {
      turn.drop(wrong.drop, m.remote, wrong.detail)
      const critical = Wire.unknownCritical(payloads)
      if (critical !== undefined && this.#limit.allow(turn.now))
        this.#answer(turn, m, plainAnswer(m, [criticalNotify(critical)])) // RFC 7296 §2.5
      return
    }
    this.#open(turn, key, { m, payloads, proven: this.#isProven(turn, m, payloads) })
  }

  #open(turn: Turn, key: string, request: Omit<InitRequest, 'best'>): void {
    const { m, proven } = request
    const { address } = m.remote
    const slowed = this.#failed.isSlowed(turn.now, address)
    if (!proven && (slowed || this.#halfOpen.wantsProof(address))) return this.#askCookie(turn, request)
    if (slowed && !this.#failed.mayTry(turn.now, address, this.#hasPeer(address)))
      return turn.drop('ike-auth-limit', m.remote, 'too many failed authentications')
    const best = this.#expected(m)
    if (best === undefined) return this.#nobody(turn, m)
    const full = this.#halfOpen.full(address, best.peer.remoteAddress === address)
    if (full !== undefined) return turn.drop('ike-half-open-limit', m.remote, full)
    const answer = answerInit(turn, this.#host, { ...request, best })
    if (answer === undefined) return
    if (answer === 'unproven') return this.#askCookie(turn, request)
    if ('notifyType' in answer) {
      if (this.#limit.allow(turn.now)) this.#answer(turn, m, plainAnswer(m, [answer]))
      return
    }
    this.#keep(key, answer, proven)
  }

  /** A connection is closed at once: whoever waits on it should ask by UDP again, where he is remembered. */
  #nobody(turn: Turn, m: Incoming): void {
    if (m.remote.stream === undefined) this.#early.remember(turn.now, m)
    else this.#host.streams.close(turn, m.remote.stream)
    turn.drop('ike-no-peer', m.remote, 'no peer is configured for this address')
  }

  /** A peer was added that does not begin by itself: whoever called too early is answered. */
  answerEarly(turn: Turn): void {
    for (const m of this.#early.take(turn.now, one => this.#expected(one) !== undefined)) this.#init(turn, m)
  }

  #expected(m: Incoming): PeerControl | undefined {
    const [best] = this.#host.peers.at(m)
    return best
  }

  #keep(key: string, sa: IkeSa, proven: boolean): void {
    if (sa.stage.is !== 'half-open') return
    this.#requests.set(key, { sa, response: sa.stage.half.answer })
    this.#keys.set(sa, key)
    this.#halfOpen.add(sa, proven)
  }

  /** RFC 7296 §2.6: it gives back our cookie, or holds a TCP connection, and so it receives at its address. */
  #isProven(turn: Turn, m: Incoming, payloads: readonly Wire.Payload[]): boolean {
    if (m.remote.stream !== undefined) return true
    const cookie = askedCookie(payloads)
    return cookie !== undefined && this.#cookies.isGood(turn.now, subjectOf(m, payloads), cookie)
  }

  #askCookie(turn: Turn, { m, payloads }: Pick<InitRequest, 'm' | 'payloads'>): void {
    const data = this.#cookies.issue(turn.now, subjectOf(m, payloads))
    this.#answer(turn, m, plainAnswer(m, [Wire.notify(Wire.NOTIFY.COOKIE, data)]))
  }

  #hasPeer(address: string): boolean {
    return this.#host.peers.all.some(({ alive }) => alive.some(s => s.current.remote.address === address))
  }

  /** The verdict on the IKE_AUTH request of an IKE SA that a stranger began. */
  judged(turn: Turn, { remote }: IkeSa, good: boolean): void {
    if (good) return this.#failed.proved(remote.address)
    const times = this.#failed.failed(turn.now, remote.address)
    if (times === undefined) return
    const why = failures.tooManyFailures(remote, times)
    turn.report({ event: 'failed', peer: undefined, exchange: 'IKE_AUTH', why, remote })
  }

  /** What is configured changed: whoever failed may be right from here on. */
  pardon(): void {
    this.#failed.forgetAll()
  }

  forget(sa: IkeSa): void {
    const key = this.#keys.get(sa)
    if (key !== undefined) this.#requests.delete(key)
    this.#keys.delete(sa)
    this.#halfOpen.delete(sa)
  }
}

const criticalNotify = (type: number): Wire.NotifyPayload =>
  Wire.notify(Wire.NOTIFY.UNSUPPORTED_CRITICAL_PAYLOAD, Uint8Array.of(type))

const subjectOf = ({ header, remote }: Incoming, payloads: readonly Wire.Payload[]): CookieSubject => ({
  nonce: Wire.find(payloads, 'NONCE')?.data ?? new Uint8Array(0),
  address: remote.address,
  spiInitiator: header.spiInitiator,
})
