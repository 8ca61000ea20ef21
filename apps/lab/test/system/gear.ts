import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import tap from 'tap'
import type { Topology, TopologyOptions } from '../../src/net/topology.js'
import { BRUNELD, type BruneldOptions } from '../../src/peers/bruneld.js'
import { RelayLab } from '../../src/relay-lab.js'
import { Sites } from '../../src/sites.js'

/** Ring 4 waits for real peers; its tests have limits of their own. */
tap.setTimeout(900_000)

const TOOLS = ['ip', 'ping', 'iperf3', 'tcpdump', 'nft', 'unshare', 'setpriv', 'perl']

/** Why system tests cannot run here, or false. */
export function noLab(): string | false {
  if (process.getuid?.() !== 0) return 'needs root: it makes network namespaces'
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun'
  const missing = TOOLS.filter(tool => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
  if (missing.length > 0) return `not installed: ${missing.join(' ')}`
  return !existsSync(BRUNELD) && 'bruneld is not built'
}

/** The parts of a tap test that are used here. */
export interface Test {
  teardown(step: () => Promise<unknown>): void
  comment(...text: readonly unknown[]): void
  readonly passing: () => boolean
}

/** A topology that goes with its test, whatever happens. */
export function owned<T extends { destroy(): Promise<readonly string[]> }>(t: Test, thing: T): T {
  t.teardown(async () => {
    const faults = await thing.destroy()
    if (faults.length > 0) throw new Error(`not removed: ${faults.join('; ')}`)
  })
  return thing
}

/** Two sites with bruneld on both routers; their logs are shown when the test fails. */
export async function twoSites(
  t: Test,
  options: TopologyOptions & { readonly daemon?: BruneldOptions } = {},
): Promise<Sites> {
  const sites = await Sites.build(options)
  t.teardown(async () => {
    if (!t.passing())
      for (const side of ['A', 'B'] as const) t.comment(`router ${side}:\n${tail(sites.routers[side].log())}`)
    const faults = await sites.destroy()
    if (faults.length > 0) throw new Error(`not removed: ${faults.join('; ')}`)
  })
  await sites.start()
  return sites
}

/** Appliances that run bruneld, and whatever is plugged in; their logs are shown when the test fails. */
export async function relayLab(t: Test, appliances: readonly string[]): Promise<RelayLab> {
  const lab = await RelayLab.build(appliances)
  t.teardown(async () => {
    if (!t.passing()) t.comment(lab.logs())
    const faults = await lab.destroy()
    if (faults.length > 0) throw new Error(`not removed: ${faults.join('; ')}`)
  })
  return lab
}

export const tail = (text: string, most = 6000): string => text.slice(-most)

/** Interfaces and routes of a place that belong to tunnels. */
export async function tunnelTraces(
  topology: Topology,
  side: 'A' | 'B',
): Promise<{ links: string[]; routes: string[] }> {
  const links = await topology.router(side).json<{ ifname: string }[]>('link', 'show')
  const routes = await topology
    .router(side)
    .json<{ dst: string; dev?: string }[]>('route', 'show', 'dev', 'gre1')
    .catch(() => [])
  return {
    links: links.map(link => link.ifname).filter(name => name.startsWith('gre')),
    routes: routes.map(route => route.dst),
  }
}
