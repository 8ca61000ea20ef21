import { familyOf, type Problem } from '@brunel/base'
import { withDefaults } from './defaults.js'
import type { PeerDocument } from './document.js'
import type { Prefix } from './peer.js'
import { type RelayFacts, relayProblemsBetween } from './relay-rules.js'
import { problem } from './rule.js'
import { address, identity, identityText, interfaceAddress, network, prefixText, rangeOf } from './values.js'

/** What is wrong between two peers. Pointers are relative to the first; the second is named in words. */

/** A network and where it stands in the document; `low` and `high` make a comparison two steps. */
interface Placed {
  readonly pointer: string
  readonly network: Prefix
  readonly low: bigint
  readonly high: bigint
}

/** What of a peer is compared with others, read once: a thousand peers are half a million pairs. */
export interface Facts extends RelayFacts {
  readonly local: string | undefined
  readonly remote: string
  /** The remote address as a number, or undefined for a name or `any`. */
  readonly remoteAt: { readonly family: number; readonly value: bigint } | undefined
  /** '' where there is none. */
  readonly remoteId: string
  readonly greKey: number | undefined
  readonly routes: readonly Placed[]
  readonly links: readonly Placed[]
}

const placed = (pointer: string, to: Prefix | undefined): Placed[] =>
  to === undefined ? [] : [{ pointer, network: to, ...rangeOf(to) }]

/** Link-local addresses repeat on every link (RFC 4291 §2.5.6). */
const isLinkLocal = (text: string): boolean => /^fe[89ab][0-9a-f]:/i.test(text)

export function factsOf(document: PeerDocument): Facts {
  const { name, local, remote, gre, tunnel, ospfRelay } = withDefaults(document)
  const at = address(remote.address)
  const id = identity(remote.id ?? '')
  const host: Prefix | undefined =
    at === undefined
      ? undefined
      : { family: familyOf(at), address: at, length: familyOf(at) === 4 ? 32 : 128 }
  return {
    name,
    interface: tunnel.interface,
    relay: ospfRelay,
    local: address(local.address ?? ''),
    remote: at ?? remote.address.toLowerCase(),
    remoteAt: host && { family: host.family, value: rangeOf(host).low },
    remoteId: id === undefined ? '' : identityText(id),
    greKey: gre.key,
    routes: tunnel.routes.flatMap((text, i) => placed(`/tunnel/routes/${i}`, network(text))),
    links: tunnel.addresses
      .map((text, i) => [`/tunnel/addresses/${i}`, text] as const)
      .filter(([, text]) => !isLinkLocal(text))
      .flatMap(([pointer, text]) => placed(pointer, interfaceAddress(text)?.network)),
  }
}

type Rule = (peer: Facts, other: Facts) => readonly Problem[]

const names: Rule = (peer, other) =>
  peer.name === other.name
    ? [
        problem(
          '/name',
          'BRUNEL_CONFIG_DUPLICATE_NAME',
          `There are two peers "${peer.name}".`,
          'Rename one of them.',
        ),
      ]
    : []

const interfaces: Rule = (peer, other) => {
  if (peer.interface !== other.interface || peer.name === other.name) return []
  const detail = `The interface ${peer.interface} is that of "${other.name}" already.`
  const remedy = 'Give one of them another `tunnel.interface`.'
  return [problem('/tunnel/interface', 'BRUNEL_CONFIG_DUPLICATE_INTERFACE', detail, remedy)]
}

/** Two that wait for anyone are told apart by the identity alone. */
function bothAnswer(peer: Facts, other: Facts): Problem[] {
  const missing = peer.remoteId === '' || other.remoteId === ''
  if (!missing && peer.remoteId !== other.remoteId) return []
  const detail = missing
    ? `This peer and "${other.name}" both wait for \`any\`, and not both have a \`remote.id\`.`
    : `This peer and "${other.name}" both wait for \`any\` with one \`remote.id\`.`
  return [
    problem('/remote/id', 'BRUNEL_CONFIG_DUPLICATE_ENDPOINT', detail, 'Give each a `remote.id` of its own.'),
  ]
}

const endpoints: Rule = (peer, other) => {
  if (peer.remote !== other.remote) return []
  if (peer.local !== undefined && other.local !== undefined && peer.local !== other.local) return []
  if (peer.remote === 'any') return bothAnswer(peer, other)
  const ids = peer.remoteId !== other.remoteId && peer.remoteId !== '' && other.remoteId !== ''
  if (peer.greKey !== other.greKey && ids) return []
  const detail = `Nothing tells this tunnel from that of "${other.name}": same addresses, and not both another GRE key and another \`remote.id\`.`
  const remedy = 'Give each its own address; or each its own `gre.key` and its own `remote.id`.'
  return [problem('/remote/address', 'BRUNEL_CONFIG_DUPLICATE_ENDPOINT', detail, remedy)]
}

const overlap = (a: Placed, b: Placed): boolean =>
  a.network.family === b.network.family && a.low <= b.high && b.low <= a.high
const isDefault = ({ network }: Placed): boolean => network.length === 0
const isHost = ({ low, high }: Placed): boolean => low === high

/** One address may be borrowed by several tunnels (unnumbered); a default route overlaps with all by design. */
const collide = {
  links: (a: Placed, b: Placed) => overlap(a, b) && !(isHost(a) && isHost(b)),
  routes: (a: Placed, b: Placed) => overlap(a, b) && isDefault(a) === isDefault(b),
  routeToLink: (route: Placed, link: Placed) =>
    overlap(route, link) && route.network.length >= link.network.length,
}

function clashes(
  ours: readonly Placed[],
  theirs: readonly Placed[],
  test: (a: Placed, b: Placed) => boolean,
  other: string,
): Problem[] {
  const remedy = 'Give each network to one tunnel only.'
  return ours.flatMap(a =>
    theirs
      .filter(b => test(a, b))
      .map(b => {
        const detail = `${prefixText(a.network)} overlaps with ${prefixText(b.network)} of "${other}".`
        return problem(a.pointer, 'BRUNEL_CONFIG_OVERLAP', detail, remedy)
      }),
  )
}

const networks: Rule = (peer, other) => {
  if (peer.name === other.name) return []
  return [
    ...clashes(peer.links, other.links, collide.links, other.name),
    ...clashes(peer.routes, other.routes, collide.routes, other.name),
    ...clashes(peer.routes, other.links, collide.routeToLink, other.name),
    ...clashes(peer.links, other.routes, (link, route) => collide.routeToLink(route, link), other.name),
  ]
}

/** RFC 2003 §3.2, over two tunnels: each would carry the delivery packets of the other. */
const crossedLoop: Rule = (peer, other) => {
  const swallows = ({ routes }: Facts, { remoteAt }: Facts) =>
    routes.filter(
      to => to.network.family === remoteAt?.family && to.low <= remoteAt.value && remoteAt.value <= to.high,
    )
  const ours = swallows(peer, other)
  if (ours.length === 0 || swallows(other, peer).length === 0) return []
  return ours.map(to =>
    problem(
      to.pointer,
      'BRUNEL_CONFIG_ROUTE_LOOP',
      `${prefixText(to.network)} covers the address of "${other.name}", whose routes cover the address of this peer: each tunnel would run in the other (RFC 2003 §3.2).`,
      'Take the address of one of the two peers out of the routes of the other.',
    ),
  )
}

const RULES: readonly Rule[] = [names, interfaces, endpoints, networks, crossedLoop, relayProblemsBetween]

export const problemsBetween = (peer: Facts, other: Facts): Problem[] =>
  RULES.flatMap(rule => rule(peer, other))
