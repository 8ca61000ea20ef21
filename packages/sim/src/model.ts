import type { Child, IkeEffect, IkeInput, IkePeerReport } from '@brunel/ikev2'
import { ChildModel, type DataPath } from './child-model.js'
import { WindowModel } from './window-model.js'

/** What the model asks of a router after a step. */
export interface Modelled {
  readonly name: string
  readonly up: boolean
  readonly esp: DataPath & { receives(spiIn: number): boolean }
  report(peer: string): IkePeerReport | undefined
}

export interface ModelOptions {
  violation(what: string): void
  /** Whether a router may take its peer for authentic now. */
  mayTrust(router: string): boolean
}

/**
 * The reference model: it knows nothing of the machine but what goes in and what comes out, keeps its own small
 * account of both ends, and objects at the step that breaks a rule. README.md lists the rules.
 */
export class Model {
  readonly #windows: WindowModel
  readonly #children: ChildModel
  readonly #violation: (what: string) => void
  /** What the step under way takes in: a message that the peer has not just sent, one that it has, or something else. */
  #input: 'stale' | 'fresh' | 'other' = 'other'
  #changed = false

  constructor({ violation, mayTrust }: ModelOptions) {
    this.#violation = violation
    this.#windows = new WindowModel(violation)
    this.#children = new ChildModel(violation, mayTrust)
  }

  booted(router: string): void {
    this.#children.booted(router)
  }

  took(router: string, input: IkeInput | { readonly on: 'tick' }): void {
    const fresh = this.#windows.took(router, input)
    this.#input = input.on !== 'datagram' ? 'other' : fresh ? 'fresh' : 'stale'
    this.#changed = false
    this.#children.took(router, input)
  }

  did(router: string, effect: IkeEffect): void {
    this.#windows.did(router, effect)
    this.#children.did(router, effect)
    if (effect.do === 'child-install' || effect.do === 'child-use' || effect.do === 'child-remove')
      this.#changed = true
    // RFC 7296 §2.1, §2.3, §2.23: a message that is old or not the peer's changes nothing.
    if (effect.do === 'child-install' && this.#input !== 'fresh')
      this.#violation(`${router} installs a child, and no fresh message of the peer asked for it`)
    if (effect.do === 'peer-moved' && this.#input === 'stale')
      this.#violation(`${router} moves the peer for a message that is not fresh`)
  }

  /** A test has put other octets in the place of what a router said. */
  swapped(router: string, old: Uint8Array, now: Uint8Array): void {
    this.#windows.swapped(router, old, now)
  }

  installed(router: string, child: Child, keys: { readonly in: string; readonly out: string }): void {
    this.#children.installed(router, child, keys)
  }

  /** After a step: what is wrong now. */
  stepped(router: Modelled, peer: Modelled): void {
    if (!router.up) return
    const broken = this.#children.check(router.name, router.esp) ?? this.#belief(router, peer.name)
    if (broken !== undefined) this.#violation(broken)
  }

  /** What IKE believes is what the data path holds. */
  #belief(router: Modelled, peer: string): string | undefined {
    if (!this.#changed) return undefined
    const believed = (router.report(peer)?.sas ?? []).flatMap(sa => sa.children.map(child => child.spiIn))
    const held = router.esp.installed.map(sa => sa.child.spiIn)
    const odd = held.find(spi => !believed.includes(spi)) ?? believed.find(spi => !held.includes(spi))
    return odd === undefined
      ? undefined
      : `${router.name}: IKE and the data path do not agree on the child ${odd.toString(16)}`
  }

  /** PRODUCT promise 4, at each step: what one end sends on, the other one receives. */
  reach(router: Modelled, peer: Modelled): void {
    if (!router.up || !peer.up) return
    const { current } = router.esp
    if (current === undefined) this.#violation(`${router.name} has nothing to send on`)
    else if (!peer.esp.receives(current.child.spiOut))
      this.#violation(`${router.name} sends on a child that ${peer.name} does not have`)
  }
}
