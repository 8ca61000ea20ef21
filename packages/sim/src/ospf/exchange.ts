import { after, type Instant, seconds } from '@brunel/base'
import { higherId } from './election.js'
import type { Lsa } from './lsa.js'
import { fall, type Neighbour } from './neighbour.js'
import { type Description, descriptionBody, FLAG, MTU, requestBody, TYPE } from './packets.js'

/** RFC 2328 §C.3 */
export const RXMT = seconds(5)
/** So few that a database takes several packets. */
const HEADERS_A_PACKET = 6
export const LSAS_A_PACKET = 6

/** What an exchange needs of the router it belongs to. */
export interface ExchangePorts {
  readonly routerId: string
  send(n: Neighbour, type: number, body: Uint8Array): void
  database(): readonly Lsa[]
  /** Not at hand, or older than this. */
  lacks(lsa: Lsa): boolean
  twoWay(now: Instant, n: Neighbour): void
  full(now: Instant, n: Neighbour): void
}

/** RFC 2328 §10.6, §10.8, §10.9: two databases are described, and what one lacks is asked for. */
export class Exchange {
  readonly #ports: ExchangePorts

  constructor(ports: ExchangePorts) {
    this.#ports = ports
  }

  /** RFC 2328 §10.3: also after SeqNumberMismatch and BadLSReq. */
  begin(now: Instant, n: Neighbour): void {
    const { sequence } = n
    fall(n, 'ExStart')
    n.master = true
    n.sequence = (sequence + 1) >>> 0
    this.#describe(now, n, FLAG.init | FLAG.more | FLAG.master, [])
  }

  hear(now: Instant, n: Neighbour, said: Description): void {
    if (said.mtu > MTU) return
    if (n.state === 'Init') this.#ports.twoWay(now, n)
    switch (n.state) {
      case 'ExStart':
        return this.#negotiate(now, n, said)
      case 'Exchange':
      case 'Loading':
      case 'Full':
        return this.#inSequence(now, n, said)
      default:
        return
    }
  }

  #negotiate(now: Instant, n: Neighbour, said: Description): void {
    const begins = said.flags === (FLAG.init | FLAG.more | FLAG.master) && said.headers.length === 0
    const answers = (said.flags & (FLAG.init | FLAG.master)) === 0 && said.sequence === n.sequence
    const above = higherId(n.id, this.#ports.routerId)
    if (!(begins && above) && !(answers && !above)) return
    n.master = !above
    if (above) n.sequence = said.sequence
    n.state = 'Exchange'
    n.summary = this.#ports.database()
    this.#accept(now, n, said)
  }

  #inSequence(now: Instant, n: Neighbour, said: Description): void {
    const { flags, sequence } = said
    if (n.lastReceived?.flags === flags && n.lastReceived.sequence === sequence) {
      if (!n.master && n.lastSent !== undefined) this.#ports.send(n, TYPE.description, n.lastSent)
      return
    }
    const next = n.master ? n.sequence : (n.sequence + 1) >>> 0
    const fits =
      n.state === 'Exchange' &&
      (flags & FLAG.init) === 0 &&
      ((flags & FLAG.master) !== 0) === !n.master &&
      sequence === next
    if (fits) this.#accept(now, n, said)
    else this.begin(now, n)
  }

  #accept(now: Instant, n: Neighbour, said: Description): void {
    n.lastReceived = said
    for (const lsa of said.headers) if (this.#ports.lacks(lsa)) n.requests.set(lsa.key, lsa)
    const more = (said.flags & FLAG.more) !== 0
    if (n.master) {
      n.sequence = (n.sequence + 1) >>> 0
      if (n.saidAll && !more) this.#done(now, n)
      else this.#describeNext(now, n)
    } else {
      n.sequence = said.sequence
      this.#describeNext(now, n)
      if (n.saidAll && !more) this.#done(now, n)
    }
    this.ask(now, n)
  }

  #describeNext(now: Instant, n: Neighbour): void {
    const headers = n.summary.slice(0, HEADERS_A_PACKET)
    n.summary = n.summary.slice(HEADERS_A_PACKET)
    n.saidAll = n.summary.length === 0
    this.#describe(now, n, (n.saidAll ? 0 : FLAG.more) | (n.master ? FLAG.master : 0), headers)
  }

  #describe(now: Instant, n: Neighbour, flags: number, headers: readonly Lsa[]): void {
    n.lastSent = descriptionBody({ mtu: MTU, flags, sequence: n.sequence, headers })
    // The slave speaks when it is spoken to.
    n.describeAt = n.master ? after(now, RXMT) : undefined
    this.#ports.send(n, TYPE.description, n.lastSent)
  }

  #done(now: Instant, n: Neighbour): void {
    n.describeAt = undefined
    n.state = 'Loading'
    this.loaded(now, n)
  }

  /** RFC 2328 §10.9: one request at a time. */
  ask(now: Instant, n: Neighbour): void {
    if (n.asked.size > 0 || n.requests.size === 0) return
    const some = [...n.requests.values()].slice(0, LSAS_A_PACKET)
    for (const { key } of some) n.asked.add(key)
    n.requestAt = after(now, RXMT)
    this.#ports.send(n, TYPE.request, requestBody(some))
  }

  /** What was asked for is here, from whoever it came. */
  got(now: Instant, n: Neighbour, key: string): void {
    n.requests.delete(key)
    n.asked.delete(key)
    if (n.asked.size === 0) {
      n.requestAt = undefined
      this.ask(now, n)
    }
    this.loaded(now, n)
  }

  loaded(now: Instant, n: Neighbour): void {
    if (n.state !== 'Loading' || n.requests.size > 0) return
    n.state = 'Full'
    this.#ports.full(now, n)
  }

  tick(now: Instant, n: Neighbour): void {
    if (n.describeAt !== undefined && now >= n.describeAt && n.lastSent !== undefined) {
      n.describeAt = after(now, RXMT)
      this.#ports.send(n, TYPE.description, n.lastSent)
    }
    if (n.requestAt !== undefined && now >= n.requestAt) {
      n.asked.clear()
      this.ask(now, n)
    }
  }
}
