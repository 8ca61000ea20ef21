import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must, run } from '../net/command.js'
import { Daemon } from '../net/daemon.js'
import type { Namespace } from '../net/namespace.js'

export const withoutFrr = (): string | false => !existsSync('/usr/lib/frr/ospfd') && 'not installed: frr'

export interface OspfOptions {
  readonly routerId: string
  readonly interface: string
  /** `network … area 0` lines; the site's own network is passive. */
  readonly networks: readonly string[]
  readonly passive: string
  /** `ip ospf network`; left out: point-to-point. */
  readonly network?: 'point-to-point' | 'broadcast'
  /** The key of MD5 authentication, id 1. */
  readonly md5?: string
}

/** Pure: short timers, so that a test sees the adjacency within seconds. */
export const ospfConf = (options: OspfOptions): string => `interface ${options.interface}
 ip ospf network ${options.network ?? 'point-to-point'}
${options.md5 === undefined ? '' : ` ip ospf authentication message-digest\n ip ospf message-digest-key 1 md5 ${options.md5}\n`} ip ospf hello-interval 1
 ip ospf dead-interval 5
 ip ospf retransmit-interval 1
router ospf
 timers throttle spf 0 50 500
 timers throttle lsa all 0
 timers lsa min-arrival 0
 ospf router-id ${options.routerId}
${options.networks.map(network => ` network ${network} area 0`).join('\n')}
 passive-interface ${options.passive}
`

const idOf = async (flag: string): Promise<number> => Number(await must(['id', flag, 'frr']))

/** A daemon of FRR besides zebra, with its configuration. */
export type FrrConf = Readonly<
  Partial<Record<'ospfd' | 'ospf6d' | 'ripd' | 'ripngd' | 'pimd' | 'eigrpd' | 'vrrpd' | 'bfdd', string>>
>

/** FRR's zebra and other daemons in a namespace, with a /run and sockets of their own. */
export class Frr {
  readonly #place: Namespace
  readonly #folder: string
  readonly #daemons: Daemon[] = []

  constructor(place: Namespace, folder: string) {
    this.#place = place
    this.#folder = folder
  }

  start(options: OspfOptions): Promise<void> {
    return this.run({ ospfd: ospfConf(options) })
  }

  async run(confs: FrrConf): Promise<void> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o755 })
    const [user, group] = await Promise.all([idOf('-u'), idOf('-g')])
    chownSync(this.#folder, user, group)
    const daemons = Object.entries({ zebra: '', ...confs })
    for (const [name, conf] of [['vtysh', ''], ...daemons] as const) {
      const file = join(this.#folder, `${name}.conf`)
      writeFileSync(file, conf, { mode: 0o644 })
      chownSync(file, user, group)
    }
    for (const [name] of daemons) await this.#launch(name)
  }

  async #launch(name: string): Promise<void> {
    const d = this.#folder
    const args = `-f ${d}/${name}.conf -i ${d}/${name}.pid -z ${d}/zserv.api --vty_socket ${d} --log file:${d}/${name}.log`
    const script = `mount -t tmpfs tmpfs /run; mkdir -p /run/frr; chown frr:frr /run/frr; exec /usr/lib/frr/${name} ${args}`
    const command = this.#place.command('unshare', '-m', '--propagation', 'private', 'sh', '-c', script)
    const daemon = new Daemon(name, command, join(d, `${name}.out`))
    this.#daemons.push(daemon)
    await daemon.ready('answers', 60_000, () => existsSync(join(d, `${name}.vty`)))
  }

  async vtysh(...commands: readonly string[]): Promise<string> {
    const each = commands.flatMap(command => ['-c', command])
    const { out, err } = await run(
      ['vtysh', '--vty_socket', this.#folder, '--config_dir', this.#folder, ...each],
      { limit: 30_000 },
    )
    return out + err
  }

  /** Lines of configuration, as typed after `configure terminal`; a refused one is an error. */
  async configure(...lines: readonly string[]): Promise<void> {
    const said = await this.vtysh('configure terminal', ...lines)
    if (/^%/m.test(said)) throw new Error(`FRR refuses one of ${lines.join('; ')}: ${said}`)
  }

  async full(): Promise<boolean> {
    return /\bFull/.test(await this.vtysh('show ip ospf neighbor'))
  }

  async stop(): Promise<void> {
    for (const daemon of this.#daemons.splice(0).reverse()) await daemon.stop()
  }
}
