import {
  assertNever,
  type Drop,
  endpointText,
  type Instant,
  type Millis,
  type Random,
  type Tick,
} from '@brunel/base'
import type { Certification, Cryptography } from '@brunel/crypto'
import type { DatapathEvent } from '@brunel/datapath'
import { Ike, type IkeEffect, type IkeEvent, type IkeInput } from '@brunel/ikev2'
import type { PacketIo } from '@brunel/packet-io'
import { Alarm, guarded } from './alarm.js'
import { CertificateLookup } from './certificate-lookup.js'
import type { KeyLog } from './key-log.js'
import { gatewayAddress } from './remote-address.js'
import { type RevocationPorts, RevocationWatch } from './revocation-watch.js'
import { StreamHost, type StreamPorts } from './streams.js'
import type { Tunnel } from './tunnel.js'
import { wipeKeys } from './tunnel-sas.js'

const NON_ESP_MARKER = 4 // octets of zero, RFC 3948 §2.2
const KEEPALIVE = Uint8Array.of(0xff) // RFC 3948 §2.3
/** How often activity is told to IKE. Longer: a silent peer is noticed later by as much. */
const ACTIVITY_MS = 1000
/** How long a Delete or its answer waits behind ESP. Shorter: a busy peer forgets the SA with packets in hand. */
const BEHIND_ESP_MS = 20

export interface IkeHostPorts extends Pick<StreamPorts, 'onDeaf'> {
  readonly io: PacketIo
  readonly random: Random
  readonly crypto: Cryptography
  readonly certification: Certification
  readonly now: () => Instant
  readonly revocation: Pick<RevocationPorts, 'fetch' | 'cache' | 'refresh' | 'warn'>
  /** The tunnel of a peer, if it has one. */
  readonly tunnel: (peer: string) => Tunnel | undefined
  readonly tunnels: () => Iterable<Tunnel>
  readonly onEvent: (event: IkeEvent) => void
  readonly onDrop: (drop: Drop, remote: string, detail: string) => void
  readonly keyLog: KeyLog | undefined
  /** The system would not send; it is tried again by retransmission. */
  readonly onSendFailure: (remote: string, error: unknown) => void
  /** The machine threw: our own mistake. The router goes on. */
  readonly onBug: (error: unknown) => void
}

/** Runs the IKE machine: carries out its effects, and turns what the data path says into its inputs. */
export class IkeHost {
  readonly ike: Ike
  readonly revocation: RevocationWatch
  readonly #lookup: CertificateLookup
  readonly streams: StreamHost
  readonly #ports: IkeHostPorts
  readonly #alarm = new Alarm()
  readonly #feed: (input: IkeInput | Tick) => void
  readonly #saidActivity = new Map<string, string>()
  #activity: NodeJS.Timeout | undefined
  readonly #behindEsp = new Map<NodeJS.Timeout, () => void>()

  constructor(ports: IkeHostPorts) {
    this.#ports = ports
    const { random, crypto, certification } = ports
    this.streams = new StreamHost({ ...ports, io: ports.io.streams })
    this.ike = new Ike({ random, crypto, certification })
    const answer = (input: IkeInput): void => this.#feed(input)
    this.revocation = new RevocationWatch({
      ...ports.revocation,
      now: Date.now,
      later: (ms, run) => void setTimeout(run, ms).unref(),
      wanted: () => this.ike.revocationKeys(),
      answer,
      dropped: key => this.#feed({ on: 'revocation-dropped', key }),
    })
    this.#lookup = new CertificateLookup({ fetch: ports.revocation.fetch, answer })
    this.#feed = guarded<IkeInput, IkeEffect>(this.ike, {
      alarm: this.#alarm,
      perform: effect => this.#perform(effect),
      onBug: ports.onBug,
    })
  }

  start(): void {
    this.#activity = setInterval(() => this.#tellActivity(), ACTIVITY_MS).unref()
  }

  stop(): void {
    clearInterval(this.#activity)
    this.revocation.stop()
    this.#lookup.stop()
    this.#feed({ on: 'stop' })
    this.#alarm.clear()
    for (const [timer, send] of this.#behindEsp) {
      clearTimeout(timer)
      send()
    }
  }

  feed(input: IkeInput): void {
    if (input.on === 'peer-set') this.streams.welcome(input.peer)
    this.#feed(input)
  }

  /** What the data path says and IKE must know. */
  datapath(event: DatapathEvent): void {
    switch (event.on) {
      case 'ike':
        return this.#feed({ on: 'datagram', bytes: event.bytes, local: event.local, remote: event.remote })
      case 'unknown-spi':
        return this.#feed({ on: 'unknown-esp-spi', spi: event.spi, remote: event.remote })
      case 'acquire': {
        // Who is not to begin does not begin for a packet that waits either: both ends would, at once.
        for (const tunnel of this.#ports.tunnels())
          if (tunnel.tun === event.tun && !tunnel.halted && tunnel.peer.ike.initiate)
            return this.#feed({ on: 'acquire', peer: tunnel.peer.name })
        return
      }
      case 'sa-used':
      case 'sa-source':
      case 'sa-limit':
        return this.#childSaid(event)
      default: {
        const heard = this.streams.heard(event)
        return heard && this.#feed(heard)
      }
    }
  }

  #childSaid(event: Extract<DatapathEvent, { on: 'sa-used' | 'sa-source' | 'sa-limit' }>): void {
    for (const tunnel of this.#ports.tunnels()) {
      const of = tunnel.sas.all.find(one => one.inbound === event.sa || one.outbound === event.sa)
      if (of === undefined) continue
      const about = { peer: tunnel.peer.name, spiIn: of.child.spiIn }
      if (event.on === 'sa-used') return this.#feed({ on: 'child-used', ...about })
      if (event.on === 'sa-source') return this.#feed({ on: 'esp-source', ...about, remote: event.remote })
      return this.#feed({ on: 'child-limit', ...about, limit: event.limit, why: event.why })
    }
  }

  #perform(effect: IkeEffect): void {
    switch (effect.do) {
      case 'send':
        return this.#sendIke(effect)
      case 'keepalive':
        return this.#send(KEEPALIVE, effect)
      case 'child-install':
        this.#ports.keyLog?.child(effect.child)
        return this.#install(effect)
      case 'child-use':
        return this.#tunnel(effect.peer)?.sas.use(effect.spiIn)
      case 'child-remove':
        return this.#tunnel(effect.peer)?.sas.remove(effect.spiIn, effect.grace as Millis)
      case 'peer-moved':
        return this.#tunnel(effect.peer)?.moved(effect)
      case 'peer-mtu':
        return this.#tunnel(effect.peer)?.mtuTold(effect.mtu)
      case 'resolve':
        return this.#resolve(effect)
      case 'ike-spi':
        return this.#ports.io.command({ do: 'ike-spi', spi: effect.spi, ours: effect.ours })
      case 'esp-spi':
        return this.#ports.io.command({ do: 'esp-spi', spi: effect.spi, ours: effect.ours })
      case 'revocation-wanted':
        return this.revocation.want(effect.question)
      case 'certificate-wanted':
        return this.#lookup.want(effect.lookup)
      case 'stream-open':
      case 'stream-bound':
      case 'stream-close':
        return this.streams.perform(effect)
      case 'drop':
        return this.#ports.onDrop(effect.drop, endpointText(effect.remote), effect.detail)
      case 'report':
        return this.#ports.onEvent(effect.event)
      default:
        return assertNever(effect)
    }
  }

  #install({ child, outbound }: Extract<IkeEffect, { do: 'child-install' }>): void {
    const tunnel = this.#tunnel(child.peer)
    if (tunnel !== undefined) return tunnel.install(child, outbound)
    wipeKeys(child.keysIn)
    wipeKeys(child.keysOut)
    this.#ports.io.command({ do: 'esp-spi', spi: child.spiIn, ours: false })
  }

  #resolve({ peer, name }: Extract<IkeEffect, { do: 'resolve' }>): void {
    const bearing = this.#tunnel(peer)?.bearing
    const like = bearing?.is === 'known' ? bearing.remote : undefined
    void gatewayAddress(name, like).then(address => this.#feed({ on: 'resolved', peer, name, address }))
  }

  #tunnel(peer: string): Tunnel | undefined {
    return this.#ports.tunnel(peer)
  }

  #sendIke({ bytes, marker, local, remote, behindEsp }: Extract<IkeEffect, { do: 'send' }>): void {
    // A connection keeps the order by itself.
    if (remote.stream !== undefined) return this.#ports.io.streams.send(remote.stream, bytes)
    const send = (): void => this.#send(marker ? marked(bytes) : bytes, { local, remote })
    if (behindEsp === undefined) return send()
    const timer = setTimeout(() => {
      this.#behindEsp.delete(timer)
      send()
    }, BEHIND_ESP_MS)
    this.#behindEsp.set(timer, send)
  }

  #send(
    bytes: Uint8Array,
    { local, remote }: Pick<Extract<IkeEffect, { do: 'keepalive' }>, 'local' | 'remote'>,
  ): void {
    try {
      this.#ports.io.sendUdp(bytes, local, remote)
    } catch (error) {
      this.#ports.onSendFailure(endpointText(remote), error)
    }
  }

  #tellActivity(): void {
    const { cells } = this.#ports.io.counters
    for (const { sas, peer } of this.#ports.tunnels()) {
      if (sas.all.length === 0) continue
      let lastIn = 0
      let lastOut = 0
      for (const one of sas.all) {
        lastIn = Math.max(lastIn, cells[this.#ports.io.counters.sa('inbound', one.inbound) + 2] ?? 0)
        lastOut = Math.max(lastOut, cells[this.#ports.io.counters.sa('outbound', one.outbound) + 2] ?? 0)
      }
      const key = `${lastIn} ${lastOut}`
      if (this.#saidActivity.get(peer.name) === key) continue
      this.#saidActivity.set(peer.name, key)
      const at = (t: number): Instant | undefined => (t === 0 ? undefined : (t as Instant))
      this.#feed({ on: 'child-activity', peer: peer.name, lastIn: at(lastIn), lastOut: at(lastOut) })
    }
  }
}

function marked(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(NON_ESP_MARKER + bytes.length)
  whole.set(bytes, NON_ESP_MARKER)
  return whole
}
