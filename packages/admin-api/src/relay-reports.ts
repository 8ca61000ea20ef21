import { type Static, Type } from 'typebox'
import { At, type Deep, MaybeAt, MaybeText, nullable } from './report-parts.js'

/** What the relay of a LAN interface tells of itself, and its doctor of the OSPF that it carries. */

const RelayPort = Type.String({
  description: '`lan`, or `tunnel:` and the name of the tunnel.',
  examples: ['lan', 'tunnel:branch-7'],
})

const RelayPortState = Type.Union(
  [Type.Literal('down'), Type.Literal('listening'), Type.Literal('standby'), Type.Literal('forwarding')],
  {
    description:
      '`down`: the tunnel carries no data, or the LAN cannot be used; `listening`: for two seconds, whether another way leads there; `standby`: another way to the same LAN is used; `forwarding`: this one is.',
  },
)

const RelayPortReport = Type.Object({
  port: RelayPort,
  tunnel: Type.Union([Type.String(), Type.Null()], { description: 'null: the LAN.' }),
  state: RelayPortState,
  received: Type.Number({ description: 'Packets that came in by this port and were not refused.' }),
  sent: Type.Number({ description: 'Packets that left by this port.' }),
  farRelay: Type.Union([Type.String(), Type.Null()], {
    description: 'The relay at the far end; null: none is heard, the far router may be of another kind.',
  }),
  routes: Type.Number({
    description: 'How many routes of OSPF the data follows that comes in by this port.',
  }),
})

/** `brunel relay --routes` says where the rest of them is. */
export const MOST_ROUTES = 1000

const RelayRoute = Type.Object({
  port: RelayPort,
  to: Type.String({ examples: ['10.7.0.0/16'] }),
  via: RelayPort,
  neighbour: Type.String({ description: 'The next router, behind `via`.' }),
  kind: Type.Union(
    [
      Type.Literal('intra-area'),
      Type.Literal('inter-area'),
      Type.Literal('external-1'),
      Type.Literal('external-2'),
    ],
    { description: 'RFC 2328 §11.' },
  ),
  cost: Type.Number({
    description: 'From the next router on; of `external-2` as far as the AS boundary router.',
  }),
})

const RelayArea = Type.Object({
  version: Type.Number(),
  instance: Type.Number(),
  area: Type.String(),
  lsas: Type.Number({ description: 'LSAs that passed and make routes.' }),
  missing: Type.Number({
    description:
      'LSAs that the routers have and that did not pass here, as far as it shows: until they are said again, within half an hour, routes may be missing.',
  }),
  missingNames: Type.Array(Type.String(), { description: 'Some of them.' }),
})

export const OspfNeighbour = Type.Object({
  port: RelayPort,
  address: Type.String(),
  version: Type.Number({ description: '2 (RFC 2328) or 3 (RFC 5340).' }),
  instance: Type.Number({ description: 'Instance of OSPFv3 (RFC 5340 §2.4); 0 in OSPFv2.' }),
  routerId: Type.String(),
  area: Type.String(),
  authentication: Type.String({
    description:
      'As it shows from outside: `none`, `simple password`, `cryptographic, key 1, …`, `AH, SPI 256`.',
  }),
  hello: nullable(
    Type.Object(
      {
        helloInterval: Type.Number({ description: 'Seconds.' }),
        deadInterval: Type.Number({ description: 'Seconds.' }),
        mask: MaybeText,
        areaKind: Type.Union([Type.Literal('normal'), Type.Literal('stub'), Type.Literal('NSSA')]),
        options: Type.Number(),
        priority: Type.Number(),
        designatedRouter: Type.String(),
        backupDesignatedRouter: Type.String(),
        neighbours: Type.Array(Type.String(), { description: 'The router ids that it has heard.' }),
      },
      { description: 'Its last Hello; null: none was seen yet.' },
    ),
  ),
  mtu: Type.Union([Type.Number(), Type.Null()], {
    description: 'Interface MTU of its last Database Description (RFC 2328 §A.3.3); null: none was seen.',
  }),
  heardAt: At,
  silentSince: MaybeAt,
  states: Type.Array(Type.Object({ routerId: Type.String(), address: Type.String(), state: Type.String() }), {
    description:
      'The state (RFC 2328 §10.1) that it has for each router on other ports, inferred from what both send. The other direction is in the report of the other.',
  }),
})
export type OspfNeighbour = Deep<Static<typeof OspfNeighbour>>

export const OspfFinding = Type.Object({
  code: Type.String({ description: 'BRUNEL_OSPF_…; docs/errors.md has all.' }),
  sentence: Type.String(),
  remedy: Type.String(),
  sides: Type.Array(
    Type.Object({
      port: RelayPort,
      address: Type.String(),
      routerId: Type.String(),
      value: Type.String({ description: 'What this side says.' }),
    }),
    { description: 'Both sides; one where one is silent.' },
  ),
  since: At,
})
export type OspfFinding = Deep<Static<typeof OspfFinding>>

const Problem = Type.Object({ code: Type.String(), detail: Type.String(), remedy: Type.String() })

export const RelayReport = Type.Object({
  interface: Type.String({ description: 'The LAN interface: `ospfRelay.interface`.' }),
  group: Type.String(),
  id: Type.String({ description: '16 hex digits, drawn at each start.' }),
  problem: Type.Union([Problem, Type.Null()], {
    description: 'Why nothing crosses the LAN interface; null: it is open.',
  }),
  warnings: Type.Array(Problem, { description: 'What of this machine stands in the way of the relay.' }),
  ports: Type.Array(RelayPortReport),
  lanRelays: Type.Array(Type.String(), { description: 'Other relays on this LAN, by id.' }),
  sources: Type.Array(Type.Object({ address: Type.String(), port: RelayPort }), {
    description: 'Where each address lives, of OSPF and of what else is carried.',
  }),
  neighbours: Type.Array(OspfNeighbour),
  routes: Type.Array(RelayRoute, {
    description: `The first ${MOST_ROUTES} routes that data follows; \`ports\` has how many there are. Routes that the machine has itself, but for its default route, are stronger.`,
  }),
  areas: Type.Array(RelayArea, { description: 'The link state databases that the routes are made of.' }),
  findings: Type.Array(OspfFinding, { description: 'Where the two sides disagree, at this moment.' }),
  unread: Type.Array(Type.Object({ reason: Type.String(), count: Type.Number() }), {
    description: 'OSPF that was carried and could not be read.',
  }),
  drops: Type.Array(Type.Object({ port: RelayPort, reason: Type.String(), count: Type.Number() }), {
    description:
      'What came in by a port and was not carried; `GET /v1/drops` has the meaning of each reason.',
  }),
})
export type RelayReport = Deep<Static<typeof RelayReport>>

/** The same, as far as it concerns one tunnel. */
export const TunnelRelayReport = Type.Object({
  interface: Type.String({ description: 'The LAN interface that it is joined to.' }),
  group: Type.String(),
  state: RelayPortState,
  farRelay: MaybeText,
  problem: nullable(Problem),
  neighbours: Type.Array(OspfNeighbour, { description: 'Routers that are heard through the tunnel.' }),
  findings: Type.Array(OspfFinding, { description: 'Those with a side behind the tunnel.' }),
})
export type TunnelRelayReport = Deep<Static<typeof TunnelRelayReport>>
