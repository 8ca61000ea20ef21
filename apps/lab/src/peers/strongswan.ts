import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ran, run } from '../net/command.js'
import { Daemon } from '../net/daemon.js'
import type { Namespace } from '../net/namespace.js'
import { until } from '../net/until.js'
import { type SwanConnection, strongswanConf, swanctlConf } from './swanctl-conf.js'

const CHARON = '/usr/lib/ipsec/charon'

/** Why strongSwan cannot be a peer here, or false. */
export function withoutStrongSwan(): string | false {
  const missing = [
    [CHARON, 'strongswan-charon'],
    ['/usr/sbin/swanctl', 'strongswan-swanctl'],
    ['/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so', 'libcharon-extra-plugins'],
  ].filter(([path = '']) => !existsSync(path))
  return missing.length > 0 && `not installed: ${missing.map(([, name]) => name).join(' ')}`
}

/**
 * strongSwan in a namespace, with ESP in its own process (kernel-libipsec): tunnel mode in UDP 4500, no extended
 * sequence numbers, always behind a pretended NAT.
 */
export class StrongSwan {
  readonly folder: string
  readonly #place: Namespace
  #daemon: Daemon | undefined
  #starts = 0

  /** `more`: further lines of charon's section in strongswan.conf. */
  constructor(place: Namespace, folder: string, more: readonly string[] = []) {
    this.#place = place
    this.folder = folder
    const parts = [
      'x509',
      'x509ca',
      'x509ocsp',
      'x509aa',
      'x509ac',
      'x509crl',
      'pubkey',
      'private',
      'rsa',
      'ecdsa',
      'pkcs8',
    ]
    for (const part of [...parts, 'pkcs12']) mkdirSync(join(folder, 'swanctl', part), { recursive: true })
    writeFileSync(join(folder, 'strongswan.conf'), strongswanConf(folder, more))
  }

  async start(connections: readonly SwanConnection[]): Promise<void> {
    const socket = join(this.folder, 'charon.vici')
    const script = `mount -t tmpfs tmpfs /run; rm -f ${socket}; exec ${CHARON}`
    const command = this.#place.command('unshare', '-m', '--propagation', 'private', 'sh', '-c', script)
    const env = { STRONGSWAN_CONF: join(this.folder, 'strongswan.conf') }
    const daemon = new Daemon('charon', command, join(this.folder, `charon-${++this.#starts}.out`), env)
    this.#daemon = daemon
    await daemon.ready(
      'answers',
      60_000,
      async () => existsSync(socket) && (await this.control('--stats')).code === 0,
    )
    await this.load(connections)
  }

  /** Replaces all connections and secrets; SAs that exist stay. `more`: further sections of swanctl.conf. */
  async load(connections: readonly SwanConnection[], more = ''): Promise<void> {
    writeFileSync(join(this.folder, 'swanctl', 'swanctl.conf'), `${swanctlConf(connections)}${more}`)
    const { code, out, err } = await this.control('--load-all', '--clear')
    if (code !== 0) throw new Error(`swanctl --load-all: ${out}${err}`)
  }

  control(...args: readonly string[]): Promise<Ran> {
    const env = {
      STRONGSWAN_CONF: join(this.folder, 'strongswan.conf'),
      SWANCTL_DIR: join(this.folder, 'swanctl'),
    }
    return run(['swanctl', ...args], { env, limit: 60_000 })
  }

  async initiate(child: string): Promise<Ran> {
    return this.control('--initiate', '--child', child, '--timeout', '15')
  }

  /** Children that carry packets and established IKE SAs. */
  async sas(): Promise<{ readonly ike: number; readonly children: number; readonly text: string }> {
    const { code, out, err } = await this.control('--list-sas')
    if (code !== 0) throw new Error(`swanctl --list-sas: ${err}`)
    return { ike: count(out, /ESTABLISHED/g), children: count(out, /INSTALLED/g), text: out }
  }

  /** Waits until it has no IKE SA, or no child: what the other end closes goes a little later here. */
  async without(what: 'ike' | 'children'): Promise<void> {
    const left = what === 'ike' ? 'no IKE SA' : 'no child'
    await until(`strongSwan has ${left}`, 30_000, async () => (await this.sas())[what] === 0)
  }

  log(): string {
    const file = join(this.folder, 'charon.log')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  kill(): void {
    this.#daemon?.signal('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop()
  }
}

const count = (text: string, what: RegExp): number => [...text.matchAll(what)].length
