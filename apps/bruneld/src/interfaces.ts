import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** What the kernel says of the way to an address. */
export interface Route {
  readonly device: string
  readonly source: string
  /** MTU of the device, or of the route where it has its own. */
  readonly mtu: number
}

/** Of rules, routes and neighbour entries that do not go with an interface of ours; nobody in rt_protos has it. */
export const MARK = 175

/** Addresses, routes and MTU of our own interfaces, by iproute2. Touches nothing that it was not told of by name. */
export interface HostInterfaces {
  /** Sets addresses, MTU and routes of an interface we made, replacing what we set before. */
  configure(name: string, want: InterfaceSettings): Promise<void>
  setMtu(name: string, mtu: number): Promise<void>
  /** undefined: no route, or the address makes no sense here. */
  routeTo(address: string, from: string | undefined): Promise<Route | undefined>
  /** Whether an interface of this name exists. */
  exists(name: string): boolean
}

export interface InterfaceSettings {
  readonly mtu: number
  readonly addresses: readonly string[]
  readonly routes: readonly string[]
  /** Networks that nothing reaches as long as there is no other route to them. */
  readonly blocked: readonly string[]
  readonly multicast: boolean
}

export class InterfaceError extends Error {
  override readonly name = 'InterfaceError'
  readonly code = 'BRUNEL_INTERFACE'
  readonly remedy: string

  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.remedy = remedy
  }
}

/** Pure: what `ip -batch` said of a script, in words. It names the line only by its number. */
export function explainBatch(lines: readonly string[], stderr: string): InterfaceError {
  const line = lines[Number(/Command failed -:(\d+)/.exec(stderr)?.[1]) - 1]
  const said = (/(?:RTNETLINK answers|Error): (.*)/.exec(stderr)?.[1] ?? stderr.trim()).replace(/\.$/, '')
  const what = line === undefined ? 'the settings of the interface' : `\`ip ${line}\``
  const taken = said === 'File exists' && (line?.startsWith('route') ?? false)
  return new InterfaceError(
    `The kernel refuses ${what}: ${said}.`,
    taken
      ? `This machine has a route to ${line?.split(' ')[2]} already: remove it, or take it out of tunnel.routes.`
      : 'Correct tunnel.addresses, tunnel.routes or tunnel.mtu.',
  )
}

/** One call of `ip`; rejected with what it said. */
export const runIp = (args: readonly string[], input?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = execFile('ip', args, { maxBuffer: 64 << 20 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(stderr.trim() || error.message, { cause: error })),
    )
    // `ip` may end before it has read: its status says how it went, a broken pipe says nothing.
    child.stdin?.on('error', () => child.stdin?.destroy())
    child.stdin?.end(input ?? '')
  })

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`
/** Groups of interfaces are 31 bits here; 0 is everybody's. One that is in use is as good as never met. */
const MOST_GROUP = 2 ** 31
const NOTHING: Omit<InterfaceSettings, 'mtu' | 'multicast'> = { addresses: [], routes: [], blocked: [] }

/**
 * Behind every other route to the same network, and before each wider one. Zebra takes the first octet of a metric as a
 * distance, and 255 as "do not use": it tells nobody that the network is here. The protocol number is that of all that
 * a killed process leaves behind.
 */
const block = (network: string): string => `unreachable ${network} metric 4294967295 proto ${MARK}`

/** One script for `ip -batch`; pure, so that a test can read it. */
export function batchFor(
  name: string,
  want: InterfaceSettings,
  now: InterfaceSettings | undefined,
): string[] {
  const lines = [`link set dev ${name} mtu ${want.mtu} up multicast ${want.multicast ? 'on' : 'off'}`]
  const gone = (had: readonly string[] = [], have: readonly string[] = []): readonly string[] =>
    had.filter(one => !have.includes(one))
  for (const network of gone(want.blocked, now?.blocked)) lines.push(`route replace ${block(network)}`)
  for (const route of gone(now?.routes, want.routes))
    lines.push(`route del ${route} dev ${name} proto static`)
  for (const address of gone(now?.addresses, want.addresses)) lines.push(`addr del ${address} dev ${name}`)
  for (const address of want.addresses)
    lines.push(`addr replace ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`)
  for (const route of want.routes) {
    // `add` refuses where somebody else has that route; `replace` would take it from him.
    const verb = now?.routes.includes(route) ? 'replace' : 'add'
    lines.push(`route ${verb} ${route} dev ${name} proto static`)
  }
  for (const network of gone(now?.blocked, want.blocked)) lines.push(`route del ${block(network)}`)
  return lines
}

/** One script that removes them all at once, by a group that nobody else is in. Pure. */
export const removalOf = (
  names: readonly string[],
  group: number,
  blocked: readonly string[] = [],
): readonly string[] => [
  ...blocked.map(network => `route del ${block(network)}`),
  ...names.map(name => `link set dev ${name} group ${group}`),
  `link del group ${group}`,
]

/** Longer: a changed MTU of the underlay is seen later by as much. */
const MTU_KNOWN_MS = 100

export class IpRoute2 implements HostInterfaces {
  readonly #configured = new Map<string, InterfaceSettings>()
  readonly #mtus = new Map<string, Promise<number>>()

  async configure(name: string, want: InterfaceSettings): Promise<void> {
    const before = this.#configured.get(name)
    const lines = batchFor(name, want, before)
    try {
      await runIp(['-batch', '-'], text(lines))
    } catch (error) {
      // The lines before the one that failed are done: back, as far as it goes.
      const back = batchFor(name, before ?? { ...want, ...NOTHING }, want)
      await runIp(['-force', '-batch', '-'], text(back)).catch(() => undefined) // what was not done cannot be undone
      throw explainBatch(lines, (error as Error).message)
    }
    this.#configured.set(name, want)
  }

  /**
   * Removes interfaces that were configured here. The kernel takes as long for a thousand at once as for one, and while it
   * does IKE goes on; whoever closes the TUN alone waits for it.
   */
  async remove(names: readonly string[]): Promise<void> {
    const blocked = names.flatMap(name => this.#configured.get(name)?.blocked ?? [])
    const ours = names.filter(name => this.#configured.delete(name))
    if (ours.length === 0) return
    // One that somebody else has removed must not keep the others; what is left goes with its TUN.
    await runIp(['-force', '-batch', '-'], text(removalOf(ours, randomInt(1, MOST_GROUP), blocked))).catch(
      () => undefined,
    )
  }

  async setMtu(name: string, mtu: number): Promise<void> {
    await runIp(['link', 'set', 'dev', name, 'mtu', String(mtu)])
    const known = this.#configured.get(name)
    if (known !== undefined) this.#configured.set(name, { ...known, mtu })
  }

  async routeTo(address: string, from: string | undefined): Promise<Route | undefined> {
    let rows: { dev?: string; prefsrc?: string; metrics?: { mtu?: number }[] }[]
    try {
      rows = JSON.parse(
        await runIp(['-json', 'route', 'get', address, ...(from === undefined ? [] : ['from', from])]),
      )
    } catch {
      return undefined // no route to host: the caller says so in its own words and tries again
    }
    const row = rows[0]
    const source = from ?? row?.prefsrc
    if (row?.dev === undefined || source === undefined) return undefined
    return { device: row.dev, source, mtu: row.metrics?.[0]?.mtu ?? (await this.#mtuOf(row.dev)) }
  }

  /** /proc/self/net shows the namespace of this process, whatever /sys was mounted for. */
  exists(name: string): boolean {
    const lines = readFileSync('/proc/self/net/dev', 'utf8').split('\n')
    return lines.some(line => line.trimStart().startsWith(`${name}:`))
  }

  /** Many peers are reached by one device: they ask together. */
  #mtuOf(device: string): Promise<number> {
    const known = this.#mtus.get(device)
    if (known !== undefined) return known
    const asked = mtuOf(device)
    this.#mtus.set(device, asked)
    setTimeout(() => this.#mtus.delete(device), MTU_KNOWN_MS).unref()
    return asked
  }
}

/** 0 where there is no such interface. */
async function mtuOf(device: string): Promise<number> {
  try {
    const rows = JSON.parse(await runIp(['-json', 'link', 'show', 'dev', device])) as { mtu: number }[]
    return rows[0]?.mtu ?? 0
  } catch {
    return 0 // it went away between the two questions; the next change of the host asks again
  }
}

/** Whether the kernel forwards packets of a family. */
export function forwards(ipFamily: 4 | 6): boolean {
  const path = ipFamily === 4 ? '/proc/sys/net/ipv4/ip_forward' : '/proc/sys/net/ipv6/conf/all/forwarding'
  try {
    return readFileSync(path, 'utf8').trim() !== '0'
  } catch {
    return false
  }
}
