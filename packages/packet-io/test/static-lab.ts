import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Arrival } from './hellos.js'
import type { StaticRouterConfig } from './static-router.js'
import type { SuiteName } from './suites.js'

/** Why this machine cannot run network namespaces with a TUN, or undefined. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces'
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun'
  if (spawnSync('ip', ['-V']).status !== 0) return 'needs iproute2'
  return undefined
}

export function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}

/** Runs a command in a namespace to its end. */
export const run = (
  ns: string,
  command: string,
  ...args: string[]
): { status: number | null; stdout: string; stderr: string } =>
  spawnSync('ip', ['netns', 'exec', ns, command, ...args], { encoding: 'utf8' })

/** An iperf3 server for one transfer; it listens when this resolves. */
export async function iperfServer(ns: string): Promise<{ ended(byItself: boolean): Promise<void> }> {
  const server = spawn('ip', ['netns', 'exec', ns, 'iperf3', '-s', '-1', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<void>(resolve => server.on('exit', () => resolve()))
  let said = ''
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', chunk => {
      said += String(chunk)
      if (said.includes('Server listening')) resolve()
    })
    server.on('exit', code => reject(new Error(`iperf3 -s ended with ${code}: ${said}`)))
  })
  return {
    async ended(byItself) {
      if (!byItself) server.kill()
      await exited
    },
  }
}

/** Namespaces of one test, removed with it. */
export class Namespaces {
  readonly #names: string[] = []
  readonly #prefix = `pio${randomBytes(2).toString('hex')}`

  make(role: string): string {
    const name = `${this.#prefix}${role}`
    ip('netns', 'add', name)
    this.#names.push(name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
    return name
  }

  /** A cable between two namespaces; the interface in each is called after the other end. */
  cable(a: readonly [string, string], b: readonly [string, string]): void {
    ip('link', 'add', a[1], 'netns', a[0], 'type', 'veth', 'peer', 'name', b[1], 'netns', b[0])
    for (const [ns, name] of [a, b]) ip('-n', ns, 'link', 'set', name, 'up')
  }

  address(ns: string, device: string, ...addresses: string[]): void {
    for (const address of addresses) {
      const nodad = address.includes(':') ? ['nodad'] : []
      ip('-n', ns, 'address', 'add', address, 'dev', device, ...nodad)
    }
  }

  remove(): void {
    for (const name of this.#names.splice(0)) spawnSync('ip', ['netns', 'del', name])
  }
}

export interface RouterLine {
  readonly ready?: true
  readonly failed?: { readonly code: string; readonly message: string; readonly remedy: string }
  readonly event?: { readonly on: string; readonly [field: string]: unknown }
  readonly hello?: Arrival
  readonly drops?: Readonly<Record<string, number>>
  readonly cpu?: number
  readonly rss?: number
}

/** A router process in a namespace. */
export class StaticRouter {
  readonly lines: RouterLine[] = []
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #changed: () => void = () => undefined

  constructor(ns: string, config: StaticRouterConfig) {
    const script = fileURLToPath(new URL('./static-router.js', import.meta.url))
    const args = ['netns', 'exec', ns, process.execPath, script, JSON.stringify(config)]
    this.#child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout! }).on('line', line => {
      this.lines.push(JSON.parse(line) as RouterLine)
      this.#changed()
    })
    this.#ended = new Promise(resolve => this.#child.on('exit', () => resolve()))
  }

  get pid(): number {
    return this.#child.pid!
  }

  async line(matches: (line: RouterLine) => boolean): Promise<RouterLine> {
    for (;;) {
      const found = this.lines.find(matches)
      if (found !== undefined) return found
      await new Promise<void>((resolve, reject) => {
        this.#changed = resolve
        void this.#ended.then(() => setTimeout(() => reject(new Error(JSON.stringify(this.lines))), 100))
      })
    }
  }

  /** A line of its input. */
  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`)
  }

  /** Its last words. */
  async stop(): Promise<RouterLine> {
    this.#child.stdin!.end()
    const last = await this.line(line => line.drops !== undefined || line.failed !== undefined)
    await this.#ended
    return last
  }
}

export interface LinkOptions {
  readonly suite: SuiteName
  readonly esn: boolean
  readonly mode: 'tunnel' | 'transport'
  readonly encapsulation: 'udp' | 'none'
  readonly v6: boolean
  readonly mtu: number
  readonly idle?: number
  readonly relay?: boolean
}

export const PLAIN_LINK: LinkOptions = {
  suite: 'aes128gcm16',
  esn: true,
  mode: 'tunnel',
  encapsulation: 'udp',
  v6: false,
  mtu: 1400,
}

/**
 *     host A --- router A === underlay, 1500 === router B --- host B
 *     10.1.0.2   10.1.0.1   192.0.2.1   192.0.2.2   10.2.0.1   10.2.0.2      (fd01::2 ... 2001:db8::1 ... fd02::2)
 */
export async function staticLink(
  nets: Namespaces,
  options: LinkOptions,
): Promise<{
  hosts: readonly [string, string]
  routers: readonly [StaticRouter, StaticRouter]
  routerNets: readonly [string, string]
}> {
  const [hostA, routerA, routerB, hostB] = ['ha', 'ra', 'rb', 'hb'].map(role => nets.make(role)) as [
    string,
    string,
    string,
    string,
  ]
  nets.cable([routerA, 'under'], [routerB, 'under'])
  nets.address(routerA, 'under', '192.0.2.1/24', '2001:db8::1/64')
  nets.address(routerB, 'under', '192.0.2.2/24', '2001:db8::2/64')
  for (const [host, router, n] of [
    [hostA, routerA, 1],
    [hostB, routerB, 2],
  ] as const) {
    nets.cable([host, 'eth0'], [router, 'site'])
    nets.address(host, 'eth0', `10.${n}.0.2/24`, `fd0${n}::2/64`)
    nets.address(router, 'site', `10.${n}.0.1/24`, `fd0${n}::1/64`)
    ip('-n', host, 'route', 'add', 'default', 'via', `10.${n}.0.1`)
    ip('-n', host, 'route', 'add', 'default', 'via', `fd0${n}::1`)
    run(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
  }
  const keys = [randomBytes(160).toString('hex'), randomBytes(160).toString('hex')] as const
  const ends = options.v6 ? ['2001:db8::1', '2001:db8::2'] : ['192.0.2.1', '192.0.2.2']
  const { suite, esn, mode, encapsulation, mtu } = options
  const router = (ns: string, me: 0 | 1): StaticRouter => {
    const other = (1 - me) as 0 | 1
    return new StaticRouter(ns, {
      ...{ suite, esn, mode, encapsulation, mtu, tun: 'gre0', idle: options.idle ?? 0 },
      relay: options.relay ?? false,
      addresses: [`10.255.0.${me + 1}/30`, `fd00:7::${me + 1}/64`],
      routes: [`10.${other + 1}.0.0/24`, `fd0${other + 1}::/64`],
      local: ends[me]!,
      remote: ends[other]!,
      sendKey: keys[me],
      receiveKey: keys[other],
    })
  }
  const routers = [router(routerA, 0), router(routerB, 1)] as const
  for (const r of routers) await r.line(line => line.ready === true || line.failed !== undefined)
  return { hosts: [hostA, hostB], routers, routerNets: [routerA, routerB] }
}
