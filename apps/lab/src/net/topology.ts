import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cleanup } from './cleanup.js'
import { must } from './command.js'
import { Namespace, sweep, uniquePrefix } from './namespace.js'

/**
 *     hostA ── lan0 routerA wan0 ── toA underlay toB ── wan0 routerB lan0 ── hostB
 *     10.1.0.10    192.0.2.2       [NAT] │ toS       198.51.100.2         10.2.0.10
 *                                    stranger 203.0.113.2
 *
 * Only the routers and the underlay forward. The routers know each other's underlay network and nothing else, so what is
 * not in the tunnel has nowhere to go, as at a site whose provider does not route private addresses.
 */
export type Side = 'A' | 'B'
export type Place = 'hostA' | 'routerA' | 'underlay' | 'routerB' | 'hostB' | 'stranger'
export type Family = 4 | 6

export interface TopologyOptions {
  /** Octets an underlay packet may have. */
  readonly underlayMtu?: number
  /** Masquerade what comes from router A. */
  readonly nat?: boolean
}

export const ADDRESSES = {
  host: { A: { 4: '10.1.0.10', 6: 'fd00:1::10' }, B: { 4: '10.2.0.10', 6: 'fd00:2::10' } },
  lan: { A: { 4: '10.1.0.1', 6: 'fd00:1::1' }, B: { 4: '10.2.0.1', 6: 'fd00:2::1' } },
  site: { A: { 4: '10.1.0.0/24', 6: 'fd00:1::/64' }, B: { 4: '10.2.0.0/24', 6: 'fd00:2::/64' } },
  wan: { A: { 4: '192.0.2.2', 6: '2001:db8:a::2' }, B: { 4: '198.51.100.2', 6: '2001:db8:b::2' } },
  gateway: { A: { 4: '192.0.2.1', 6: '2001:db8:a::1' }, B: { 4: '198.51.100.1', 6: '2001:db8:b::1' } },
  tunnel: { A: { 4: '10.255.0.1', 6: 'fd00:ff::1' }, B: { 4: '10.255.0.2', 6: 'fd00:ff::2' } },
  stranger: { 4: '203.0.113.2', 6: '2001:db8:c::2' },
  strangerGateway: { 4: '203.0.113.1', 6: '2001:db8:c::1' },
} as const

const UNDERLAY = {
  A: ['192.0.2.0/24', '2001:db8:a::/64'],
  B: ['198.51.100.0/24', '2001:db8:b::/64'],
} as const
const STRANGE = ['203.0.113.0/24', '2001:db8:c::/64'] as const

/** Interface of the underlay towards a router. */
const device = (side: Side): string => `to${side}`

const other = (side: Side): Side => (side === 'A' ? 'B' : 'A')

const addressLines = (device: string, v4: string, v6: string): readonly string[] => [
  `addr add ${v4}/24 dev ${device}`,
  `addr add ${v6}/64 dev ${device} nodad`,
]

/** Pure: the `ip` lines of each namespace, after the links between them exist. */
export function plan(place: Place, mtu: number): readonly string[] {
  const [kind, side] = place.startsWith('host')
    ? (['host', place.slice(4) as Side] as const)
    : ([place.slice(0, 6), place.slice(6) as Side] as const)
  if (kind === 'host')
    return [
      ...addressLines('lan0', ADDRESSES.host[side][4], ADDRESSES.host[side][6]),
      'link set lan0 up',
      `route add default via ${ADDRESSES.lan[side][4]}`,
      `route add default via ${ADDRESSES.lan[side][6]}`,
    ]
  if (kind === 'router') {
    const far = [...UNDERLAY[other(side)], ...STRANGE]
    return [
      ...addressLines('lan0', ADDRESSES.lan[side][4], ADDRESSES.lan[side][6]),
      ...addressLines('wan0', ADDRESSES.wan[side][4], ADDRESSES.wan[side][6]),
      `link set wan0 mtu ${mtu}`,
      'link set lan0 up',
      'link set wan0 up',
      ...far.map(net => `route add ${net} via ${ADDRESSES.gateway[side][net.includes(':') ? 6 : 4]}`),
    ]
  }
  if (place === 'stranger')
    return [
      ...addressLines('wan0', ADDRESSES.stranger[4], ADDRESSES.stranger[6]),
      'link set wan0 up',
      `route add default via ${ADDRESSES.strangerGateway[4]}`,
      `route add default via ${ADDRESSES.strangerGateway[6]}`,
    ]
  return [
    ...(['A', 'B'] as const).flatMap(at => [
      ...addressLines(device(at), ADDRESSES.gateway[at][4], ADDRESSES.gateway[at][6]),
      `link set dev ${device(at)} mtu ${mtu} up`,
    ]),
    ...addressLines('toS', ADDRESSES.strangerGateway[4], ADDRESSES.strangerGateway[6]),
    'link set dev toS up',
  ]
}

const LINKS: readonly (readonly [Place, string, Place, string])[] = [
  ['hostA', 'lan0', 'routerA', 'lan0'],
  ['routerA', 'wan0', 'underlay', 'toA'],
  ['routerB', 'wan0', 'underlay', 'toB'],
  ['hostB', 'lan0', 'routerB', 'lan0'],
  ['stranger', 'wan0', 'underlay', 'toS'],
]
const PLACES: readonly Place[] = ['hostA', 'routerA', 'underlay', 'routerB', 'hostB', 'stranger']
const FORWARDING: readonly Place[] = ['routerA', 'routerB', 'underlay']

const NAT = `table ip lab {
  chain post { type nat hook postrouting priority srcnat; oifname "toB" ip saddr 192.0.2.0/24 masquerade; }
}`

export class Topology {
  readonly at: Readonly<Record<Place, Namespace>>
  /** Scratch space of this run. */
  readonly folder: string
  readonly cleanup: Cleanup

  private constructor(at: Readonly<Record<Place, Namespace>>, folder: string, cleanup: Cleanup) {
    this.at = at
    this.folder = folder
    this.cleanup = cleanup
  }

  static async build(options: TopologyOptions = {}): Promise<Topology> {
    await sweep()
    const cleanup = new Cleanup()
    try {
      return await make(options, cleanup, (at, folder) => new Topology(at, folder, cleanup))
    } catch (error) {
      await cleanup.unwind()
      throw error
    }
  }

  router(side: Side): Namespace {
    return side === 'A' ? this.at.routerA : this.at.routerB
  }

  host(side: Side): Namespace {
    return side === 'A' ? this.at.hostA : this.at.hostB
  }

  /** Cuts or mends the line of a router in the underlay: packets vanish, no interface goes down. */
  async cut(side: Side, cut: boolean): Promise<void> {
    const name = device(side)
    const rules = `table inet cut { chain c { type filter hook prerouting priority -300; iifname "${name}" drop; }; }`
    const away = 'table inet cut\ndelete table inet cut\n'
    await this.at.underlay.must(['nft', '-f', '-'], { input: cut ? `${away}${rules}\n` : away })
  }

  /** Removes everything; answers what resisted. */
  destroy(): Promise<readonly string[]> {
    return this.cleanup.unwind()
  }
}

async function make(
  options: TopologyOptions,
  cleanup: Cleanup,
  done: (at: Record<Place, Namespace>, folder: string) => Topology,
): Promise<Topology> {
  const mtu = options.underlayMtu ?? 1500
  const prefix = uniquePrefix()
  const folder = mkdtempSync(join(tmpdir(), 'brunel-lab-'))
  chmodSync(folder, 0o755) // FRR gives root up and must still find its files
  cleanup.add(folder, () => rmSync(folder, { recursive: true, force: true }))
  const at = {} as Record<Place, Namespace>
  for (const place of PLACES) {
    at[place] = await Namespace.make(`${prefix}${place}`)
    cleanup.add(place, () => at[place].remove())
    await at[place].sysctl(settings(FORWARDING.includes(place)))
  }
  const links = LINKS.map(
    ([one, a, two, b]) =>
      `link add ${a} netns ${at[one].name} type veth peer name ${b} netns ${at[two].name}`,
  )
  await must(['ip', '-batch', '-'], { input: `${links.join('\n')}\n` })
  for (const place of PLACES) await at[place].ip(plan(place, mtu))
  if (options.nat === true) await at.underlay.must(['nft', '-f', '-'], { input: NAT })
  return done(at, folder)
}

/** Of a namespace of the lab: no DAD, no reverse path filter. */
export const settings = (forwards: boolean): Record<string, number> => ({
  'net.ipv6.conf.all.accept_dad': 0,
  'net.ipv6.conf.default.accept_dad': 0,
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
  'net.ipv4.ip_forward': forwards ? 1 : 0,
  'net.ipv6.conf.all.forwarding': forwards ? 1 : 0,
})
