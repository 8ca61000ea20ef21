import type { Problem } from '@brunel/base'
import { type WholePeerDocument, withDefaults } from './defaults.js'
import type { PeerDocument } from './document.js'
import type { Prefix } from './peer.js'
import { problem } from './peer-rules.js'
import {
  address,
  covers,
  identity,
  identityText,
  interfaceAddress,
  network,
  overlap,
  prefixText,
} from './values.js'

/** What is wrong between two peers. Pointers are relative to the first; the second is named in words. */

type Rule = (peer: WholePeerDocument, other: WholePeerDocument) => readonly Problem[]

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
  if (peer.tunnel.interface !== other.tunnel.interface || peer.name === other.name) return []
  const detail = `The interface ${peer.tunnel.interface} is that of "${other.name}" already.`
  const remedy = 'Give one of them another `tunnel.interface`.'
  return [problem('/tunnel/interface', 'BRUNEL_CONFIG_DUPLICATE_INTERFACE', detail, remedy)]
}

const idOf = (text: string | undefined): string => {
  const id = identity(text ?? '')
  return id === undefined ? '' : identityText(id)
}

/** Two that wait for anyone are told apart by the identity alone. */
function bothAnswer(peer: WholePeerDocument, other: WholePeerDocument): Problem[] {
  const [id, otherId] = [idOf(peer.remote.id), idOf(other.remote.id)]
  if (id !== '' && otherId !== '' && id !== otherId) return []
  const missing = id === '' || otherId === ''
  const detail = missing
    ? `This peer and "${other.name}" both wait for \`any\`, and not both have a \`remote.id\`.`
    : `This peer and "${other.name}" both wait for \`any\` with one \`remote.id\`.`
  return [
    problem('/remote/id', 'BRUNEL_CONFIG_DUPLICATE_ENDPOINT', detail, 'Give each a `remote.id` of its own.'),
  ]
}

const endpoints: Rule = (peer, other) => {
  const [remote, otherRemote] = [peer.remote.address, other.remote.address].map(
    at => address(at) ?? at.toLowerCase(),
  )
  if (remote !== otherRemote) return []
  const [local, otherLocal] = [peer.local.address, other.local.address].map(at => address(at ?? ''))
  if (local !== undefined && otherLocal !== undefined && local !== otherLocal) return []
  if (remote === 'any') return bothAnswer(peer, other)
  const ids = [idOf(peer.remote.id), idOf(other.remote.id)]
  if (peer.gre.key !== other.gre.key && ids[0] !== ids[1] && !ids.includes('')) return []
  const detail = `Nothing tells this tunnel from that of "${other.name}": same addresses, and not both another GRE key and another \`remote.id\`.`
  const remedy = 'Give each its own address; or each its own `gre.key` and its own `remote.id`.'
  return [problem('/remote/address', 'BRUNEL_CONFIG_DUPLICATE_ENDPOINT', detail, remedy)]
}

type Placed = readonly [pointer: string, network: Prefix]

const routesOf = ({ tunnel }: WholePeerDocument): Placed[] =>
  tunnel.routes.flatMap((text, i): Placed[] => {
    const to = network(text)
    return to === undefined ? [] : [[`/tunnel/routes/${i}`, to]]
  })

/** Link-local addresses repeat on every link (RFC 4291 §2.5.6). */
const linksOf = ({ tunnel }: WholePeerDocument): Placed[] =>
  tunnel.addresses.flatMap((text, i): Placed[] => {
    const at = interfaceAddress(text)
    return at === undefined || covers({ family: 6, address: 'fe80::', length: 10 }, at.address)
      ? []
      : [[`/tunnel/addresses/${i}`, at.network]]
  })

const isDefault = (to: Prefix): boolean => to.length === 0
const isHost = (to: Prefix): boolean => to.length === (to.family === 4 ? 32 : 128)
const inside = (a: Prefix, b: Prefix): boolean => a.length >= b.length && overlap(a, b)

/** One address may be borrowed by several tunnels (unnumbered); a default route overlaps with all by design. */
const collide = {
  links: (a: Prefix, b: Prefix) => overlap(a, b) && !(isHost(a) && isHost(b)),
  routes: (a: Prefix, b: Prefix) => overlap(a, b) && isDefault(a) === isDefault(b),
  routeToLink: (route: Prefix, link: Prefix) => inside(route, link),
}

function clashes(
  ours: readonly Placed[],
  theirs: readonly Placed[],
  test: (a: Prefix, b: Prefix) => boolean,
  other: string,
): Problem[] {
  return ours.flatMap(([pointer, a]) =>
    theirs
      .filter(([, b]) => test(a, b))
      .map(([, b]) =>
        problem(
          pointer,
          'BRUNEL_CONFIG_OVERLAP',
          `${prefixText(a)} overlaps with ${prefixText(b)} of "${other}".`,
          'Give each network to one tunnel only.',
        ),
      ),
  )
}

const networks: Rule = (peer, other) => {
  if (peer.name === other.name) return []
  const [routes, links, otherRoutes, otherLinks] = [
    routesOf(peer),
    linksOf(peer),
    routesOf(other),
    linksOf(other),
  ]
  return [
    ...clashes(links, otherLinks, collide.links, other.name),
    ...clashes(routes, otherRoutes, collide.routes, other.name),
    ...clashes(routes, otherLinks, collide.routeToLink, other.name),
    ...clashes(links, otherRoutes, (link, route) => collide.routeToLink(route, link), other.name),
  ]
}

/** RFC 2003 §3.2, over two tunnels: each would carry the delivery packets of the other. */
const crossedLoop: Rule = (peer, other) => {
  const swallows = (a: WholePeerDocument, b: WholePeerDocument) =>
    routesOf(a).filter(([, to]) => covers(to, b.remote.address))
  if (swallows(other, peer).length === 0) return []
  return swallows(peer, other).map(([pointer, to]) =>
    problem(
      pointer,
      'BRUNEL_CONFIG_ROUTE_LOOP',
      `${prefixText(to)} covers the address of "${other.name}", whose routes cover the address of this peer: each tunnel would run in the other (RFC 2003 §3.2).`,
      'Take the address of one of the two peers out of the routes of the other.',
    ),
  )
}

const RULES: readonly Rule[] = [names, interfaces, endpoints, networks, crossedLoop]

export const problemsBetween = (peer: PeerDocument, other: PeerDocument): Problem[] => {
  const [a, b] = [withDefaults(peer), withDefaults(other)]
  return RULES.flatMap(rule => rule(a, b))
}
