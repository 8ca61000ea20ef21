import type { TunnelReport } from '@brunel/admin-api'
import { type Counters, SA_COUNTER } from '@brunel/datapath'
import type { MetricsSource, SaSnapshot, TunnelSnapshot } from '@brunel/metrics'
import { relaySnapshot } from './relay-snapshot.js'
import type { Router } from './router.js'
import { spiText } from './spi-text.js'
import type { Tunnel } from './tunnel.js'

/** The router as the metrics see it, read at scrape time. */
export function metricsSource(router: Router): MetricsSource {
  return {
    tunnels: () =>
      router.tunnels().map(report => snapshot(report, router.tunnelOf(report.name), router.counters)),
    drops: () => router.drops(),
    greProtocolTypes: () => router.counters?.protocolTypes() ?? [],
    certificates: () =>
      router.certificates().map(({ notAfter, ...rest }) => ({ ...rest, expiresAt: notAfter / 1000 })),
    statements: () =>
      router.statements.map(({ kind, url, fetchedAt, expiresAt }) => ({
        kind,
        url,
        fetchedAt: fetchedAt / 1000,
        expiresAt: expiresAt === undefined ? undefined : expiresAt / 1000,
      })),
    relays: () => router.relays().map(relaySnapshot),
    bugs: () => router.bugs,
  }
}

function snapshot(
  report: TunnelReport,
  tunnel: Tunnel | undefined,
  counters: Counters | undefined,
): TunnelSnapshot {
  const layers = Object.entries(report.layers).map(([name, { state }]) => [name, state === 'up'] as const)
  return {
    tunnel: report.name,
    enabled: report.enabled,
    up: report.state === 'up',
    layers: Object.fromEntries(layers),
    mtu: report.mtu.tunnel,
    lastHandshakeAt: tunnel?.handshakeAt === undefined ? undefined : tunnel.handshakeAt / 1000,
    inbound: report.counters.inbound,
    outbound: report.counters.outbound,
    replayMisses: report.counters.replayMisses,
    tcpConnections: tcpConnections(report),
    missing: report.endedSas.inbound.missing,
    sas: tunnel === undefined || counters === undefined ? [] : sasOf(tunnel, counters),
  }
}

function tcpConnections({ ike }: TunnelReport): number {
  const ends = ike
    .filter(({ remote }) => remote.endsWith('/tcp'))
    .map(({ local, remote }) => `${local} ${remote}`)
  return new Set(ends).size
}

function sasOf(tunnel: Tunnel, counters: Counters): SaSnapshot[] {
  const row = (spi: number, direction: 'inbound' | 'outbound', sa: number): SaSnapshot => ({
    spi: spiText(spi),
    direction,
    packets: counters.cells[counters.sa(direction, sa) + SA_COUNTER.packets] ?? 0,
    bytes: counters.cells[counters.sa(direction, sa) + SA_COUNTER.bytes] ?? 0,
  })
  return tunnel.sas.all.flatMap(({ child, inbound, outbound }) => [
    row(child.spiIn, 'inbound', inbound),
    row(child.spiOut, 'outbound', outbound),
  ])
}
