import { type Drop, isDrop, type Packet } from '@brunel/base'
import { Address, Gre, Ipv4, Ipv6 } from '@brunel/wire'
import { BEFORE_FIRST, precedes } from './sequence.js'

/**
 * One GRE tunnel: the header goes in front on the way out and comes off on the way in. Both directions allocate
 * nothing, keep one sequence counter each (the key is one, so the counter is the key's: RFC 2890 §2.2), and answer
 * with the name of the drop, or undefined where the packet lives.
 */

export interface GreOptions {
  /** RFC 2890 §2.1: keyed and unkeyed are different flows; the key 0 is a key. */
  readonly key: number | undefined
  /** Sends a checksum. Received ones are always verified (RFC 7676 §2.1), and missing ones accepted. */
  readonly checksum: boolean
  /** Sends sequence numbers. Received ones are always obeyed (RFC 2890 §2.2). */
  readonly sequence: boolean
  /** Addresses of the far end. A packet from it to itself would loop: RFC 2784 §3.1. */
  readonly farAddresses?: readonly Uint8Array[]
}

export class GreTunnel {
  readonly #options: GreOptions
  readonly #farAddresses: readonly Uint8Array[]
  readonly #header: Gre.Header
  #nextSequence = 0
  #lastSequence = BEFORE_FIRST

  /** With `counters`: goes on counting where that tunnel stands. */
  constructor(options: GreOptions, counters?: GreTunnel) {
    this.#options = options
    this.#farAddresses = options.farAddresses ?? []
    this.#header = { protocolType: 0, checksum: options.checksum, key: options.key, sequence: undefined }
    if (counters === undefined) return
    this.#nextSequence = counters.#nextSequence
    this.#lastSequence = counters.#lastSequence
  }

  /** Octets that `encapsulate` puts in front. */
  get overhead(): number {
    return (
      4 +
      (this.#options.checksum ? 4 : 0) +
      (this.#options.key === undefined ? 0 : 4) +
      (this.#options.sequence ? 4 : 0)
    )
  }

  /** The tunnel is established anew (the peer restarted): both ends count from 0 again, RFC 2890 §2.2. */
  reset(): void {
    this.#nextSequence = 0
    this.#lastSequence = BEFORE_FIRST
  }

  /** Puts the GRE header in front of the packet. A packet that finds no room uses up no sequence number. */
  encapsulate(p: Packet, protocolType: number): Drop | undefined {
    this.#header.protocolType = protocolType
    if (this.#options.sequence) this.#header.sequence = this.#nextSequence
    const gre = Gre.push(p, this.#header)
    if (isDrop(gre)) return gre
    if (this.#options.sequence) this.#nextSequence = (this.#nextSequence + 1) >>> 0
    return undefined
  }

  /** The packet begins at its GRE header and ends with its payload; afterwards it begins at the payload. */
  decapsulate(p: Packet): Drop | undefined {
    const gre = Gre.open(p, p.start)
    if (isDrop(gre)) return gre
    const refused = this.#refuseKey(Gre.key(p, gre)) ?? this.#refuseChecksum(p, gre)
    if (refused !== undefined) return refused
    const payload = Gre.payloadAt(p, gre)
    const mismatch = this.#refusePayload(p, payload, Gre.protocolType(p, gre))
    if (mismatch !== undefined) return mismatch
    // Last, for the counter moves only with a packet that is "successfully decapsulated": RFC 2890 §2.2.
    const sequence = Gre.sequence(p, gre)
    if (sequence >= 0) {
      if (precedes(sequence, this.#lastSequence)) return 'gre-out-of-order'
      this.#lastSequence = sequence
    }
    p.start = payload
    return undefined
  }

  /** `key` is -1 in a packet without. RFC 2890 §2.1. */
  #refuseKey(key: number): Drop | undefined {
    const mine = this.#options.key
    if (mine === undefined) return key < 0 ? undefined : 'gre-key-unexpected'
    if (key < 0) return 'gre-key-missing'
    return key === mine ? undefined : 'gre-key-mismatch'
  }

  #refuseChecksum(p: Packet, gre: Parameters<typeof Gre.key>[1]): Drop | undefined {
    return Gre.hasChecksum(p, gre) && !Gre.checksumGood(p, gre) ? 'gre-checksum' : undefined
  }

  /** Octets behind the IP length are cut off: the TUN takes exactly one packet. */
  #refusePayload(p: Packet, at: number, protocolType: number): Drop | undefined {
    switch (protocolType) {
      case Gre.PROTOCOL_TYPE.ipv4: {
        const ip = Ipv4.open(p, at)
        if (isDrop(ip)) return ip === 'ip-version' ? 'gre-payload-mismatch' : ip
        p.end = Ipv4.endAt(p, ip)
        return this.#refuseFarEnd(p, Ipv4.destinationAt(ip), 4)
      }
      case Gre.PROTOCOL_TYPE.ipv6: {
        const ip = Ipv6.open(p, at)
        if (isDrop(ip)) return ip === 'ip-version' ? 'gre-payload-mismatch' : ip
        p.end = Ipv6.endAt(p, ip)
        return this.#refuseFarEnd(p, Ipv6.destinationAt(ip), 16)
      }
      default:
        // RFC 2784 §2.4: "unknown protocol types SHOULD be discarded".
        return 'gre-protocol-type'
    }
  }

  /** RFC 2784 §3.1: a packet that the far end sends to the far end MUST be discarded. */
  #refuseFarEnd(p: Packet, at: number, length: number): Drop | undefined {
    for (let i = 0; i < this.#farAddresses.length; i++) {
      const far = this.#farAddresses[i]!
      if (far.length === length && Address.equalAt(p.bytes, at, far)) return 'gre-to-far-end'
    }
    return undefined
  }
}
