import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Peer } from '@brunel/config'
import { type Candidates, preferred } from './candidates.js'
import type { HostInterfaces, Route } from './interfaces.js'

/** Where a peer is at this moment, seen from here. */
export type Bearing =
  | { readonly is: 'known'; readonly remote: string; readonly route: Route }
  /** `any`: the peer comes to us. */
  | { readonly is: 'any'; readonly local: string | undefined }
  | { readonly is: 'unknown'; readonly code: string; readonly sentence: string; readonly remedy: string }

/** What a bearing is taken with. */
export interface Compass {
  readonly interfaces: Pick<HostInterfaces, 'routeTo'>
  /** The tunnel's own interface: a way that leads into it is none. */
  readonly own: string
  /** Whether this machine has an address. */
  readonly has: (address: string) => boolean
  /** The addresses of the peer as they are worth trying. */
  readonly order: (addresses: readonly string[]) => readonly string[]
}

/** What a compass is made of. */
export interface Place {
  readonly peer: Peer
  readonly candidates: Candidates
}

export const compassFor = ({ peer, candidates }: Place, interfaces: Compass['interfaces']): Compass => ({
  interfaces,
  own: peer.tunnel.interface,
  order: addresses => candidates.inOrder(preferred(addresses, peer.remote.prefer)),
  has: address => Object.values(networkInterfaces()).some(list => list?.some(one => one.address === address)),
})

/** Resolves a peer's address anew, and asks the kernel by which source address it is reached. Never throws. */
export async function takeBearing(
  remote: string,
  local: string | undefined,
  { interfaces, own, has, order }: Compass,
): Promise<Bearing> {
  if (remote === 'any') return { is: 'any', local }
  const addresses = isIP(remote) === 0 ? await resolve(remote) : [remote]
  if (typeof addresses === 'string')
    return {
      is: 'unknown',
      code: 'BRUNEL_DNS',
      sentence: `The name ${remote} cannot be resolved: ${addresses}.`,
      remedy: 'Check the name and the resolver of this machine; it is tried again by itself.',
    }
  const usable = order(addresses.filter(address => local === undefined || isIP(address) === isIP(local)))
  for (const address of usable) {
    const route = await interfaces.routeTo(address, local)
    if (route?.device === own) return looped(address, own)
    if (route !== undefined) return { is: 'known', remote: address, route }
  }
  if (local !== undefined && !has(local))
    return {
      is: 'unknown',
      code: 'BRUNEL_LOCAL_ADDRESS',
      sentence: `local.address ${local} is not an address of this machine.`,
      remedy: 'Correct local.address, or leave it out: the routing table chooses then.',
    }
  const from = local === undefined ? '' : ` from ${local}`
  return {
    is: 'unknown',
    code: 'BRUNEL_NO_ROUTE',
    sentence: `There is no route to ${addresses.join(', ')}${from}.`,
    remedy: 'Check the underlay: is its interface up, and is there a default route?',
  }
}

/** RFC 2003 §3.2: the tunnel would carry its own delivery packets. */
const looped = (address: string, own: string): Bearing => ({
  is: 'unknown',
  code: 'BRUNEL_ROUTE_LOOP',
  sentence: `The way to ${address} leads into ${own}, the tunnel itself.`,
  remedy: `Take the route that covers ${address} out of tunnel.routes, or give the underlay a more specific one.`,
})

/** The gateway that a peer sends us to, RFC 5685 §9.2: its first address of the family that the peer has. */
export async function gatewayAddress(name: string, like: string | undefined): Promise<string | undefined> {
  const addresses = await resolve(name)
  if (typeof addresses === 'string') return undefined
  return addresses.find(address => like === undefined || isIP(address) === isIP(like))
}

/** getaddrinfo(3) in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'no resolver answers',
  EAI_NODATA: 'the name has no address',
}

async function resolve(name: string): Promise<readonly string[] | string> {
  try {
    return (await lookup(name, { all: true })).map(entry => entry.address)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    return code in REASONS ? `${REASONS[code]} (${code})` : code
  }
}

export function sameBearing(a: Bearing | undefined, b: Bearing): boolean {
  if (a?.is === 'known' && b.is === 'known') return a.remote === b.remote && a.route.source === b.route.source
  if (a?.is === 'unknown' && b.is === 'unknown') return a.sentence === b.sentence
  return a?.is === b.is
}
