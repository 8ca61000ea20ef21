import type { OspfNeighbour, RelayReport } from '@brunel/admin-api'
import type { RelaySnapshot } from '@brunel/metrics'
import { FINDINGS } from '@brunel/ospf-relay'

/** The relay of a LAN interface as the metrics see it. Pure. */
export function relaySnapshot(report: RelayReport): RelaySnapshot {
  const { interface: device, group, ports, neighbours, findings, lanRelays } = report
  return {
    interface: device,
    group,
    ports: ports.map(({ tunnel, state, received, sent, farRelay, routes }) => ({
      port: tunnel ?? 'lan',
      state,
      received,
      sent,
      relays: tunnel === null ? lanRelays.length : farRelay === null ? 0 : 1,
      routes,
    })),
    neighbours: ports.flatMap(({ port, tunnel }) =>
      [...statesOf(neighbours.filter(one => one.port === port))].map(([state, count]) => ({
        port: tunnel ?? 'lan',
        state,
        count,
      })),
    ),
    adjacencies: adjacencies(neighbours),
    findings: Object.keys(FINDINGS).map(code => ({
      code,
      count: findings.filter(one => one.code === code).length,
    })),
  }
}

function statesOf(neighbours: readonly OspfNeighbour[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { state } of neighbours.flatMap(one => one.states))
    counts.set(state, (counts.get(state) ?? 0) + 1)
  return counts
}

/** Each pair is met from both its ends. */
function adjacencies(neighbours: readonly OspfNeighbour[]): number {
  const full = new Set<string>()
  for (const { version, instance, address, states } of neighbours)
    for (const one of states)
      if (one.state === 'Full') full.add(`${version} ${instance} ${address} ${one.address}`)
  const backward = (way: string): string => {
    const [version, instance, from, to] = way.split(' ')
    return `${version} ${instance} ${to} ${from}`
  }
  return [...full].filter(way => full.has(backward(way))).length / 2
}
