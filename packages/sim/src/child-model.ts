import type { Child, IkeEffect, IkeInput } from '@brunel/ikev2'

/** One half of a child, as a router's data path got it. */
interface Half {
  readonly router: string
  readonly keyIn: string
  readonly keyOut: string
  readonly suite: string
}

/** What the data path of a router holds, as the model asks it. */
export interface DataPath {
  readonly current: { readonly child: Child } | undefined
  readonly installed: readonly { readonly child: Child }[]
}

/**
 * The two halves of every child, and what each operator wants. A child is made once; its halves have each other's
 * keys and nobody else's; where there is one there is one that sends; where the operator wants none there is none;
 * and what a router holds came from a peer that knows the secret.
 */
export class ChildModel {
  readonly #violation: (what: string) => void
  /** Whether a router may take its peer for authentic now. */
  readonly #mayTrust: (router: string) => boolean
  readonly #halves = new Map<string, Half>()
  readonly #owners = new Map<string, string>()
  readonly #spis = new Set<string>()
  readonly #off = new Set<string>()
  readonly #removed = new Set<string>()

  constructor(violation: (what: string) => void, mayTrust: (router: string) => boolean) {
    this.#violation = violation
    this.#mayTrust = mayTrust
  }

  took(router: string, input: IkeInput | { readonly on: 'tick' }): void {
    if (input.on === 'down') this.#off.add(router)
    else if (input.on === 'up') this.#off.delete(router)
    else if (input.on === 'peer-removed') this.#removed.add(router)
    else if (input.on === 'peer-set' && this.#removed.delete(router)) this.#off.delete(router)
  }

  booted(router: string): void {
    this.#off.delete(router)
    this.#removed.delete(router)
  }

  did(router: string, effect: IkeEffect): void {
    if (effect.do === 'report' && effect.event.event === 'ike-up' && !this.#mayTrust(router))
      this.#violation(`${router} took a peer for authentic that does not have the secret`)
  }

  installed(router: string, child: Child, keys: { readonly in: string; readonly out: string }): void {
    const spi = `${router} ${child.spiIn}`
    if (this.#spis.has(spi)) this.#violation(`${router} uses the ESP SPI ${child.spiIn} for a second SA`)
    this.#spis.add(spi)
    const pair = router === 'a' ? `${child.spiIn} ${child.spiOut}` : `${child.spiOut} ${child.spiIn}`
    const { encryption, integrity, esn, mode, encapsulation } = child
    const suite = `${encryption.name} ${integrity?.name} ${esn} ${mode} ${encapsulation}`
    const half: Half = { router, keyIn: keys.in, keyOut: keys.out, suite }
    const other = this.#halves.get(pair)
    this.#halves.set(pair, half)
    for (const key of [keys.in, keys.out]) {
      const owner = this.#owners.get(key)
      if (owner !== undefined && owner !== pair)
        this.#violation(`one key protects two children, ${owner} and ${pair}`)
      this.#owners.set(key, pair)
    }
    if (other === undefined || other.router === router) return
    if (other.keyIn !== half.keyOut || other.keyOut !== half.keyIn)
      this.#violation(`the ends hold different keys for the child ${pair}`)
    if (other.suite !== half.suite)
      this.#violation(`the ends hold the child ${pair} as ${other.suite} and ${half.suite}`)
  }

  /** After each step of a router. */
  check(router: string, path: DataPath): string | undefined {
    const { current, installed } = path
    if (installed.length > 0) {
      if (current === undefined) return `${router} has a child and none that sends`
      if (this.#off.has(router) || this.#removed.has(router))
        return `${router} holds a child that its operator does not want`
    }
    if (current !== undefined && !installed.some(sa => sa.child.spiIn === current.child.spiIn))
      return `${router} sends on a child that it has removed`
    return undefined
  }
}
