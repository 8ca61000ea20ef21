import type { Instant, Machine, Random, Tick } from '@brunel/base'
import type { Cryptography } from '@brunel/crypto'
import type { IkeEffect, IkeInput, IkePeerReport } from './contract.js'
import { DEFAULT_SETTINGS, type IkeSettings } from './settings.js'

/** One machine serves all peers of a router. It finds IKE SAs by SPI, never by address: RFC 7296 §2.6. */
export class Ike implements Machine<IkeInput, IkeEffect> {
  readonly ports: { readonly random: Random; readonly crypto: Cryptography }
  readonly settings: IkeSettings

  constructor(ports: { random: Random; crypto: Cryptography }, settings: Partial<IkeSettings> = {}) {
    this.ports = ports
    this.settings = { ...DEFAULT_SETTINGS, ...settings }
  }

  get deadline(): Instant | undefined {
    return undefined
  }

  handle(_now: Instant, _input: IkeInput | Tick): readonly IkeEffect[] {
    return []
  }

  report(_peer: string): IkePeerReport | undefined {
    return undefined
  }

  reports(): readonly IkePeerReport[] {
    return []
  }

  /** The SPIs that peers may address to us, for the filter in front of the machine. */
  localSpis(): readonly string[] {
    return []
  }
}
