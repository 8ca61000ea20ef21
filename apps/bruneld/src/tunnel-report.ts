import type {
  ChildReport,
  FailureReport,
  IkeSaReport,
  LayerReport,
  State,
  TunnelRelayReport,
  TunnelReport,
} from '@brunel/admin-api'
import { DROP_NAMES, endpointText, type Instant } from '@brunel/base'
import type { Peer } from '@brunel/config'
import { type Counters, SA_COUNTER, TUNNEL_COUNTER } from '@brunel/datapath'
import type { IkePeerReport, TrafficSelector } from '@brunel/ikev2'
import { type GreVerdict, judgeGre } from './gre-layer.js'
import { RekeyTally } from './ike-tally.js'
import { elsewhere } from './mtu-elsewhere.js'
import { routingWithRelay } from './relay-report.js'
import { spiText } from './spi-text.js'
import type { Tunnel } from './tunnel.js'

/** All that a report is made of; reading it changes nothing. */
export interface ReportSource {
  readonly peer: Peer
  readonly tunnel: Tunnel | undefined
  readonly ike: IkePeerReport | undefined
  readonly counters: Counters | undefined
  readonly refused: { readonly code: string; readonly detail: string; readonly remedy: string } | undefined
  /** undefined: the peer joins no LAN. */
  readonly relay: TunnelRelayReport | undefined
  readonly now: Instant
  /** Unix time in ms of the same moment. */
  readonly wall: number
}

type Layers = TunnelReport['layers']
type IkeSa = IkePeerReport['sas'][number]
type IkeChild = IkeSa['children'][number]

const CARRIED = { udp: 'in UDP', tcp: 'in TCP (UDP is silent or not wanted)', none: 'protocol 50' } as const

const layer = (state: State, detail: string): LayerReport => ({ state, detail })

export function tunnelReport(source: ReportSource): TunnelReport {
  const { peer, tunnel, ike } = source
  const layers = layersOf(source)
  const { state, detail } = verdict(source, layers)
  const sa = ike?.sas[0]
  return {
    name: peer.name,
    peer: peer.name,
    interface: peer.tunnel.interface,
    enabled: peer.enabled,
    state,
    detail,
    since: at(source, sa?.establishedAt),
    retryAt: at(source, ike?.retryAt),
    local: sa === undefined ? (peer.local.address ?? null) : endpointText(sa.local),
    remote: sa === undefined ? peer.remote.address : endpointText(sa.remote),
    addresses: peer.tunnel.addresses.map(a => `${a.address}/${a.length}`),
    routes: peer.tunnel.routes.map(r => `${r.address}/${r.length}`),
    layers,
    ike: ike?.sas.map(one => ikeSa(source, one)) ?? [],
    counters: tunnelCounters(source),
    endedSas: endedSas(tunnel),
    rekeys: tunnel?.rekeys ?? new RekeyTally(),
    mtu: mtuReport(source),
    relay: source.relay ?? null,
    lastFailure: failureOf(source),
  }
}

const NO_MTU = { underlay: null, tunnel: 0, own: 0, theirs: null, mss: { ipv4: 0, ipv6: 0 }, lines: [] }

/** Who stands in an IKE SA with us and tells nothing is of another kind. */
function mtuReport({ tunnel, ike }: ReportSource): TunnelReport['mtu'] {
  if (tunnel === undefined) return { ...NO_MTU, elsewhere: [] }
  const { report } = tunnel.mtuState
  const tells = report.theirs !== null || ike?.state !== 'established'
  return { ...report, elsewhere: tells ? [] : elsewhere(report.tunnel) }
}

/** `up` only while authenticated data has crossed both ways since the IKE SA stands. */
function verdict({ peer, tunnel, ike, refused }: ReportSource, layers: Layers): LayerReport {
  if (!peer.enabled) return layer('down', 'Disabled in the configuration.')
  if (tunnel === undefined) return layer('down', refused?.detail ?? 'The interface is not open.')
  if (tunnel.halted) return layer('down', 'Taken down by an operator.')
  if (layers.underlay.state === 'down') return layers.underlay
  if (layers.ike.state !== 'up') return layers.ike
  if (layers.esp.state !== 'up') return layers.esp
  if (layers.gre.state !== 'up') return layers.gre
  return layer('up', `Data crosses both ways with ${ike?.sas[0]?.remoteId ?? peer.name}.`)
}

function layersOf(source: ReportSource): Layers {
  const { tunnel } = source
  return {
    underlay: underlay(source),
    ike: ikeLayer(source),
    esp: espLayer(source),
    gre: greOf(source)?.layer ?? layer('down', 'No ESP SA carries it.'),
    mtu:
      tunnel === undefined
        ? layer('down', 'The interface is not open.')
        : layer('up', tunnel.mtuState.sentence),
    routing: tunnel === undefined ? layer('down', 'The interface is not open.') : routing(source),
  }
}

function routing({ peer, tunnel, relay }: ReportSource): LayerReport {
  const routes = routesLayer(peer, tunnel?.routed ?? true)
  return relay === undefined ? routes : routingWithRelay(routes, relay)
}

function routesLayer({ tunnel: { routes, whenDown, interface: name } }: Peer, routed: boolean): LayerReport {
  if (routes.length === 0) return layer('up', `No route of ours leads into ${name}; a routing daemon may.`)
  if (!routed && whenDown !== 'keep')
    return layer(
      'down',
      whenDown === 'block'
        ? 'The routes have left the tunnel, which carries no data: what no other route takes is refused.'
        : 'The routes have left the tunnel, which carries no data.',
    )
  return layer(
    'up',
    routes.length === 1 ? `One route leads into ${name}.` : `${routes.length} routes lead into ${name}.`,
  )
}

function underlay({ peer, tunnel }: ReportSource): LayerReport {
  const bearing = tunnel?.bearing
  if (bearing === undefined) return layer('down', 'Not looked at yet.')
  if (bearing.is === 'unknown') return layer('down', `${bearing.sentence} ${bearing.remedy}`)
  if (bearing.is === 'any') return layer('up', `${peer.name} comes to us.`)
  const { route, remote } = bearing
  return layer('up', `${remote} is reached from ${route.source} by ${route.device}, MTU ${route.mtu}.`)
}

/** A failure from before the IKE SA last came up is history: it says nothing of what goes on now. */
function failureSince(ike: IkePeerReport | undefined, tunnel: Tunnel | undefined) {
  const failure = ike?.lastFailure
  const since = tunnel?.baseline.at
  return failure !== undefined && (since === undefined || failure.at >= since) ? failure : undefined
}

/** RFC 8784 §6: a PPK that is configured and not in use shows. */
const ppkText = (used: string | undefined, { auth }: Peer): string =>
  used !== undefined
    ? `, PPK ${used}`
    : auth.ppk === undefined
      ? ''
      : `; without the PPK ${auth.ppk.id}, which the peer did not use`

function ikeLayer({ ike, tunnel, peer }: ReportSource): LayerReport {
  const sa = ike?.sas.find(one => one.state !== 'connecting')
  if (sa !== undefined) return layer('up', `${sa.suite} with ${sa.remoteId}${ppkText(sa.ppk, peer)}.`)
  const failure = failureSince(ike, tunnel)
  if (ike?.state === 'connecting')
    return layer('negotiating', failure?.sentence ?? 'IKE is being negotiated.')
  if (ike?.state === 'waiting') return layer('negotiating', failure?.sentence ?? 'The next attempt follows.')
  if (tunnel?.bearing?.is === 'unknown') return layer('down', 'It waits for the underlay.')
  if (tunnel?.halted) return layer('down', 'No IKE SA: the tunnel was taken down.')
  return layer('down', failure?.sentence ?? 'No IKE SA; the peer has to begin.')
}

function espLayer({ ike, tunnel }: ReportSource): LayerReport {
  const child = ike?.sas.flatMap(sa => sa.children).find(one => one.state !== 'closing')
  if (child === undefined || tunnel?.sas.current === undefined)
    return ike?.state === 'established'
      ? layer('degraded', failureSince(ike, tunnel)?.sentence ?? 'No ESP SA yet.')
      : layer('down', 'No ESP SA.')
  return layer('up', `${child.suite}, ${child.mode} mode, ${CARRIED[child.encapsulation]}.`)
}

/** undefined: no SA, so that nothing can cross. */
function greOf({ peer, tunnel, counters, now }: ReportSource): GreVerdict | undefined {
  const current = tunnel?.sas.current
  if (tunnel === undefined || current === undefined || counters === undefined) return undefined
  const { baseline } = tunnel
  const { inbound, outbound, refused } = tunnel.crossing()
  const cell = (direction: 'inbound' | 'outbound', field: number): number =>
    counters.cells[counters.tunnel(direction, tunnel.tun) + field] ?? 0
  return judgeGre({
    went: outbound - baseline.outbound,
    came: inbound - baseline.inbound,
    refused: refused - baseline.refused,
    refusedFor: DROP_NAMES[cell('inbound', TUNNEL_COUNTER.refusedFor)],
    stands: now - baseline.at,
    sinceOut: now - cell('outbound', TUNNEL_COUNTER.lastAt),
    unanswered: Math.min(now - (tunnel.unanswered.since ?? now), now - baseline.at),
    encapsulation: current.child.encapsulation,
    key: peer.gre.key,
  })
}

function ikeSa(source: ReportSource, sa: IkeSa): IkeSaReport {
  return {
    spiInitiator: sa.spiInitiator,
    spiResponder: sa.spiResponder,
    role: sa.initiator ? 'initiator' : 'responder',
    state: sa.state,
    suite: sa.suite,
    localId: sa.localId,
    remoteId: sa.remoteId,
    local: endpointText(sa.local),
    remote: endpointText(sa.remote),
    nat: sa.nat,
    certificate: certificateReport(sa.certificate),
    mobike: sa.mobike ?? null,
    ppk: sa.ppk ?? null,
    establishedAt: at(source, sa.establishedAt),
    rekeyAt: at(source, sa.rekeyAt),
    children: sa.children.map(child => childReport(source, child)),
  }
}

function certificateReport(seen: IkeSa['certificate']): IkeSaReport['certificate'] {
  if (seen === undefined) return null
  const { subject, issuer, serial, url, revocation } = seen
  const { state, detail, until } = revocation
  const revoked = { state, detail, until: until === undefined ? null : new Date(until).toISOString() }
  return { subject, issuer, serial, url: url ?? null, revocation: revoked }
}

function childReport(source: ReportSource, child: IkeChild): ChildReport {
  const installed = source.tunnel?.sas.all.find(one => one.child.spiIn === child.spiIn)
  const traffic = (direction: 'inbound' | 'outbound') => saTraffic(source, direction, installed?.[direction])
  return {
    spiIn: spiText(child.spiIn),
    spiOut: spiText(child.spiOut),
    state: child.state,
    suite: child.suite,
    mode: child.mode,
    modeReason: child.modeReason ?? null,
    esn: child.esn,
    encapsulation: child.encapsulation,
    localSelectors: child.localSelectors.map(selectorText),
    remoteSelectors: child.remoteSelectors.map(selectorText),
    establishedAt: at(source, child.establishedAt),
    rekeyAt: at(source, child.rekeyAt),
    inbound: traffic('inbound'),
    outbound: traffic('outbound'),
    replayMisses: saCell(source, 'inbound', installed?.inbound, SA_COUNTER.replayMisses),
  }
}

function saCell(
  { counters }: ReportSource,
  direction: 'inbound' | 'outbound',
  sa: number | undefined,
  field: number,
): number {
  return counters === undefined || sa === undefined
    ? 0
    : (counters.cells[counters.sa(direction, sa) + field] ?? 0)
}

function saTraffic(source: ReportSource, direction: 'inbound' | 'outbound', sa: number | undefined) {
  const cell = (field: number): number => saCell(source, direction, sa, field)
  return {
    packets: cell(SA_COUNTER.packets),
    bytes: cell(SA_COUNTER.bytes),
    lastAt: at(source, (cell(SA_COUNTER.lastAt) || undefined) as Instant | undefined),
  }
}

function tunnelCounters(source: ReportSource): TunnelReport['counters'] {
  const { tunnel, counters } = source
  const cell = (direction: 'inbound' | 'outbound', field: number): number =>
    tunnel === undefined || counters === undefined
      ? 0
      : (counters.cells[counters.tunnel(direction, tunnel.tun) + field] ?? 0)
  const traffic = (direction: 'inbound' | 'outbound') => ({
    packets: cell(direction, TUNNEL_COUNTER.packets),
    bytes: cell(direction, TUNNEL_COUNTER.bytes),
    lastAt: at(source, (cell(direction, TUNNEL_COUNTER.lastAt) || undefined) as Instant | undefined),
  })
  return {
    inbound: traffic('inbound'),
    outbound: traffic('outbound'),
    mssClamped: cell('inbound', TUNNEL_COUNTER.mssClamped) + cell('outbound', TUNNEL_COUNTER.mssClamped),
    replayMisses: tunnel?.sas.replayMisses ?? 0,
  }
}

const NONE = { sas: 0, packets: 0, missing: 0 }

const endedSas = (tunnel: Tunnel | undefined): TunnelReport['endedSas'] => ({
  leaving: tunnel?.sas.leaving ?? 0,
  inbound: tunnel?.sas.ended.inbound ?? NONE,
  outbound: tunnel?.sas.ended.outbound ?? NONE,
})

function failureOf(source: ReportSource): FailureReport | null {
  const { refused, tunnel } = source
  const wall = new Date(source.wall).toISOString()
  // What is so at this moment comes before what IKE met last, which may be history.
  const crossing = greOf(source)?.failure
  if (crossing !== undefined) return { ...crossing, at: wall }
  const told = (code: string, sentence: string, remedy: string): FailureReport => ({
    code,
    sentence,
    remedy,
    evidence: {},
    at: wall,
  })
  if (refused !== undefined) return told(refused.code, refused.detail, refused.remedy)
  const bearing = tunnel?.bearing
  if (bearing?.is === 'unknown') return told(bearing.code, bearing.sentence, bearing.remedy)
  const failure = source.ike?.lastFailure
  if (failure === undefined) return null
  const { code, sentence, remedy, evidence } = failure
  return { code, sentence, remedy, evidence, at: at(source, failure.at) ?? '' }
}

/** A moment of the monotonic clock as ISO 8601. */
function at({ now, wall }: ReportSource, moment: Instant | undefined): string | null {
  return moment === undefined ? null : new Date(wall + (moment - now)).toISOString()
}

export function selectorText(s: TrafficSelector): string {
  const host = s.startAddress === s.endAddress ? s.startAddress : `${s.startAddress}-${s.endAddress}`
  const protocol = s.protocol === 47 ? '[gre]' : s.protocol === 0 ? '' : `[${s.protocol}]`
  return `${host}${protocol}`
}
