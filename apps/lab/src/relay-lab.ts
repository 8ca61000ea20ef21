import { join } from 'node:path'
import type { Namespace } from './net/namespace.js'
import { Switches } from './net/switches.js'
import { until } from './net/until.js'
import { Bruneld } from './peers/bruneld.js'
import { PSK } from './peers/peer-document.js'

/** An end of a relayed tunnel: an appliance, and its interface on the LAN that the tunnel is joined to. */
export interface RelayEnd {
  readonly at: string
  readonly lan: string
  /** Networks behind the far end. */
  readonly routes?: readonly string[]
}

export interface RelayLink {
  /** Of its own in a lab; both ends are called by it. */
  readonly number: number
  readonly ends: readonly [RelayEnd, RelayEnd]
  /** There are several tunnels between the two: each has identities and a GRE key of its own. */
  readonly parallel?: boolean
  /** Of `ospfRelay`, beyond the interface. */
  readonly relay?: Readonly<Record<string, unknown>>
}

/** A port as GET /v1/relay shows it. */
export interface RelayPort {
  readonly tunnel: string | null
  readonly state: string
  readonly received: number
  readonly sent: number
  readonly farRelay: string | null
}

interface ShownRelay {
  readonly interface: string
  readonly ports: readonly RelayPort[]
  readonly findings: readonly unknown[]
}

const UNDERLAY = 'wan'

export const linkName = (number: number): string => `link-${number}`

/** Appliances that run bruneld on one underlay, LANs behind them, and the routers of those LANs. */
export class RelayLab {
  readonly switches: Switches
  readonly #appliances = new Map<
    string,
    { readonly router: Bruneld; readonly address: string; readonly uplink: string }
  >()

  private constructor(switches: Switches) {
    this.switches = switches
  }

  static async build(appliances: readonly string[]): Promise<RelayLab> {
    const lab = new RelayLab(await Switches.build())
    try {
      for (const name of appliances) await lab.#addAppliance(name)
    } catch (error) {
      await lab.destroy()
      throw error
    }
    return lab
  }

  get folder(): string {
    return this.switches.folder
  }

  async #addAppliance(name: string): Promise<void> {
    const place = await this.switches.place(name)
    const address = `192.0.2.${this.#appliances.size + 1}`
    const uplink = await this.switches.plug(place, 'wan0', UNDERLAY, [`${address}/24`])
    const router = new Bruneld(place, join(this.folder, name))
    this.switches.cleanup.add(`bruneld ${name}`, () => router.stop())
    this.#appliances.set(name, { router, address, uplink })
  }

  /** Cuts or mends the line of an appliance in the underlay: packets vanish, no interface goes down. */
  cut(appliance: string, cut: boolean): Promise<void> {
    const { uplink } = this.#appliance(appliance)
    return this.switches.room.ip([`link set ${uplink} ${cut ? 'nomaster' : `master ${UNDERLAY}`}`])
  }

  async start(): Promise<void> {
    await Promise.all([...this.#appliances.values()].map(({ router }) => router.start()))
  }

  appliance(name: string): Bruneld {
    return this.#appliance(name).router
  }

  #appliance(name: string) {
    const found = this.#appliances.get(name)
    if (found === undefined) throw new Error(`no appliance ${name}`)
    return found
  }

  /** Puts an appliance or a router on a LAN; answers what its plug at the switch is called. */
  plug(
    place: string | Namespace,
    device: string,
    lan: string,
    addresses: readonly string[],
  ): Promise<string> {
    const at = typeof place === 'string' ? this.appliance(place).place : place
    return this.switches.plug(at, device, lan, addresses)
  }

  /** A router behind an appliance, with `lan0` on a LAN and `stub0`, behind which its own network is. */
  async host(name: string, lan: string, addresses: HostAddresses): Promise<Namespace> {
    const place = await this.switches.place(name)
    await this.switches.plug(place, 'lan0', lan, addresses.lan)
    await this.stub(place, addresses.stub)
    return place
  }

  /** Gives a router `stub0`, a network of its own that nobody else is in. */
  async stub(place: Namespace, addresses: readonly string[]): Promise<void> {
    await place.ip([
      'link add stub0 type veth peer name stub1',
      'link set stub0 up',
      'link set stub1 up',
      ...addresses.map(address => `addr add ${address} dev stub0${address.includes(':') ? ' nodad' : ''}`),
    ])
  }

  /** Makes a tunnel at both its ends. */
  async link(link: RelayLink): Promise<void> {
    for (const [i, end] of link.ends.entries()) {
      const far = link.ends[1 - i] as RelayEnd
      await this.appliance(end.at).api.ask('POST', '/v1/peers', this.#document(link, end, far, i))
    }
  }

  #document({ number, parallel = false, relay }: RelayLink, end: RelayEnd, far: RelayEnd, i: number) {
    const id = (at: string): string => (parallel ? `${at}-${number}.lab` : `${at}.lab`)
    return {
      name: linkName(number),
      local: { address: this.#appliance(end.at).address, id: id(end.at) },
      remote: { address: this.#appliance(far.at).address, id: id(far.at) },
      auth: { method: 'psk', psk: PSK },
      gre: parallel ? { key: number } : {},
      tunnel: {
        interface: `gre${number}`,
        addresses: [`10.255.${number}.${i + 1}/30`],
        routes: end.routes ?? [],
      },
      ospfRelay: { interface: end.lan, ...relay },
    }
  }

  async ports(appliance: string): Promise<readonly RelayPort[]> {
    const relays = await this.appliance(appliance).api.ask<readonly ShownRelay[]>('GET', '/v1/relay')
    return relays.flatMap(({ ports }) => ports)
  }

  async port(appliance: string, number: number): Promise<RelayPort | undefined> {
    return (await this.ports(appliance)).find(({ tunnel }) => tunnel === linkName(number))
  }

  async findings(appliance: string): Promise<readonly unknown[]> {
    const relays = await this.appliance(appliance).api.ask<readonly ShownRelay[]>('GET', '/v1/relay')
    return relays.flatMap(({ findings }) => findings)
  }

  /** Waits until both ends of each tunnel carry OSPF. */
  async forwarding(links: readonly RelayLink[], limit = 30_000): Promise<void> {
    for (const { number, ends } of links)
      for (const { at } of ends)
        await until(`${linkName(number)} forwards at ${at}`, limit, async () => {
          return (await this.port(at, number))?.state === 'forwarding'
        })
  }

  logs(): string {
    return [...this.#appliances]
      .map(([name, { router }]) => `${name}:\n${router.log().slice(-6000)}`)
      .join('\n')
  }

  destroy(): Promise<readonly string[]> {
    return this.switches.cleanup.unwind()
  }
}

export interface HostAddresses {
  readonly lan: readonly string[]
  readonly stub: readonly string[]
}
