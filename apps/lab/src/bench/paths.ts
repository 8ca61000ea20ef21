import { join } from 'node:path'
import { ADDRESSES, type Side, Topology } from '../net/topology.js'
import { ping } from '../net/traffic.js'
import { until } from '../net/until.js'
import { far, id, PSK } from '../peers/peer-document.js'
import { StrongSwan } from '../peers/strongswan.js'
import { Sites } from '../sites.js'

/** A way from host A to host B that is measured; all stand at once, only one is ever used. */
export interface Path {
  readonly name: 'ours' | 'strongswan' | 'bare'
  readonly topology: Topology
  destroy(): Promise<readonly string[]>
}

const SIDES = ['A', 'B'] as const
const ESP = 'aes128gcm16'
const IKE = 'aes128gcm16-prfsha256-x25519'

export async function ours(): Promise<Path> {
  const sites = await Sites.build()
  await sites.start()
  await sites.connect({ ike: [IKE], esp: [ESP], encapsulation: 'udp' })
  await sites.up()
  return { name: 'ours', topology: sites.topology, destroy: () => sites.destroy() }
}

/** strongSwan's user-space ESP between the two sites, without GRE: less work than ours does. */
export async function strongswan(): Promise<Path> {
  const topology = await Topology.build()
  const swans = {} as Record<Side, StrongSwan>
  for (const side of SIDES) {
    const swan = new StrongSwan(topology.router(side), join(topology.folder, `swan-${side}`))
    swans[side] = swan
    topology.cleanup.add(`strongSwan ${side}`, () => swan.stop())
    const there = far(side)
    await swan.start([
      {
        name: 'net',
        local: { address: ADDRESSES.wan[side][4], id: id(side) },
        remote: { address: ADDRESSES.wan[there][4], id: id(there) },
        psk: PSK,
        ike: IKE,
        esp: ESP,
        mode: 'tunnel',
        selectors: [ADDRESSES.site[side][4], ADDRESSES.site[there][4]],
      },
    ])
  }
  const { code, out, err } = await swans.A.initiate('net')
  if (code !== 0) throw new Error(`strongSwan: ${out}${err}`)
  return { name: 'strongswan', topology, destroy: () => topology.destroy() }
}

/** No tunnel: the underlay routes the sites. */
export async function bare(): Promise<Path> {
  const topology = await Topology.build()
  for (const side of SIDES) {
    await topology
      .router(side)
      .ip([`route add ${ADDRESSES.site[far(side)][4]} via ${ADDRESSES.gateway[side][4]}`])
    await topology.at.underlay.ip([`route add ${ADDRESSES.site[side][4]} via ${ADDRESSES.wan[side][4]}`])
  }
  return { name: 'bare', topology, destroy: () => topology.destroy() }
}

export const works = (path: Path): Promise<boolean> =>
  until(
    `${path.name} carries a ping`,
    15_000,
    async () => (await ping(path.topology.at.hostA, ADDRESSES.host.B[4])).received === 1,
  )
