import { after, familyOf, type Instant, millis } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import type { Failure } from './contract.js'
import * as failures from './failures.js'
import type { PeerControl } from './peer.js'
import type { Session } from './session.js'
import type { Turn } from './turn.js'

/**
 * Redirect, RFC 5685, as a client: the peer names another gateway, and we go there under the same entries of the PAD
 * and the SPD; so the other one must prove the identity that is configured (§3).
 *
 *     IKE_SA_INIT   <--  HDR(A,0), N(REDIRECT, gateway, Ni)           not authenticated, and so bound to our nonce
 *     IKE_AUTH      <--  HDR, SK {IDr, AUTH, N(REDIRECT, gateway)}    once AUTH is good; we delete the IKE SA (§6)
 *     INFORMATIONAL <--  HDR, SK {N(REDIRECT, gateway)}               the old one stays until the new one carries (§5)
 *     to the gateway:    HDR(A,0), SAi1, KEi, Ni, N(REDIRECTED_FROM)
 */
type Gateway = { readonly address: string } | { readonly name: string }

/** RFC 5685 §7: so many redirects in so long. */
const MAX_REDIRECTS = 5
const REDIRECT_LOOP_DETECT_PERIOD = millis(300_000)

/** RFC 5685 §9.2. */
const TYPE = { ipv4: 1, ipv6: 2, fqdn: 3 } as const
const NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i

/** Where the attempts of a peer go for the time being, and how often they were sent elsewhere. */
export class Redirects {
  #at: readonly Instant[] = []
  /** Who sent us there, for REDIRECTED_FROM, and the gateway; without an address its name is being resolved. */
  target:
    | { readonly from: string; readonly address: string | undefined; readonly replaces: readonly Session[] }
    | undefined

  get resolving(): boolean {
    return this.target !== undefined && this.target.address === undefined
  }

  /** RFC 5685 §7. */
  mayFollow(now: Instant): boolean {
    this.#at = this.#at.filter(at => now < after(at, REDIRECT_LOOP_DETECT_PERIOD))
    if (this.#at.length >= MAX_REDIRECTS) return false
    this.#at = [...this.#at, now]
    return true
  }
}

export const isRedirect = (payloads: readonly Wire.Payload[]): Wire.NotifyPayload | undefined =>
  Wire.findNotify(payloads, Wire.NOTIFY.REDIRECT)

/** For IKE_SA_INIT: REDIRECTED_FROM says that we can be redirected, too (RFC 5685 §9.3). */
export function redirectWords({ peer, redirects }: PeerControl): readonly Wire.PlainPayload[] {
  if (peer.redirect !== true) return []
  const { target } = redirects
  if (target?.address === undefined) return [Wire.notify(Wire.NOTIFY.REDIRECT_SUPPORTED)]
  const octets = Wire.addressBytes(target.from)
  const type = familyOf(target.from) === 4 ? TYPE.ipv4 : TYPE.ipv6
  return [Wire.notify(Wire.NOTIFY.REDIRECTED_FROM, Wire.concat(Uint8Array.of(type, octets.length), octets))]
}

/** The gateway and what follows it, which is the nonce in IKE_SA_INIT; undefined: malformed. */
export function readRedirect(
  data: Uint8Array,
): { readonly gateway: Gateway; readonly nonce: Uint8Array } | undefined {
  const [type, length] = [data[0], data[1]]
  if (length === undefined || data.length < 2 + length) return undefined
  const identity = data.slice(2, 2 + length)
  const nonce = data.slice(2 + length)
  if ((type === TYPE.ipv4 && length === 4) || (type === TYPE.ipv6 && length === 16))
    return { gateway: { address: Wire.addressText(identity) }, nonce }
  const name = String.fromCharCode(...identity)
  return type === TYPE.fqdn && NAME.test(name) ? { gateway: { name }, nonce } : undefined
}

/**
 * The peer sends us elsewhere. `nonce`: that of our IKE_SA_INIT, where the message is not protected. Returns why we do
 * not go, if so; 'forged' for what must be ignored (RFC 5685 §3).
 */
export function redirected(
  turn: Turn,
  control: PeerControl,
  by: {
    readonly notify: Wire.NotifyPayload
    readonly from: string
    readonly nonce?: Uint8Array
    readonly replaces: readonly Session[]
  },
): Failure | 'forged' | undefined {
  const read = readRedirect(by.notify.data)
  if (read === undefined)
    return by.nonce === undefined ? failures.malformed('REDIRECT', 'its gateway') : 'forged'
  if (by.nonce !== undefined && Wire.hex(by.nonce) !== Wire.hex(read.nonce)) return 'forged'
  const { gateway } = read
  const to = 'name' in gateway ? gateway.name : gateway.address
  if (control.peer.redirect !== true) return failures.redirectRefused(by.from, to)
  if (!control.redirects.mayFollow(turn.now)) return failures.redirectLoop(by.from, to, MAX_REDIRECTS)
  turn.report({ event: 'redirected', peer: control.peer.name, from: by.from, to })
  const { from, replaces } = by
  control.redirects.target = { from, replaces, address: 'address' in gateway ? gateway.address : undefined }
  if ('name' in gateway) turn.do({ do: 'resolve', peer: control.peer.name, name: gateway.name })
  return undefined
}

/** The host has resolved the name of a gateway; without an address the peer's own is tried again. */
export function resolved(turn: Turn, control: PeerControl, name: string, address: string | undefined): void {
  const { target } = control.redirects
  if (target === undefined || target.address !== undefined) return
  if (address !== undefined) {
    control.redirects.target = { ...target, address }
    return control.begin(turn, target.replaces)
  }
  control.redirects.target = undefined
  const remote = { address: target.from, port: 500 }
  control.failed(turn, { exchange: 'REDIRECT', why: failures.gatewayUnknown(target.from, name) }, remote)
  control.reconcile(turn)
}
