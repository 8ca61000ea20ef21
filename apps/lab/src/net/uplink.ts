import { must } from './command.js'
import { ADDRESSES, type Family, type Side, type Topology } from './topology.js'

/** Where the routers go when they move. */
export const MOVED = {
  A: { 4: '192.0.2.77', 6: '2001:db8:a::77' },
  B: { 4: '198.51.100.77', 6: '2001:db8:b::77' },
} as const
export const SECOND = { 4: '198.18.1.2', 6: '2001:db8:d::2' } as const
const SECOND_GATEWAY = { 4: '198.18.1.1', 6: '2001:db8:d::1' } as const
const SECOND_NET = { 4: '198.18.1.0/24', 6: '2001:db8:d::/64' } as const

const far = (side: Side): Side => (side === 'A' ? 'B' : 'A')
const length = (family: Family): number => (family === 4 ? 24 : 64)
const netOf = (side: Side, family: Family): string =>
  ADDRESSES.gateway[side][family].replace(/1$/, family === 4 ? '0/24' : '/64')

/** As with a new lease: the old address goes, another one comes, and with it the way out. */
export async function renumber(topology: Topology, side: Side, family: Family, to: string): Promise<void> {
  const place = topology.router(side)
  const had = await place.json<{ addr_info: { local: string; scope: string; family: string }[] }[]>(
    ...['addr', 'show', 'dev', 'wan0'],
  )
  const old = had
    .flatMap(link => link.addr_info)
    .filter(one => one.scope === 'global' && one.family === (family === 4 ? 'inet' : 'inet6'))
  const via = ADDRESSES.gateway[side][family]
  await place.ip([
    ...old.map(one => `addr del ${one.local}/${length(family)} dev wan0`),
    `addr add ${to}/${length(family)} dev wan0${family === 6 ? ' nodad' : ''}`,
    `route replace ${netOf(far(side), family)} via ${via}`,
    ...(side === 'B' ? [`route replace ${SECOND_NET[family]} via ${via}`] : []),
  ])
}

/** A second line from router A to the underlay, not used yet. Router B knows the way back. */
export async function secondUplink({ at }: Topology): Promise<void> {
  const { routerA, underlay, routerB } = at
  const link = `link add wan1 netns ${routerA.name} type veth peer name toA2 netns ${underlay.name}`
  await must(['ip', '-batch', '-'], { input: `${link}\n` })
  const lines = (device: string, addresses: Readonly<Record<Family, string>>): readonly string[] => [
    `addr add ${addresses[4]}/24 dev ${device}`,
    `addr add ${addresses[6]}/64 dev ${device} nodad`,
    `link set ${device} up`,
  ]
  await routerA.ip(lines('wan1', SECOND))
  await underlay.ip(lines('toA2', SECOND_GATEWAY))
  await routerB.ip(
    ([4, 6] as const).map(family => `route replace ${SECOND_NET[family]} via ${ADDRESSES.gateway.B[family]}`),
  )
}

/** The first line of router A goes down; what went by it goes by the second. */
export const switchUplink = ({ at }: Topology, family: Family): Promise<unknown> =>
  at.routerA.ip([
    'link set wan0 down',
    `route replace ${netOf('B', family)} via ${SECOND_GATEWAY[family]} dev wan1`,
  ])
