import type { Namespace } from '../net/namespace.js'
import { Bird } from './bird.js'
import { Frr } from './frr.js'
import { birdConf, frrConf } from './ospf-conf.js'

export type OspfVersion = 2 | 3
export type OspfNetwork = 'point-to-point' | 'broadcast'

/** How one version of OSPF is spoken on the one LAN that a router has. */
export interface OspfSpeech {
  readonly network: OspfNetwork
  /** RFC 2328 §D.3; RFC 5709 for version 2 and RFC 7166 for version 3. */
  readonly auth?: { readonly algorithm: 'md5' | 'hmac-sha-256'; readonly key: string }
}

/** An OSPF router behind an appliance, whatever program it is. */
export interface OspfWish {
  readonly routerId: string
  readonly device: string
  /** Interfaces whose networks it tells of, and where it has no neighbours. */
  readonly stubs: readonly string[]
  readonly speaks: Readonly<Partial<Record<OspfVersion, OspfSpeech>>>
  /** Seconds; left out: those of RFC 2328 §C.3, 10 and 40. */
  readonly timers?: { readonly hello: number; readonly dead: number }
  readonly priority?: number
}

/** A neighbour as the router itself sees it. */
export interface OspfNeighbour {
  readonly routerId: string
  /** 'Full', '2-Way', … */
  readonly state: string
  /** What the neighbour is: 'DR', 'Backup', 'DROther', or '' where the network has none. */
  readonly role: string
}

export interface OspfRouter {
  start(wish: OspfWish): Promise<void>
  neighbours(version: OspfVersion): Promise<readonly OspfNeighbour[]>
  stop(): Promise<void>
}

export type OspfProgram = 'frr' | 'bird'

/** `folder`: of its own. */
export function ospfRouter(program: OspfProgram, place: Namespace, folder: string): OspfRouter {
  return program === 'frr' ? new FrrRouter(place, folder) : new BirdRouter(place, folder)
}

class FrrRouter implements OspfRouter {
  readonly #frr: Frr

  constructor(place: Namespace, folder: string) {
    this.#frr = new Frr(place, folder)
  }

  start(wish: OspfWish): Promise<void> {
    return this.#frr.run(frrConf(wish))
  }

  async neighbours(version: OspfVersion): Promise<readonly OspfNeighbour[]> {
    const shown = await this.#frr.vtysh(version === 2 ? 'show ip ospf neighbor' : 'show ipv6 ospf6 neighbor')
    return version === 2 ? readFrr2(shown) : readFrr3(shown)
  }

  stop(): Promise<void> {
    return this.#frr.stop()
  }
}

class BirdRouter implements OspfRouter {
  readonly #bird: Bird

  constructor(place: Namespace, folder: string) {
    this.#bird = new Bird(place, folder)
  }

  start(wish: OspfWish): Promise<void> {
    return this.#bird.start(birdConf(wish))
  }

  async neighbours(version: OspfVersion): Promise<readonly OspfNeighbour[]> {
    return readBird(await this.#bird.birdc(`show ospf neighbors ospf${version}`))
  }

  stop(): Promise<void> {
    return this.#bird.stop()
  }
}

const read = (text: string, row: RegExp): OspfNeighbour[] =>
  [...text.matchAll(row)].map(([, routerId = '', state = '', role = '']) => ({
    routerId,
    state: /^two-?way$/i.test(state) ? '2-Way' : state,
    role: NAMES[role] ?? role,
  }))

/** The words of all three for what RFC 2328 §9.1 names. */
const NAMES: Readonly<Record<string, string>> = {
  '-': '',
  PtP: '',
  PointToPoint: '',
  BDR: 'Backup',
  Other: 'DROther',
}

/** `10.20.1.2  1 Full/DR  3m12s  36.5s 10.20.1.2  lan0:10.20.1.1  0 0 0` */
export const readFrr2 = (text: string): readonly OspfNeighbour[] =>
  read(text, /^(\d[\d.]+) +\d+ +([\w-]+)\/(\S+)/gm)

/** `10.20.1.2  1  00:00:36  Full/PointToPoint  00:01:02  lan0[PointToPoint]`: the second word is our own role. */
export const readFrr3 = (text: string): readonly OspfNeighbour[] =>
  read(text, /^(\d[\d.]+) +\d+ +[\d:]+ +([\w-]+)\/(\S+)/gm)

/** `10.20.1.2  1  Full/DR  36.512  lan0  10.20.1.2` */
export const readBird = (text: string): readonly OspfNeighbour[] =>
  read(text, /^(\d[\d.]+)\s+\d+\s+([\w-]+)\/(\S+)/gm)
