import { type Static, Type } from 'typebox'
import { TunnelRelayReport } from './relay-reports.js'
import { At, type Deep, MaybeAt, MaybeText, nullable } from './report-parts.js'

/**
 * What the router tells of itself: plain data, no secret. Instants are ISO 8601 in UTC, null where there is none;
 * readers compute ages themselves. The schemas are also the answers of the API: a field not named here never leaves.
 */

export const State = Type.Union([
  Type.Literal('up'),
  Type.Literal('degraded'),
  Type.Literal('negotiating'),
  Type.Literal('down'),
])
export type State = Static<typeof State>

export const LAYERS = ['underlay', 'ike', 'esp', 'gre', 'mtu', 'routing'] as const
const LayerReport = Type.Object({ state: State, detail: Type.String({ description: 'One sentence.' }) })
export type LayerReport = Deep<Static<typeof LayerReport>>

const Traffic = Type.Object({ packets: Type.Number(), bytes: Type.Number(), lastAt: MaybeAt })
const Ended = Type.Object({
  sas: Type.Number(),
  packets: Type.Number({ description: 'Inbound: authentic and fresh. Outbound: given a sequence number.' }),
  missing: Type.Number({ description: 'Inbound: sequence numbers below the highest that never came.' }),
})
const Rekeys = Type.Object({
  begun: Type.Number({ description: 'Our requests, repetitions after TEMPORARY_FAILURE among them.' }),
  finished: Type.Number({ description: 'Our requests that made an SA.' }),
  answered: Type.Number({ description: 'Requests of the peer that made one.' }),
  crossed: Type.Number({ description: 'Both rekeyed one SA at once.' }),
  redundant: Type.Number({ description: 'New SAs of ours that a crossing made redundant.' }),
  deferred: Type.Number({ description: 'Requests of ours answered with TEMPORARY_FAILURE.' }),
})
const Nat = Type.Object({ local: Type.Boolean(), remote: Type.Boolean() })

export const ChildReport = Type.Object({
  spiIn: Type.String({ description: 'Ours, 8 hex digits: what we receive.' }),
  spiOut: Type.String({ description: 'The peer’s, 8 hex digits: what we send.' }),
  state: Type.String({ description: 'installed, rekeying, rekeyed or closing.' }),
  suite: Type.String(),
  mode: Type.Union([Type.Literal('tunnel'), Type.Literal('transport')]),
  modeReason: nullable(
    Type.String({ description: 'Why the mode differs from what the configuration asks.' }),
  ),
  esn: Type.Boolean(),
  encapsulation: Type.Union([Type.Literal('udp'), Type.Literal('tcp'), Type.Literal('none')], {
    description: 'ESP in UDP, in a TCP connection (RFC 9329), or as protocol 50.',
  }),
  localSelectors: Type.Array(Type.String()),
  remoteSelectors: Type.Array(Type.String()),
  establishedAt: MaybeAt,
  rekeyAt: MaybeAt,
  inbound: Traffic,
  outbound: Traffic,
  replayMisses: Type.Number(),
})
export type ChildReport = Deep<Static<typeof ChildReport>>

export const CertificateReport = Type.Object({
  subject: Type.String(),
  issuer: Type.String(),
  serial: Type.String(),
  url: Type.Union([Type.String(), Type.Null()], {
    description: 'Where it was fetched, since the peer sent hash and URL; null: the peer sent it.',
  }),
  revocation: Type.Object({
    state: Type.Union([Type.Literal('good'), Type.Literal('unknown'), Type.Literal('unchecked')]),
    detail: Type.String({ description: 'What says so, or why nobody does.' }),
    until: MaybeAt,
  }),
})

export const IkeSaReport = Type.Object({
  spiInitiator: Type.String({ description: '16 hex digits.' }),
  spiResponder: Type.String({ description: '16 hex digits.' }),
  role: Type.Union([Type.Literal('initiator'), Type.Literal('responder')]),
  state: Type.String({ description: 'connecting, established, rekeying or closing.' }),
  suite: Type.String(),
  localId: Type.String(),
  remoteId: Type.String(),
  local: Type.String({ description: 'Our end point, address and port.' }),
  remote: Type.String({ description: 'The peer’s end point, address and port.' }),
  nat: Nat,
  certificate: Type.Union([CertificateReport, Type.Null()], {
    description: 'What the peer proved itself with; null: a pre-shared key.',
  }),
  mobike: nullable(
    Type.Object(
      { local: Type.Array(Type.String()), remote: Type.Array(Type.String()) },
      {
        description:
          'Further addresses of the two ends, as told by MOBIKE (RFC 4555). null: one of the two does not speak it.',
      },
    ),
  ),
  ppk: nullable(
    Type.String({
      description: 'The name of the post-quantum pre-shared key in its keys (RFC 8784); null: none.',
    }),
  ),
  establishedAt: MaybeAt,
  rekeyAt: MaybeAt,
  children: Type.Array(ChildReport),
})
export type IkeSaReport = Deep<Static<typeof IkeSaReport>>

export const FailureReport = Type.Object({
  code: Type.String(),
  sentence: Type.String(),
  evidence: Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())])),
  remedy: Type.String(),
  at: At,
})
export type FailureReport = Deep<Static<typeof FailureReport>>

export const MtuReport = Type.Object({
  underlay: nullable(Type.Number({ description: 'Largest underlay packet towards the peer.' })),
  tunnel: Type.Number({
    description: 'Largest inner packet: the lower of both ends’, the MTU of the interface.',
  }),
  own: Type.Number({ description: 'What follows from our own path and settings; it is told to the peer.' }),
  theirs: nullable(
    Type.Number({ description: 'What the peer tells of its own side; null: it tells nothing, or not yet.' }),
  ),
  mss: Type.Object({ ipv4: Type.Number(), ipv6: Type.Number() }),
  lines: Type.Array(Type.String(), { description: 'The arithmetic, a line a step.' }),
  elsewhere: Type.Array(Type.Object({ system: Type.String(), commands: Type.Array(Type.String()) }), {
    description:
      'What to write on a router of another kind, so that its end has the same MTU (OSPF demands it). Empty where the peer agrees by itself.',
  }),
})
export type MtuReport = Deep<Static<typeof MtuReport>>

export const TunnelReport = Type.Object({
  name: Type.String({ description: 'The name of the tunnel is that of its peer.' }),
  peer: Type.String(),
  interface: Type.String(),
  enabled: Type.Boolean(),
  state: Type.Union(State.anyOf, {
    description:
      '`up` only while authenticated data has crossed both ways; `degraded`: SAs stand, but data crosses one way or no way.',
  }),
  detail: Type.String({ description: 'The state in one sentence.' }),
  since: MaybeAt,
  retryAt: MaybeAt,
  local: MaybeText,
  remote: MaybeText,
  addresses: Type.Array(Type.String()),
  routes: Type.Array(Type.String()),
  layers: Type.Object({
    underlay: LayerReport,
    ike: LayerReport,
    esp: LayerReport,
    gre: LayerReport,
    mtu: LayerReport,
    routing: LayerReport,
  }),
  ike: Type.Array(IkeSaReport),
  counters: Type.Object({
    inbound: Traffic,
    outbound: Traffic,
    mssClamped: Type.Number(),
    replayMisses: Type.Number(),
  }),
  endedSas: Type.Object(
    {
      leaving: Type.Number({ description: 'ESP SAs that were replaced and still receive.' }),
      inbound: Ended,
      outbound: Ended,
    },
    {
      description:
        'ESP SAs that are gone. Their figures are final: what one end sent and the other received can be compared.',
    },
  ),
  rekeys: Type.Object({ ike: Rekeys, child: Rekeys }, { description: 'Since the tunnel was opened.' }),
  mtu: MtuReport,
  relay: Type.Union([TunnelRelayReport, Type.Null()], {
    description:
      'The OSPF relay: neighbours and findings behind this tunnel. null: the peer has no `ospfRelay`.',
  }),
  lastFailure: nullable(FailureReport),
})
export type TunnelReport = Deep<Static<typeof TunnelReport>>

export const ACTIONS = ['up', 'down', 'rekey', 'reauthenticate', 'ping'] as const
export type TunnelAction = (typeof ACTIONS)[number]
export type RekeyWhat = 'all' | 'ike' | 'child'

/** What an action may be told; each concerns one action and has a default. */
export interface ActionOptions {
  /** `rekey`. */
  readonly what: RekeyWhat
  /** `ping`: echo requests, and milliseconds between them. */
  readonly count: number
  readonly interval: number
}

/** `done` false: nothing changed; then `code` and `remedy` say why. BRUNEL_ACTION_NOT_AVAILABLE: not built yet. */
export const ActionReport = Type.Object({
  done: Type.Boolean(),
  detail: Type.String({ description: 'What happened, in a sentence.' }),
  code: MaybeText,
  remedy: MaybeText,
  data: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
})
export type ActionReport = Deep<Static<typeof ActionReport>>

export const DropReport = Type.Object({
  reason: Type.String(),
  direction: Type.Union([Type.Literal('inbound'), Type.Literal('outbound'), Type.Literal('ike')]),
  count: Type.Number(),
})
export type DropReport = Deep<Static<typeof DropReport>>

/** What is wrong with the machine or the process; empty where all is well. */
export const WarningReport = Type.Object({
  code: Type.String(),
  detail: Type.String(),
  remedy: Type.String(),
})
export const HealthReport = Type.Object({
  /** Whether the router is started: TUN, sockets and data path stand. */
  ready: Type.Boolean(),
  warnings: Type.Array(WarningReport),
})
export type HealthReport = Deep<Static<typeof HealthReport>>

/** One line of `GET /v1/events`. `data` is plain and holds no secret. */
export const RouterEvent = Type.Object({
  at: At,
  event: Type.String({ description: 'tunnel-state, ike-up, child-rekeyed, failed, …' }),
  tunnel: MaybeText,
  detail: Type.String(),
  data: Type.Record(Type.String(), Type.Unknown()),
})
export type RouterEvent = Deep<Static<typeof RouterEvent>>
