import { readFileSync, writeFileSync } from 'node:fs'
import type { Family } from '@brunel/base'
import { MARK, runIp } from './interfaces.js'

/**
 * What the kernel does for a relay. It answers ARP and ND for far neighbours (a proxy entry), and hands us what comes for
 * them instead of forwarding it, which would count the TTL: a rule for the protocols that are relayed leads to a table of
 * ours, in which their addresses are local. All of it carries our protocol number, so that what a killed process left
 * behind is known, and nothing else is touched.
 */

/** Before `main`, behind what people write with small numbers. */
const RULE = 1750
/** As RULE, where proxy_ndp was off before us: it goes off again with the rule. */
const RULE_PROXY_NDP = 1751
/** Plus the index of the interface. */
const TABLE = 1_750_000_000

export interface Steered {
  /** IP protocols. */
  readonly protocols: readonly number[]
  /** Of those only what goes to a link-local address of IPv6. */
  readonly onLink: readonly number[]
  /** First and last port of UDP. */
  readonly ports: readonly (readonly [number, number])[]
}

export type SteeredOf = (family: Family) => Steered

export interface LanOf {
  readonly name: string
  readonly index: number
}

export interface FarNeighbour {
  readonly address: string
  /** The interface of the tunnel behind which it lives. */
  readonly tunnel: string
}

const is6 = (address: string): boolean => address.includes(':')
const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address)
const tableOf = ({ index }: LanOf): number => TABLE + index

/** Pure: the rules of one LAN, a script for `ip -4` or `ip -6`. */
export function rulesOf(lan: LanOf, steered: Steered, priority: number): string[] {
  const kinds = [
    ...steered.protocols.map(protocol => `ipproto ${protocol}`),
    ...steered.onLink.map(protocol => `to fe80::/10 ipproto ${protocol}`),
    ...steered.ports.map(([first, last]) => `ipproto udp dport ${first}-${last}`),
  ]
  return kinds.map(
    kind => `rule add priority ${priority} iif ${lan.name} ${kind} lookup ${tableOf(lan)} protocol ${MARK}`,
  )
}

/** Pure: what makes the kernel speak for one neighbour, in the order to do it. */
export function presenceOf(lan: LanOf, { address, tunnel }: FarNeighbour): string[] {
  const host = `${address}/${is6(address) ? 128 : 32}`
  const lines = [`route replace local ${host} dev ${lan.name} table ${tableOf(lan)} proto ${MARK}`]
  // The kernel answers ARP only for what it would send elsewhere. `add`: a route of somebody else does as well.
  if (!isLinkLocal(address)) lines.push(`route add ${host} dev ${tunnel} proto ${MARK}`)
  return [...lines, `neigh replace proxy ${address} dev ${lan.name} protocol ${MARK}`]
}

/** Pure: the contrary, in the contrary order. */
export function absenceOf(lan: LanOf, { address, tunnel }: FarNeighbour): string[] {
  const host = `${address}/${is6(address) ? 128 : 32}`
  const lines = [`neigh del proxy ${address} dev ${lan.name}`]
  if (!isLinkLocal(address)) lines.push(`route del ${host} dev ${tunnel} proto ${MARK}`)
  return [...lines, `route del local ${host} dev ${lan.name} table ${tableOf(lan)} proto ${MARK}`]
}

const script = (lines: readonly string[]): string => `${lines.join('\n')}\n`
/** Goes on where one line is refused: each is wanted for itself. */
const batch = async (args: readonly string[], lines: readonly string[]): Promise<void> => {
  if (lines.length === 0) return
  // What is there already, or gone with its interface, is refused; the next look at the LAN does it again.
  await runIp([...args, '-force', '-batch', '-'], script(lines)).catch(() => undefined)
}

const proxyNdp = (name: string): string => `/proc/sys/net/ipv6/conf/${name}/proxy_ndp`

/**
 * What the kernel was told of one LAN. It is remembered here: the interface may be down, or called otherwise, when it is
 * to be taken back.
 */
export class Steering {
  #lan: LanOf | undefined
  /** proxy_ndp was off before us. */
  #proxyNdp = false

  async begin(lan: LanOf, steered: SteeredOf): Promise<void> {
    if (this.#lan !== undefined && this.#lan.index !== lan.index) await this.end()
    await clear(lan)
    this.#lan = lan
    await this.renew(steered)
  }

  /** What somebody else took away is back: other software flushes rules, and `sysctl --system` sets what it reads. */
  async renew(steered: SteeredOf): Promise<void> {
    const lan = this.#lan
    if (lan === undefined) return
    // Refused where they are.
    await batch(['-4'], rulesOf(lan, steered(4), RULE))
    if (switchProxyNdp(lan.name, true)) this.#proxyNdp = true
    await batch(['-6'], rulesOf(lan, steered(6), this.#proxyNdp ? RULE_PROXY_NDP : RULE))
  }

  async end(): Promise<void> {
    const lan = this.#lan
    if (lan === undefined) return
    this.#lan = undefined
    await clear(lan)
    const name = await nameOf(lan)
    if (name !== lan.name) await clear({ ...lan, name })
    if (this.#proxyNdp) switchProxyNdp(name, false)
    this.#proxyNdp = false
  }
}

/** By its index: it may have been renamed. */
async function nameOf({ name, index }: LanOf): Promise<string> {
  const links = await rows<{ ifindex: number; ifname: string }>('link', 'show')
  return links.find(({ ifindex }) => ifindex === index)?.ifname ?? name
}

export const present = (lan: LanOf, far: FarNeighbour): Promise<void> => batch([], presenceOf(lan, far))
export const absent = (lan: LanOf, far: FarNeighbour): Promise<void> => batch([], absenceOf(lan, far))

/** Whether it was the other way before. */
function switchProxyNdp(name: string, on: boolean): boolean {
  try {
    const before = readFileSync(proxyNdp(name), 'utf8').trim() !== '0'
    if (before !== on) writeFileSync(proxyNdp(name), on ? '1' : '0')
    return before !== on
  } catch {
    return false // no IPv6 on this interface, or no interface
  }
}

interface RuleRow {
  readonly iif?: string
  readonly priority: number
  readonly protocol?: string
}
interface Row {
  readonly dst: string
  readonly dev?: string
  readonly protocol?: string
}

async function rows<T>(...args: readonly string[]): Promise<T[]> {
  try {
    return JSON.parse((await runIp(['-json', ...args])) || '[]') as T[]
  } catch {
    return [] // the interface or the table is not there
  }
}

/** Takes away what is ours on one LAN, or on all: what this process made, or one before it that was killed. */
export async function clear(lan?: LanOf): Promise<void> {
  for (const family of ['-4', '-6'] as const) {
    const rules = (await rows<RuleRow>(family, 'rule', 'show')).filter(
      ({ protocol, iif, priority }) =>
        protocol === `${MARK}` &&
        (lan === undefined || (iif === lan.name && [RULE, RULE_PROXY_NDP].includes(priority))),
    )
    await batch(
      [family],
      rules.map(
        ({ priority, iif }) =>
          `rule del priority ${priority}${iif === undefined ? '' : ` iif ${iif}`} protocol ${MARK}`,
      ),
    )
    for (const name of new Set(rules.filter(r => r.priority === RULE_PROXY_NDP).map(r => r.iif)))
      if (name !== undefined) switchProxyNdp(name, false)
    const table = lan === undefined ? 'all' : `${tableOf(lan)}`
    await runIp([family, 'route', 'flush', 'table', table, 'proto', `${MARK}`]).catch(() => undefined) // no such table
  }
  const proxies = (await rows<Row>('neigh', 'show', 'proxy')).filter(
    ({ protocol, dev }) => protocol === `${MARK}` && (lan === undefined || dev === lan.name),
  )
  await batch(
    [],
    proxies.map(({ dst, dev }) => `neigh del proxy ${dst} dev ${dev}`),
  )
}

/** Asks the LAN for addresses by ARP or ND. Whoever has one has said so when `answered` is called, a second later. */
export const ask = (lan: LanOf, addresses: readonly string[]): Promise<void> =>
  batch(
    [],
    addresses.map(address => `neigh replace ${address} dev ${lan.name} nud none use`),
  )

const ANSWERED = ['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT']

/** Those of the addresses that somebody on the LAN answers for; the questions are forgotten. */
export async function answered(lan: LanOf, addresses: readonly string[]): Promise<ReadonlySet<string>> {
  const known = await rows<{ dst: string; state?: readonly string[] }>('neigh', 'show', 'dev', lan.name)
  const asked = known.filter(({ dst }) => addresses.includes(dst))
  const taken = asked.filter(({ state }) => state?.some(s => ANSWERED.includes(s)))
  const free = asked.filter(row => !taken.includes(row))
  await batch(
    [],
    free.map(({ dst }) => `neigh del ${dst} dev ${lan.name}`),
  )
  return new Set(taken.map(({ dst }) => dst))
}
