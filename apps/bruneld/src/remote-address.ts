import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { HostInterfaces, Route } from './interfaces.js'

/** Where a peer is at this moment, seen from here. */
export type Bearing =
  | { readonly is: 'known'; readonly remote: string; readonly route: Route }
  /** `any`: the peer comes to us. */
  | { readonly is: 'any'; readonly local: string | undefined }
  | { readonly is: 'unknown'; readonly code: string; readonly sentence: string; readonly remedy: string }

/** Resolves a peer's address anew, and asks the kernel by which source address it is reached. Never throws. */
export async function takeBearing(
  remote: string,
  local: string | undefined,
  interfaces: Pick<HostInterfaces, 'routeTo'>,
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
  const usable = addresses.filter(address => local === undefined || isIP(address) === isIP(local))
  for (const address of usable) {
    const route = await interfaces.routeTo(address, local)
    if (route !== undefined) return { is: 'known', remote: address, route }
  }
  const from = local === undefined ? '' : ` from ${local}`
  return {
    is: 'unknown',
    code: 'BRUNEL_NO_ROUTE',
    sentence: `There is no route to ${addresses.join(', ')}${from}.`,
    remedy:
      'Check the underlay: is the interface up, is there a default route, is local.address an address of this machine?',
  }
}

async function resolve(name: string): Promise<readonly string[] | string> {
  try {
    return (await lookup(name, { all: true })).map(entry => entry.address)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}
