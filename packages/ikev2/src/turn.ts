import type { Drop, Endpoint, Instant, Random } from '@brunel/base'
import type { Certification, Cryptography } from '@brunel/crypto'
import type { IkeEffect, IkeEvent } from './contract.js'
import type { IkeSettings } from './settings.js'

/** What the machine takes from outside; given once. */
export interface Ports {
  readonly random: Random
  readonly crypto: Cryptography
  /** Left out: no peer is proved by certificates. */
  readonly certification?: Certification | undefined
  readonly settings: IkeSettings
}

/** One call of `handle`: when it happens, and its effects so far, in the order in which they must be performed. */
export class Turn {
  readonly now: Instant
  readonly effects: IkeEffect[] = []

  constructor(now: Instant) {
    this.now = now
  }

  do(effect: IkeEffect): void {
    this.effects.push(effect)
  }

  report(event: IkeEvent): void {
    this.effects.push({ do: 'report', event })
  }

  drop(drop: Drop, remote: Endpoint, detail: string): void {
    this.effects.push({ do: 'drop', drop, remote, detail })
  }
}
