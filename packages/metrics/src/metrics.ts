import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { Reader, type Sample } from './reader.js'
import { describeRelays } from './relay-metrics.js'
import type {
  BuildInfo,
  IkeRole,
  Metrics,
  MetricsSource,
  RelaySnapshot,
  SaSnapshot,
  TunnelSnapshot,
} from './source.js'

/**
 * The description of every metric, and how it is read at scrape time. Base units, counters end in _total, instants are
 * timestamps: whoever reads computes the age. A label is bounded: tunnels are configured, SPIs are those of live SAs,
 * reasons come from a fixed list.
 */

/** From one round trip on a LAN to a peer that answers at the last retransmission. */
const HANDSHAKE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Gauges of the library that end in _total, which promtool refuses; nodejs_active_resources and its kin say the same. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

const flag = (value: boolean): number => (value ? 1 : 0)
const perDirection = (tunnel: TunnelSnapshot, field: 'packets' | 'bytes'): Sample[] => [
  [{ tunnel: tunnel.tunnel, direction: 'inbound' }, tunnel.inbound[field]],
  [{ tunnel: tunnel.tunnel, direction: 'outbound' }, tunnel.outbound[field]],
]

function describeTunnels(reader: Reader, tunnels: () => readonly TunnelSnapshot[]): void {
  const each = (sample: (tunnel: TunnelSnapshot) => readonly Sample[]) => () => tunnels().flatMap(sample)
  const one = (value: (tunnel: TunnelSnapshot) => number) =>
    each(tunnel => [[{ tunnel: tunnel.tunnel }, value(tunnel)]])
  const sa = (field: 'packets' | 'bytes') =>
    each(tunnel =>
      tunnel.sas.map(
        (row: SaSnapshot): Sample => [
          { tunnel: tunnel.tunnel, direction: row.direction, spi: row.spi },
          row[field],
        ],
      ),
    )
  reader.gauge(
    'brunel_tunnel_configured',
    'The tunnel is configured.',
    ['tunnel'],
    one(() => 1),
  )
  reader.gauge(
    'brunel_tunnel_enabled',
    '1 while the tunnel is wanted.',
    ['tunnel'],
    one(t => flag(t.enabled)),
  )
  reader.gauge(
    'brunel_tunnel_up',
    '1 while authenticated data has crossed both ways.',
    ['tunnel'],
    one(t => flag(t.up)),
  )
  reader.gauge(
    'brunel_tunnel_layer_up',
    '1 while the layer works: underlay, ike, esp, gre, mtu, routing.',
    ['tunnel', 'layer'],
    each(t => Object.entries(t.layers).map(([layer, up]): Sample => [{ tunnel: t.tunnel, layer }, flag(up)])),
  )
  reader.gauge(
    'brunel_tunnel_mtu_bytes',
    'Largest inner packet.',
    ['tunnel'],
    one(t => t.mtu),
  )
  reader.gauge(
    'brunel_tcp_connections',
    'TCP connections that carry the tunnel; 0 where it goes by UDP or protocol 50.',
    ['tunnel'],
    one(t => t.tcpConnections),
  )
  reader.gauge(
    'brunel_tunnel_last_handshake_timestamp_seconds',
    'When IKE last agreed on keys, Unix time.',
    ['tunnel'],
    each(t => (t.lastHandshakeAt === undefined ? [] : [[{ tunnel: t.tunnel }, t.lastHandshakeAt]])),
  )
  const both = ['tunnel', 'direction']
  reader.counter(
    'brunel_tunnel_packets_total',
    'Inner packets carried, all SAs.',
    both,
    each(t => perDirection(t, 'packets')),
  )
  reader.counter(
    'brunel_tunnel_bytes_total',
    'Octets of inner packets carried, all SAs.',
    both,
    each(t => perDirection(t, 'bytes')),
  )
  const live = ['tunnel', 'direction', 'spi']
  reader.counter('brunel_sa_packets_total', 'Packets carried by a live SA.', live, sa('packets'))
  reader.counter('brunel_sa_bytes_total', 'Octets carried by a live SA.', live, sa('bytes'))
  reader.counter(
    'brunel_esp_missing_packets_total',
    'ESP sequence numbers that never came, of SAs that are gone: what the underlay lost on the way here.',
    ['tunnel'],
    one(t => t.missing),
  )
  reader.counter(
    'brunel_replay_misses_total',
    'Packets outside the replay window, or seen before.',
    ['tunnel'],
    one(t => t.replayMisses),
  )
}

function describeProcess(reader: Reader, source: MetricsSource, build: BuildInfo): void {
  reader.counter('brunel_drops_total', 'Dropped packets, by reason.', ['reason', 'direction'], () =>
    source.drops().map(({ reason, direction, count }): Sample => [{ reason, direction }, count]),
  )
  reader.counter(
    'brunel_gre_unknown_protocol_packets_total',
    'GRE packets with a protocol type that is not carried.',
    ['protocol_type'],
    () =>
      (source.greProtocolTypes?.() ?? []).map(
        ({ type, packets }): Sample => [
          { protocol_type: type === undefined ? 'other' : `0x${type.toString(16).padStart(4, '0')}` },
          packets,
        ],
      ),
  )
  reader.counter('brunel_bugs_total', 'How often our own code was wrong.', [], () => [[{}, source.bugs()]])
  reader.gauge(
    'brunel_certificate_expiry_timestamp_seconds',
    'When a certificate of the configuration expires, in Unix time.',
    ['tunnel', 'use', 'subject'],
    () =>
      (source.certificates?.() ?? []).map(({ tunnel, use, subject, expiresAt }) => [
        { tunnel, use, subject },
        expiresAt,
      ]),
  )
  reader.gauge(
    'brunel_revocation_fetched_timestamp_seconds',
    'When a revocation list or OCSP answer was last fetched, in Unix time.',
    ['kind', 'url'],
    () => (source.statements?.() ?? []).map(({ kind, url, fetchedAt }) => [{ kind, url }, fetchedAt]),
  )
  reader.gauge(
    'brunel_revocation_expiry_timestamp_seconds',
    'When a revocation list or OCSP answer is out of date, in Unix time.',
    ['kind', 'url'],
    () =>
      (source.statements?.() ?? []).flatMap(({ kind, url, expiresAt }): Sample[] =>
        expiresAt === undefined ? [] : [[{ kind, url }, expiresAt]],
      ),
  )
  reader.gauge('brunel_build_info', 'Always 1; the labels say what runs.', ['version', 'node'], () => [
    [{ version: build.version, node: build.node }, 1],
  ])
}

function eventCounters(registry: Registry) {
  const registers = [registry]
  return {
    exchanges: new Counter({
      name: 'brunel_ike_exchanges_total',
      help: 'IKE exchanges that ended.',
      labelNames: ['exchange', 'role', 'outcome'],
      registers,
    }),
    failures: new Counter({
      name: 'brunel_ike_failures_total',
      help: 'Failed negotiations and SAs that ended in failure, by code.',
      labelNames: ['reason'],
      registers,
    }),
    rekeys: new Counter({
      name: 'brunel_rekeys_total',
      help: 'SAs that were replaced.',
      labelNames: ['what', 'role'],
      registers,
    }),
    moves: new Counter({
      name: 'brunel_ike_moves_total',
      help: 'SAs that went on at other addresses: ours changed (here), those of the peer, or a NAT in between.',
      labelNames: ['cause'],
      registers,
    }),
    collisions: new Counter({
      name: 'brunel_rekey_collisions_total',
      help: 'Rekeys that crossed one of the peer, by whose new SA was redundant.',
      labelNames: ['what', 'redundant'],
      registers,
    }),
    handshakes: new Histogram({
      name: 'brunel_ike_handshake_duration_seconds',
      help: 'From the first message to the IKE SA established.',
      labelNames: ['role'],
      buckets: HANDSHAKE_BUCKETS,
      registers,
    }),
  }
}

/** All metrics of one router, in a registry of their own. */
export function createMetrics(source: MetricsSource, build: BuildInfo): Metrics {
  const registry = new Registry()
  const reader = new Reader(registry)
  // One reading of the source for each scrape, so that all samples of a page agree.
  let tunnels: readonly TunnelSnapshot[] = []
  let relays: readonly RelaySnapshot[] = []
  describeTunnels(reader, () => tunnels)
  describeRelays(reader, () => relays)
  describeProcess(reader, source, build)
  const { exchanges, failures, rekeys, collisions, moves, handshakes } = eventCounters(registry)
  // Series that exist from the start show a first failure as an increase.
  for (const what of ['ike', 'child']) {
    for (const role of ['initiator', 'responder']) rekeys.inc({ what, role }, 0)
    for (const redundant of ['ours', 'theirs', 'none']) collisions.inc({ what, redundant }, 0)
  }
  for (const cause of ['here', 'peer', 'nat']) moves.inc({ cause }, 0)
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  return {
    exchange: (exchange, role: IkeRole, outcome) => exchanges.inc({ exchange, role, outcome }),
    failure: reason => failures.inc({ reason }),
    rekey: (what, role) => rekeys.inc({ what, role }),
    move: cause => moves.inc({ cause }),
    rekeyCollision: (what, redundant) => collisions.inc({ what, redundant }),
    handshake: (seconds, role) => handshakes.observe({ role }, seconds),
    text: () => {
      tunnels = source.tunnels()
      relays = source.relays?.() ?? []
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
