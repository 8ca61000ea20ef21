import type { RouterEvent } from '@brunel/admin-api'
import { endpointText } from '@brunel/base'
import type { Failure, IkeEvent } from '@brunel/ikev2'
import { spiText } from './spi-text.js'
import type { MtuState } from './tunnel-mtu.js'

/** Hands each event to whoever listens; a slow listener is the API's concern. */
export class EventStream {
  readonly #listeners = new Set<(event: RouterEvent) => void>()

  subscribe(listener: (event: RouterEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  publish(event: RouterEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

const why = ({ code, remedy, evidence }: Failure): Record<string, unknown> => ({ code, remedy, evidence })

const MOVED_BY = {
  here: '',
  peer: '; the peer changed its address',
  nat: '; a NAT sees to another port',
} as const

const SA_OF = { ike: 'IKE SA', child: 'pair of ESP SAs' } as const

/** RFC 7296 §2.8.1, §2.8.2. */
const CROSSED = {
  ours: 'both routers rekeyed at once: the SA of the peer stays, ours is redundant',
  theirs: 'both routers rekeyed at once: our SA stays, that of the peer is redundant',
  none: 'both routers rekeyed at once: the peer was first, ours was not needed',
} as const

/** An event of IKE as operators read it. */
export function routerEvent(e: IkeEvent): RouterEvent {
  const event = (
    tunnel: string | undefined,
    detail: string,
    data: Record<string, unknown> = {},
  ): RouterEvent => ({
    at: new Date().toISOString(),
    event: e.event,
    tunnel: tunnel ?? null,
    detail,
    data,
  })
  switch (e.event) {
    case 'initiating':
      return event(e.peer, `IKE_SA_INIT goes to ${endpointText(e.remote)}`)
    case 'ike-up':
      return event(e.peer, `the IKE SA with ${e.remoteId} at ${endpointText(e.remote)} is up: ${e.suite}`, {
        spi: e.spi,
        role: e.initiator ? 'initiator' : 'responder',
        nat: e.nat,
        ...(e.ppk === undefined ? {} : { ppk: e.ppk }),
        took: `${Math.round(e.took)} ms`,
      })
    case 'ppk-unused':
      return event(e.peer, e.why.sentence, why(e.why))
    case 'ike-rekeyed':
      return event(e.peer, 'the IKE SA was rekeyed', {
        spi: e.spi,
        role: e.initiator ? 'initiator' : 'responder',
      })
    case 'ike-down':
      return event(e.peer, e.why.sentence, { spi: e.spi, ...why(e.why) })
    case 'child-up':
      return event(e.peer, `the ESP SAs are up: ${e.suite}`, {
        spiIn: spiText(e.spiIn),
        spiOut: spiText(e.spiOut),
      })
    case 'child-rekeyed':
      return event(e.peer, 'the ESP SAs were rekeyed', {
        spiIn: spiText(e.spiIn),
        replaced: spiText(e.replaced),
        role: e.initiator ? 'initiator' : 'responder',
      })
    case 'child-down':
      return event(e.peer, e.why.sentence, { spiIn: spiText(e.spiIn), ...why(e.why) })
    case 'rekey-begun':
      return event(e.peer, `we ask for a new ${SA_OF[e.what]}`, { what: e.what })
    case 'rekey-crossed':
      return event(e.peer, CROSSED[e.redundant], { what: e.what, redundant: e.redundant })
    case 'rekey-deferred':
      return event(e.peer, `the peer is busy; the rekeying of the ${SA_OF[e.what]} is repeated shortly`, {
        what: e.what,
      })
    case 'failed':
      return event(e.peer, e.why.sentence, {
        exchange: e.exchange,
        remote: endpointText(e.remote),
        ...why(e.why),
      })
    case 'redirected':
      return event(e.peer, `${e.from} sends us to ${e.to}`, { from: e.from, to: e.to })
    case 'transport':
      return event(e.peer, overText(e.over, e.weBegan), { over: e.over, remote: endpointText(e.remote) })
    case 'connection':
      return event(
        e.peer,
        e.state === 'broken'
          ? `the TCP connection with ${endpointText(e.remote)} broke (${e.reason}); the SAs stay`
          : `a new TCP connection with ${endpointText(e.remote)} carries the same SAs`,
        { state: e.state },
      )
    case 'moved':
      return event(
        e.peer,
        `the SAs moved: ${endpointText(e.local)} to ${endpointText(e.remote)}${MOVED_BY[e.cause]}`,
        {
          spi: e.spi,
          cause: e.cause,
          from: `${endpointText(e.from.local)} to ${endpointText(e.from.remote)}`,
          encapsulation: e.encapsulation,
        },
      )
    case 'retrying':
      return event(e.peer, 'a new attempt follows')
    case 'exchange':
      return event(undefined, `${e.exchange} ${e.outcome}`)
  }
}

/** The MTU of a tunnel is another. */
export const mtuEvent = (tunnel: string, { sentence, report }: MtuState): RouterEvent => ({
  at: new Date().toISOString(),
  event: 'mtu',
  tunnel,
  detail: `the MTU of the tunnel is ${sentence}`,
  data: { tunnel: report.tunnel, own: report.own, theirs: report.theirs, underlay: report.underlay },
})

function overText(over: 'udp' | 'tcp', weBegan: boolean): string {
  if (over === 'udp') return 'IKE and ESP are back on UDP'
  return weBegan
    ? 'IKE and ESP go over TCP: UDP gets no answer, or ike.tcp asks for it; UDP is tried again in the background'
    : 'the peer came over TCP: IKE and ESP go by its connection'
}
