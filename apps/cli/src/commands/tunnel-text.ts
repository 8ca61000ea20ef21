import type { ChildReport, IkeSaReport, TunnelReport } from '@brunel/admin-api'
import { moment, octets, table } from '../words.js'
import { tunnelRelayText } from './relay-text.js'

/** Tunnels for people. */

const LAYERS = ['underlay', 'ike', 'esp', 'gre', 'mtu', 'routing'] as const

const stateOf = (tunnel: TunnelReport): string => (tunnel.enabled ? tunnel.state : 'disabled')

function trouble(tunnel: TunnelReport): string[] {
  if (tunnel.state === 'up' || !tunnel.enabled) return []
  const { lastFailure: failure } = tunnel
  if (failure === null) return ['', `${tunnel.name}: ${tunnel.detail}`]
  const same = failure.sentence === tunnel.detail
  const said = same ? [] : [`  ${failure.sentence} (${failure.code})`]
  return [
    '',
    `${tunnel.name}: ${tunnel.detail}${same ? ` (${failure.code})` : ''}`,
    ...said,
    `  ${failure.remedy}`,
  ]
}

export function tunnelsText(tunnels: readonly TunnelReport[], now: Date): string {
  if (tunnels.length === 0) return 'No peer is configured. Add one with `brunel peer add`.'
  const rows = tunnels.map(tunnel => [
    tunnel.name,
    stateOf(tunnel),
    tunnel.interface,
    tunnel.remote ?? '-',
    String(tunnel.mtu.tunnel),
    octets(tunnel.counters.inbound.bytes),
    octets(tunnel.counters.outbound.bytes),
    moment(tunnel.since, now),
  ])
  const head = ['TUNNEL', 'STATE', 'INTERFACE', 'REMOTE', 'MTU', 'IN', 'OUT', 'SINCE']
  return [table(head, rows), ...tunnels.flatMap(trouble), ...disagreements(tunnels)].join('\n')
}

/** What OSPF routers disagree about, whatever the state of the tunnels: each once, also where two tunnels show it. */
function disagreements(tunnels: readonly TunnelReport[]): readonly string[] {
  const findings = new Map(
    tunnels.flatMap(({ relay }) => relay?.findings.map(one => [one.sentence, one] as const) ?? []),
  )
  return [...findings.values()].flatMap(({ sentence, code, remedy }) => [
    '',
    `OSPF: ${sentence} (${code})`,
    `  ${remedy}`,
  ])
}

const natText = ({ local, remote }: IkeSaReport['nat']): string =>
  local && remote ? 'NAT at both ends' : local ? 'NAT at our end' : remote ? 'NAT at the far end' : 'no NAT'

const CARRIED = { udp: 'ESP in UDP', tcp: 'ESP in TCP', none: 'ESP (protocol 50)' } as const
const mobikeText = (mobike: IkeSaReport['mobike']): string => {
  if (mobike === null) return ''
  const { local, remote } = mobike
  const ours = local.length === 0 ? '' : `, ours also ${local.join(', ')}`
  const theirs = remote.length === 0 ? '' : `, theirs also ${remote.join(', ')}`
  return `; MOBIKE${ours}${theirs}`
}

function childText(child: ChildReport, now: Date): string[] {
  const esn = child.esn ? ', ESN' : ''
  const mode = child.modeReason === null ? child.mode : `${child.mode} (${child.modeReason})`
  return [
    `  child ${child.spiIn} in, ${child.spiOut} out: ${child.state}, ${child.suite}${esn}, ${mode} mode, ${CARRIED[child.encapsulation]}`,
    `    established ${moment(child.establishedAt, now)}, rekey ${moment(child.rekeyAt, now)}`,
    `    in ${child.inbound.packets} packets, ${octets(child.inbound.bytes)}; out ${child.outbound.packets} packets, ${octets(child.outbound.bytes)}; replay misses ${child.replayMisses}`,
    `    selectors ${child.localSelectors.join(', ')} <-> ${child.remoteSelectors.join(', ')}`,
  ]
}

function certificateText({ certificate }: IkeSaReport, now: Date): string[] {
  if (certificate === null) return []
  const { subject, issuer, url, revocation } = certificate
  const until = revocation.until === null ? '' : `, good until ${moment(revocation.until, now)}`
  const state = { good: 'not revoked', unknown: 'revocation unknown', unchecked: 'revocation not checked' }
  return [
    `  certificate "${subject}" by "${issuer}"${url === null ? '' : `, from ${url}`}`,
    `    ${state[revocation.state]}${until}: ${revocation.detail}`,
  ]
}

const saText = (sa: IkeSaReport, now: Date): string[] => [
  `IKE SA ${sa.spiInitiator} ${sa.spiResponder}: ${sa.state}, we are ${sa.role}${sa.suite === '' ? '' : `, ${sa.suite}`}${sa.ppk === null ? '' : `, PPK ${sa.ppk}`}`,
  `  ${sa.local} (${sa.localId || '?'}) <-> ${sa.remote} (${sa.remoteId || '?'}), ${natText(sa.nat)}${mobikeText(sa.mobike)}`,
  ...certificateText(sa, now),
  `  established ${moment(sa.establishedAt, now)}, rekey ${moment(sa.rekeyAt, now)}`,
  ...sa.children.flatMap(child => childText(child, now)),
]

function failureText({ lastFailure: failure }: TunnelReport, now: Date): string[] {
  if (failure === null) return []
  const evidence = Object.entries(failure.evidence).map(
    ([what, seen]) => `  ${what}: ${typeof seen === 'string' ? seen : seen.join(', ')}`,
  )
  const head = `Last failure, ${moment(failure.at, now)}: ${failure.sentence} (${failure.code})`
  return ['', head, ...evidence, `  ${failure.remedy}`]
}

export function tunnelText(tunnel: TunnelReport, now: Date): string {
  const { inbound, outbound, mssClamped, replayMisses } = tunnel.counters
  return [
    `${tunnel.name}: ${stateOf(tunnel)}. ${tunnel.detail}`,
    `interface ${tunnel.interface}${tunnel.addresses.length === 0 ? '' : `, ${tunnel.addresses.join(', ')}`}; ${tunnel.local ?? 'any'} <-> ${tunnel.remote ?? 'any'}${tunnel.retryAt === null ? '' : `; next try ${moment(tunnel.retryAt, now)}`}`,
    ...(tunnel.routes.length === 0 ? [] : [`routes ${tunnel.routes.join(', ')}`]),
    '',
    table(
      ['LAYER', 'STATE', 'DETAIL'],
      LAYERS.map(layer => [layer, tunnel.layers[layer].state, tunnel.layers[layer].detail]),
    ),
    ...tunnel.ike.flatMap(sa => ['', ...saText(sa, now)]),
    '',
    `in  ${inbound.packets} packets, ${octets(inbound.bytes)}, last ${moment(inbound.lastAt, now)}`,
    `out ${outbound.packets} packets, ${octets(outbound.bytes)}, last ${moment(outbound.lastAt, now)}`,
    `MSS lowered in ${mssClamped} packets, ${replayMisses} replay misses`,
    '',
    `MTU ${tunnel.mtu.tunnel}, MSS ${tunnel.mtu.mss.ipv4} (IPv4), ${tunnel.mtu.mss.ipv6} (IPv6)`,
    ...tunnel.mtu.lines.map(line => `  ${line}`),
    ...mtuElsewhere(tunnel.mtu),
    ...tunnelRelayText(tunnel.relay, now),
    ...failureText(tunnel, now),
  ].join('\n')
}

/** The peer cannot be told: its operator is. */
const mtuElsewhere = ({ tunnel, elsewhere }: TunnelReport['mtu']): readonly string[] =>
  elsewhere.length === 0
    ? []
    : [
        `  The peer does not tell its MTU. Its end of the tunnel needs the same, ${tunnel}:`,
        ...elsewhere.map(
          ({ system, commands }) => `    ${system}: ${commands.map(c => c.trim()).join('; ')}`,
        ),
      ]
