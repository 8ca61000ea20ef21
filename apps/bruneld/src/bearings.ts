import type { IkeEvent } from '@brunel/ikev2'
import { RouteWatch } from './route-watch.js'
import type { Tunnel } from './tunnel.js'

export interface BearingPorts {
  readonly tunnels: () => Iterable<Tunnel>
  /** Finds out where the peer of a tunnel is, and tells IKE where it moved. */
  readonly take: (tunnel: Tunnel) => Promise<void>
  readonly established: (peer: string) => boolean
  /** Every so often: what the system refused may be out of the way by now. */
  readonly retry: () => void
  readonly onFailure: (error: unknown) => void
}

/** DNS names are resolved anew this often while a peer is not reached, and routes looked at again. */
const ROUND_MS = 5000

/** Peers that are looked at side by side. More: the processes of `ip` crowd out IKE. */
export const AT_ONCE = 4

/**
 * Keeps an eye on where the peers are: after every change of the host's addresses and routes for all of them, and
 * every few seconds for those that are not reached. One round at a time.
 */
export class Bearings {
  readonly #ports: BearingPorts
  readonly #watch: RouteWatch
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined
  #stale = false
  #begun = false

  constructor(ports: BearingPorts) {
    this.#ports = ports
    this.#watch = new RouteWatch(
      () => this.#takeAll(),
      device => [...ports.tunnels()].some(({ peer }) => peer.tunnel.interface === device),
    )
  }

  start(): void {
    this.#watch.start()
    this.#timer = setInterval(() => this.#takeLost(), ROUND_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#watch.stop()
  }

  /** The tunnels of the start are open; before, each open one took its own bearing. */
  begin(): void {
    this.#begun = true
  }

  /** An attempt without an answer: the name is resolved anew, and another of its addresses is next. */
  heard(tunnel: Tunnel, event: IkeEvent): void {
    if (event.event === 'ike-up') tunnel.candidates.answered(event.remote.address)
    if (event.event !== 'failed' || event.why.code !== 'BRUNEL_IKE_PEER_SILENT') return
    tunnel.candidates.failed(event.remote.address)
    if (tunnel.peer.remote.kind === 'name') this.#ports.take(tunnel).catch(this.#ports.onFailure)
  }

  #takeAll(): void {
    if (this.#round !== undefined) {
      this.#stale = true
      return
    }
    this.#stale = false
    this.#round = this.#take(() => true).finally(() => {
      this.#round = undefined
      if (this.#stale) this.#takeAll()
    })
  }

  /** Names may lead elsewhere by now; routes may have come. Of an address that has a route the kernel tells each change. */
  #takeLost(): void {
    this.#ports.retry()
    const { established } = this.#ports
    void this.#take(
      ({ peer, bearing }) =>
        (peer.remote.kind === 'name' || bearing?.is !== 'known') && !established(peer.name),
    )
  }

  async #take(which: (tunnel: Tunnel) => boolean): Promise<void> {
    if (!this.#begun) return
    await eachOf([...this.#ports.tunnels()].filter(which), tunnel =>
      this.#ports.take(tunnel).catch(error => this.#ports.onFailure(error)),
    )
  }
}

/** Does it for each, a few at once. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const next = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
}
