import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ROOT } from '../docs/sources.js'
import { must, type Ran, run } from '../net/command.js'
import type { Namespace } from '../net/namespace.js'
import { ospfConf } from './frr.js'
import { type SwanConnection, swanctlConf } from './swanctl-conf.js'

/** A lab of virtual machines may lie beside the repository; the product does not need it. */
const LAB = resolve(ROOT, '../shared/lab/vm')

export async function withoutVm(): Promise<string | false> {
  if (!existsSync(join(LAB, 'run.sh'))) return 'no ../shared/lab beside the repository'
  for (const tool of ['qemu-system-x86_64', 'cpio', 'depmod'])
    if ((await run(['sh', '-c', `command -v ${tool}`])).code !== 0) return `not installed: ${tool}`
  return false
}

export const VM = {
  address: '198.18.0.2',
  network: '198.18.0.0/24',
  gateway: '198.18.0.1',
  lan: '10.2.0.1',
} as const

export interface VmOptions {
  readonly connection: SwanConnection
  readonly gre: {
    readonly remote: string
    readonly inner: string
    readonly key: number
    readonly mtu: number
  }
}

/** A Linux router in a virtual machine: ESP and GRE of its kernel, strongSwan and FRR beside them. */
export class LinuxVm {
  readonly #name = `brunel-${process.pid}`
  readonly #folder: string
  readonly #place: Namespace

  constructor(place: Namespace, folder: string) {
    this.#place = place
    this.#folder = folder
  }

  /** Builds the image where there is none; then seconds. */
  async start({ connection, gre }: VmOptions): Promise<void> {
    const write = (name: string, text: string): void => writeFileSync(join(this.#folder, name), text)
    for (const part of ['swanctl', 'frr', 'lib']) mkdirSync(join(this.#folder, part), { recursive: true })
    write('swanctl/swanctl.conf', swanctlConf([connection]))
    const networks = [`${gre.inner.replace(/\.\d+\//, '.0/')}`, '10.2.0.0/24']
    write(
      'frr/ospfd.conf',
      ospfConf({ routerId: '10.255.0.2', interface: 'gre1', networks, passive: 'lan0' }),
    )
    write(
      'vm.env',
      `NETNS=${this.#place.name}\nBRIDGE=br0\nHOST_IP=${VM.gateway}/24\nGUEST_IP=${VM.address}/24\nGUEST_GW=${VM.gateway}\n`,
    )
    write(
      'up.sh',
      `ip link add lan0 type dummy; ip addr add ${VM.lan}/24 dev lan0; ip link set lan0 up
gre-up gre1 ${VM.address} ${gre.remote} ${gre.inner} ${gre.key} ${gre.mtu}
ss-start
export LD_LIBRARY_PATH=/config/lib
setsid sh -c 'while :; do iperf3 -s; sleep 0.2; done' >/dev/null 2>&1 </dev/null &
`,
    )
    // The image has iperf3 and lacks a library of it; that of this machine is of the same release.
    const found = /libsctp\.so\.1 .*=> (\S+)/.exec((await run(['ldconfig', '-p'])).out)?.[1]
    if (found !== undefined) copyFileSync(found, join(this.#folder, 'lib', 'libsctp.so.1'))
    await must([join(LAB, 'run.sh'), this.#name, this.#folder], { limit: 400_000 })
  }

  /** Runs a command in the guest. */
  shell(command: string): Promise<Ran> {
    return run([join(LAB, 'vmsh'), '-t', '30', this.#name, command], { limit: 60_000 })
  }

  /** Replaces the connection. */
  async load(connection: SwanConnection): Promise<void> {
    const text = swanctlConf([connection])
    const { code, out } = await this.shell(
      `cat > /etc/swanctl/swanctl.conf <<'E'\n${text}\nE\nswanctl --load-all --clear`,
    )
    if (code !== 0) throw new Error(`swanctl --load-all in the guest: ${out}`)
  }

  async stop(): Promise<void> {
    await run([join(LAB, 'run.sh'), 'stop', this.#name], { limit: 30_000 })
  }
}
