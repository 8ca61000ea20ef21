import { spawnSync } from 'node:child_process'
import t from 'tap'
import { createMetrics } from './metrics.js'
import type { MetricsSource, TunnelSnapshot } from './source.js'

const tunnel = (more: Partial<TunnelSnapshot> = {}): TunnelSnapshot => ({
  tunnel: 'branch-7',
  enabled: true,
  up: true,
  layers: { underlay: true, ike: true, esp: true, gre: true, mtu: true, routing: true },
  mtu: 1422,
  lastHandshakeAt: 1_767_323_045,
  inbound: { packets: 10, bytes: 1000 },
  outbound: { packets: 20, bytes: 2000 },
  replayMisses: 3,
  tcpConnections: 1,
  missing: 2,
  sas: [
    { spi: '0000aaaa', direction: 'inbound', packets: 10, bytes: 1000 },
    { spi: '0000bbbb', direction: 'outbound', packets: 20, bytes: 2000 },
  ],
  ...more,
})

/** A source whose tunnels a test changes between two scrapes. */
const source = (tunnels: TunnelSnapshot[]): MetricsSource => ({
  tunnels: () => tunnels,
  drops: () => [
    { reason: 'esp-replay', direction: 'inbound', count: 3 },
    { reason: 'tunnel-no-sa', direction: 'outbound', count: 0 },
  ],
  greProtocolTypes: () => [
    { type: 0x0806, packets: 2 },
    { type: undefined, packets: 1 },
  ],
  certificates: () =>
    tunnels.map(({ tunnel }) => ({ tunnel, use: 'own', subject: 'CN=hq', expiresAt: 1_800_000_000 })),
  bugs: () => 0,
})
const build = { version: '0.1.0', node: 'v20.0.0' }

/** The samples of a page as `name{labels} value`, without those of the process. */
const samples = (page: string): string[] => page.split('\n').filter(line => line.startsWith('brunel_'))

t.test('every figure of a tunnel that is up', async t => {
  const page = samples(await createMetrics(source([tunnel()]), build).text())
  for (const line of [
    'brunel_tunnel_configured{tunnel="branch-7"} 1',
    'brunel_tunnel_enabled{tunnel="branch-7"} 1',
    'brunel_tunnel_up{tunnel="branch-7"} 1',
    'brunel_tunnel_layer_up{tunnel="branch-7",layer="routing"} 1',
    'brunel_tunnel_mtu_bytes{tunnel="branch-7"} 1422',
    'brunel_tcp_connections{tunnel="branch-7"} 1',
    'brunel_tunnel_last_handshake_timestamp_seconds{tunnel="branch-7"} 1767323045',
    'brunel_tunnel_bytes_total{tunnel="branch-7",direction="inbound"} 1000',
    'brunel_tunnel_packets_total{tunnel="branch-7",direction="outbound"} 20',
    'brunel_sa_bytes_total{tunnel="branch-7",direction="inbound",spi="0000aaaa"} 1000',
    'brunel_sa_packets_total{tunnel="branch-7",direction="outbound",spi="0000bbbb"} 20',
    'brunel_replay_misses_total{tunnel="branch-7"} 3',
    'brunel_esp_missing_packets_total{tunnel="branch-7"} 2',
    'brunel_rekey_collisions_total{what="ike",redundant="none"} 0',
    'brunel_drops_total{reason="esp-replay",direction="inbound"} 3',
    'brunel_drops_total{reason="tunnel-no-sa",direction="outbound"} 0',
    'brunel_gre_unknown_protocol_packets_total{protocol_type="0x0806"} 2',
    'brunel_gre_unknown_protocol_packets_total{protocol_type="other"} 1',
    'brunel_certificate_expiry_timestamp_seconds{tunnel="branch-7",use="own",subject="CN=hq"} 1800000000',
    'brunel_bugs_total 0',
    'brunel_build_info{version="0.1.0",node="v20.0.0"} 1',
    'brunel_rekeys_total{what="child",role="responder"} 0',
  ]) {
    t.ok(page.includes(line), line)
  }
})

t.test('a tunnel that is configured and down is visible as 0', async t => {
  const down = tunnel({ up: false, layers: { ike: false }, lastHandshakeAt: undefined, sas: [] })
  const page = samples(await createMetrics(source([down]), build).text())
  t.ok(page.includes('brunel_tunnel_configured{tunnel="branch-7"} 1'))
  t.ok(page.includes('brunel_tunnel_up{tunnel="branch-7"} 0'))
  t.ok(page.includes('brunel_tunnel_layer_up{tunnel="branch-7",layer="ike"} 0'))
  t.notOk(
    page.some(line => line.startsWith('brunel_tunnel_last_handshake')),
    'never is no timestamp',
  )
})

t.test('an SA that is gone vanishes, and the totals of its tunnel stay', async t => {
  const tunnels = [tunnel()]
  const metrics = createMetrics(source(tunnels), build)
  await metrics.text()
  tunnels[0] = tunnel({
    inbound: { packets: 11, bytes: 1100 },
    sas: [{ spi: '0000cccc', direction: 'inbound', packets: 1, bytes: 100 }],
  })
  const page = samples(await metrics.text())
  t.notOk(page.some(line => line.includes('0000aaaa')))
  t.ok(page.includes('brunel_sa_bytes_total{tunnel="branch-7",direction="inbound",spi="0000cccc"} 100'))
  t.ok(page.includes('brunel_tunnel_bytes_total{tunnel="branch-7",direction="inbound"} 1100'))
  tunnels.length = 0
  t.notOk(
    samples(await metrics.text()).some(line => line.includes('branch-7')),
    'nor does a removed peer linger',
  )
})

t.test('what happens is counted as it happens', async t => {
  const metrics = createMetrics(source([]), build)
  metrics.exchange('IKE_AUTH', 'initiator', 'done')
  metrics.exchange('IKE_AUTH', 'initiator', 'done')
  metrics.failure('BRUNEL_IKE_NO_PROPOSAL')
  metrics.rekey('child', 'responder')
  metrics.rekeyCollision('child', 'ours')
  metrics.handshake(0.03, 'initiator')
  const page = samples(await metrics.text())
  for (const line of [
    'brunel_ike_exchanges_total{exchange="IKE_AUTH",role="initiator",outcome="done"} 2',
    'brunel_ike_failures_total{reason="BRUNEL_IKE_NO_PROPOSAL"} 1',
    'brunel_rekeys_total{what="child",role="responder"} 1',
    'brunel_rekey_collisions_total{what="child",redundant="ours"} 1',
    'brunel_ike_handshake_duration_seconds_bucket{le="0.025",role="initiator"} 0',
    'brunel_ike_handshake_duration_seconds_bucket{le="0.05",role="initiator"} 1',
    'brunel_ike_handshake_duration_seconds_sum{role="initiator"} 0.03',
  ]) {
    t.ok(page.includes(line), line)
  }
})

t.test('two routers in one process do not share a registry', async t => {
  const [a, b] = [createMetrics(source([tunnel()]), build), createMetrics(source([]), build)]
  t.match(await a.text(), 'branch-7')
  t.notMatch(await b.text(), 'branch-7')
})

const promtool = spawnSync('promtool', ['--version']).error === undefined
t.test('promtool finds nothing to say', { skip: promtool ? false : 'promtool is not installed' }, async t => {
  const metrics = createMetrics(source([tunnel(), tunnel({ tunnel: 'branch-8', up: false })]), build)
  metrics.exchange('IKE_SA_INIT', 'responder', 'failed')
  metrics.failure('BRUNEL_IKE_TIMEOUT')
  metrics.handshake(1.5, 'responder')
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: await metrics.text(),
    encoding: 'utf8',
  })
  t.equal(`${stdout}${stderr}`, '')
  t.equal(status, 0)
})
