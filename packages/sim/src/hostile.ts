import { millis } from '@brunel/base'
import type { Dice } from './dice.js'
import type { Datagram, Network } from './network.js'
import { joined } from './octets.js'
import type { VirtualTime } from './virtual-time.js'

/** Where a hostile peer stands: it hears what crosses the underlay and adds datagrams of its own; it stops nothing. */
export interface Position {
  readonly time: VirtualTime
  readonly network: Network
  readonly dice: Dice
}

/** A hostile peer: everything it sends is forged or old, so nothing it sends may change what the routers agree on. */
export abstract class Hostile {
  protected readonly at: Position
  /** Share of the datagrams it hears that it acts on. */
  protected readonly eagerness: number
  /** At which end of the path it listens. */
  protected readonly hears: 'sent' | 'arrived' = 'sent'
  active = true

  constructor(at: Position, eagerness = 0.2) {
    this.at = at
    this.eagerness = eagerness
    at.network.tap((datagram, fate) => {
      // What strangers inject is heard too; answering it would never end.
      if (this.active && fate === this.hears && !injected.has(datagram) && at.dice.chance(eagerness))
        this.hear(datagram)
    })
  }

  protected abstract hear(datagram: Datagram): void

  protected inject(datagram: Datagram, wait = 0): void {
    injected.add(datagram)
    if (wait === 0) this.at.network.inject(datagram)
    else this.at.time.after(millis(wait), () => this.at.network.inject(datagram))
  }
}

const injected = new WeakSet<Datagram>()

/** The IKE message of a datagram and how many octets stand before it, or undefined for ESP and keepalives. */
function ikeOf(datagram: Datagram): { readonly at: number; readonly message: Uint8Array } | undefined {
  if (datagram.protocol !== 17) return undefined
  const marked = datagram.bytes.length >= 4 && datagram.bytes.subarray(0, 4).every(octet => octet === 0)
  const plain = datagram.from.port === 500 || datagram.to.port === 500
  if (!marked && !plain) return undefined
  const at = marked ? 4 : 0
  const message = datagram.bytes.subarray(at)
  return message.length >= 28 ? { at, message } : undefined
}

const MESSAGE_ID = 20
const FLAGS = 19
const RESPONSE = 0x20
const INITIATOR = 0x08
const SA_INIT = 34

/** A message with one unprotected notify, in the header of the one it pretends to answer. */
function unprotectedNotify(message: Uint8Array, type: number, data: Uint8Array): Uint8Array {
  const forged = new Uint8Array(28 + 8 + data.length)
  forged.set(message.subarray(0, 28))
  const view = new DataView(forged.buffer)
  view.setUint8(16, 41)
  view.setUint8(FLAGS, ((message[FLAGS] as number) ^ INITIATOR) | RESPONSE)
  view.setUint32(24, forged.length)
  view.setUint16(30, 8 + data.length)
  view.setUint16(34, type)
  forged.set(data, 36)
  return forged
}

const marked = (at: number, message: Uint8Array): Uint8Array => joined(new Uint8Array(at), message)

/** Answers every request with an unprotected error: RFC 7296 §2.4, §2.21.4: hints at most. */
export class Forger extends Hostile {
  protected hear(datagram: Datagram): void {
    const ike = ikeOf(datagram)
    if (ike === undefined || ((ike.message[FLAGS] as number) & RESPONSE) !== 0) return
    const type = this.at.dice.pick([4, 7, 9, 11, 14, 24, 38, 43, 44])
    const bytes = marked(ike.at, unprotectedNotify(ike.message, type, new Uint8Array(0)))
    this.inject({ ...datagram, from: datagram.to, to: datagram.from, bytes })
  }
}

/** Answers IKE_SA_INIT with forged COOKIE and INVALID_KE_PAYLOAD: RFC 7296 §2.6, §2.21.1. */
export class HintForger extends Hostile {
  protected hear(datagram: Datagram): void {
    const ike = ikeOf(datagram)
    if (ike === undefined || ike.message[18] !== SA_INIT || ((ike.message[FLAGS] as number) & RESPONSE) !== 0)
      return
    const cookie = this.at.dice.chance(0.5)
    const data = cookie
      ? this.at.dice.bytes(this.at.dice.between(1, 64))
      : Uint8Array.of(0, this.at.dice.pick([2, 14, 19, 31]))
    const bytes = marked(ike.at, unprotectedNotify(ike.message, cookie ? 16390 : 17, data))
    this.inject({ ...datagram, from: datagram.to, to: datagram.from, bytes })
  }
}

/**
 * Sends again what has arrived, some of it from an address of its own: RFC 7296 §2.3, §2.23, RFC 4303 §3.4.3. A copy
 * that overtakes the true one is no replay: it is fresh, and whoever wins that race may redirect the answers until
 * the next true packet. No protocol on the path helps against that.
 */
export class Replayer extends Hostile {
  protected override readonly hears = 'arrived'

  protected hear(datagram: Datagram): void {
    const wait = this.at.dice.pick([1, 30, 300, 3000, 20_000])
    const elsewhere = {
      address: datagram.from.address.includes(':') ? '2001:db8:66::1' : '203.0.113.66',
      port: 4500,
    }
    this.inject({ ...datagram, from: this.at.dice.chance(0.3) ? elsewhere : datagram.from }, wait)
  }
}

/** Cuts, lengthens and bends what it heard: RFC 7296 §3.1, §3.2, §3.14. */
export class Mutilator extends Hostile {
  protected hear(datagram: Datagram): void {
    const { dice } = this.at
    const bytes = joined(datagram.bytes)
    const how = dice.below(4)
    if (how === 0) this.inject({ ...datagram, bytes: bytes.slice(0, dice.below(bytes.length)) })
    else if (how === 1) this.inject({ ...datagram, bytes: joined(bytes, dice.bytes(dice.between(1, 40))) })
    else if (bytes.length > 0) {
      for (let n = dice.between(1, 3); n > 0; n--) {
        const i = dice.below(bytes.length)
        bytes[i] = (bytes[i] as number) ^ (1 << dice.below(8))
      }
      // Half of them with the true length, so that the fault lies deeper.
      const ike = ikeOf({ ...datagram, bytes })
      if (how === 2 && ike !== undefined)
        new DataView(bytes.buffer).setUint32(ike.at + 24, ike.message.length)
      if (Buffer.compare(bytes, datagram.bytes) === 0) bytes[bytes.length - 1]! ^= 1
      if (!sameIkeInit(datagram)) this.inject({ ...datagram, bytes })
    }
  }
}

/**
 * IKE_SA_INIT is not protected (RFC 7296 §2.4 leaves it so): a bent copy that overtakes the true one can cost the
 * attempt, and a retry must follow. This one stays away from it, so that "nothing changes" can be asserted.
 */
const sameIkeInit = (datagram: Datagram): boolean => ikeOf(datagram)?.message[18] === SA_INIT

/** Noise with the look of IKE or ESP, to both ends: some with SPIs that exist. */
export class Babbler extends Hostile {
  protected hear(datagram: Datagram): void {
    const { dice } = this.at
    const bytes = dice.bytes(dice.between(0, 200))
    const ike = ikeOf(datagram)
    if (ike !== undefined && bytes.length >= 28 + ike.at) {
      bytes.set(datagram.bytes.subarray(0, ike.at + 18))
      const view = new DataView(bytes.buffer)
      bytes[ike.at + 18] = dice.between(34, 38)
      view.setUint32(ike.at + MESSAGE_ID, dice.below(6))
      view.setUint32(ike.at + 24, bytes.length - ike.at)
      if (bytes[ike.at + 18] === SA_INIT) return
    } else if (datagram.bytes.length >= 8 && bytes.length >= 8) bytes.set(datagram.bytes.subarray(0, 4))
    this.inject({ ...datagram, bytes })
  }
}

export const HOSTILES = {
  forger: Forger,
  hints: HintForger,
  replayer: Replayer,
  mutilator: Mutilator,
  babbler: Babbler,
}
export type HostileName = keyof typeof HOSTILES
