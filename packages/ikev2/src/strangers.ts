import { isDrop, millis, RateLimiter } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import { askedCookie, CookieSecrets } from './cookie.js'
import { answerInit, plainAnswer } from './exchanges/init-answer.js'
import { checkMessage } from './message-rules.js'
import type { IkeSa } from './sa.js'
import type { Incoming, SaHost } from './sa-stage.js'
import { isMarked } from './streams.js'
import type { Turn } from './turn.js'

/**
 * Messages that belong to no IKE SA: IKE_SA_INIT, and what deserves an unprotected notify at most. Nothing is kept
 * and no DH is done for whom has not shown that it receives at its address, once there are many (RFC 7296 §2.6).
 *
 *     IKE_SA_INIT ──seen before? ──> same response
 *                 ──many half-open and no good cookie? ──> N(COOKIE)
 *                 ──nobody configured here? ──> drop
 *                 └──> half-open IKE SA
 */
export class Strangers {
  readonly #host: SaHost
  readonly #cookies: CookieSecrets
  readonly #limit: RateLimiter
  /** By hash of the request as it came: a repetition is known by the whole packet, RFC 7296 §2.1. */
  readonly #requests = new Map<string, { readonly sa: IkeSa; readonly response: Uint8Array }>()
  readonly #keys = new Map<IkeSa, string>()
  readonly #halfOpen = new Set<IkeSa>()

  constructor(host: SaHost) {
    const { settings } = host.ports
    this.#host = host
    this.#cookies = new CookieSecrets(host.ports, settings.cookieSecretLife)
    this.#limit = new RateLimiter(millis(1000 / settings.strangerRate), settings.strangerBurst)
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

  #answer(turn: Turn, m: Incoming, bytes: Uint8Array): void {
    turn.do({ do: 'send', bytes, local: m.local, remote: m.remote, marker: isMarked(m) })
  }

  #init(turn: Turn, m: Incoming): void {
    // RFC 8229 §6: an IKE SA that is no rekeying of the one on it needs a connection of its own.
    if (this.#host.streams.isBound(m.remote.stream))
      return turn.drop('tcp-shared', m.remote, 'IKE_SA_INIT on the connection of another IKE SA')
    const key = Wire.hex(this.#host.ports.crypto.sha1(m.bytes))
    const known = this.#requests.get(key)
    if (known !== undefined) {
      if (known.sa.stage.is === 'half-open') return this.#answer(turn, m, known.response)
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
    if (!this.#welcome(turn, m, payloads)) return
    const answer = answerInit(turn, this.#host, { m, payloads })
    if (answer === undefined) return
    if ('notifyType' in answer) {
      if (this.#limit.allow(turn.now)) this.#answer(turn, m, plainAnswer(m, [answer]))
      return
    }
    this.#keep(key, answer)
  }

  #keep(key: string, sa: IkeSa): void {
    if (sa.stage.is !== 'half-open') return
    this.#requests.set(key, { sa, response: sa.stage.half.answer })
    this.#keys.set(sa, key)
    this.#halfOpen.add(sa)
  }

  /** RFC 7296 §2.6: with many half-open IKE SAs the initiator must show that it receives at its address. */
  #welcome(turn: Turn, m: Incoming, payloads: readonly Wire.Payload[]): boolean {
    const { settings } = this.#host.ports
    if (this.#halfOpen.size < settings.cookieThreshold) return true
    for (const sa of this.#halfOpen) if (sa.stage.is !== 'half-open') this.#halfOpen.delete(sa)
    if (this.#halfOpen.size < settings.cookieThreshold) return true
    const nonce = Wire.find(payloads, 'NONCE')?.data
    if (nonce === undefined) return false
    const subject = { nonce, address: m.remote.address, spiInitiator: m.header.spiInitiator }
    const cookie = askedCookie(payloads)
    if (cookie === undefined || !this.#cookies.isGood(turn.now, subject, cookie)) {
      const data = this.#cookies.issue(turn.now, subject)
      this.#answer(turn, m, plainAnswer(m, [Wire.notify(Wire.NOTIFY.COOKIE, data)]))
      return false
    }
    if (this.#halfOpen.size < settings.halfOpenLimit) return true
    turn.drop('ike-half-open-limit', m.remote, `${this.#halfOpen.size} half-open IKE SAs`)
    return false
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
