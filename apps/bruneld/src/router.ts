import type {
  ActionOptions,
  ActionReport,
  DropReport,
  HealthReport,
  RouterControl,
  RouterEvent,
  TunnelAction,
  TunnelReport,
} from '@brunel/admin-api'
import { DROP_NAMES, type Drop, millis, type Random } from '@brunel/base'
import type { Layer, Peer, Step } from '@brunel/config'
import { type Certification, type Cryptography, wipe } from '@brunel/crypto'
import type { Counters, DatapathEvent } from '@brunel/datapath'
import type { IkeEvent } from '@brunel/ikev2'
import type { Metrics } from '@brunel/metrics'
import type { PacketIo } from '@brunel/packet-io'
import { act } from './actions.js'
import { now } from './alarm.js'
import { Bearings, eachOf } from './bearings.js'
import { type CertificateExpiry, CertificateWatch, noticeEvent } from './certificate-watch.js'
import { logAudit } from './esp-audit.js'
import { EventLog } from './event-log.js'
import { EventStream, routerEvent } from './event-stream.js'
import { IkeHost, type IkeHostPorts } from './ike-host.js'
import { ikePeer, type PeerSecrets } from './ike-peer.js'
import { countIkeEvent } from './ike-tally.js'
import type { IpRoute2 } from './interfaces.js'
import type { KeyLog } from './key-log.js'
import type { Log } from './log.js'
import { bearingOf, ownAddresses } from './own-addresses.js'
import type { Lack } from './preflight.js'
import { Prober } from './prober.js'
import { compassFor, sameBearing } from './remote-address.js'
import type { HeldStatement } from './revocation-watch.js'
import { Tunnel } from './tunnel.js'
import { tunnelReport } from './tunnel-report.js'
import { accepts, type IcmpChoice, quotes, type TooBigEvent } from './underlay-icmp.js'

/** What the router reads of the configuration. Only this side ever holds a PSK or a private key. */
export interface PeerSource {
  peers(): readonly Peer[]
  peer(name: string): Peer | undefined
  /** The caller wipes them. */
  secrets(name: string): PeerSecrets
}

export interface RouterPorts {
  readonly openIo: (onEvent: (event: DatapathEvent) => void) => PacketIo
  readonly interfaces: IpRoute2
  readonly peers: PeerSource
  readonly random: Random
  readonly crypto: Cryptography
  readonly certification: Certification
  readonly revocation: IkeHostPorts['revocation']
  readonly metrics: () => Metrics
  readonly log: Log
  readonly keyLog: KeyLog | undefined
  readonly underlayIcmp: IcmpChoice
  readonly espAudit: boolean
  readonly hostname: string
  readonly lacks: readonly Lack[]
  /** The data path is gone: the process must end, and whoever supervises it starts it anew. */
  readonly onFatal: (what: string) => void
}

/** Certificates are looked at this often. Longer: a notice is late by as much. */
const EXPIRY_MS = 3600_000

/** The router: tunnels, IKE, data path. Everything the API asks of it arrives here as a message. */
export class Router implements RouterControl {
  readonly #ports: RouterPorts
  readonly #tunnels = new Map<string, Tunnel>()
  readonly #ikeDrops = new Map<Drop, number>()
  readonly #events = new EventStream()
  readonly #eventLog: EventLog
  #io: PacketIo | undefined
  #ike: IkeHost | undefined
  readonly #prober = new Prober(() => this.#tunnels.values())
  readonly #bearings = new Bearings({
    tunnels: () => this.#tunnels.values(),
    take: tunnel => this.#point(tunnel, false),
    established: peer => this.#ike?.ike.report(peer)?.state === 'established',
    retry: () => this.#retryRefused(),
    onFailure: error => this.#bug('bearings', error),
  })
  readonly #certificates = new CertificateWatch()
  #expiry: NodeJS.Timeout | undefined
  #changes: Promise<void> = Promise.resolve()
  #state: 'opening' | 'open' | 'stopping' = 'opening'
  bugs = 0

  constructor(ports: RouterPorts) {
    this.#ports = ports
    this.#eventLog = new EventLog(ports.log, now)
  }

  /** Opens sockets and pumps; the tunnels follow, and `health` says when they are open. Throws where the system refuses what all tunnels need. */
  async start(): Promise<void> {
    const io = this.#ports.openIo(event => this.#datapath(event))
    this.#io = io
    this.#ike = new IkeHost({
      io,
      random: this.#ports.random,
      crypto: this.#ports.crypto,
      certification: this.#ports.certification,
      revocation: this.#ports.revocation,
      now,
      tunnel: name => this.#tunnels.get(name),
      tunnels: () => this.#tunnels.values(),
      onEvent: event => this.#ikeEvent(event),
      onDrop: (drop, remote, detail) => this.#ikeDrop(drop, remote, detail),
      onDeaf: ({ code, detail, remedy }) => this.#ports.log.warn({ code, remedy }, detail),
      onSendFailure: (remote, error) =>
        this.#ports.log.debug({ remote, error: String(error) }, 'IKE message not sent'),
      onBug: error => this.#bug('ike', error),
      keyLog: this.#ports.keyLog,
    })
    this.#ike.start()
    this.#bearings.start()
    this.#prober.start()
    this.#expiry = setInterval(() => this.#tellExpiry(), EXPIRY_MS).unref()
    this.#tellExpiry()
    this.#changes = this.#openAll()
  }

  /** What the API wants meanwhile waits for its turn. */
  async #openAll(): Promise<void> {
    const wanted = this.#ports.peers.peers().filter(peer => peer.enabled)
    await eachOf(wanted, peer => this.#open(peer).catch(error => this.#refused(peer.name, error)))
    this.#bearings.begin()
    this.#state = this.#state === 'opening' ? 'open' : this.#state
  }

  /** DELETE to every peer, interfaces removed, threads ended. */
  async stop(): Promise<void> {
    this.#state = 'stopping'
    this.#bearings.stop()
    clearInterval(this.#expiry)
    this.#prober.stop()
    await this.#changes.catch(() => undefined) // whoever asked for that change was told
    this.#ike?.stop()
    await this.#ports.interfaces.remove([...this.#tunnels.values()].map(t => t.peer.tunnel.interface))
    for (const name of [...this.#tunnels.keys()]) await this.#close(name)
    await this.#io?.stop()
  }

  /** One change after the other; those who ask at once wait for their turn. */
  apply(steps: readonly Step[]): Promise<void> {
    const done = this.#changes.then(
      () => this.#applyAll(steps),
      () => this.#applyAll(steps),
    )
    this.#changes = done
    void done.then(
      () => this.#tellExpiry(),
      () => undefined, // whoever asked was told
    )
    return done
  }

  tunnels(): readonly TunnelReport[] {
    return this.#ports.peers.peers().map(peer => this.#report(peer))
  }

  tunnel(name: string): TunnelReport | undefined {
    const peer = this.#ports.peers.peer(name)
    return peer === undefined ? undefined : this.#report(peer)
  }

  async act(name: string, action: TunnelAction, options: ActionOptions): Promise<ActionReport | undefined> {
    const peer = this.#ports.peers.peer(name)
    if (peer === undefined || this.#ike === undefined) return undefined
    return act(action, {
      peer,
      tunnel: this.#tunnels.get(name),
      ike: this.#ike,
      report: () => this.#report(peer),
      options,
    })
  }

  drops(): readonly DropReport[] {
    const reports: DropReport[] = []
    for (const direction of ['inbound', 'outbound'] as const) {
      const first = this.#io?.counters.drops(direction) ?? 0
      DROP_NAMES.forEach((reason, i) => {
        reports.push({ reason, direction, count: this.#io?.counters.cells[first + i] ?? 0 })
      })
    }
    for (const reason of DROP_NAMES)
      if (/^(ike|tcp)-/.test(reason))
        reports.push({ reason, direction: 'ike', count: this.#ikeDrops.get(reason) ?? 0 })
    return reports
  }

  metrics(): Promise<string> {
    return this.#ports.metrics().text()
  }

  health(): HealthReport {
    const lost = [...this.#tunnels.values()].flatMap(({ peer, bearing }) =>
      bearing?.is === 'unknown'
        ? [{ code: bearing.code, detail: `${peer.name}: ${bearing.sentence}`, remedy: bearing.remedy }]
        : [],
    )
    const refused = [...this.#failures].map(([name, f]) => ({ ...f, detail: `${name}: ${f.detail}` }))
    const lacks = this.#ports.lacks.map(({ code, detail, remedy }) => ({ code, detail, remedy }))
    const deaf = this.#ike?.streams.warnings ?? []
    return { ready: this.#state === 'open', warnings: [...lacks, ...deaf, ...refused, ...lost] }
  }

  certificates(): readonly CertificateExpiry[] {
    return this.#certificates.expiries(this.#ports.peers.peers())
  }

  get statements(): readonly HeldStatement[] {
    return this.#ike?.revocation.held() ?? []
  }

  #tellExpiry(): void {
    for (const notice of this.#certificates.due(this.#ports.peers.peers(), Date.now())) {
      const told = noticeEvent(notice, new Date())
      this.#events.publish(told)
      this.#ports.log.warn({ tunnel: told.tunnel, ...told.data }, told.detail)
    }
  }

  get counters(): Counters | undefined {
    return this.#io?.counters
  }

  tunnelOf(name: string): Tunnel | undefined {
    return this.#tunnels.get(name)
  }

  subscribe(listener: (event: RouterEvent) => void): () => void {
    return this.#events.subscribe(listener)
  }

  /** What IKE was told last. */
  readonly #secrets = new Map<string, PeerSecrets>()
  /** Tunnels that could not be opened, by name. */
  readonly #failures = new Map<string, { code: string; detail: string; remedy: string }>()

  async #applyAll(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      const peer = this.#ports.peers.peer(step.peer)
      if (step.do === 'remove' || peer === undefined || !peer.enabled) await this.#close(step.peer)
      else if (step.do === 'change' && this.#tunnels.has(step.peer)) await this.#change(peer, step.layers)
      else await this.#open(peer)
    }
  }

  async #change(peer: Peer, layers: readonly Layer[]): Promise<void> {
    const tunnel = this.#tunnels.get(peer.name)
    if (tunnel === undefined) return this.#open(peer)
    if (tunnel.peer.tunnel.interface !== peer.tunnel.interface) {
      const before = tunnel.peer
      await this.#close(peer.name)
      return this.#open(peer).catch(async error => {
        await this.#open(before).catch(again => this.#refused(peer.name, again))
        throw error
      })
    }
    this.#eventLog.forget(peer.name) // whoever mended it wants to read whether it helped
    const before = tunnel.peer
    tunnel.become(peer)
    try {
      if (layers.some(layer => layer !== 'ike')) await tunnel.configure()
    } catch (error) {
      tunnel.become(before)
      await tunnel.configure().catch(again => this.#refused(peer.name, again))
      throw error
    }
    this.#failures.delete(peer.name)
    if (layers.includes('ike')) await this.#point(tunnel, true)
  }

  async #open(peer: Peer): Promise<void> {
    if (this.#io === undefined || this.#state === 'stopping') return
    const tunnel = new Tunnel(peer, {
      io: this.#io,
      interfaces: this.#ports.interfaces,
      now,
      chance: () => this.#ports.random.jitter(millis(1000)) / 1000,
      warn: (name, what, error) => this.#ports.log.warn({ tunnel: name, error: String(error) }, what),
    })
    this.#tunnels.set(peer.name, tunnel)
    try {
      await tunnel.configure()
    } catch (error) {
      this.#tunnels.delete(peer.name)
      await tunnel.close()
      throw error
    }
    this.#failures.delete(peer.name)
    this.#ports.log.info({ tunnel: peer.name, interface: peer.tunnel.interface }, 'tunnel opened')
    await this.#point(tunnel, true)
  }

  async #close(name: string): Promise<void> {
    this.#failures.delete(name)
    const tunnel = this.#tunnels.get(name)
    if (tunnel === undefined) return
    this.#ike?.feed({ on: 'peer-removed', peer: name })
    this.#forgetSecrets(name)
    this.#eventLog.forget(name)
    this.#tunnels.delete(name)
    await tunnel.close()
    this.#ports.log.info({ tunnel: name }, 'tunnel closed')
  }

  async #point(tunnel: Tunnel, anew: boolean): Promise<void> {
    await this.#locate(tunnel, anew)
    await this.#tellAddresses(tunnel)
  }

  async #tellAddresses(tunnel: Tunnel): Promise<void> {
    const { peer, bearing } = tunnel
    const at = { bearing, ike: this.#ike?.ike.report(peer.name) }
    const addresses = await ownAddresses(peer, at, compassFor(tunnel, this.#ports.interfaces))
    if (addresses !== undefined) this.#ike?.feed({ on: 'own-addresses', peer: peer.name, addresses })
  }

  /** Finds out where the peer is and tells IKE, where it differs from what IKE was told or `anew`. */
  async #locate(tunnel: Tunnel, anew: boolean): Promise<void> {
    const { peer } = tunnel
    const bearing = await bearingOf(peer, compassFor(tunnel, this.#ports.interfaces))
    const before = tunnel.bearing
    if (this.#tunnels.get(peer.name) !== tunnel || this.#ike === undefined) return
    tunnel.bearing = bearing
    if (bearing.is === 'known') {
      if (before?.is === 'known' && !sameBearing(before, bearing)) tunnel.mtu.moved()
      tunnel.mtu.underlay(bearing.route.mtu)
      tunnel.applyMtu()
    }
    if (!anew && sameBearing(before, bearing)) return
    if (bearing.is === 'unknown') {
      const { code, sentence, remedy } = bearing
      if (!sameBearing(before, bearing)) this.#ports.log.warn({ tunnel: peer.name, code, remedy }, sentence)
      return
    }
    const secrets = this.#ports.peers.secrets(peer.name)
    const told = ikePeer(peer, secrets, bearing, this.#ports.hostname)
    if (told === undefined) return this.#refused(peer.name, new Error('no PSK, PPK or private key is stored'))
    this.#ike.feed({ on: 'peer-set', peer: told })
    this.#forgetSecrets(peer.name)
    this.#secrets.set(peer.name, secrets)
    if (tunnel.halted) this.#ike.feed({ on: 'down', peer: peer.name })
  }

  /** IKE holds others by now, or none. */
  #forgetSecrets(name: string): void {
    for (const secret of Object.values(this.#secrets.get(name) ?? {})) if (secret !== undefined) wipe(secret)
    this.#secrets.delete(name)
  }

  /** Whoever asks for a change at the same time has his turn. */
  #retryRefused(): void {
    for (const name of this.#failures.keys())
      if (!this.#tunnels.has(name))
        this.apply([{ do: 'add', peer: name }]).catch(error => this.#refused(name, error))
  }

  #report(peer: Peer): TunnelReport {
    return tunnelReport({
      peer,
      tunnel: this.#tunnels.get(peer.name),
      ike: this.#ike?.ike.report(peer.name),
      counters: this.#io?.counters,
      refused: this.#failures.get(peer.name),
      now: now(),
      wall: Date.now(),
    })
  }

  #datapath(event: DatapathEvent): void {
    if (event.on === 'released') this.#released(event)
    else if (event.on === 'bug') this.#bug('datapath', new Error(event.what))
    else if (event.on === 'pump-ended') this.#ports.onFatal(event.what)
    else if (event.on === 'too-big') this.#tooBig(event)
    else if (event.on === 'audit') logAudit(this.#ports.log, this.#ports.espAudit, event)
    else this.#ike?.datapath(event)
  }

  /** What the SA has carried is final now, and its index may serve another. */
  #released({ direction, sa }: Extract<DatapathEvent, { on: 'released' }>): void {
    for (const tunnel of this.#tunnels.values()) tunnel.sas.released(direction, sa)
    this.#io?.removeSa(sa)
  }

  #tooBig(event: TooBigEvent): void {
    if (!accepts(this.#ports.underlayIcmp, event)) return
    for (const tunnel of this.#tunnels.values()) {
      if (!tunnel.sas.all.some(({ child }) => quotes(event, child))) continue
      tunnel.mtu.tooBig(event.mtu)
      tunnel.applyMtu()
    }
  }

  #ikeEvent(event: IkeEvent): void {
    const peer = event.event === 'exchange' ? undefined : event.peer
    const tunnel = peer === undefined ? undefined : this.#tunnels.get(peer)
    countIkeEvent(event, this.#ports.metrics(), tunnel)
    if (event.event === 'exchange') return
    if (tunnel !== undefined) this.#bearings.heard(tunnel, event)
    // The way to where the peer is by now may begin at another of our addresses.
    if (tunnel && (event.event === 'moved' || (event.event === 'ike-up' && tunnel.peer.local.further.length)))
      void this.#tellAddresses(tunnel).catch(error => this.#bug('addresses', error))
    const told = routerEvent(event)
    this.#events.publish(told)
    this.#eventLog.write(told, this.#ike?.ike.report(event.peer ?? '')?.state === 'established')
  }

  #ikeDrop(drop: Drop, remote: string, detail: string): void {
    this.#ikeDrops.set(drop, (this.#ikeDrops.get(drop) ?? 0) + 1)
    if (drop === 'ike-no-peer') this.#eventLog.stranger(remote, detail)
    else this.#ports.log.debug({ drop, remote, detail }, 'IKE message dropped')
  }

  #refused(name: string, error: unknown): void {
    const { code, remedy } = error as { code?: string; remedy?: string }
    const failure = {
      code: code ?? 'BRUNEL_TUNNEL',
      detail: (error as Error).message,
      remedy: remedy ?? 'See the log of bruneld; correct the peer and write it again.',
    }
    const isNews = this.#failures.get(name)?.detail !== failure.detail
    this.#failures.set(name, failure)
    if (!isNews) return
    this.#ports.log.error({ tunnel: name, code: failure.code, remedy: failure.remedy }, failure.detail)
  }

  #bug(where: string, error: unknown): void {
    this.bugs++
    this.#ports.log.error(
      { where, error: (error as Error).stack ?? String(error) },
      'a bug in bruneld; please report it',
    )
  }
}
