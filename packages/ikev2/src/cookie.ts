import { after, type Instant, type Millis, type Random } from '@brunel/base'
import { type Cryptography, PRFS, type Prf } from '@brunel/crypto'
import { Ike } from '@brunel/wire'

/** What a cookie is bound to: RFC 7296 §2.6. */
export interface CookieSubject {
  readonly nonce: Uint8Array
  readonly address: string
  readonly spiInitiator: Ike.Header['spiInitiator']
}

const SECRET_LENGTH = 32
const HASH = PRFS[0] as Prf

/**
 * Stateless cookies of a responder: <version of secret> | prf(secret, Ni | IPi | SPIi), after the example of
 * RFC 7296 §2.6. The secret changes with time; the one before it still counts, so that a cookie lives at least one
 * and at most two `secretLife`.
 */
export class CookieSecrets {
  readonly #ports: { readonly crypto: Cryptography; readonly random: Random }
  readonly #secretLife: Millis
  #version = 0
  #current: Uint8Array | undefined
  #previous: Uint8Array | undefined
  #changeAt: Instant | undefined

  constructor(ports: { readonly crypto: Cryptography; readonly random: Random }, secretLife: Millis) {
    this.#ports = ports
    this.#secretLife = secretLife
  }

  /** The data of a COOKIE notify, 33 octets. */
  issue(now: Instant, subject: CookieSubject): Uint8Array {
    this.#change(now)
    return this.#cookie(this.#version, this.#current as Uint8Array, subject)
  }

  /** False for a wrong or stale cookie, which is treated as none at all: RFC 7296 §2.6. */
  isGood(now: Instant, subject: CookieSubject, cookie: Uint8Array): boolean {
    this.#change(now)
    const version = cookie[0]
    const secret =
      version === this.#version
        ? this.#current
        : version === ((this.#version + 255) & 0xff)
          ? this.#previous
          : undefined
    if (version === undefined || secret === undefined) return false
    return this.#ports.crypto.equal(cookie, this.#cookie(version, secret, subject))
  }

  #cookie(version: number, secret: Uint8Array, { nonce, address, spiInitiator }: CookieSubject): Uint8Array {
    // Fixed-length fields first, so that no two subjects give the same octets.
    const ip = Ike.addressBytes(address)
    const data = [Ike.ikeSpiBytes(spiInitiator), Uint8Array.of(ip.length), ip, nonce]
    return Ike.concat(Uint8Array.of(version), this.#ports.crypto.prf(HASH, secret, ...data))
  }

  #change(now: Instant): void {
    if (this.#current !== undefined && this.#changeAt !== undefined && now < this.#changeAt) return
    // After a long silence the secret before is too old as well.
    const stale = this.#changeAt === undefined || now >= after(this.#changeAt, this.#secretLife)
    this.#previous = stale ? undefined : this.#current
    this.#current = this.#ports.random.bytes(SECRET_LENGTH)
    this.#version = (this.#version + 1) & 0xff
    this.#changeAt = after(now, this.#secretLife)
  }
}

/** The repeated request of an initiator: COOKIE first, a cookie from before replaced, all else unchanged (RFC 7296 §2.6). */
export const withCookie = (
  request: readonly Ike.PlainPayload[],
  cookie: Uint8Array,
): readonly Ike.PlainPayload[] => [
  Ike.notify(Ike.NOTIFY.COOKIE, cookie),
  ...request.filter(p => !(p.type === 'N' && p.notifyType === Ike.NOTIFY.COOKIE)),
]

/** The cookie that a responder asks back, or undefined; 1 to 64 octets, RFC 7296 §2.6. */
export function askedCookie(payloads: readonly Ike.Payload[]): Uint8Array | undefined {
  const data = Ike.findNotify(payloads, Ike.NOTIFY.COOKIE)?.data
  return data !== undefined && data.length >= 1 && data.length <= 64 ? data : undefined
}
