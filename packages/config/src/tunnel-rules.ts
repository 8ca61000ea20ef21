import type { Problem } from '@brunel/base'
import type { WholePeerDocument } from './defaults.js'
import { problem, type Rule, whole } from './rule.js'
import {
  address,
  covers,
  interfaceAddress,
  isHostAddress,
  isInterfaceName,
  isNetworkOrBroadcast,
  network,
  prefixText,
} from './values.js'

/** What one peer document says wrong about its tunnel. */

function interfaceName({ tunnel }: WholePeerDocument): Problem[] {
  if (isInterfaceName(tunnel.interface)) return []
  const detail = `"${tunnel.interface}" cannot be the name of an interface.`
  const remedy = 'Use 1 to 15 letters, digits, `.`, `_` and `-`; or leave it out.'
  return [problem('/tunnel/interface', 'BRUNEL_CONFIG_INTERFACE', detail, remedy)]
}

const addresses: Rule = peer =>
  peer.tunnel.addresses.flatMap((text, index) => {
    const pointer = `/tunnel/addresses/${index}`
    const at = interfaceAddress(text)
    const bad = (detail: string, remedy: string) => [
      problem(pointer, 'BRUNEL_CONFIG_ADDRESS', detail, remedy),
    ]
    if (at === undefined)
      return bad(`"${text}" is not an address with a prefix length.`, 'Write such as 10.255.0.1/30.')
    if (!isHostAddress(at.address))
      return bad(`${text} cannot be the address of an interface.`, 'Write a unicast address.')
    if (isNetworkOrBroadcast(at)) {
      return bad(
        `${text} is the network or broadcast address of its link.`,
        'Take an address between the two.',
      )
    }
    const twice = peer.tunnel.addresses
      .slice(0, index)
      .some(other => interfaceAddress(other)?.address === at.address)
    return twice ? bad(`${text} stands here twice.`, 'Remove one of them.') : []
  })

const routes: Rule = peer =>
  peer.tunnel.routes.flatMap((text, index) => {
    const pointer = `/tunnel/routes/${index}`
    const to = network(text)
    if (to === undefined) {
      const meant = interfaceAddress(text)
      const remedy = meant ? `Write ${prefixText(meant.network)}.` : 'Write such as 10.7.0.0/16.'
      const detail = meant ? `${text} has bits set behind its prefix length.` : `"${text}" is not a network.`
      return [problem(pointer, 'BRUNEL_CONFIG_ADDRESS', detail, remedy)]
    }
    const twice = peer.tunnel.routes.slice(0, index).some(other => {
      const seen = network(other)
      return seen !== undefined && prefixText(seen) === prefixText(to)
    })
    const detail = `${text} stands here twice.`
    return twice ? [problem(pointer, 'BRUNEL_CONFIG_OVERLAP', detail, 'Remove one of them.')] : []
  })

/** RFC 2003 §3.2: the tunnel's own delivery packets would be routed into it. */
const routingLoop: Rule = peer => {
  const remote = address(peer.remote.address)
  if (remote === undefined) return []
  const networks = [
    ...peer.tunnel.routes.map((text, i) => [`/tunnel/routes/${i}`, text, network(text)] as const),
    ...peer.tunnel.addresses.map(
      (text, i) => [`/tunnel/addresses/${i}`, text, interfaceAddress(text)?.network] as const,
    ),
  ]
  return networks.flatMap(([pointer, text, to]) =>
    to === undefined || !covers(to, remote)
      ? []
      : [
          problem(
            pointer,
            'BRUNEL_CONFIG_ROUTE_LOOP',
            `${text} covers the peer's own address ${remote}: the tunnel would swallow its own delivery packets (RFC 2003 §3.2).`,
            `Split ${text} so that ${remote} is left out; for all traffic, write the networks behind the peer one by one.`,
          ),
        ],
  )
}

const hasIpv6 = ({ tunnel }: WholePeerDocument): boolean =>
  [...tunnel.addresses, ...tunnel.routes].some(text => text.includes(':'))

const sizes: Rule = peer => {
  const { mtu, mss } = peer.tunnel
  const found = [
    ...(mtu === 'auto' ? [] : whole('/tunnel/mtu', mtu, [576, 65_535])),
    ...(typeof mss === 'string' ? [] : whole('/tunnel/mss', mss, [88, 65_495])),
  ]
  if (mtu !== 'auto' && mtu < 1280 && hasIpv6(peer)) {
    const detail = `IPv6 needs an MTU of 1280 (RFC 7676 §3.2) and the tunnel has ${mtu}.`
    found.push(
      problem(
        '/tunnel/mtu',
        'BRUNEL_CONFIG_MTU',
        detail,
        'Raise `mtu`, or take the IPv6 addresses and routes out.',
      ),
    )
  }
  if (typeof mtu === 'number' && typeof mss === 'number' && mss > mtu - 40) {
    const detail = `An MSS of ${mss} does not fit an MTU of ${mtu}: IPv4 and TCP headers take 40.`
    found.push(problem('/tunnel/mss', 'BRUNEL_CONFIG_MTU', detail, `Write at most ${mtu - 40}, or \`auto\`.`))
  }
  return found
}

export const TUNNEL_RULES: readonly Rule[] = [interfaceName, addresses, routes, routingLoop, sizes]
