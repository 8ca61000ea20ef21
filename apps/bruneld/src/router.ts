import type {
  ActionOptions,
  ActionReport,
  DropReport,
  HealthReport,
  RelayReport,
  RouterControl,
  RouterEvent,
  TunnelAction,
  TunnelReport,
} from '@brunel/admin-api'
import { DROP_NAMES, type Drop, type Random } from '@brunel/base'
import type { Peer, Step } from '@brunel/config'
import type { Certification, Cryptography } from '@brunel/crypto'
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
import { countIkeEvent } from './ike-tally.js'
import type { IpRoute2 } from './interfaces.js'
import type { KeyLog } from './key-log.js'
import type { Log } from './log.js'
import type { Lack } from './preflight.js'
import { Prober } from './prober.js'
import { relayOfTunnel } from './relay-report.js'
import type { HeldStatement } from './revocation-watch.js'
import { RouterRelay, type RouterRelayPorts } from './router-relay.js'
import type { Tunnel } from './tunnel.js'
import { tunnelReport } from './tunnel-report.js'
import { type PeerSource, Tunnels } from './tunnels.js'
import { accepts, type IcmpChoice, quotes, type TooBigEvent } from './underlay-icmp.js'

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
  readonly relayEdge: RouterRelayPorts['relayEdge']
  readonly underlayIcmp: IcmpChoice
  readonly espAudit: boolean
  readonly hostname: string
  readonly lacks: readonly Lack[]
  /** The data path is gone: the process must end, and whoever supervises it starts it anew. */
  readonly onFatal: (what: string) => void
}

/** Certificates are looked at this often. Longer: a notice is late by as much. */
const EXPIRY_MS = 3600_000

/** How often it is looked whether the routes of tunnels lead somewhere. Longer: another way is taken later by as much. */
const TEND_MS = 500

/** The router: tunnels, IKE, data path. Everything the API asks of it arrives here as a message. */
export class Router implements RouterControl {
  readonly #ports: RouterPorts
  readonly #tunnels: Tunnels
  readonly #ikeDrops = new Map<Drop, number>()
  readonly #events = new EventStream()
  readonly #eventLog: EventLog
  #io: PacketIo | undefined
  #ike: IkeHost | undefined
  readonly #relay: RouterRelay
  readonly #prober = new Prober(() => this.#tunnels.values())
  readonly #bearings = new Bearings({
    tunnels: () => this.#tunnels.values(),
    take: tunnel => this.#tunnels.point(tunnel, false),
    established: peer => this.#ike?.ike.report(peer)?.state === 'established',
    retry: () => this.#retryRefused(),
    onFailure: error => this.#bug('bearings', error),
  })
  readonly #certificates = new CertificateWatch()
  #expiry: NodeJS.Timeout | undefined
  #tending: NodeJS.Timeout | undefined
  #changes: Promise<void> = Promise.resolve()
  #state: 'opening' | 'open' | 'stopping' = 'opening'
  bugs = 0

  constructor(ports: RouterPorts) {
    this.#ports = ports
    this.#eventLog = new EventLog(ports.log, now)
    this.#tunnels = new Tunnels({
      ...ports,
      eventLog: this.#eventLog,
      io: () => (this.#state === 'stopping' ? undefined : this.#io),
      ike: () => this.#ike,
      changed: () => this.#relay.look(),
      onEvent: event => this.#tell(event),
      onBug: error => this.#bug('tunnels', error),
    })
    this.#relay = new RouterRelay({
      ...ports,
      tunnels: () => this.#tunnels.values(),
      ike: peer => this.#ike?.ike.report(peer),
      onEvent: event => this.#tell(event),
      onBug: error => this.#bug('relay', error),
    })
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
    this.#relay.start(io)
    this.#bearings.start()
    this.#prober.start()
    this.#tending = setInterval(
      () => this.#tunnels.tendRoutes(name => this.#relay.silent(name)),
      TEND_MS,
    ).unref()
    this.#expiry = setInterval(() => this.#tellExpiry(), EXPIRY_MS).unref()
    this.#tellExpiry()
    this.#changes = this.#openAll()
  }

  /** What the API wants meanwhile waits for its turn. */
  async #openAll(): Promise<void> {
    const wanted = this.#ports.peers.peers().filter(peer => peer.enabled)
    await eachOf(wanted, peer => this.#tunnels.open(peer).catch(e => this.#tunnels.refused(peer.name, e)))
    this.#bearings.begin()
    this.#state = this.#state === 'opening' ? 'open' : this.#state
  }

  /** DELETE to every peer, interfaces removed, threads ended. */
  async stop(): Promise<void> {
    this.#state = 'stopping'
    this.#bearings.stop()
    clearInterval(this.#expiry)
    this.#prober.stop()
    clearInterval(this.#tending)
    await this.#changes.catch(() => undefined) // whoever asked for that change was told
    this.#ike?.stop()
    await this.#tunnels.closeAll()
    await this.#relay.stop()
    await this.#io?.stop()
  }

  /** One change after the other; those who ask at once wait for their turn. */
  apply(steps: readonly Step[]): Promise<void> {
    const done = this.#changes.then(
      () => this.#tunnels.apply(steps),
      () => this.#tunnels.apply(steps),
    )
    this.#changes = done
    void done.then(
      () => this.#tellExpiry(),
      () => undefined, // whoever asked was told
    )
    return done
  }

  tunnels(): readonly TunnelReport[] {
    const relays = this.relays()
    return this.#ports.peers.peers().map(peer => this.#report(peer, relays))
  }

  tunnel(name: string): TunnelReport | undefined {
    const peer = this.#ports.peers.peer(name)
    return peer === undefined ? undefined : this.#report(peer)
  }

  relays(): readonly RelayReport[] {
    return this.#relay.reports()
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
        const count = (this.#io?.counters.cells[first + i] ?? 0) + this.#relay.dropped(direction, reason)
        reports.push({ reason, direction, count })
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
    const refused = [...this.#tunnels.failures].map(([name, f]) => ({ ...f, detail: `${name}: ${f.detail}` }))
    const lacks = this.#ports.lacks.map(({ code, detail, remedy }) => ({ code, detail, remedy }))
    const deaf = this.#ike?.streams.warnings ?? []
    const warnings = [...lacks, ...deaf, ...refused, ...lost, ...this.#relay.problems]
    return { ready: this.#state === 'open', warnings }
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

  /** Whoever asks for a change at the same time has his turn. */
  #retryRefused(): void {
    for (const name of this.#tunnels.failures.keys())
      if (this.#tunnels.get(name) === undefined)
        this.apply([{ do: 'add', peer: name }]).catch(error => this.#tunnels.refused(name, error))
  }

  #report(peer: Peer, relays = this.relays()): TunnelReport {
    return tunnelReport({
      peer,
      tunnel: this.#tunnels.get(peer.name),
      ike: this.#ike?.ike.report(peer.name),
      counters: this.#io?.counters,
      refused: this.#tunnels.failures.get(peer.name),
      relay: relayOfTunnel(relays, peer.name),
      now: now(),
      wall: Date.now(),
    })
  }

  #datapath(event: DatapathEvent): void {
    if (event.on === 'released') this.#released(event)
    else if (event.on === 'relay') this.#relay.packet(event)
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
      void this.#tunnels.tellAddresses(tunnel).catch(error => this.#bug('addresses', error))
    this.#tell(routerEvent(event), this.#ike?.ike.report(event.peer ?? '')?.state === 'established')
  }

  #tell(event: RouterEvent, serves = false): void {
    this.#events.publish(event)
    this.#eventLog.write(event, serves)
  }

  #ikeDrop(drop: Drop, remote: string, detail: string): void {
    this.#ikeDrops.set(drop, (this.#ikeDrops.get(drop) ?? 0) + 1)
    if (drop === 'ike-no-peer') this.#eventLog.stranger(remote, detail)
    else this.#ports.log.debug({ drop, remote, detail }, 'IKE message dropped')
  }

  #bug(where: string, error: unknown): void {
    this.bugs++
    this.#ports.log.error(
      { where, error: (error as Error).stack ?? String(error) },
      'a bug in bruneld; please report it',
    )
  }
}
