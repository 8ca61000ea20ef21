import { networkInterfaces } from 'node:os'
import { Address } from '@brunel/wire'
import { runIp } from './interfaces.js'
import type { RelayProblem, RelayTables, TableRoute } from './relay-edge.js'

/**
 * Routes that OSPF brought, in the kernel: one table for packets that come in by one interface, as what they mean depends
 * on whence they come. Two rules lead there. The first asks `main` without its default route, so that connected networks,
 * tunnel.routes and all else that somebody wrote down is stronger; the default route is weaker. All else (what this machine
 * sends itself, what comes back from the Internet by another interface, the reverse path filter) has a table too, of all
 * routes but a default one, and only before `main`, so that rules of the operator go before. A network that `main`
 * refuses while its tunnel is down is asked for here first, itself and its parts: OSPF may know another way. Peers' own addresses are thrown back to `main` in each: a tunnel never goes through a tunnel.
 */

/** As in lan-host.ts: of routes and rules. */
const MARK = 175
/** Behind the rules of lan-host.ts. */
const RULE_REFUSED = 1754
const RULE_MAIN = 1755
const RULE_TABLE = 1756
/** Right before that of `main`, which has been there since the kernel has rules. */
const RULE_SKIP = 32_762
const RULE_OTHERS_REFUSED = 32_763
const RULE_OTHERS_MAIN = 32_764
const RULE_OTHERS = 32_765
const MAIN = 32_766
/** Plus a number for each interface, in the order in which they got routes. */
const TABLE = 1_751_000_000
/** No interface is called so. */
const OTHERS = '*'
const FAMILIES = ['-4', '-6'] as const
/** What somebody else removed is back after so long. */
const VERIFY_MS = 10_000

const SPECIAL = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  'fe80::/10',
  'ff00::/8',
].map(text => Address.parsePrefix(text)!)

/** Whether data may follow a route to it: a unicast prefix beyond our own networks. Pure. */
export function mayFollow(to: string, connected: readonly string[]): boolean {
  const prefix = Address.parsePrefix(to)
  if (prefix === undefined) return false
  return ![...SPECIAL, ...connected.map(one => Address.parsePrefix(one)!)].some(
    other => other.length <= prefix.length && other.length > 0 && Address.contains(other, prefix.address),
  )
}

const host = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`

/** Pure: what one table holds, by destination, as `ip route replace` wants it. */
export function tableOf(
  routes: readonly TableRoute[],
  spared: readonly string[],
  connected: readonly string[],
): ReadonlyMap<string, string> {
  const good = routes.filter(({ to }) => !spared.some(one => host(one) === to) && mayFollow(to, connected))
  if (good.length === 0) return new Map()
  const lines = spared.map(address => [host(address), `throw ${host(address)}`] as const)
  const ways = good.map(({ to, device, via }) => {
    const onlink = via === undefined || via.includes(':') ? '' : ' onlink'
    return [to, `${to}${via === undefined ? '' : ` via ${via}`} dev ${device}${onlink}`] as const
  })
  return new Map([...lines, ...ways])
}

/** Pure: the script that makes the one of the other. */
export function tableChange(
  table: number,
  have: ReadonlyMap<string, string>,
  want: ReadonlyMap<string, string>,
): string[] {
  const gone = [...have.keys()].filter(to => !want.has(to))
  const anew = [...want].filter(([to, line]) => have.get(to) !== line)
  return [
    ...gone.map(to => `route del ${to} table ${table}`),
    ...anew.map(([, line]) => `route replace ${line} table ${table} proto ${MARK}`),
  ]
}

/** Two texts of one prefix are the same. */
const canonical = (text: string): string => {
  const prefix = Address.parsePrefix(text)
  return prefix === undefined ? text : Address.formatPrefix(prefix)
}

/** Pure: the script that makes a table whole again of what is left in it; nothing where it is as it should be. */
export function tableMended(
  table: number,
  have: ReadonlySet<string>,
  want: ReadonlyMap<string, string>,
): string[] {
  const [haveThese, wantThese] = [have, want.keys()].map(of => new Set([...of].map(canonical)))
  const stale = new Map([...have].filter(to => !wantThese?.has(canonical(to))).map(to => [to, '']))
  const lost = [...want.keys()].some(to => !haveThese?.has(canonical(to)))
  return tableChange(table, lost ? stale : new Map([...stale, ...want]), want)
}

/**
 * Pure: the rules of an interface, or of all others. What came by an interface of its own and is not in its table skips
 * that of the others: OSPF did not send it here, and what it would find leads back to whoever did. Of a refused network
 * only routes count that are as long.
 */
export function tableRules(
  device: string,
  table: number,
  refused: readonly string[] = [],
): readonly string[] {
  const others = device === OTHERS
  const from = others ? '' : ` iif ${device}`
  const ways = refused.map(network => {
    const shorter = Number(network.split('/')[1]) - 1
    return `priority ${others ? RULE_OTHERS_REFUSED : RULE_REFUSED}${from} to ${network} lookup ${table} suppress_prefixlength ${shorter}`
  })
  return [
    ...ways,
    `priority ${others ? RULE_OTHERS_MAIN : RULE_MAIN}${from} lookup main suppress_prefixlength 0`,
    `priority ${others ? RULE_OTHERS : RULE_TABLE}${from} lookup ${table}`,
    ...(others ? [] : [`priority ${RULE_SKIP}${from} goto ${MAIN}`]),
  ]
}

/** Pure: of one family, as a script; a rule without a network is of both. */
export const ruleScript = (
  verb: 'add' | 'del',
  rules: readonly string[],
  family: '-4' | '-6',
): readonly string[] =>
  rules
    .filter(rule => !rule.includes(' to ') || rule.includes(':') === (family === '-6'))
    .map(rule => `rule ${verb} ${rule} protocol ${MARK}`)

const connectedNetworks = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap(list => (list ?? []).flatMap(({ cidr }) => cidr ?? []))

/** Goes on where one line is refused, and answers the first refusal. What is not there is put there at the next look. */
async function script(args: readonly string[], lines: readonly string[]): Promise<string | undefined> {
  if (lines.length === 0) return undefined
  try {
    await runIp([...args, '-force', '-batch', '-'], `${lines.join('\n')}\n`)
    return undefined
  } catch (error) {
    return (error as Error).message.split('\n')[0]
  }
}

/** Pure: a refusal for people. */
export const refusedRoutes = (said: string): RelayProblem => ({
  code: 'BRUNEL_RELAY_ROUTES',
  detail: `The kernel refuses routes that OSPF brought, so that data does not follow all of them: ${said.replace(/\.$/, '')}.`,
  remedy:
    'See `brunel relay --routes` and `ip route show table all proto 175`; it is tried again every 10 s.',
})

interface Row {
  readonly dst: string
  readonly table?: string
}

/** As tables here have it: `ip` leaves the length of a host out, and calls all `default`. */
const destination = (dst: string, family: '-4' | '-6'): string => {
  if (dst === 'default') return family === '-4' ? '0.0.0.0/0' : '::/0'
  return dst.includes('/') ? dst : host(dst)
}

export class KernelTables implements RelayTables {
  readonly #wanted = new Map<string, readonly TableRoute[]>()
  readonly #installed = new Map<string, ReadonlyMap<string, string>>()
  readonly #rules = new Map<string, readonly string[]>()
  /** An interface keeps its number. */
  readonly #numbers = new Map<string, number>([[OTHERS, 0]])
  readonly #dirty = new Set<string>()
  problem: RelayProblem | undefined
  #spared: readonly string[] = []
  #refused: readonly string[] = []
  #work: Promise<void> = Promise.resolve()
  #verify: NodeJS.Timeout | undefined

  set(device: string, routes: readonly TableRoute[]): void {
    if (routes.length === 0) this.#wanted.delete(device)
    else this.#wanted.set(device, routes)
    this.#changed([device, OTHERS])
    this.#verify ??= setInterval(() => this.#enqueue(() => this.#look()), VERIFY_MS).unref()
  }

  spare(addresses: readonly string[]): void {
    if (addresses.join() === this.#spared.join()) return
    this.#spared = addresses
    this.#changed([...this.#wanted.keys(), OTHERS])
  }

  refused(networks: readonly string[]): void {
    const prefixes = networks.filter(network => !network.endsWith('/0'))
    if (prefixes.join() === this.#refused.join()) return
    this.#refused = prefixes
    this.#changed([...this.#wanted.keys(), OTHERS])
  }

  verify(): void {
    this.#enqueue(() => this.#look())
  }

  async stop(): Promise<void> {
    clearInterval(this.#verify)
    for (const device of [...this.#wanted.keys()]) this.set(device, [])
    await this.#work
  }

  /** What changes until `ip` is free again is one script. */
  #changed(devices: readonly string[]): void {
    for (const device of devices) this.#dirty.add(device)
    this.#enqueue(() => this.#apply())
  }

  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work.then(step)
  }

  #tableNumber(device: string): number {
    const number = this.#numbers.get(device) ?? this.#numbers.size
    this.#numbers.set(device, number)
    return TABLE + number
  }

  /** Of several interfaces that lead to one prefix the first: to all others they are as good. */
  #routesOf(device: string): readonly TableRoute[] {
    if (device !== OTHERS) return this.#wanted.get(device) ?? []
    const all = [...this.#wanted.values()].flat().filter(({ to }) => !to.endsWith('/0'))
    return [...new Map(all.reverse().map(route => [route.to, route])).values()]
  }

  async #apply(): Promise<void> {
    const devices = [...this.#dirty]
    this.#dirty.clear()
    const connected = connectedNetworks()
    const lines: string[] = []
    const rules = { del: [] as string[], add: [] as string[] }
    for (const device of devices) {
      const have = this.#installed.get(device) ?? new Map<string, string>()
      const want = tableOf(this.#routesOf(device), this.#spared, connected)
      const table = this.#tableNumber(device)
      lines.push(...tableChange(table, have, want))
      const ruled = this.#rules.get(device) ?? []
      const toRule = want.size === 0 ? [] : tableRules(device, table, this.#refused)
      rules.del.push(...ruled.filter(rule => !toRule.includes(rule)))
      rules.add.push(...toRule.filter(rule => !ruled.includes(rule)))
      this.#rules.set(device, toRule)
      if (want.size > 0) this.#installed.set(device, want)
      else this.#installed.delete(device)
    }
    await script([], lines)
    for (const family of FAMILIES)
      await script(
        [family],
        [...ruleScript('del', rules.del, family), ...ruleScript('add', rules.add, family)],
      )
  }

  /** An interface that goes down loses its routes, other software may take what it does not know, and `ip` may fail. */
  async #look(): Promise<void> {
    this.problem = undefined
    // What our own networks are may have changed.
    for (const device of [...this.#wanted.keys(), OTHERS]) this.#dirty.add(device)
    await this.#apply()
    if (this.#numbers.size === 1) return
    const there = [...(await marked('-4')), ...(await marked('-6'))]
    const [lines, rules]: [string[], string[]] = [[], []]
    for (const device of this.#numbers.keys()) {
      const table = this.#tableNumber(device)
      const have = new Set(there.flatMap(row => (row.table === `${table}` ? row.to : [])))
      lines.push(...tableMended(table, have, this.#installed.get(device) ?? new Map()))
      rules.push(...(this.#rules.get(device) ?? []))
    }
    const refused = await script([], lines)
    this.problem = refused === undefined ? undefined : refusedRoutes(refused)
    // Refused where they are.
    for (const family of FAMILIES) await script([family], ruleScript('add', rules, family))
  }
}

async function marked(family: '-4' | '-6'): Promise<readonly { table: string | undefined; to: string }[]> {
  try {
    const text = await runIp(['-json', family, 'route', 'show', 'table', 'all', 'proto', `${MARK}`])
    const rows = JSON.parse(text || '[]') as Row[]
    return rows.map(({ dst, table }) => ({ table, to: destination(dst, family) }))
  } catch {
    return [] // no such family
  }
}
