import { after, type Endpoint, type Instant, millis, RateLimiter } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import * as failures from './failures.js'
import type { PeerControl } from './peer.js'
import type { Ends, SaHost } from './sa-stage.js'
import type { Turn } from './turn.js'

/** An address is told of again after this long. Shorter: a router that begins for ever fills the log. */
const AGAIN = millis(600_000)
/** Addresses that are remembered. Too few: many addresses are told of more often. Too many: memory. */
const REMEMBERED = 256
/** Strangers told of: one in so long, and so many at once. Shorter: forged addresses fill the log. */
const STRANGER_EVERY = millis(12_000)
const STRANGERS_AT_ONCE = 5

/**
 * IKEv1 is historic (RFC 9395) and is dropped without an answer (RFC 7296 §2.5). Who runs the other router is told why
 * nothing comes up. It is not authenticated: a peer with an IKE SA is not touched by it.
 */
export class Version1 {
  readonly #host: SaHost
  /** The oldest first. */
  readonly #told = new Map<string, Instant>()
  readonly #strangers = new RateLimiter(STRANGER_EVERY, STRANGERS_AT_ONCE)

  constructor(host: SaHost) {
    this.#host = host
  }

  /** False where it is something else. */
  receive(turn: Turn, bytes: Uint8Array, { local, remote }: Ends): boolean {
    const mode = Wire.version1Mode(bytes)
    if (mode === undefined) return false
    turn.drop('ike-v1', remote, `IKEv1 ${mode}`)
    const [best] = this.#host.peers.at({ local, remote })
    const control = best?.peer.remoteAddress === remote.address ? best : undefined
    if (control === undefined || control.alive.length === 0) this.#tell(turn, mode, { remote, control })
    return true
  }

  #tell(
    turn: Turn,
    mode: string,
    of: { readonly remote: Endpoint; readonly control: PeerControl | undefined },
  ): void {
    const { remote, control } = of
    const why = failures.speaksVersion1(remote, mode)
    const told = this.#told.get(remote.address)
    const isNews = told === undefined || turn.now >= after(told, AGAIN)
    if (isNews && (control !== undefined || this.#strangers.allow(turn.now))) {
      this.#remember(remote.address, turn.now)
      const exchange = `IKEv1 ${mode}`
      if (control !== undefined) control.failed(turn, { exchange, why }, remote)
      else turn.report({ event: 'failed', peer: undefined, exchange, why, remote })
    } else if (control !== undefined) control.lastFailure = { ...why, at: turn.now }
  }

  #remember(address: string, now: Instant): void {
    this.#told.delete(address)
    const [oldest] = this.#told.keys()
    if (oldest !== undefined && this.#told.size >= REMEMBERED) this.#told.delete(oldest)
    this.#told.set(address, now)
  }
}
