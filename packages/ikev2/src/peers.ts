import { Ike as Wire } from '@brunel/wire'
import type { Identity } from './contract.js'
import { tellsMtu } from './inner-mtu.js'
import type { PeerControl } from './peer.js'
import { isHere, mayHaveMoved, takes } from './peer-match.js'
import { anchorsOf, looks, usesCertificates } from './proof.js'
import type { Ends } from './sa-stage.js'

/**
 * The configured peers, by name, by the address where each is expected and by the identity that it must prove, so that
 * a message costs the same with one peer and with thousands. Whoever changes a peer puts it in anew.
 */
export class Peers {
  readonly #byName = new Map<string, PeerControl>()
  readonly #keys = new Map<PeerControl, Keys>()
  readonly #byRemote = new Groups()
  readonly #byIdentity = new Groups()
  readonly #anchors = new Map<string, { readonly der: Uint8Array; readonly of: Set<PeerControl> }>()
  #certified = 0
  #ppks = 0
  #looking = 0
  #telling = 0

  get all(): readonly PeerControl[] {
    return [...this.#byName.values()]
  }

  get(name: string): PeerControl | undefined {
    return this.#byName.get(name)
  }

  put(control: PeerControl): void {
    const { peer } = control
    this.#takeOut(control)
    const keys: Keys = {
      remote: peer.remoteAddress ?? ANY,
      identity: identityKey(peer.remoteId),
      anchors: anchorsOf(peer).map(Wire.hex),
      certified: usesCertificates(peer),
      ppk: peer.ppk !== undefined,
      looks: looks(peer),
      tells: tellsMtu(peer),
    }
    this.#keys.set(control, keys)
    this.#byName.set(peer.name, control)
    this.#byRemote.add(keys.remote, control)
    this.#byIdentity.add(keys.identity, control)
    if (keys.certified) this.#certified++
    if (keys.ppk) this.#ppks++
    if (keys.looks) this.#looking++
    if (keys.tells) this.#telling++
    for (const [i, der] of anchorsOf(peer).entries()) {
      const anchor = this.#anchors.get(keys.anchors[i] as string) ?? { der, of: new Set() }
      anchor.of.add(control)
      this.#anchors.set(keys.anchors[i] as string, anchor)
    }
  }

  remove(name: string): PeerControl | undefined {
    const control = this.#byName.get(name)
    this.#byName.delete(name)
    if (control !== undefined) this.#takeOut(control)
    return control
  }

  #takeOut(control: PeerControl): void {
    const keys = this.#keys.get(control)
    if (keys === undefined) return
    this.#keys.delete(control)
    this.#byRemote.remove(keys.remote, control)
    this.#byIdentity.remove(keys.identity, control)
    if (keys.certified) this.#certified--
    if (keys.ppk) this.#ppks--
    if (keys.looks) this.#looking--
    if (keys.tells) this.#telling--
    for (const key of keys.anchors) {
      const anchor = this.#anchors.get(key)
      anchor?.of.delete(control)
      if (anchor?.of.size === 0) this.#anchors.delete(key)
    }
  }

  /**
   * Which peers a stranger at this address may be. Before IKE_AUTH only addresses are known, so that this is a hint:
   * the identity decides later, and is not tied to an address (RFC 7296 §3.5, RFC 4301 §4.4.3). Best first: those
   * configured with this very address, then `any`, then those whose configured address differs but who are told apart
   * by an identity, since a peer may have moved. Found one after the other: mostly the first will do.
   */
  *at(ends: Ends): Generator<PeerControl, void, undefined> {
    const remote = ends.remote.address
    const able = ({ wish, peer }: PeerControl): boolean =>
      wish !== 'down' && isHere(peer, ends.local.address) && takes(peer, ends)
    for (const control of this.#byRemote.of(remote)) if (able(control)) yield control
    for (const control of this.#byRemote.of(ANY)) if (able(control)) yield control
    for (const control of this.#byName.values())
      if (mayHaveMoved(control.peer, remote) && able(control)) yield control
  }

  /** Who may prove this identity: those that name it, and those that take any. */
  claiming(id: Identity): readonly PeerControl[] {
    const named = this.#byIdentity.of(identityKey(id))
    return [...named, ...this.#byIdentity.of(ANY)].filter(({ wish }) => wish !== 'down')
  }

  /** Whether an end of any of them proves itself by a signature. */
  get someCertified(): boolean {
    return this.#certified > 0
  }

  get somePpk(): boolean {
    return this.#ppks > 0
  }

  /** Whether the revocation of any of them is asked for. */
  get someLook(): boolean {
    return this.#looking > 0
  }

  /** Whether any of them is told an inner MTU. */
  get someTold(): boolean {
    return this.#telling > 0
  }

  /** Whom they trust, DER, each once. */
  get anchors(): readonly Uint8Array[] {
    return [...this.#anchors.values()].map(({ der }) => der)
  }
}

/** Where a peer was put. */
interface Keys {
  readonly remote: string
  readonly identity: string
  readonly anchors: readonly string[]
  readonly certified: boolean
  readonly ppk: boolean
  readonly looks: boolean
  readonly tells: boolean
}

const ANY = ''

/** Equal where `sameIdentity` says so; all distinguished names share one, since only comparing tells them apart. */
function identityKey(id: Identity | undefined): string {
  if (id === undefined) return ANY
  if (id.type === 'dn') return 'dn'
  const text = id.type === 'fqdn' || id.type === 'email' ? id.text.toLowerCase() : id.text
  return `${id.type} ${text}`
}

class Groups {
  readonly #members = new Map<string, Set<PeerControl>>()

  of(key: string): Iterable<PeerControl> {
    return this.#members.get(key) ?? []
  }

  add(key: string, control: PeerControl): void {
    const members = this.#members.get(key) ?? new Set()
    members.add(control)
    this.#members.set(key, members)
  }

  remove(key: string, control: PeerControl): void {
    const members = this.#members.get(key)
    members?.delete(control)
    if (members?.size === 0) this.#members.delete(key)
  }
}
