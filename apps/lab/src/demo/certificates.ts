import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../net/command.js'
import type { Side } from '../net/topology.js'
import { until } from '../net/until.js'
import { BRUNEL } from '../peers/bruneld.js'
import { id } from '../peers/peer-document.js'
import { type Sites, tunnelName, type Wishes } from '../sites.js'
import { chapter, dim, type Promises, print } from './paper.js'

/** A small authority for the two routers, by the commands that a user has. */

async function pki(...args: readonly string[]): Promise<void> {
  print(`   $ brunel pki ${args.join(' ')}`)
  const { code, out, err } = await run([process.execPath, BRUNEL, 'pki', ...args], { limit: 60_000 })
  if (code !== 0) throw new Error(`brunel pki ${args.join(' ')}: ${err}`)
  print(dim(`     ${out.trim()}`))
}

function wishOf(folder: string, side: Side): Wishes {
  const text = (file: string): string => readFileSync(join(folder, file), 'utf8')
  const auth = {
    method: 'certificate',
    certificate: text(`${id(side)}.pem`),
    privateKey: text(`${id(side)}.key`),
    trustAnchors: [text('ca.pem')],
  }
  return { auth }
}

export async function routerCertificates(folder: string): Promise<Readonly<Record<Side, Wishes>>> {
  chapter('A small authority, and a certificate for each router')
  const dir = join(folder, 'pki')
  await pki('init', '--dir', dir)
  for (const side of ['A', 'B'] as const) await pki('issue', id(side), '--dir', dir)
  return { A: wishOf(dir, 'A'), B: wishOf(dir, 'B') }
}

/** Router B is revoked: A takes the list, refuses B and says why. Without the list it is back, so that the lab can stay up. */
export async function strangerRefused(sites: Sites, folder: string, promises: Promises): Promise<void> {
  chapter('The certificate of router B is revoked')
  const dir = join(folder, 'pki')
  await pki('revoke', id('B'), '--dir', dir)
  const { api } = sites.routers.A
  const name = tunnelName('A')
  const crls = [readFileSync(join(dir, 'crl.pem'), 'utf8')]
  await api.ask('PATCH', `/v1/peers/${name}`, { auth: { crls } })
  await until('router B is refused', 30_000, async () => {
    const { lastFailure, ike } = await api.tunnel(name)
    return lastFailure !== null && ike.every(sa => sa.state !== 'established')
  })
  const { lastFailure, ike } = await api.tunnel(name)
  print(`   router A: ${lastFailure?.sentence}`)
  print(`   ${dim(lastFailure?.remedy ?? '')}`)
  promises.check(
    lastFailure?.code === 'BRUNEL_IKE_CERTIFICATE_REVOKED' && !ike.some(sa => sa.state === 'established'),
    'refused, and the tunnel is down',
  )
  await api.ask('PATCH', `/v1/peers/${name}`, { auth: { crls: null } })
  await sites.up()
}
