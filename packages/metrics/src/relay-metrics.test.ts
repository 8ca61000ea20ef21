import { spawnSync } from 'node:child_process'
import t from 'tap'
import { createMetrics } from './metrics.js'
import type { MetricsSource, RelaySnapshot } from './source.js'

const relay = (more: Partial<RelaySnapshot> = {}): RelaySnapshot => ({
  interface: 'eth1',
  group: 'backbone',
  ports: [
    { port: 'lan', state: 'forwarding', received: 12, sent: 11, relays: 2, routes: 7 },
    { port: 'branch-7', state: 'standby', received: 11, sent: 12, relays: 1, routes: 3 },
  ],
  neighbours: [
    { port: 'lan', state: 'Full', count: 1 },
    { port: 'branch-7', state: '2-Way', count: 3 },
  ],
  adjacencies: 1,
  findings: [
    { code: 'BRUNEL_OSPF_AREA', count: 2 },
    { code: 'BRUNEL_OSPF_MTU', count: 0 },
  ],
  ...more,
})

const metricsOf = (relays: readonly RelaySnapshot[]) => {
  const source: MetricsSource = { tunnels: () => [], drops: () => [], relays: () => relays, bugs: () => 0 }
  return createMetrics(source, { version: '0.1.0', node: 'v20.0.0' })
}
const samples = (page: string): string[] =>
  page.split('\n').filter(line => /^brunel_(relay|ospf)_/.test(line))

t.test('every figure of a relay', async t => {
  const of = 'interface="eth1",group="backbone"'
  t.same(samples(await metricsOf([relay()]).text()), [
    `brunel_relay_packets_total{${of},port="lan",direction="received"} 12`,
    `brunel_relay_packets_total{${of},port="lan",direction="sent"} 11`,
    `brunel_relay_packets_total{${of},port="branch-7",direction="received"} 11`,
    `brunel_relay_packets_total{${of},port="branch-7",direction="sent"} 12`,
    `brunel_relay_port_state{${of},port="lan",state="down"} 0`,
    `brunel_relay_port_state{${of},port="lan",state="listening"} 0`,
    `brunel_relay_port_state{${of},port="lan",state="standby"} 0`,
    `brunel_relay_port_state{${of},port="lan",state="forwarding"} 1`,
    `brunel_relay_port_state{${of},port="branch-7",state="down"} 0`,
    `brunel_relay_port_state{${of},port="branch-7",state="listening"} 0`,
    `brunel_relay_port_state{${of},port="branch-7",state="standby"} 1`,
    `brunel_relay_port_state{${of},port="branch-7",state="forwarding"} 0`,
    `brunel_relay_heard{${of},port="lan"} 2`,
    `brunel_relay_heard{${of},port="branch-7"} 1`,
    `brunel_relay_routes{${of},port="lan"} 7`,
    `brunel_relay_routes{${of},port="branch-7"} 3`,
    `brunel_ospf_neighbours{${of},port="lan",state="Full"} 1`,
    `brunel_ospf_neighbours{${of},port="branch-7",state="2-Way"} 3`,
    `brunel_ospf_adjacencies_full{${of}} 1`,
    `brunel_ospf_findings{${of},code="BRUNEL_OSPF_AREA"} 2`,
    `brunel_ospf_findings{${of},code="BRUNEL_OSPF_MTU"} 0`,
  ])
})

t.test('a port and a relay that are gone are gone from the page', async t => {
  const relays = [relay()]
  const metrics = metricsOf(relays)
  await metrics.text()
  relays[0] = relay({ ports: [] })
  t.notOk(samples(await metrics.text()).some(line => line.includes('port="lan",direction')))
  relays.length = 0
  t.same(samples(await metrics.text()), [])
})

const promtool = spawnSync('promtool', ['--version']).error === undefined
t.test('promtool finds nothing to say', { skip: promtool ? false : 'promtool is not installed' }, async t => {
  const input = await metricsOf([relay(), relay({ interface: 'eth2' })]).text()
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
  t.equal(`${stdout}${stderr}`, '')
  t.equal(status, 0)
})
