import { readFileSync } from 'node:fs'
import { type WireMtu, wireMtu } from '@brunel/mtu'
import { runIp } from './interfaces.js'
import { MOST_FAR } from './lan-ears.js'
import type { Refusal } from './tunnels.js'

/** What the kernel says of a LAN interface. */
export interface LanLink {
  readonly name: string
  readonly index: number
  /** The largest packet that it carries. */
  readonly mtu: WireMtu
  /** Its Ethernet address; undefined where the link has none. */
  readonly ethernet: string | undefined
  /** Canonical text. */
  readonly addresses: readonly string[]
  readonly ipv4: boolean
  /** There is a link-local address, and it is no other host's. */
  readonly ipv6: boolean
}

interface LinkRow {
  readonly ifindex: number
  readonly flags: readonly string[]
  readonly mtu: number
  readonly link_type?: string
  readonly address?: string
  readonly addr_info: readonly {
    readonly local?: string
    readonly family: string
    readonly scope: string
    readonly tentative?: boolean
    readonly dadfailed?: boolean
  }[]
}

const refusal = (detail: string, remedy: string): Refusal => ({ code: 'BRUNEL_RELAY_LAN', detail, remedy })

/** Pure: the link, or why it cannot be used, in words. */
export function judgeLink(name: string, row: LinkRow | undefined): LanLink | Refusal {
  if (row === undefined)
    return refusal(
      `There is no interface ${name}; the OSPF relay waits for it.`,
      'Make the interface, or correct `ospfRelay.interface`: `ip link` shows what there is.',
    )
  if (!row.flags.includes('UP'))
    return refusal(`The interface ${name} is down.`, `ip link set dev ${name} up`)
  if (!row.flags.includes('LOWER_UP'))
    return refusal(`The interface ${name} has no carrier.`, 'Look at the cable and at the switch.')
  const usable = row.addr_info.filter(a => a.local !== undefined && !a.tentative && !a.dadfailed)
  const ipv4 = usable.some(a => a.family === 'inet')
  const ipv6 = usable.some(a => a.family === 'inet6' && a.scope === 'link')
  if (!ipv4 && !ipv6)
    return refusal(
      `The interface ${name} has no address: neither IPv4 nor link-local IPv6.`,
      `ip address add ADDRESS/LENGTH dev ${name}`,
    )
  return {
    name,
    index: row.ifindex,
    mtu: wireMtu(row.mtu),
    ethernet: row.link_type === 'ether' ? row.address : undefined,
    addresses: usable.map(a => a.local as string),
    ipv4,
    ipv6,
  }
}

/** Whether sockets and rules of the one serve the other. */
export const sameLink = (a: LanLink, b: LanLink): boolean =>
  a.index === b.index && a.ethernet === b.ethernet && a.ipv4 === b.ipv4 && a.ipv6 === b.ipv6

/** Pure: what follows from what `ip` said when it failed; undefined: nothing about the interface. */
export const judgeSilence = (name: string, said: string): Refusal | undefined =>
  /does not exist|cannot find device/i.test(said) ? (judgeLink(name, undefined) as Refusal) : undefined

/** undefined: `ip` did not say. */
export async function lookAt(name: string): Promise<LanLink | Refusal | undefined> {
  try {
    const rows = JSON.parse(await runIp(['-json', 'address', 'show', 'dev', name])) as LinkRow[]
    return judgeLink(name, rows[0])
  } catch (error) {
    return judgeSilence(name, (error as Error).message)
  }
}

export const unseen = (name: string): Refusal =>
  refusal(
    `The command \`ip\`, by which the OSPF relay looks at ${name}, fails.`,
    `ip -json address show dev ${name}: in the environment of bruneld; it is tried again every two seconds.`,
  )

/** Settings of this machine that the relay needs, as /proc shows them. */
export interface HostSettings {
  /** net.ipv4.conf.LAN.forwarding */
  readonly forwarding4: boolean
  readonly forwarding6: boolean
  readonly proxyNdp: boolean
  /** The higher one of `all` and the interface. */
  readonly rpFilter: number
}

const sysctl = (path: string): string => {
  try {
    return readFileSync(`/proc/sys/net/${path}`, 'utf8').trim()
  } catch {
    return '0' // a kernel without IPv6
  }
}

/** `read`: a file below /proc/sys/net; '0' where there is none. */
export const readSettings = (name: string, read: (path: string) => string = sysctl): HostSettings => ({
  forwarding4: read(`ipv4/conf/${name}/forwarding`) !== '0',
  forwarding6: read('ipv6/conf/all/forwarding') !== '0',
  proxyNdp: ['all', name].some(which => read(`ipv6/conf/${which}/proxy_ndp`) !== '0'),
  rpFilter: Math.max(...['all', name].map(which => Number(read(`ipv4/conf/${which}/rp_filter`)))),
})

/** Pure: what will not work, and the line that mends it. `far`: those behind the relay, of both families. */
export function warningsOf(
  link: LanLink,
  settings: HostSettings,
  far: Iterable<string> = [],
): readonly Refusal[] {
  const warn = (detail: string, remedy: string): Refusal => ({ code: 'BRUNEL_RELAY_HOST', detail, remedy })
  const { name } = link
  // A dot in a name, as VLANs have it, is a slash to sysctl.
  const key = name.replaceAll('.', '/')
  const far6 = [...far].filter(address => address.includes(':')).length
  return [
    ...(far6 > MOST_FAR
      ? [
          warn(
            `${far6} routers speak IPv6 behind the relay of ${name}: adjacencies of OSPFv3 become Full with the ${MOST_FAR} that are known for longest.`,
            'Divide the segment: a LAN interface for each part, and `ospfRelay.interface` of each peer as it belongs.',
          ),
        ]
      : []),
    ...(link.ipv4 && !settings.forwarding4
      ? [
          warn(
            `${name} does not forward IPv4, so that the kernel answers no ARP for neighbours behind the relay: unicast of OSPFv2 does not come.`,
            `sysctl -w net.ipv4.ip_forward=1`,
          ),
        ]
      : []),
    ...(link.ipv6 && !settings.forwarding6
      ? [
          warn(
            'This machine does not forward IPv6, so that the kernel answers no neighbour solicitation for neighbours behind the relay: unicast of OSPFv3 does not come.',
            'sysctl -w net.ipv6.conf.all.forwarding=1',
          ),
        ]
      : []),
    ...(link.ipv6 && !settings.proxyNdp
      ? [
          warn(
            `proxy_ndp of ${name} is off and may not be switched on, so that the kernel answers no neighbour solicitation for neighbours behind the relay: unicast of OSPFv3 does not come.`,
            `sysctl -w net.ipv6.conf.${key}.proxy_ndp=1, and the same line in /etc/sysctl.d/; or let bruneld write it: ReadWritePaths=/proc/sys/net/ipv6/conf in the systemd unit. For a container: --sysctl net.ipv6.conf.all.proxy_ndp=1.`,
          ),
        ]
      : []),
    ...(link.ipv4 && settings.rpFilter === 1
      ? [
          warn(
            `${name} drops packets whose source is not of its own subnets (rp_filter is strict): unnumbered neighbours are not heard.`,
            `sysctl -w net.ipv4.conf.${key}.rp_filter=2, where there are such neighbours.`,
          ),
        ]
      : []),
    ...(link.ipv4
      ? []
      : [
          warn(
            `${name} has no IPv4 address: OSPFv2 is not relayed.`,
            `ip address add ADDRESS/LENGTH dev ${name}; it need not be of the subnet of the routers.`,
          ),
        ]),
    ...(link.ipv6
      ? []
      : [
          warn(
            `${name} has no link-local IPv6 address: OSPFv3 is not relayed, and other relays on this LAN are not noticed.`,
            `sysctl -w net.ipv6.conf.${key}.disable_ipv6=0`,
          ),
        ]),
  ]
}
