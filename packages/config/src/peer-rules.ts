import { familyOf, type Problem, seconds } from '@brunel/base'
import type { Code } from './codes.js'
import { type WholePeerDocument, withDefaults } from './defaults.js'
import type { PeerDocument } from './document.js'
import { espProposalFaults, ikeProposalFaults } from './proposals.js'
import {
  address,
  covers,
  duration,
  identity,
  interfaceAddress,
  isDnsName,
  isHostAddress,
  isInterfaceName,
  isNetworkOrBroadcast,
  isPeerName,
  network,
  prefixText,
  pskOctets,
  size,
} from './values.js'

/** What one peer document says wrong by itself. Pointers are relative to the document. */

type Rule = (peer: WholePeerDocument) => readonly Problem[]

export const problem = (pointer: string, code: Code, detail: string, remedy: string): Problem => ({
  pointer,
  code,
  detail,
  remedy,
})

const name: Rule = peer =>
  isPeerName(peer.name)
    ? []
    : [
        problem(
          '/name',
          'BRUNEL_CONFIG_NAME',
          `"${peer.name}" is not a name for a peer.`,
          'Use a letter or digit, then letters, digits, `.`, `_` and `-`, at most 63 in all.',
        ),
      ]

function localAddress({ local }: WholePeerDocument): Problem[] {
  if (local.address === undefined || (address(local.address) !== undefined && isHostAddress(local.address)))
    return []
  const detail = `"${local.address}" is not an address that this router can have.`
  return [
    problem(
      '/local/address',
      'BRUNEL_CONFIG_ADDRESS',
      detail,
      'Write an address of this host, or leave it out.',
    ),
  ]
}

function remoteAddress({ remote }: WholePeerDocument): Problem[] {
  if (remote.address === 'any' || isDnsName(remote.address)) return []
  if (address(remote.address) !== undefined && isHostAddress(remote.address)) return []
  const detail = `"${remote.address}" is neither an address that a router can have, nor a DNS name, nor \`any\`.`
  return [
    problem(
      '/remote/address',
      'BRUNEL_CONFIG_ADDRESS',
      detail,
      'Write an address such as 198.51.100.7, a DNS name, or `any`.',
    ),
  ]
}

function ends({ local, remote }: WholePeerDocument): Problem[] {
  const [ours, theirs] = [address(local.address ?? ''), address(remote.address)]
  if (ours === undefined || theirs === undefined) return []
  if (familyOf(ours) !== familyOf(theirs)) {
    const detail = `\`local.address\` is IPv${familyOf(ours)} and \`remote.address\` is IPv${familyOf(theirs)}.`
    return [problem('/local/address', 'BRUNEL_CONFIG_FAMILY', detail, 'Use two addresses of one IP version.')]
  }
  const detail = `The peer has our own address, ${ours}.`
  const remedy = 'Write the address of the other router.'
  return ours === theirs ? [problem('/remote/address', 'BRUNEL_CONFIG_ADDRESS', detail, remedy)] : []
}

const identities: Rule = peer =>
  (['local', 'remote'] as const).flatMap(end => {
    const id = peer[end].id
    if (id === undefined || identity(id) !== undefined) return []
    const detail = `"${id}" is not an IKE identity.`
    const remedy = 'Write an address, a host name, an e-mail address or keyid:TEXT.'
    return [problem(`/${end}/id`, 'BRUNEL_CONFIG_IDENTITY', detail, remedy)]
  })

const NEW_PSK = 'Make one with `openssl rand -base64 32` and give the same to both routers.'
/** Below it a key is found by trying; 8 octets are still far too few for a word. */
const PSK_LEAST = 8
/** RFC 7296 §2.15 wants as much unpredictability as the strongest key negotiated; a warning below this. */
export const PSK_ADVISED = 20

function auth({ auth }: WholePeerDocument): Problem[] {
  if (auth.method === 'certificate') {
    const detail = 'Certificates are not available yet.'
    return [problem('/auth/method', 'BRUNEL_CONFIG_NOT_AVAILABLE', detail, 'Use `psk`.')]
  }
  if (auth.psk === undefined) return []
  const octets = pskOctets(auth.psk)
  const bad = (detail: string) => [problem('/auth/psk', 'BRUNEL_CONFIG_PSK', detail, NEW_PSK)]
  if (octets === undefined)
    return bad('The pre-shared key begins with 0x or 0s and is not hexadecimal or base64.')
  if (octets.length === 0) return bad('The pre-shared key is empty.')
  return octets.length < PSK_LEAST ? bad(`The pre-shared key is shorter than ${PSK_LEAST} octets.`) : []
}

function span(pointer: string, text: string, least: string, most: string): Problem[] {
  const [value, from, to] = [duration(text), duration(least)!, duration(most)!]
  if (value !== undefined && value >= from && value <= to) return []
  const detail = value === undefined ? `"${text}" is not a duration.` : `${text} is out of range.`
  const remedy = `Write a number and ms, s, m, h or d, from ${least} to ${most}.`
  return [problem(pointer, 'BRUNEL_CONFIG_DURATION', detail, remedy)]
}

function whole(pointer: string, value: number, [least, most]: readonly [number, number]): Problem[] {
  if (Number.isInteger(value) && value >= least && value <= most) return []
  const remedy = `Write a whole number from ${least} to ${most}.`
  return [problem(pointer, 'BRUNEL_CONFIG_RANGE', `${value} is out of range.`, remedy)]
}

/** Below a MiB an SA would be rekeyed for every few packets; above 2^53 we cannot count. */
const BYTES_RANGE = [2 ** 20, 2 ** 53] as const

function lifetimes({ ike, esp }: WholePeerDocument): Problem[] {
  const bytes = size(esp.lifetimeBytes)
  const bytesFit = bytes !== undefined && bytes >= BYTES_RANGE[0] && bytes < BYTES_RANGE[1]
  const detail =
    bytes === undefined ? `"${esp.lifetimeBytes}" is not a size.` : `${esp.lifetimeBytes} is out of range.`
  const remedy = 'Write a number and KiB, MiB, GiB or TiB, from 1MiB to 8191TiB.'
  return [
    ...span('/ike/lifetime', ike.lifetime, '10s', '30d'),
    ...span('/ike/liveness', ike.liveness, '1s', '1h'),
    ...span('/esp/lifetime', esp.lifetime, '10s', '7d'),
    ...(bytesFit ? [] : [problem('/esp/lifetimeBytes', 'BRUNEL_CONFIG_SIZE', detail, remedy)]),
  ]
}

function esp({ esp }: WholePeerDocument): Problem[] {
  const { replayWindow } = esp
  if (replayWindow === 0 || (replayWindow >= 32 && replayWindow <= 4096)) return []
  const remedy = 'Write a number from 32 to 4096, or 0 for no check.'
  return [problem('/esp/replayWindow', 'BRUNEL_CONFIG_RANGE', `${replayWindow} is out of range.`, remedy)]
}

function gre({ gre }: WholePeerDocument): Problem[] {
  const soon = 'GRE keepalives are not available yet; IKE liveness finds a silent peer.'
  return [
    ...(gre.key === undefined ? [] : whole('/gre/key', gre.key, [0, 0xffffffff])),
    ...(gre.keepalive === undefined
      ? []
      : [problem('/gre/keepalive', 'BRUNEL_CONFIG_NOT_AVAILABLE', soon, 'Leave `keepalive` out.')]),
  ]
}

const ospfRelay: Rule = peer =>
  peer.ospfRelay === undefined
    ? []
    : [
        problem(
          '/ospfRelay',
          'BRUNEL_CONFIG_NOT_AVAILABLE',
          'The OSPF relay is not available yet.',
          'Leave `ospfRelay` out; a routing daemon on this router runs over the tunnel interface.',
        ),
      ]

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

const proposals: Rule = ({ ike, esp }) => [
  ...ikeProposalFaults('/ike/proposals', ike.proposals),
  ...espProposalFaults('/esp/proposals', esp.proposals),
]

function initiate({ ike, remote }: WholePeerDocument): Problem[] {
  if (!ike.initiate || remote.address !== 'any') return []
  const detail = 'A peer whose address is `any` cannot be called.'
  return [
    problem('/ike/initiate', 'BRUNEL_CONFIG_ADDRESS', detail, 'Leave `initiate` out, or write the address.'),
  ]
}

const RULES: readonly Rule[] = [
  name,
  localAddress,
  remoteAddress,
  ends,
  identities,
  auth,
  proposals,
  lifetimes,
  initiate,
  esp,
  gre,
  interfaceName,
  addresses,
  routes,
  routingLoop,
  sizes,
  ospfRelay,
]

export const problemsOfPeer = (peer: PeerDocument): Problem[] => {
  const whole = withDefaults(peer)
  return RULES.flatMap(rule => rule(whole))
}

/** What is allowed and unwise. */
export function warningsOf(peer: PeerDocument): Problem[] {
  const psk = pskOctets(peer.auth.psk ?? '') ?? new Uint8Array(0)
  const found: Problem[] = []
  if (peer.auth.psk !== undefined && psk.length < PSK_ADVISED) {
    const detail = `The pre-shared key has ${psk.length} octets; below ${PSK_ADVISED} it can be guessed by whoever records a handshake.`
    found.push(problem('/auth/psk', 'BRUNEL_CONFIG_PSK_SHORT', detail, NEW_PSK))
  }
  const life = duration(withDefaults(peer).ike.lifetime)
  if (life !== undefined && life < seconds(60)) {
    const detail = 'The IKE SA is rekeyed more than once a minute.'
    found.push(
      problem('/ike/lifetime', 'BRUNEL_CONFIG_DURATION', detail, 'Write `4h`, unless this is a test.'),
    )
  }
  return found
}
