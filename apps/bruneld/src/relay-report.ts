import {
  type LayerReport,
  MOST_ROUTES,
  type OspfFinding,
  type OspfNeighbour,
  type RelayReport,
  type TunnelRelayReport,
} from '@brunel/admin-api'
import type { Instant } from '@brunel/base'
import { type Finding, LAN, type NeighbourReport } from '@brunel/ospf-relay'
import { tunnelOf } from './relay-events.js'
import type { HostedRelay } from './relay-host.js'

/** One moment, by the clock of the machines and as Unix time in ms. */
export interface Moment {
  readonly now: Instant
  readonly wall: number
}

/** A relay as the API tells it. Pure. */
export function relayReport(
  { interface: device, lan, report, drops }: HostedRelay,
  moment: Moment,
): RelayReport {
  return {
    interface: device,
    group: report.group,
    id: report.id,
    problem: lan.is === 'waiting' ? lan.because : null,
    warnings:
      lan.is === 'open' ? lan.warnings.map(({ code, detail, remedy }) => ({ code, detail, remedy })) : [],
    ports: report.ports.map(({ port, state, received, sent, farRelay }) => ({
      port,
      tunnel: tunnelOf(port) ?? null,
      state: port === LAN && lan.is !== 'open' ? 'down' : state,
      received,
      sent,
      farRelay: farRelay ?? null,
      routes: report.following.routes.find(one => one.port === port)?.routes.length ?? 0,
    })),
    lanRelays: report.lanRelays,
    sources: report.sources,
    neighbours: report.neighbours.map(one => neighbour(one, moment)),
    routes: report.following.routes
      .flatMap(({ port, routes }) => routes.map(route => ({ port, ...route })))
      .slice(0, MOST_ROUTES),
    areas: report.following.areas,
    findings: report.findings.map(one => finding(one, moment)),
    unread: Object.entries(report.unread).map(([reason, count]) => ({ reason, count })),
    drops: [...drops].flatMap(([port, counts]) =>
      [...counts].map(([reason, count]) => ({ port, reason, count })),
    ),
  }
}

const at = ({ now, wall }: Moment, then: Instant): string => new Date(wall + (then - now)).toISOString()

function neighbour(n: NeighbourReport, moment: Moment): OspfNeighbour {
  const { hello, mtu, heardAt, silentSince, ...rest } = n
  return {
    ...rest,
    hello: hello === undefined ? null : { ...hello, mask: hello.mask ?? null },
    mtu: mtu ?? null,
    heardAt: at(moment, heardAt),
    silentSince: silentSince === undefined ? null : at(moment, silentSince),
  }
}

const finding = ({ since, ...rest }: Finding, moment: Moment): OspfFinding => ({
  ...rest,
  since: at(moment, since),
})

/** What concerns one tunnel; undefined: no relay has it. Pure. */
export function relayOfTunnel(relays: readonly RelayReport[], tunnel: string): TunnelRelayReport | undefined {
  for (const relay of relays) {
    const port = relay.ports.find(one => one.tunnel === tunnel)
    if (port === undefined) continue
    return {
      interface: relay.interface,
      group: relay.group,
      state: port.state,
      farRelay: port.farRelay,
      problem: relay.problem,
      neighbours: relay.neighbours.filter(one => one.port === port.port),
      findings: relay.findings.filter(({ sides }) => sides.some(side => side.port === port.port)),
    }
  }
  return undefined
}

/** The routing layer of a tunnel with a relay; `routes`: without it. Routers that disagree are a fault of this layer. */
export function routingWithRelay(routes: LayerReport, relay: TunnelRelayReport): LayerReport {
  const { interface: device, problem, findings, neighbours, state } = relay
  if (problem !== null) return degraded(`${problem.detail} ${problem.remedy}`)
  const [first, ...more] = findings
  if (first !== undefined)
    return degraded(
      `${first.sentence}${more.length === 0 ? '' : ` And ${more.length} more.`} ${first.remedy}`,
    )
  const heard =
    neighbours.length === 1 ? 'one OSPF router is' : `${neighbours.length || 'no'} OSPF routers are`
  const carried = {
    down: `The relay of ${device} waits for the tunnel to carry data.`,
    listening: `The relay of ${device} listens whether another way leads to the same LAN.`,
    standby: `The relay of ${device} uses another way to the same LAN.`,
    forwarding: `The relay joins it to ${device}; ${heard} heard behind it.`,
  }
  return { ...routes, detail: `${routes.detail} ${carried[state]}` }
}

const degraded = (detail: string): LayerReport => ({ state: 'degraded', detail })
