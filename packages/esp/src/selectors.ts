import { bug, type Drop, type Packet } from '@brunel/base'
import { Address } from '@brunel/wire'
import type { PayloadHeader } from './payload-header.js'

/** One pair of negotiated traffic selectors, addresses as canonical text; `protocol` 0 is any (RFC 7296 §3.13.1). */
export interface SelectorSpec {
  readonly localStart: string
  readonly localEnd: string
  readonly remoteStart: string
  readonly remoteEnd: string
  readonly protocol: number
}

interface Range {
  readonly start: Uint8Array
  readonly end: Uint8Array
}

interface Selector {
  readonly local: Range
  readonly remote: Range
  readonly protocol: number
}

const octets = (text: string): Uint8Array => Address.parse(text) ?? bug(`not an address: ${text}`)

const inside = (bytes: Uint8Array, at: number, range: Range): boolean =>
  Address.compareAt(bytes, at, range.start) >= 0 && Address.compareAt(bytes, at, range.end) <= 0

/** What an SA may carry inbound: RFC 4301 §5.2 step 4. From us to the peer the same ranges hold with ends swapped. */
export class Selectors {
  readonly #all: readonly Selector[]

  constructor(specs: readonly SelectorSpec[]) {
    const all = specs.map(spec => ({
      local: { start: octets(spec.localStart), end: octets(spec.localEnd) },
      remote: { start: octets(spec.remoteStart), end: octets(spec.remoteEnd) },
      protocol: spec.protocol,
    }))
    // No packet has its ends in two families; a list of pairs made of two lists names some that do.
    this.#all = all.filter(({ local, remote }) => local.start.length === remote.start.length)
  }

  /** A decrypted packet of tunnel mode: its source is the peer's side, its destination ours. */
  check(p: Packet, header: PayloadHeader): Drop | undefined {
    for (let i = 0; i < this.#all.length; i++) {
      const selector = this.#all[i] as Selector
      if (selector.protocol !== 0 && selector.protocol !== header.protocol) continue
      if (selector.local.start.length !== header.addressLength) continue
      if (!inside(p.bytes, header.sourceAt, selector.remote)) continue
      if (inside(p.bytes, header.destinationAt, selector.local)) return undefined
    }
    return 'esp-selectors'
  }

  /** Transport mode has no addresses inside; those of the SA stand for them (RFC 7296 §2.23.1). */
  checkTransport(local: Uint8Array, remote: Uint8Array, protocol: number): Drop | undefined {
    const fits = this.#all.some(
      selector =>
        (selector.protocol === 0 || selector.protocol === protocol) &&
        selector.local.start.length === local.length &&
        inside(local, 0, selector.local) &&
        inside(remote, 0, selector.remote),
    )
    return fits ? undefined : 'esp-selectors'
  }
}
