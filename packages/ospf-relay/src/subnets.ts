import type { Instant } from '@brunel/base'
import { Address } from '@brunel/wire'
import { isSilent, type Neighbour, type Subnet } from './neighbours.js'

/**
 * One cable may have several IPv4 subnets, each with its own routers: whose Hellos come from another subnet than that of
 * the interface is not heard (RFC 2328 §8.2), and is no worse for it.
 */

const number = (address: Uint8Array): number => new DataView(address.buffer, address.byteOffset).getUint32(0)

/** Undefined in version 3, which has none (RFC 5340 §2.1). */
export function subnetOf(address: string, mask: string | undefined): Subnet | undefined {
  const [one, ones] = [Address.parse(address), mask === undefined ? undefined : Address.parse(mask)]
  return one?.length === 4 && ones?.length === 4 ? { address: number(one), mask: number(ones) } : undefined
}

/** With masks that differ, the shorter of both decides: then it is they that differ, not the subnet. */
export function inOneSubnet({ subnet: a }: Neighbour, { subnet: b }: Neighbour): boolean {
  return a === undefined || b === undefined || ((a.address ^ b.address) & a.mask & b.mask) === 0
}

/** `10.1.0.0/24` */
export function subnetText({ address, mask }: Subnet): string {
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setUint32(0, address & mask)
  return Address.formatPrefix({ address: octets, length: Math.clz32(~mask) })
}

/** Whether others of its subnet speak, wherever they are. */
export const hasCompany = (now: Instant, n: Neighbour, all: Iterable<Neighbour>): boolean =>
  [...all].some(
    other =>
      other !== n &&
      other.version === n.version &&
      other.instance === n.instance &&
      other.routerId !== n.routerId &&
      !isSilent(now, other) &&
      inOneSubnet(n, other),
  )

/** Each is among its own, and they have nothing to do with one another. */
export const isStranger = (a: Neighbour, b: Neighbour): boolean =>
  a.inCompany === true &&
  b.inCompany === true &&
  !inOneSubnet(a, b) &&
  a.towards.get(b.key)?.description === undefined &&
  b.towards.get(a.key)?.description === undefined
