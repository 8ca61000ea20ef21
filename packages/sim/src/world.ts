import { instant, millis } from '@brunel/base'
import type { Cryptography } from '@brunel/crypto'
import { ADDRESSES, destination } from './addresses.js'
import { Dice, SeededRandom } from './dice.js'
import { Flow } from './flow.js'
import { HOSTILES, type Hostile } from './hostile.js'
import { bounds } from './invariants.js'
import { Model } from './model.js'
import { Nat } from './nat.js'
import { Network, PERFECT } from './network.js'
import { Pcap } from './pcap.js'
import { type PeerWishes, type Place, peerOf } from './peers.js'
import { type RouterPorts, type Sabotage, SimRouter } from './router.js'
import type { Happening, Scenario, Side } from './scenario.js'
import { toyCertification } from './toy-certification.js'
import { toyCryptography } from './toy-cryptography.js'
import { Trace } from './trace.js'
import { Trust } from './trust.js'
import { VirtualTime } from './virtual-time.js'
import { NonceLedger } from './watched-cryptography.js'

export interface Violation {
  readonly at: number
  readonly what: string
}

/** Milliseconds from calm to data both ways, and to agreement. */
export interface Recovery {
  readonly back: number
  readonly agreed: number
}

export interface WorldOptions {
  readonly record: boolean
  readonly system: Cryptography
  /** Breaks the machine of router a on purpose. */
  readonly sabotage?: Sabotage | undefined
}

/** Two routers, a path between them and a plan. One use each. */
export class World {
  readonly scenario: Scenario
  readonly time = new VirtualTime()
  readonly network: Network
  readonly nat: Nat | undefined
  readonly routers: Readonly<Record<Side, SimRouter>>
  readonly flows: Readonly<Record<Side, Flow>>
  readonly trace: Trace | undefined
  readonly pcap: Pcap | undefined
  violation: Violation | undefined
  recovery: Recovery = { back: 0, agreed: 0 }
  readonly #hostile: readonly Hostile[]
  readonly #wishes: Record<Side, PeerWishes>
  readonly #model: Model
  readonly #trust: Trust
  /** The link is up and nothing may cost a datum: each end must always reach the other. */
  #mustReach = false
  #buried = false
  readonly #places: Record<Side, { readonly self: Place; readonly seen: Place }>
  /** Where those who moved are seen. */
  readonly #seen: Partial<Record<Side, Place>> = {}

  constructor(scenario: Scenario, options: WorldOptions) {
    this.scenario = scenario
    const { seed, family, nat } = scenario
    this.network = new Network(this.time, new Dice(seed, 'network'))
    const contents = options.record ? new Map<string, string>() : undefined
    this.trace = contents && new Trace(contents)
    const addresses = ADDRESSES[family]
    const addressOfA = nat ? addresses.inside : addresses.a
    this.#places = {
      a: {
        self: { name: 'a', address: addressOfA },
        seen: { name: 'a', address: nat ? undefined : addresses.a },
      },
      b: { self: { name: 'b', address: addresses.b }, seen: { name: 'b', address: addresses.b } },
    }
    this.#wishes = { ...scenario.wishes }
    this.#trust = new Trust(this.#wishes, () => this.time.now())
    this.#model = new Model({
      violation: what => this.violate(what),
      mayTrust: router => this.#trust.isDue(router === 'a' ? 'a' : 'b'),
    })
    const shared = this.#shared(options, contents)
    const router = (name: Side, address: string): SimRouter =>
      this.#router({ name, address }, options, shared)
    this.routers = { a: router('a', addressOfA), b: router('b', addresses.b) }
    this.flows = { a: new Flow(this.routers.a, this.routers.b), b: new Flow(this.routers.b, this.routers.a) }
    if (nat) {
      this.nat = new Nat(addresses.inside, addresses.a)
      this.network.nat(this.nat)
    }
    this.network.quality(addressOfA, scenario.quality.a)
    this.network.quality(addresses.b, scenario.quality.b)
    if (options.record) {
      const pcap = new Pcap()
      this.pcap = pcap
      this.network.tap((datagram, fate) => {
        if (fate !== 'arrived') pcap.add(this.time.now(), datagram)
      })
    }
    const position = { time: this.time, network: this.network, dice: new Dice(seed, 'hostile') }
    this.#hostile = scenario.hostile.map(name => new HOSTILES[name](position))
  }

  /** What all routers of a world have in common. */
  #shared({ system }: WorldOptions, contents: Map<string, string> | undefined) {
    const toy = toyCryptography(new Dice(this.scenario.seed, 'keys'))
    return {
      time: this.time,
      network: this.network,
      cryptography: this.scenario.cryptography === 'toy' ? toy : system,
      ledger: new NonceLedger(what => this.violate(what)),
      model: this.#model,
      trace: this.trace,
      contents,
      violation: (what: string) => this.violate(what),
      stepped: (router: SimRouter, acted: boolean) => this.#stepped(router, acted),
      received: (router: SimRouter, number: number) => {
        this.flows[router.name === 'a' ? 'b' : 'a'].arrive(number)
        if (this.scenario.lossless && !this.#buried)
          this.#mustReach = this.flows.a.delivered > 0 && this.flows.b.delivered > 0
      },
    }
  }

  #router(
    { name, address }: { readonly name: Side; readonly address: string },
    { sabotage }: WorldOptions,
    shared: Omit<RouterPorts, 'random'>,
  ): SimRouter {
    const { limits, seed } = this.scenario
    const options = { name, address, limits, settings: {}, sabotage: name === 'a' ? sabotage : undefined }
    const certification = toyCertification(() => this.#trust.wall(name))
    return new SimRouter(options, { ...shared, certification, random: new SeededRandom(seed, name) })
  }

  /** Everything until the trouble ends. */
  begin(): void {
    const { calmAt, interval, happenings } = this.scenario
    for (const side of ['a', 'b'] as const) {
      this.#boot(side)
      this.flows[side].run(this.time, interval[side])
    }
    for (const happening of happenings) this.time.at(happening.at, () => this.happen(happening))
    this.advance(calmAt)
  }

  violate(what: string): void {
    this.violation ??= { at: this.time.now(), what }
  }

  advance(to: number): void {
    if (this.violation === undefined) this.time.runUntil(instant(to), () => this.violation === undefined)
  }

  #stepped(router: SimRouter, acted: boolean): void {
    const { a, b } = this.routers
    const peer = router === a ? b : a
    if (acted) {
      const broken = bounds(router, peer.name)
      if (broken !== undefined) this.violate(broken)
    }
    this.#model.stepped(router, peer)
    if (!this.scenario.lossless) return
    if (!this.#mustReach) return
    this.#model.reach(a, b)
    this.#model.reach(b, a)
  }

  #boot(side: Side): void {
    if (this.routers[side].up) return
    this.routers[side].boot()
    this.#setPeer(side)
  }

  #setPeer(side: Side): void {
    const other = side === 'a' ? 'b' : 'a'
    this.routers[side].setPeer(peerOf(this.#places[side].self, this.#places[other].seen, this.#wishes[side]))
  }

  happen(happening: Happening): void {
    if (happening.what === 'rebind') {
      this.nat?.rebind()
      return
    }
    if (happening.what === 'readdress') {
      this.#readdress(happening.late)
      return
    }
    if (happening.what === 'move') {
      this.#move(happening)
      return
    }
    const { side } = happening
    const router = this.routers[side]
    const peer = side === 'a' ? 'b' : 'a'
    switch (happening.what) {
      case 'rekey':
        router.feed({ on: 'rekey', peer, what: happening.sa })
        break
      case 'reauthenticate':
      case 'up':
      case 'down':
        router.feed({ on: happening.what, peer })
        break
      case 'remove':
        this.#buried = true
        this.#mustReach = false
        router.feed({ on: 'peer-removed', peer })
        break
      case 'add':
        this.#setPeer(side)
        break
      case 'crash':
        router.crash()
        break
      case 'boot':
        this.#boot(side)
        break
      case 'suspend':
        router.suspend()
        break
      case 'resume':
        router.resume(happening.counted)
        break
      case 'wall':
        this.#trust.setWall(side, happening.off)
        break
      case 'cut':
      case 'mend':
        this.network[happening.what](router.address)
        break
      case 'quality':
        this.network.quality(router.address, happening.quality)
        break
      case 'wishes':
        this.#wishes[side] = { ...this.#wishes[side], ...happening.wishes }
        this.#trust.changed()
        this.#setPeer(side)
        break
      case 'mtu':
        this.#wishes[side] = { ...this.#wishes[side], innerMtu: happening.mtu }
        router.feed({ on: 'inner-mtu', peer, mtu: happening.mtu })
        break
      case 'expire':
        router.expire()
        break
      case 'extra-tick':
        router.feed({ on: 'tick' })
        break
    }
  }

  #readdress(late: number): void {
    const { a } = this.routers
    const addresses = ADDRESSES[this.scenario.family]
    a.move(a.address === addresses.a ? addresses.moved : addresses.a)
    this.network.quality(a.address, this.scenario.quality.a)
    const self = { name: 'a', address: a.address }
    this.#places.a = { ...this.#places.a, self }
    this.#seen.a = self
    this.#setPeer('a')
    a.feed({ on: 'own-addresses', peer: 'b', addresses: [a.address] })
    this.time.after(millis(late), () => {
      this.#places.a = { ...this.#places.a, seen: self }
      this.#setPeer('b')
    })
  }

  /** Only the router itself hears of it; the other operator, when all trouble ends. */
  #move({ side, to }: Extract<Happening, { readonly what: 'move' }>): void {
    const router = this.routers[side]
    const { family, quality } = this.scenario
    const { address, seen } = destination(family, side, to)
    if (to === 'natted') this.network.nat(new Nat(address, seen))
    router.move(address)
    this.network.quality(address, quality[side])
    this.#seen[side] = { name: side, address: seen }
    this.#places[side] = { ...this.#places[side], self: { name: side, address } }
    this.#setPeer(side)
  }

  /** All trouble ends: a short, perfect path, both routers up and configured. */
  calm(): void {
    if (this.violation !== undefined) return
    for (const hostile of this.#hostile) hostile.active = false
    for (const side of ['a', 'b'] as const) {
      this.routers[side].resume(true)
      this.#trust.setWall(side, 0)
    }
    // Changes that overtook one another may have left the two operators apart.
    this.#wishes.b = { ...this.#wishes.b, psk: this.#wishes.a.psk }
    this.#trust.changed()
    for (const side of ['a', 'b'] as const) {
      const seen = this.#seen[side] ?? (this.scenario.nat ? this.#places[side].seen : this.#places[side].self)
      this.#places[side] = { ...this.#places[side], seen }
    }
    for (const side of ['a', 'b'] as const) {
      const router = this.routers[side]
      this.network.mend(router.address)
      this.network.quality(router.address, { ...PERFECT, delay: 10 })
      this.#boot(side)
      if (this.scenario.lossless) continue
      this.#setPeer(side)
      router.feed({ on: 'up', peer: side === 'a' ? 'b' : 'a' })
    }
  }
}
