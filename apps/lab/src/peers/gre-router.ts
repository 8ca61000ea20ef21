import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Daemon } from '../net/daemon.js'
import type { Namespace } from '../net/namespace.js'

const SCRIPT = fileURLToPath(new URL('../../../src/peers/gre-router.pl', import.meta.url))

export interface GreRouterOptions {
  readonly local: string
  readonly remote: string
  readonly interface: string
  readonly addresses: readonly string[]
  readonly routes: readonly string[]
  readonly mtu: number
  readonly key?: number
  /** What it puts into each header; checksums that come are always verified. */
  readonly with?: readonly ('checksum' | 'sequence')[]
}

/** GRE for a router whose ESP is strongSwan's: see the script. */
export async function startGreRouter(
  place: Namespace,
  log: string,
  options: GreRouterOptions,
): Promise<Daemon> {
  const { local, remote, key } = options
  const words = [options.interface, local, remote, `${key ?? 0}`, ...(options.with ?? [])]
  const command = place.command('perl', SCRIPT, ...words)
  const daemon = new Daemon('gre-router', command, log)
  await daemon.ready('ready', 30_000, () => readFileSync(log, 'utf8').includes('ready'))
  await place.ip([
    `link set dev ${options.interface} mtu ${options.mtu} up`,
    ...options.addresses.map(a => `addr add ${a} dev ${options.interface}${a.includes(':') ? ' nodad' : ''}`),
    ...options.routes.map(route => `route add ${route} dev ${options.interface}`),
  ])
  return daemon
}
